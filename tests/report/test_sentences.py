from __future__ import annotations

import re

import numpy as np
import pytest
from synthetic import comparison_of, make_record, make_study

from harness.cell.examples import pack_examples
from harness.report.answers.better import better_sentence, of_comparison
from harness.report.answers.stable import stability_sentence
from harness.report.questions import default_baseline
from harness.statistics.stability import compare_divergence, compare_spread, count_diverged
from harness.statistics.verdicts import compare_pairs


def sentences(records, baseline="channel"):
    comparison = comparison_of(records)
    pairs = compare_pairs(comparison, baseline=baseline)
    spread = compare_spread(comparison, baseline=baseline)
    stability = stability_sentence(count_diverged(comparison), compare_divergence(comparison), spread, baseline)
    return better_sentence(pairs, baseline), stability


def test_the_verdict_names_who_is_better_and_by_how_much():
    means = {"channel": 0.95, "layer": 0.97, "none": 0.90, "spatial": 0.90, "group": 0.95}
    better, _ = sentences(make_study(means, seeds=12, spread=0.004))
    assert better == (
        "On test accuracy, over 12 seeds, `layer` is better than `channel` by more than 0.01; `none` and `spatial` are "
        "worse than `channel` by more than 0.01; `group` is undecided against `channel` (about 20 seeds would decide, "
        "going by the spread so far)."
    )


def test_twenty_seeds_may_say_that_it_does_not_matter():
    better, _ = sentences(make_study({"channel": 0.95, "none": 0.951, "layer": 0.94}, seeds=20, spread=0.002))
    assert better == (
        "On test accuracy, over 20 seeds, `layer` is worse than `channel`; `none` is equivalent to `channel` "
        "within 0.01."
    )


def test_a_mean_that_one_seed_makes_is_told():
    # better at 9 of 10 seeds by 0.8 points, and worse at one by 7: a mean of +0.0002
    records = [make_record("channel", seed, 0.9 + seed / 1000) for seed in range(10)]
    records += [make_record("none", seed, 0.9 + seed / 1000 + (0.008 if seed else -0.07 + 0.0)) for seed in range(10)]
    better, _ = sentences(records)
    assert better.startswith("On test accuracy, over 10 seeds, `none` is undecided against `channel`")
    assert better.endswith(
        "`none` is better at 90 % of the seeds and its mean difference is +0.0002: a few seeds weigh as much as all "
        "others, look at them."
    )


def test_five_seeds_give_no_verdict_however_clear_it_looks():
    better, stability = sentences(make_study({"channel": 0.99, "none": 0.10}, seeds=5))
    assert better == "On test accuracy, 5 seeds are too few for a verdict, so nothing is decided against `channel`."
    assert "takes 30 seeds to tell" in stability


@pytest.mark.parametrize("seeds", [3, 10, 20, 29])
def test_nobody_is_more_stable_from_fewer_than_thirty_seeds(seeds):
    records = make_study({"channel": 0.9}, seeds=seeds, spread=0.05) + make_study(
        {"none": 0.9}, seeds=seeds, spread=1e-4
    )
    _, stability = sentences(records)
    assert "spreads" not in stability
    assert "steady" not in stability
    assert f"at most {seeds} that two strategies finished" in stability


def test_forty_seeds_may_say_it():
    records = make_study({"channel": 0.9}, seeds=40, spread=0.05) + make_study({"none": 0.9}, seeds=40, spread=0.005)
    assert "over seeds `none` spreads less than `channel`" in sentences(records)[1]
    alike = sentences(make_study({"channel": 0.9, "none": 0.9}, seeds=40))[1]
    assert "no strategy is told to spread less or more than `channel`" in alike


def test_divergence_is_counted_and_only_called_frequent_when_it_is_told():
    records = [make_record("channel", seed, 0.9 + seed / 1000) for seed in range(10)]
    one = [make_record("none", seed, 0.9, status="diverged" if seed < 1 else "ok") for seed in range(10)]
    most = [make_record("none", seed, 0.9, status="diverged" if seed < 8 else "ok") for seed in range(10)]
    assert sentences([*records, *one])[1].startswith("1 of 20 cells diverged (`none` 1 of 10); which")
    assert "`none` more often than `channel` (p < 0.001)" in sentences([*records, *most])[1]


def test_one_strategy_has_nothing_to_be_compared_with():
    assert sentences(make_study({"channel": 0.9}, seeds=3))[0] == (
        "Only `channel` was run, so there is nothing to compare it with."
    )


def test_the_baseline_unless_said():
    assert default_baseline(["spatial", "none", "channel"]) == "channel"
    assert default_baseline(["spatial", "none"]) == "none"
    assert default_baseline(["spatial", "layer"]) == "layer"


def limited(kind, seeds=8, share=0.9):
    """Records in which what a seed's test examples are makes most of a difference, or next to nothing of it."""
    rng = np.random.default_rng(0)
    examples = 400
    fixed = rng.random((2, examples))
    records = []
    for seed in range(seeds):
        draw = fixed if kind == "fixed" else rng.random((2, examples))
        for place, axis in enumerate(("channel", "none")):
            bar = 0.8 + (0 if share > 0.5 else -0.5 * place * (seed % 2))
            right = draw[place] < bar
            record = make_record(axis, seed, float(right.mean()))
            record["data"] |= {"sizes": {"train": 3000, "validation": 100, "test": examples}}
            record["data"] |= {"test_digest": "one" if kind == "fixed" else str(seed)}
            outputs = np.stack([~right, right], axis=1).astype(float)
            record["examples"] = pack_examples(np.ones(examples, int), outputs, target_scale=1.0)
            records.append(record)
    return comparison_of(records)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            "fixed",
            r"Of `none` the test set limits .* with 400 test examples, a difference's standard error for new ones",
        ),
        ("resplit", r"Of `none` the test sets limit .* % of a difference's variance .* is which 400 test examples"),
    ],
)
def test_where_the_test_set_limits_what_can_be_told_it_is_said_once(kind, said):
    def lines(**options):
        [answer] = of_comparison(limited(kind, **options), "channel")
        return [line for line in answer.table.sheet.caption if "limit" in line]

    [line] = lines()
    assert re.search(said, line)
    assert lines(seeds=3) == []
    assert lines(share=0.1) == []
