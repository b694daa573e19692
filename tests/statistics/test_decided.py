"""Rules decided by records whose numbers were chosen: borne out, told the other way, undecided, not there."""

from __future__ import annotations

import math

import pytest
from dials import make_dial
from synthetic import RMSE, comparisons_of, make_record

from harness.report.rule_text import effect_text
from harness.statistics.decided import decide, decide_all, outcome_of, together
from harness.statistics.largest import apart, largest_difference
from harness.statistics.rules import Prediction, Rule
from harness.statistics.summary import Interval

SEEDS = 20


def wobble(seed, size=0.002):
    """Paired differences that are not all equal: plus and minus `size` in turn, so that their mean is 0."""
    return size * (-1) ** seed


def records_of(means, *, seeds=SEEDS, settings=None, metrics=None, wobbles=0.002, **kwargs):
    """Cells whose accuracy is the strategy's mean; every other one's wobbles, channel's do not."""
    return [
        make_record(
            axis,
            seed,
            None if mean is None else mean + (axis != "channel") * wobble(seed, wobbles),
            status="diverged" if mean is None else "ok",
            settings=settings,
            metrics={name: value(axis, seed) for name, value in (metrics or {}).items()},
            **kwargs,
        )
        for axis, mean in means.items()
        for seed in range(seeds)
    ]


def by_batch_size(means, **kwargs):
    """`means` by batch size and strategy."""
    return [
        record
        for size, of_size in means.items()
        for record in records_of(of_size, settings={"batch_size": size}, **kwargs)
    ]


def decided(rule, records):
    return decide(rule, comparisons_of(records))


DIGITS = {"channel": 0.95, "elementwise": 0.90, "spatial": 0.9505, "global": 0.947}


@pytest.mark.parametrize(
    ("kind", "strategy", "outcome", "verdict", "size"),
    [
        ("worse", "elementwise", "reproduced", "worse", "beyond"),
        ("better", "elementwise", "contradicted", "worse", "beyond"),
        ("equivalent", "elementwise", "contradicted", "worse", "beyond"),
        ("equivalent", "spatial", "reproduced", "equivalent", ""),
        ("better", "spatial", "contradicted", "equivalent", ""),
        # Told apart, and by less than matters: both hold.
        ("worse", "global", "reproduced", "worse", "within"),
        ("equivalent", "global", "reproduced", "worse", "within"),
    ],
)
def test_a_verdict_bears_a_rule_out_or_contradicts_it(kind, strategy, outcome, verdict, size):
    found = decided(Rule(kind, strategy, "channel"), records_of(DIGITS))

    assert (found.outcome, found.verdict, found.size) == (outcome, verdict, size)
    assert found.difference == pytest.approx(DIGITS[strategy] - 0.95)
    # Differences are d + 0.002 and d - 0.002, ten each: sd = 0.002 * sqrt(20 / 19), t(19, 0.975) = 2.0930.
    half = 2.0930 * 0.002 * math.sqrt(20 / 19) / math.sqrt(20)
    assert (found.low, found.high) == pytest.approx((found.difference - half, found.difference + half), abs=1e-6)
    assert (found.pairs, found.margin, found.what) == (20, 0.01, "test accuracy")


def test_too_few_seeds_leave_it_undecided_and_say_how_many_would_do():
    found = decided(Rule("better", "spatial", "channel"), records_of(DIGITS, seeds=5, wobbles=0.03))

    assert (found.outcome, found.reason, found.pairs) == ("undecided", "", 5)
    assert found.seeds_needed > 20


def test_told_apart_and_of_unknown_size_says_nothing_of_equivalence():
    assert outcome_of("equivalent", "better", "") == "undecided"
    assert outcome_of("equivalent", "undecided", "") == "undecided"
    assert outcome_of("worse", "equivalent", "") == "contradicted"


BATCHES = {4: {"channel": 0.85, "group": 0.95}, 128: {"channel": 0.95, "group": 0.95}}
OVER = {"over": "train.batch_size", "start": 128, "end": 4}


