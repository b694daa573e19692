"""Sensitivity to the learning rate, usable rates, and each strategy at its own best rate."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from dials import INITIAL, RATES, dial_in, make_dial

from harness.statistics.own_best import (
    aggregate_own_best,
    at_own_best,
    at_value,
    best_value,
    choose_values,
    common_value,
)
from harness.statistics.ranges import (
    TOLERANCE,
    aggregate_rates,
    aggregate_usable,
    compare_usable,
    decades,
    share_usable,
    span_of,
    usable,
    usable_decades,
)
from harness.statistics.sensitivity import aggregate_sensitivity, compare_sensitivity, rate_sensitivity, sensitivities
from harness.statistics.verdicts import compare_pairs
from harness.types import UserError

NAN = math.nan


def dial_of(accuracies, **kwargs):
    return dial_in(make_dial(accuracies, **kwargs), kwargs.get("setting", "learning_rate"))


# Sensitivity


def test_sensitivity_by_hand():
    # initial loss 2: capped losses 1, 0.5, 2, 2 (4 is capped, the diverged one counts as 2), best 0.5
    # mean of 0.5, 0, 1.5, 1.5 is 3.5 / 4
    assert rate_sensitivity([[1.0, 0.5, 4.0, NAN]], [2.0]).tolist() == [0.875]


def test_a_strategy_that_all_rates_suit_has_no_sensitivity_and_one_that_no_rate_trains_has_none_at_all():
    assert rate_sensitivity([[0.3, 0.3, 0.3]], [2.0]).tolist() == [0.0]
    assert np.isnan(rate_sensitivity([[NAN, 2.5, 2.0], [math.inf, NAN, NAN]], [2.0, 2.0])).all()


def test_sensitivity_does_not_depend_on_the_order_of_rates_and_scales_with_the_loss():
    losses = np.random.default_rng(0).uniform(0.1, 3.0, size=(5, 7))
    initial = np.full(5, 2.0)
    there = rate_sensitivity(losses, initial)
    assert rate_sensitivity(losses[:, ::-1], initial) == pytest.approx(there)
    assert rate_sensitivity(3 * losses, 3 * initial) == pytest.approx(3 * there)
    assert (there >= 0).all()


def test_a_study_s_sensitivity_is_its_seeds_and_a_diverged_cell_counts_as_the_loss_at_the_start():
    # accuracies .8 .9 .9 and diverged: losses are INITIAL times .2 .1 .1 and 1, so the mean over rates of the excess
    # over the best is INITIAL times (.1 + 0 + 0 + .9) / 4
    table = aggregate_sensitivity(dial_of({"none": [0.8, 0.9, 0.9, None], "channel": [0.9] * 4}))
    assert table["axis"].tolist() == ["channel", "none"]
    assert table["sensitivity"].tolist() == pytest.approx([0.0, INITIAL * 0.25])
    assert table["n"].tolist() == [3, 3]


def test_seeds_that_lack_a_rate_are_left_out_and_counted():
    dial = dial_of({"none": [0.8, 0.9, 0.9, 0.5]}, seeds=5, skip=lambda axis, seed, rate: seed == 1 and rate == 1e-2)
    row = aggregate_sensitivity(dial).iloc[0]
    assert (row["n"], row["incomplete"], row["lost"]) == (4, 1, 0)
    assert sensitivities(dial)["none"].index.tolist() == [0, 2, 3, 4]


def test_a_failed_cell_is_as_good_as_missing():
    records = make_dial({"none": [0.8, 0.9, 0.9, 0.5]}, seeds=4)
    records[5]["status"] = "timeout"
    row = aggregate_sensitivity(dial_in(records, "learning_rate")).iloc[0]
    assert (row["n"], row["incomplete"]) == (3, 1)


def test_seeds_at_which_no_rate_trains_are_counted_and_lose():
    dial = dial_of({"none": [None] * 4, "channel": [0.5, 0.6, 0.7, 0.6]}, seeds=8)
    table = aggregate_sensitivity(dial).set_index("axis")
    assert (table.loc["none", "n"], table.loc["none", "lost"]) == (0, 8)
    (pair,) = compare_sensitivity(dial, baseline="channel").to_dict("records")
    assert (pair["verdict"], pair["p_better"], pair["lost"]) == ("worse", 0.0, 8)


def test_the_less_sensitive_is_the_better_one():
    dial = dial_of({"none": [0.3, 0.9, 0.9, 0.3], "channel": [0.9] * 4}, seeds=8, noise=0.01)
    (pair,) = compare_sensitivity(dial).to_dict("records")
    assert (pair["axis"], pair["verdict"]) == ("channel", "better")
    assert pair["difference"] < 0


# Usable rates


def test_each_rate_stands_for_half_of_the_way_to_its_neighbours():
    assert decades([1e-3, 1e-2, 1e-1]).tolist() == pytest.approx([0.5, 1.0, 0.5])
    assert decades([1e-4, 1e-3, 1e-1]).tolist() == pytest.approx([0.5, 1.5, 1.0])
    assert decades(RATES).sum() == pytest.approx(3.0)


def test_usable_is_what_comes_within_a_share_of_the_best():
    assert usable([[0.96, 0.92, 0.90, NAN]], [0.96]).tolist() == [[True, True, False, False]]
    # errors are scored by minus their size: within 5 % of 10 is up to 10.5
    assert usable([[-10.0, -10.4, -10.6]], [-10.0]).tolist() == [[True, True, False]]


def test_usable_decades_by_hand():
    # best .96: .92 (1e-3) is within 5 %, .90 is not; 1e-3 and 1e-2 stand for a decade each
    dial = dial_of({"none": [0.90, 0.92, 0.96, None], "channel": [0.5] * 4})
    assert usable_decades(dial)["none"].tolist() == pytest.approx([2.0] * 3)
    assert usable_decades(dial)["channel"].tolist() == pytest.approx([3.0] * 3)
    assert usable_decades(dial, best="all")["channel"].tolist() == [0.0] * 3  # poor everywhere
    table = aggregate_usable(dial)
    assert table["axis"].tolist() == ["channel", "none"]
    assert table[["lowest", "highest"]].to_numpy().tolist() == [[1e-4, 1e-1], [1e-3, 1e-2]]
    assert span_of(dial) == pytest.approx(3.0)
    assert share_usable(dial).loc["none"].tolist() == [0.0, 1.0, 1.0, 0.0]


def test_a_larger_tolerance_never_makes_the_range_narrower():
    dial = dial_of({"none": [0.7, 0.8, 0.9, 0.85]}, seeds=6, noise=0.03)
    widths = [usable_decades(dial, tolerance=tolerance)["none"].to_numpy() for tolerance in (0.0, 0.05, 0.1, 0.5)]
    assert all((narrow <= wide).all() for narrow, wide in pairwise(widths))
    assert (widths[-1] == 3.0).all()
    with pytest.raises(UserError, match=r"Received: tolerance=-0\.1"):
        usable_decades(dial, tolerance=-0.1)


def test_where_every_rate_diverges_none_is_usable():
    dial = dial_of({"none": [None] * 4, "channel": [0.9] * 4}, seeds=7)
    table = aggregate_usable(dial).set_index("axis")
    assert table.loc["none", "decades"] == 0
    assert np.isnan(table.loc["none", "lowest"])
    (pair,) = compare_usable(dial).to_dict("records")
    assert (pair["axis"], pair["difference"], pair["verdict"]) == ("channel", 3.0, "better")


def test_an_interval_of_decades_stays_on_the_grid():
    table = aggregate_usable(dial_of({"none": [0.9, 0.9, 0.9, 0.86]}, seeds=3, noise=0.02))
    assert 0 <= table["low"].iloc[0] <= table["decades"].iloc[0] <= table["high"].iloc[0] <= 3.0


# Own best


@pytest.mark.parametrize(
    ("scores", "place"),
    [
        ([[0.1, 0.3, 0.2], [0.1, 0.3, 0.2]], 1),
        ([[0.3, 0.3, 0.2], [0.3, 0.3, 0.2]], 0),  # a tie goes to the lower value
        ([[0.1, 0.9, 0.2], [0.1, NAN, 0.2]], 2),  # one diverged seed is worse than any mean
        ([[NAN, 0.9, NAN], [NAN, NAN, 0.8]], 1),  # as many are lost at both: the mean of the others decides
        ([[NAN, NAN], [NAN, NAN]], 0),
    ],
)
def test_the_best_value_by_hand(scores, place):
    assert best_value(scores) == place


def test_choosing_takes_a_seed():
    with pytest.raises(UserError, match=r"Received: scores of shape \(0, 3\)"):
        best_value(np.empty((0, 3)))


def test_each_strategy_is_compared_at_the_rate_that_suits_it():
    dial = dial_of({"none": [0.5, 0.9, 0.7, None], "channel": [0.5, 0.7, 0.95, 0.9]}, seeds=8, noise=0.001)
    chosen = choose_values(dial).set_index("axis")
    assert chosen["value"].to_dict() == {"channel": 1e-2, "none": 1e-3}
    assert chosen["agreeing"].tolist() == [8, 8]
    own = at_own_best(dial)
    assert own.title == "mnist (embedded), lenet, learning_rate own best"
    assert own.cells.groupby("axis")["learning_rate"].unique().map(list).to_dict() == {
        "channel": [1e-2],
        "none": [1e-3],
    }
    (pair,) = compare_pairs(own).rows.to_dict("records")
    assert pair["difference"] == pytest.approx(-0.05, abs=0.002)
    assert pair["mispaired"] == 0
    # the same pair is found in the table, with the common rate beside it
    found = aggregate_own_best(dial, baseline="channel")
    table = found.rows.set_index("axis")
    assert table.loc["none", "difference"] == pair["difference"]
    assert np.isnan(table.loc["channel", "difference"])
    assert found.baseline == "channel"
    assert found.common == common_value(dial) == 1e-2
    assert table.loc["none", "common_mean"] == pytest.approx(0.7, abs=0.002)


def test_a_best_rate_at_an_end_of_the_grid_is_marked():
    edges = choose_values(dial_of({"a": [0.9, 0.8, 0.7, 0.6], "b": [0.6, 0.7, 0.8, 0.9], "c": [0.6, 0.9, 0.8, 0.7]}))
    assert edges["edge"].tolist() == ["lowest", "highest", ""]


def test_rates_are_chosen_on_validation_data_alone():
    records = make_dial({"none": [0.5, 0.9, 0.7, 0.6]})
    for record in records:  # test data would choose the highest rate
        record["metrics"]["test_accuracy"] = record["config"]["train"]["learning_rate"]
    dial = dial_in(records, "learning_rate")
    assert choose_values(dial)["value"].tolist() == [1e-3]
    for ask in (choose_values, at_own_best, usable_decades, share_usable):
        with pytest.raises(UserError, match=r"validation examples.*Received: metric='test_accuracy'"):
            ask(dial, "test_accuracy")


def test_where_lower_is_better_the_lowest_error_is_chosen():
    records = make_dial({"none": [0.5, 0.9, 0.7, 0.6]})
    dial = dial_in(records, "learning_rate")
    assert choose_values(dial, "validation_loss")["value"].tolist() == [1e-3]
    assert choose_values(dial, "validation_loss")["mean"].tolist() == pytest.approx([INITIAL * 0.1])


def test_strategies_without_a_complete_seed_are_not_among_those_at_their_best():
    skip = lambda axis, seed, rate: axis == "none" and rate == 1e-1  # noqa: E731
    dial = dial_of({"none": [0.5] * 4, "channel": [0.5, 0.6, 0.7, 0.6]}, skip=skip)
    chosen = choose_values(dial).set_index("axis")
    assert np.isnan(chosen.loc["none", "value"])
    assert set(at_own_best(dial).cells["axis"]) == {"channel"}
    with pytest.raises(UserError, match="expected seeds with a cell at every learning rate"):
        at_own_best(dial_of({"none": [0.5] * 4}, skip=lambda axis, seed, rate: rate == RATES[seed]))


def test_a_value_that_the_dial_has_not_is_refused():
    with pytest.raises(UserError, match=r"Received: 0\.5"):
        at_value(dial_of({"none": [0.5] * 4}), 0.5)


def test_all_about_the_rates_in_one_table():
    records = make_dial({"none": [0.5, 0.9, 0.7, None], "channel": [0.9, 0.92, 0.95, 0.93]}, seeds=8, noise=0.001)
    dial = dial_in(records)
    rates = aggregate_rates(dial, baseline="channel")
    table = rates.rows.set_index("axis")
    assert (rates.span, rates.tolerance, rates.baseline) == (pytest.approx(3.0), TOLERANCE, "channel")
    assert table["decades"].to_dict() == aggregate_usable(dial).set_index("axis")["decades"].to_dict()
    assert table["sensitivity"].to_dict() == aggregate_sensitivity(dial).set_index("axis")["sensitivity"].to_dict()
    assert table.loc["none", ["decades_verdict", "sensitivity_verdict"]].tolist() == ["worse"] * 2
    assert table.loc["channel", "decades_verdict"] != table.loc["channel", "decades_verdict"]
    assert rates.rows.equals(aggregate_rates(dial_in(records), baseline="channel").rows)


def test_a_study_whose_cells_know_no_loss_has_usable_rates_and_no_sensitivity():
    records = make_dial({"none": [0.5, 0.9, 0.7, 0.6]})
    for record in records:
        del record["metrics"]["validation_loss"], record["metrics"]["initial_loss"]
    dial = dial_in(records, "learning_rate")
    assert "sensitivity" not in aggregate_rates(dial, baseline="none").rows
    with pytest.raises(UserError, match="Received: column='validation_loss'"):
        aggregate_sensitivity(dial)


def test_cells_run_twice_are_refused():
    records = make_dial({"none": [0.5] * 4}) + make_dial({"none": [0.5] * 4}, seeds=1)
    with pytest.raises(UserError, match="Received: none seed 0 twice"):
        usable_decades(dial_in(records, "learning_rate"))
