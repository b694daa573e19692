"""A metric over the values of a dial: differences, their change, divergence, and the parts of the inference gap."""

from __future__ import annotations

import numpy as np
import pytest
from dials import dial_in, make_dial
from statsmodels.stats.proportion import proportion_confint
from synthetic import RMSE, comparison_of, make_record

from harness.statistics.by_value import (
    aggregate_by_value,
    compare_by_value,
    compare_change,
    compare_diverged,
    divergence_by_value,
    gap_by_value,
)
from harness.statistics.caution import UNDECIDED
from harness.statistics.family import judge_family
from harness.statistics.gap import aggregate_gap
from harness.statistics.pairing import scores_of
from harness.statistics.summary import aggregate_comparison
from harness.statistics.verdicts import compare_pairs

SIZES = (4, 16, 64)


def sizes_of(accuracies, **kwargs):
    records = make_dial(accuracies, values=SIZES, setting="batch_size", **kwargs)
    return dial_in(records, "batch_size")


def test_each_value_has_the_rows_of_its_comparison():
    dial = sizes_of({"none": [0.7, 0.8, 0.9], "channel": [0.8, 0.9, 0.9]}, seeds=6, noise=0.01)
    table, pairs = aggregate_by_value(dial).rows, compare_by_value(dial).rows
    for place, member in enumerate(dial.members):
        there = table[table["place"] == place].reset_index(drop=True)
        assert there["mean"].tolist() == aggregate_comparison(member).rows["mean"].tolist()
        assert there["value"].unique().tolist() == [SIZES[place]]
        differences = compare_pairs(member).rows["difference"].tolist()
        assert pairs[pairs["place"] == place]["difference"].tolist() == differences


def test_differences_at_all_values_are_one_family():
    dial = sizes_of({"none": [0.800, 0.8, 0.9], "channel": [0.806, 0.803, 0.9]}, seeds=8, noise=0.004)
    together, alone = compare_by_value(dial).rows, [compare_pairs(one).rows for one in dial.members]
    one_by_one = np.array([one["p"].iloc[0] for one in alone])
    assert (together["p"].to_numpy() >= one_by_one).all()
    assert together["p"].min() > one_by_one.min()  # the least of three is less than any of them is by itself
    scores = np.stack([one.to_numpy() for member in dial.members for one in scores_of(member).values()], axis=1)
    by_hand = judge_family(scores, [(1, 0), (3, 2), (5, 4)], np.full(3, 0.01), alpha=0.05)
    assert together["p"].tolist() == by_hand.p.tolist()


def test_values_at_which_the_baseline_was_not_run_are_left_out_of_differences():
    dial = sizes_of(
        {"none": [0.7, 0.8, 0.9], "channel": [0.8, 0.9, 0.9]},
        skip=lambda axis, seed, size: axis == "channel" and size == 4,
    )
    assert compare_by_value(dial).rows["value"].tolist() == [16, 64]


def test_the_change_of_the_difference_by_hand():
    # none changes by .2, channel by .1 at every seed: the difference changes by .1
    table = compare_change(sizes_of({"none": [0.7, 0.1, 0.9], "channel": [0.8, 0.2, 0.9]}, seeds=6)).rows
    (row,) = table.to_dict("records")
    assert row["change"] == pytest.approx(0.2)
    assert row["difference"] == pytest.approx(0.1)
    assert np.isnan([row["low"], row["high"]]).all()  # all seeds change alike, which says nothing of how much they vary
    assert (row["verdict"], row["left_out"]) == ("better", 0)


def test_a_shift_of_everything_changes_no_difference():
    dial = sizes_of({"none": [0.7, 0.8, 0.9], "channel": [0.8, 0.8, 0.9]}, seeds=6, noise=0.01)
    records = make_dial(
        {"none": [0.6, 0.7, 0.8], "channel": [0.7, 0.7, 0.8]}, values=SIZES, setting="batch_size", seeds=6, noise=0.01
    )
    moved = dial_in(records, "batch_size")
    columns = ["difference", "low", "high"]
    before, after = (compare_change(one).rows[columns].to_numpy() for one in (dial, moved))
    assert after == pytest.approx(before)


def test_seeds_without_all_four_cells_are_left_out_of_the_change_and_counted():
    records = make_dial(
        {"none": [0.7, 0.8, 0.9], "channel": [0.8, 0.9, 0.95]}, values=SIZES, setting="batch_size", seeds=6
    )
    for record in records:
        if (record["axis"], record["seed"], record["config"]["train"]["batch_size"]) in (
            ("none", 0, 4),
            ("channel", 2, 64),
        ):
            record["status"] = "diverged"
    (row,) = compare_change(dial_in(records, "batch_size")).rows.to_dict("records")
    assert (row["pairs"], row["left_out"]) == (4, 2)
    assert row["difference"] == pytest.approx(0.05)


