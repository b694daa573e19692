from __future__ import annotations

import numpy as np
import pytest
from dials import dial_in, make_dial
from synthetic import comparison_of, make_record

from benchmarks.dials import MEASURES, SHAPES, claims, flattery
from harness.report.answers.change import interaction
from harness.report.answers.diverged import who_diverges
from harness.report.answers.gap import where_gap_comes_from
from harness.report.answers.own_best import most_accurate
from harness.report.answers.ranges import widest_range
from harness.statistics.by_value import compare_change, compare_diverged, divergence_by_value
from harness.statistics.gap import aggregate_gap
from harness.statistics.own_best import aggregate_own_best, at_own_best
from harness.statistics.ranges import aggregate_rates, compare_usable
from harness.statistics.verdicts import compare_all_pairs

GOOD, NARROW = [0.80, 0.93, 0.95, 0.92], [0.50, 0.70, 0.90, None]


def dial_of(accuracies, seeds=10, setting="learning_rate", **kwargs):
    return dial_in(make_dial(accuracies, seeds=seeds, setting=setting, noise=0.002, **kwargs), setting)


def accurate(dial, baseline="channel"):
    return most_accurate(dial, aggregate_own_best(dial, baseline=baseline), compare_all_pairs(at_own_best(dial)).rows)


def widest(dial, baseline="channel"):
    return widest_range(dial, aggregate_rates(dial, baseline=baseline), compare_usable(dial))


def diverges(dial, baseline="channel"):
    return who_diverges(dial, divergence_by_value(dial), compare_diverged(dial, baseline=baseline), baseline)


def test_who_is_best_at_its_own_best_rate_and_whom_it_beats():
    said = accurate(dial_of({"channel": GOOD, "none": NARROW, "layer": [0.5, 0.6, 0.7, 0.8]}))
    assert said.startswith("Each at its own best learning rate, `channel` has the best mean test accuracy, 0.9")
    assert "at 0.01; it is better than every other." in said
    assert said.endswith("The best learning rate of `layer` is at the end of the grid: a better one may lie beyond.")


def test_who_is_not_told_apart_is_said_to_be_so():
    said = accurate(dial_of({"channel": GOOD, "none": NARROW, "layer": GOOD}))
    assert "is better than `none`, is not told apart from" in said
    assert "every other" not in said


def test_who_stands_the_widest_range():
    said = widest(dial_of({"channel": GOOD, "none": NARROW}))
    assert said.startswith("`channel` keeps within 5 % of its own best validation accuracy over 2.50 of the 3.0")
    assert "; it is wider than that of `none`." in said
    assert "The least sensitive on average, by validation loss, is `channel`: 0." in said


def test_a_tie_at_the_top_is_said():
    said = widest(dial_of({"channel": GOOD, "layer": GOOD, "none": NARROW}))
    assert (
        "the widest range on average, as has `layer`; it is wider than that of `none`, is not told apart from that of"
        in said
    )


def test_a_wide_range_of_a_poor_strategy_is_held_against_the_best():
    said = widest(dial_of({"channel": GOOD, "none": [0.5] * 4}))
    assert said.startswith("`none` keeps within 5 % of its own best")
    assert "Held against the best of all strategies, `channel` has the widest on average: 2.50" in said


@pytest.mark.parametrize("answer", [accurate, widest])
def test_few_seeds_give_no_verdict_however_clear_it_looks(answer):
    said = answer(dial_of({"channel": GOOD, "none": NARROW}, seeds=5))
    assert "5 seeds are too few for a verdict" in said
    assert "better" not in said
    assert "wider" not in said


def test_who_could_not_be_compared_is_named():
    skip = {"skip": lambda axis, seed, rate: axis == "none" and rate == 1e-4}
    dial = dial_of({"channel": GOOD, "none": NARROW, "layer": [None] * 4}, **skip)
    said = accurate(dial)
    assert said.endswith(
        "Left out, for want of a seed with every learning rate or of a cell that survived: `layer` and `none`."
    )
    assert "; it" not in said
    assert "0 seeds" not in widest(dial)


def test_alone_a_strategy_is_compared_with_nobody():
    assert accurate(dial_of({"channel": GOOD})).endswith("at 0.01.")
    assert "; it" not in widest(dial_of({"channel": GOOD}))