@pytest.mark.parametrize(
    ("rule", "outcome", "difference"),
    [
        (Rule("better", "group", "channel", where={"train.batch_size": 4}), "reproduced", 0.10),
        (Rule("equivalent", "group", "channel", where={"train.batch_size": 128}), "reproduced", 0.0),
        (Rule("gains", "group", "channel", **OVER), "reproduced", 0.10),
        (Rule("loses", "group", "channel", **OVER), "contradicted", 0.10),
        # The other way round, the other way round.
        (Rule("loses", "group", "channel", over="train.batch_size", start=4, end=128), "reproduced", -0.10),
        (Rule("loses", "channel", "group", **OVER), "reproduced", -0.10),
        (Rule("better", "channel", **OVER), "contradicted", -0.10),
        (Rule("worse", "channel", **OVER), "reproduced", -0.10),
    ],
)
def test_a_setting_is_looked_at_from_one_value_to_another(rule, outcome, difference):
    jitter = by_batch_size(BATCHES)
    for record in jitter:  # so that no difference is the same at every seed
        record["metrics"]["test_accuracy"] += wobble(record["seed"] // 2) * (
            record["config"]["train"]["batch_size"] == 4
        )
    found = decided(rule, jitter)

    assert found.outcome == outcome
    assert found.difference == pytest.approx(difference)


def test_where_data_are_of_several_files_a_rule_names_one_in_whatever_folder():
    records = []
    for name, gain in (("samson", 0.1), ("jasper", 0.0)):
        for record in records_of({"channel": 0.8, "band": 0.8 + gain}):
            record["config"]["task"]["data"]["path"] = f"/theirs/{name}.mat"
            record["data"]["digest"] = name[0] * 64
            record["id"] = record["identity"] = f"{name}-{record['id']}"
            records.append(record)

    for path in ("samson", "/ours/samson.mat"):
        found = decided(Rule("better", "band", "channel", where={"task.data.path": path}), records)
        assert found.outcome == "reproduced"
        assert found.difference == pytest.approx(0.1)
    other = decided(Rule("equivalent", "band", "channel", where={"task.data.path": "jasper.mat"}), records)
    assert other.outcome == "reproduced"
    assert other.difference == pytest.approx(0.0)
    only = [record for record in records if record["id"].startswith("samson")]
    assert decided(Rule("better", "band", "channel", where={"task.data.path": "samson"}), only).outcome == "reproduced"
    assert decided(Rule("better", "band", "channel", where={"task.data.path": "pavia"}), records).reason


def test_where_errors_are_less_the_better_the_signs_turn():
    records = [
        make_record(axis, seed, rmse + (axis == "none") * wobble(seed, 0.1), measure=RMSE)
        for axis, rmse in (("channel", 10.0), ("none", 15.0))
        for seed in range(8)
    ]

    found = decided(Rule("better", "channel", "none"), records)
    assert (found.outcome, found.difference) == ("reproduced", pytest.approx(-5))
    assert decided(Rule("better", "none", "channel"), records).outcome == "contradicted"