def test_where_lower_is_better_to_rise_less_is_to_gain():
    records = [
        make_record(axis, seed, base + slope * place + seed / 100, measure=RMSE, settings={"batch_size": size})
        for axis, base, slope in (("none", 10.0, 1.0), ("channel", 12.0, 3.0))
        for place, size in enumerate(SIZES)
        for seed in range(8)
    ]
    (row,) = compare_change(dial_in(records, "batch_size")).rows.to_dict("records")
    assert row["difference"] == pytest.approx(2.0 - 6.0)
    assert row["verdict"] == "better"


def test_divergence_is_counted_at_each_value_with_its_wilson_interval():
    dial = sizes_of({"none": [0.7, 0.8, None], "channel": [0.8, 0.9, 0.95]}, seeds=5)
    table = divergence_by_value(dial).set_index(["axis", "value"])
    assert table.loc["none", "diverged"].to_dict() == {4: 0, 16: 0, 64: 5}
    low, high = proportion_confint(5, 5, method="wilson")
    assert table.loc[("none", 64), ["rate", "low", "high"]].tolist() == pytest.approx([1.0, low, high])


def test_seeds_and_not_cells_are_compared_on_where_they_diverge():
    dial = sizes_of({"none": [0.7, None, None], "channel": [0.8, 0.9, None]}, seeds=8)
    (pair,) = compare_diverged(dial, baseline="channel").to_dict("records")
    assert (pair["seeds"], pair["difference"], pair["verdict"]) == (8, 1.0, "worse")
    (pair,) = compare_diverged(sizes_of({"none": [0.7, None, 0.7], "channel": [None, 0.9, 0.8]}, seeds=8)).to_dict(
        "records"
    )
    assert (pair["difference"], pair["verdict"]) == (0.0, UNDECIDED)


# The inference gap


def gap_records(seeds=8, lag=0.02, dependence=-0.01, noise=0.0, **kwargs):
    rng = np.random.default_rng(0)
    records = []
    for seed in range(seeds):
        value = 0.9 + seed / 1000
        precise = value + lag + noise * rng.normal()
        records += [
            make_record("channel", seed, value, precise=precise, batch=precise - dependence, **kwargs),
            make_record("none", seed, value, precise=value, batch=value, **kwargs),
        ]
    return records


def test_the_gap_is_the_sum_of_its_parts():
    table = aggregate_gap(comparison_of(gap_records(noise=0.01))).rows.set_index("axis")
    assert table["total"].to_numpy() == pytest.approx((table["lag"] + table["dependence"]).to_numpy())
    assert table.loc["none", ["total", "lag", "dependence"]].tolist() == [0.0, 0.0, 0.0]


def test_the_parts_by_hand_and_who_costs():
    # moving .9, precise .92, batch .93: the averages lose .02 to precise statistics, and those .01 to the batch's
    row = aggregate_gap(comparison_of(gap_records())).rows.set_index("axis").loc["channel"]
    assert row[["total", "lag", "dependence"]].tolist() == pytest.approx([-0.03, -0.02, -0.01])
    assert row[["lag_verdict", "dependence_verdict"]].tolist() == ["worse"] * 2
    assert row["samples_per_statistic"] == 6272


def test_a_part_that_is_not_there_is_not_told():
    table = aggregate_gap(comparison_of(gap_records(lag=0.0, noise=0.0, dependence=0.03))).rows.set_index("axis")
    assert table["lag_verdict"].tolist() == [UNDECIDED, UNDECIDED]
    assert table["dependence_verdict"].to_dict() == {"channel": "better", "none": UNDECIDED}


def test_parts_are_corrected_over_all_strategies():
    records = gap_records(seeds=6, lag=0.01, noise=0.02)
    both = aggregate_gap(comparison_of(records)).rows.set_index("axis")
    alone = aggregate_gap(comparison_of([one for one in records if one["axis"] == "channel"])).rows.iloc[0]
    assert both.loc["channel", "lag_p"] >= alone["lag_p"] > 2 / 64
    assert both.loc["none", "lag_p"] == 1


def test_cells_without_other_statistics_are_in_no_part():
    records = [*gap_records(seeds=3), make_record("channel", 3, 0.9), make_record("spatial", 0, 0.9)]
    table = aggregate_gap(comparison_of(records)).rows.set_index("axis")
    assert table["n"].to_dict() == {"channel": 3, "none": 3}
    assert aggregate_gap(comparison_of([make_record("none", 0, 0.9)])).rows.empty


def test_where_lower_is_better_a_positive_lag_costs():
    row = aggregate_gap(comparison_of(gap_records(lag=-0.02, measure=RMSE))).rows.set_index("axis").loc["channel"]
    assert row["lag"] == pytest.approx(0.02)
    assert row["lag_verdict"] == "worse"


def test_the_parts_at_each_value():
    records = gap_records(settings={"batch_size": 4}) + gap_records(lag=0.05, settings={"batch_size": 64})
    table = gap_by_value(dial_in(records, "batch_size")).rows
    assert table.loc[table["axis"] == "channel", ["value", "lag"]].to_numpy() == pytest.approx(
        np.array([[4, -0.02], [64, -0.05]])
    )