def test_who_diverges_and_where():
    said = diverges(dial_of({"channel": GOOD, "none": NARROW}))
    assert said == (
        "10 of 80 cells diverged: `none` (10 of 10 at 0.1). "
        "Seed by seed, `none` diverges at more values than `channel`."
    )
    assert diverges(dial_of({"channel": GOOD})) == "None of 40 cells diverged."
    few = diverges(dial_of({"channel": GOOD, "none": NARROW}, seeds=3))
    assert few.endswith("No strategy is told to diverge more or less often than `channel`.")


def gap(lag, dependence, seeds=10, spread=0.0):
    rng = np.random.default_rng(0)
    records = []
    for seed in range(seeds):
        precise = 0.9 + lag + spread * rng.normal()
        records.append(make_record("channel", seed, 0.9, precise=precise, batch=precise + dependence))
        records.append(make_record("none", seed, 0.9, precise=0.9, batch=0.9))
    return where_gap_comes_from(aggregate_gap(comparison_of(records)), "At 0.01")


def test_a_gap_is_laid_to_what_is_told_and_nothing_else():
    assert gap(0.02, 0.0) == (
        "At 0.01, moving averages cost test accuracy against precise statistics (`channel` −0.020); "
        "neither part is told from 0 for `none`."
    )
    assert gap(0.0, -0.03).startswith(
        "At 0.01, statistics of the batch cost test accuracy against precise ones (`channel` 0.030"
    )
    assert gap(0.0, 0.0) == "At 0.01, neither part of the inference gap is told from 0 for any strategy."
    assert gap(0.001, 0.0, spread=0.02) == "At 0.01, neither part of the inference gap is told from 0 for any strategy."


def test_few_seeds_lay_a_gap_to_nothing():
    said = gap(0.02, 0.01, seeds=5)
    assert said.startswith("At 0.01, 5 seeds are too few to tell a part of the gap from 0;")
    assert "cost" not in said


def test_cells_without_other_statistics_say_nothing_of_the_gap():
    table = aggregate_gap(comparison_of([make_record("none", 0, 0.9)]))
    assert where_gap_comes_from(table, "At 0.01") == (
        "No cell was evaluated with other statistics than its moving averages."
    )


def test_whether_differences_depend_on_the_setting():
    accuracies = {"channel": [0.6, 0.8, 0.9], "layer": [0.8, 0.8, 0.9], "none": [0.5, 0.7, 0.8]}
    dial = dial_of(accuracies, values=(2, 8, 32), setting="batch_size")
    said = interaction(dial, compare_change(dial), "channel")
    assert said.startswith("From batch size 2 to 32, in test accuracy: `layer` loses ground to `channel` (−0.1")
    assert said.endswith("; no change of the difference is told for `none`.")
    lost = dial_of({**accuracies, "none": [None, 0.7, 0.8]}, values=(2, 8, 32), setting="batch_size")
    assert interaction(lost, compare_change(lost), "channel").endswith("no seed has all four values for `none`.")
    few = dial_of(accuracies, values=(2, 8, 32), setting="batch_size", seeds=4)
    assert "4 seeds are too few with all four values to tell" in interaction(few, compare_change(few), "channel")


# Where there is nothing to find

STUDIES = 200


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("measure", [name for name in MEASURES if "from the others" not in name])
def test_equal_strategies_are_told_apart_in_at_most_five_percent_of_studies(measure, shape):
    """A/A: what the sentences claim rests on these verdicts and on no others."""
    assert claims(measure, shape, 10, STUDIES) <= 0.05 + 3 * (0.05 * 0.95 / STUDIES) ** 0.5


@pytest.mark.slow
def test_choosing_each_seed_s_rate_from_the_others_claims_too_much_which_is_why_it_is_not_done():
    measure = next(name for name in MEASURES if "from the others" in name)
    assert claims(measure, "all rates the same", 30, 100) > 0.09


@pytest.mark.slow
def test_the_choice_flatters_a_mean_by_what_the_docs_say():
    assert 0.05 < flattery("all rates the same", 10, 200) < 0.35
    assert abs(flattery("all rates the same", 10, 200, leave_out=True)) < 0.1