def test_a_measure_of_training_has_its_own_direction():
    grown = {"gradient_predictiveness": lambda axis, seed: (2.0 if axis == "channel" else 1.0) + wobble(seed // 2)}
    records = records_of({"channel": 0.9, "none": 0.9}, seeds=8, metrics=grown)
    for record in records:
        record["metrics"]["gradient_predictiveness"] += (record["axis"] == "none") * wobble(record["seed"], 0.1)

    found = decided(Rule("better", "channel", "none", measure="gradient_predictiveness"), records)
    assert (found.outcome, found.difference) == ("contradicted", pytest.approx(1.0))


def test_the_gap_is_moving_averages_minus_precise_statistics():
    records = [
        make_record(axis, seed, 0.90 + wobble(seed), precise=0.90 + lag, batch=0.90 + lag)
        for axis, lag in (("channel", 0.05), ("group", 0.0))
        for seed in range(10)
    ]

    assert decided(Rule("worse", "channel", measure="gap"), records).outcome == "reproduced"
    found = decided(Rule("worse", "channel", "group", measure="gap"), records)
    # Both wobble alike, so that all differences are -0.05.
    assert (found.outcome, found.difference) == ("reproduced", pytest.approx(-0.05))


def test_diverged_cells_are_counted():
    means = {"channel": 0.9, "none": None}
    rule = Rule("worse", "none", "channel", measure="diverged")

    found = decided(rule, records_of(means, seeds=5))
    assert (found.outcome, found.difference) == ("reproduced", 1.0)
    # 2 of 2 against 0 of 2: Fisher's p is 1/3.
    assert decided(rule, records_of(means, seeds=2)).outcome == "undecided"
    # A cell that is lost is worse than any, and there is no difference to show.
    lost = decided(Rule("worse", "none", "channel"), records_of(means, seeds=8))
    assert (lost.outcome, lost.pairs, lost.seeds) == ("reproduced", 0, 8)
    assert effect_text(lost) == "no pair of values, as cells are lost"


def test_sooner_is_better_and_never_is_later_than_any():
    # None ends at 0.9, which channel reaches in epoch 2, and height never.
    curves = {"none": [0.5, 0.6, 0.9], "channel": [0.8, 0.95, 0.96], "height": [0.3, 0.4, 0.5]}
    records = [
        make_record(axis, seed, 0.9, history={"epoch": [1, 2, 3], "validation_accuracy": curve})
        for axis, curve in curves.items()
        for seed in range(8)
    ]

    sooner = decided(Rule("better", "channel", "none", measure="epochs_to_target"), records)
    assert (sooner.outcome, sooner.difference) == ("reproduced", -1)
    assert decided(Rule("worse", "height", "none", measure="epochs_to_target"), records).outcome == "reproduced"


def test_a_wider_range_of_usable_rates():
    # At rates a decade apart, channel comes within 5 % of its best at all four and none at one: 3 decades and 0.5.
    records = make_dial({"channel": [0.9, 0.9, 0.9, 0.9], "none": [0.9, 0.5, 0.5, 0.5]}, seeds=8)

    found = decided(Rule("wider", "channel", "none"), records)
    assert (found.outcome, found.difference, found.unit) == ("reproduced", pytest.approx(2.5), "decades")
    assert decided(Rule("narrower", "channel", "none"), records).outcome == "contradicted"


def test_a_range_that_a_larger_batch_narrows():
    narrow, wide = [0.9, 0.5, 0.5, 0.5], [0.9, 0.9, 0.9, 0.9]
    records = []
    for size, accuracies in ((4, wide), (128, narrow)):
        for record in make_dial({"channel": accuracies}, seeds=8):
            record["config"]["train"]["batch_size"] = size
            record["id"] = record["identity"] = f"{record['id']}-{size}"
            records.append(record)
    rule = Rule("narrower", "channel", over="train.batch_size", start=4, end=128)

    assert decided(rule, records).outcome == "reproduced"
    assert (
        decided(Rule("wider", "channel", over="train.batch_size", start=4, end=128), records).outcome == "contradicted"
    )


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (Rule("better", "renorm", "channel", where={"train.batch_size": 4}), "no records of renorm"),
        (Rule("better", "group", "channel", where={"train.batch_size": 3}), "no records with train.batch_size=3"),
        (Rule("better", "group", "channel"), "expected one comparison, and there are mnist"),
        (Rule("better", "group", over="train.batch_size", start=4, end=5), "no records with train.batch_size=5"),
        (Rule("wider", "group", "channel"), "expected one grid of learning rates, and there are 0"),
        (
            Rule("better", "group", "channel", measure="test_f1", where={"train.batch_size": 4}),
            "expected a metric of mnist",
        ),
        (
            Rule("better", "group", "channel", measure="loss_spikes", where={"train.batch_size": 4}),
            "no cell of group was measured so",
        ),
    ],
)
def test_what_records_do_not_hold_is_said(rule, reason):
    found = decided(rule, by_batch_size(BATCHES))

    assert found.outcome == "undecided"
    assert found.reason.startswith(reason)


def test_without_records_nothing_is_decided():
    assert decide(Rule("better", "group", "channel"), []).reason == "no records"


def test_all_rules_must_hold_and_one_is_enough_against_it():
    holds, fails, open_ = (Rule(kind, "elementwise", "channel") for kind in ("worse", "better", "worse"))
    comparisons = comparisons_of(records_of(DIGITS))
    missing = Rule("worse", "renorm", "channel")

    def said(*rules):
        return together(decide_all(Prediction(11, rules, "smaller"), comparisons))

    assert said(holds, open_) == "reproduced"
    assert said(holds, fails, missing) == "contradicted"
    assert said(holds, missing) == "undecided"


def test_the_largest_difference_is_in_margins_and_of_choices_of_axes():
    # Differences of -0.05 and of 0.003; none's of 0.2 is no choice of axes. The margin is 0.01.
    [comparison] = comparisons_of(records_of({"channel": 0.95, "elementwise": 0.90, "global": 0.953, "none": 0.75}))
    size = largest_difference(comparison)

    assert size.estimate == pytest.approx(5)
    assert 4 < size.low < 5 < size.high < 6
    assert size.n == 20
    [lost] = comparisons_of(records_of({"channel": 0.95, "elementwise": None}))
    assert largest_difference(lost).n == 0


def test_larger_takes_every_one_and_one_that_is_smaller_tells_otherwise():
    small, large, wide = Interval(1, 0.5, 1.5, 9), Interval(3, 2, 4, 9), Interval(2, 0, 5, 9)

    assert apart([large], [small, small]) == 1
    assert apart([small], [large]) == -1
    assert apart([large, wide], [small]) == 0
    assert apart([large, small], [Interval(1.8, 1.6, 2.2, 9)]) == -1
    assert apart([large], []) == 0
    assert apart([large], [small, Interval(math.nan, math.nan, math.nan, 0)]) == 0
