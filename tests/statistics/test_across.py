from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from synthetic import RMSE, comparisons_of, make_record

from harness.statistics.across import (
    aggregate_across,
    interquartile_mean,
    normalise_scores,
    optimality_gap,
    performance_profiles,
    scores_of,
)
from harness.types import UserError


def records_of(values, **kwargs):
    return [make_record(axis, seed, one, **kwargs) for axis, row in values.items() for seed, one in enumerate(row)]


@pytest.fixture
def two_tasks():
    # errors of none: 0.2 on average; channel's 0.1, 0.1 are half of it
    records = records_of({"none": [0.75, 0.85], "channel": [0.90, 0.90]})
    # errors of none: 20; channel's 15 and 25
    records += records_of({"none": [20.0, 20.0], "channel": [15.0, 25.0]}, task="rul", measure=RMSE)
    return comparisons_of(records)


def test_scores_are_the_share_of_the_baseline_s_error_removed(two_tasks):
    normalised = normalise_scores(two_tasks)
    assert [scores.tolist() for scores in normalised.scores["channel"]] == [
        pytest.approx([0.5, 0.5]),
        pytest.approx([0.25, -0.25]),
    ]
    assert [scores.tolist() for scores in normalised.scores["none"]] == [pytest.approx([-0.25, 0.25]), [0.0, 0.0]]


def test_lost_cells_and_very_bad_ones_have_the_lowest_score():
    assert scores_of([0.0, 1.0, 2.0, 5.0, float("nan")], 1.0).tolist() == [1.0, 0.0, -1.0, -1.0, -1.0]
    records = [*records_of({"none": [0.8, 0.8]}), make_record("channel", 0, 0.99, status="diverged")]
    normalised = normalise_scores(comparisons_of([*records, make_record("channel", 1, 0.8)]))
    assert normalised.scores["channel"][0].tolist() == [-1.0, pytest.approx(0)]


def test_aggregates_by_hand(two_tasks):
    table = aggregate_across(normalise_scores(two_tasks)).set_index("axis")
    assert table.index.tolist() == ["channel", "none"]
    # channel: -0.25, 0.25, 0.5, 0.5 without a quarter at each end
    assert table.loc["channel", "iqm"] == pytest.approx(0.375)
    assert table.loc["channel", "gap"] == pytest.approx(1 - 0.25)
    assert table.loc["none", "iqm"] == pytest.approx(0)
    assert table.loc["none", "gap"] == pytest.approx(1)
    assert (table["iqm_low"] <= table["iqm"]).all()
    assert (table["iqm"] <= table["iqm_high"]).all()


def test_the_interquartile_mean_and_the_gap_on_eight_values():
    scores = np.array([-1.0, -1.0, 0.1, 0.2, 0.3, 0.4, 1.0, 1.0])
    alike = np.ones(8)
    assert interquartile_mean(scores, alike) == pytest.approx(stats.trim_mean(scores, 0.25)) == pytest.approx(0.25)
    assert optimality_gap(scores, alike) == pytest.approx(1 - 1.0 / 8)
    # The last one counts for two: of nine, what lies between 2.25 and 6.75 is 3/4 of 0.1, 0.2, 0.3, 0.4 and 3/4 of 1
    heavy = np.array([1, 1, 1, 1, 1, 1, 1, 2.0])
    assert interquartile_mean(scores, heavy) == pytest.approx((0.75 * 0.1 + 0.2 + 0.3 + 0.4 + 0.75) / 4.5)


def test_a_task_with_more_seeds_weighs_no_more():
    records = records_of({"none": [0.8] * 30, "channel": [0.9] * 30})  # half the error
    records += records_of({"none": [20.0, 20.0], "channel": [20.0, 20.0]}, task="rul", measure=RMSE)  # all of it
    table = aggregate_across(normalise_scores(comparisons_of(records))).set_index("axis")
    assert table.loc["channel", "gap"] == pytest.approx(1 - 0.25)


def test_the_baseline_s_error_is_drawn_with_the_others():
    # Its scores are by its own mean, whichever seeds are drawn: their mean is 0, and only who is trimmed moves.
    rng = np.random.default_rng(0)
    values = 0.9 - 0.1 * rng.random((2, 10))
    records = records_of({"none": values[0], "channel": values[0]})
    table = aggregate_across(normalise_scores(comparisons_of(records))).set_index("axis")
    assert table.loc["none", ["gap_low", "gap_high"]].tolist() == pytest.approx([1.0, 1.0])
    assert table.loc["channel", ["gap_low", "gap_high"]].tolist() == pytest.approx([1.0, 1.0])


def test_the_bootstrap_is_stratified_by_task():
    # no spread within a task: however seeds are drawn, each task gives the same scores and the interval no width
    records = records_of({"none": [0.8, 0.8], "channel": [0.9, 0.9]})
    records += records_of({"none": [20.0, 20.0], "channel": [18.0, 18.0]}, task="rul", measure=RMSE)
    table = aggregate_across(normalise_scores(comparisons_of(records))).set_index("axis")
    row = table.loc["channel"]
    assert row["iqm_low"] == pytest.approx(row["iqm"])
    assert row["iqm_high"] == pytest.approx(row["iqm"]) == pytest.approx(0.3)


def test_performance_profiles_by_hand(two_tasks):
    profile = performance_profiles(normalise_scores(two_tasks), [-0.5, 0.0, 0.3, 0.6])
    channel = profile[profile["axis"] == "channel"]
    assert channel["share"].tolist() == [1.0, 0.75, 0.5, 0.0]  # scores -0.25, 0.25, 0.5, 0.5
    assert (channel["low"] <= channel["share"]).all()
    assert (channel["share"] <= channel["high"]).all()


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    values = np.random.default_rng(0).normal(0.9, 0.02, (2, 10))
    normalised = normalise_scores(comparisons_of(records_of({"none": values[0], "channel": values[1]})))
    assert aggregate_across(normalised, seed=1).equals(aggregate_across(normalised, seed=1))
    assert not aggregate_across(normalised, seed=1).equals(aggregate_across(normalised, seed=2))


def test_what_cannot_be_compared_is_named():
    records = records_of({"none": [0.8], "channel": [0.9], "spatial": [0.9]})
    records += records_of({"none": [20.0], "channel": [18.0], "band": [9.0]}, task="rul", measure=RMSE)
    records += records_of({"channel": [0.9]}, architecture="mlp")
    normalised = normalise_scores(comparisons_of(records))
    assert sorted(normalised.scores) == ["channel", "none"]
    assert normalised.tasks == ("mnist (embedded), lenet", "rul (embedded), lenet")
    assert [text.split(" (no")[0] for text in normalised.left_out] == ["mnist (embedded), mlp", "band, spatial"]


def test_no_task_with_a_baseline_is_refused():
    with pytest.raises(UserError, match="Received: baseline='none'"):
        normalise_scores(comparisons_of(records_of({"channel": [0.9]})))
