"""Times to a target, worked out by hand: what never gets there stays in."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from synthetic import ACCURACY, RMSE, comparison_of, make_record

from harness.report.answers.sooner import ratios_sheet, times_sheet
from harness.report.sheet import to_markdown
from harness.statistics.target import (
    Times,
    aggregate_ratios,
    aggregate_times,
    by_share,
    target_of,
    time_profiles,
    time_ratios,
    times_to_target,
)
from harness.types import Quantity, UserError

INF = float("inf")


def records_of(curves, measure=ACCURACY, **options):
    """strategy -> one curve of the validation metric a seed."""
    return [
        make_record(
            axis,
            seed,
            0.5,
            measure=measure,
            history={
                "epoch": [*range(1, len(curve) + 1)],
                f"validation_{measure['name']}": curve,
                "seconds": [2.0] * len(curve),
            },
            **options,
        )
        for axis, rows in curves.items()
        for seed, curve in enumerate(rows)
    ]


def times_of(records, **options):
    return times_to_target(comparison_of(records), **options)


CURVES = {
    "none": [[0.5, 0.6, 0.7], [0.5, 0.8, 0.9]],  # ends at 0.7 and 0.9: the target is 0.8
    "channel": [[0.8, 0.7, 0.9], [0.1, 0.2, 0.3]],
}


@pytest.fixture
def times():
    return times_of(records_of(CURVES))


def test_the_target_is_what_the_baseline_ends_at(times):
    assert times.target == pytest.approx(0.8)
    assert (times.metric, times.baseline) == ("validation_accuracy", "none")
    assert target_of(times.of, baseline="channel") == pytest.approx(0.6)


def test_the_first_epoch_at_the_target_counts_and_never_is_infinite(times):
    rows = times.rows.set_index(["axis", "seed"])
    epochs = rows["epochs"].to_dict()
    assert epochs == {("none", 0): INF, ("none", 1): 2, ("channel", 0): 1, ("channel", 1): INF}
    assert rows["seconds"]["none", 1] == 4.0
    assert rows["seconds"]["channel", 1] == INF


def test_lower_is_reached_from_above():
    curves = {"none": [[30.0, 20.0]], "channel": [[25.0, 19.0]], "layer": [[26.0, 21.0]]}
    times = times_of(records_of(curves, RMSE))
    assert times.rows.set_index("axis")["epochs"].to_dict() == {"none": 2, "channel": 2, "layer": INF}


def test_cells_that_diverged_or_failed_never_arrive():
    records = records_of(CURVES)
    records[2]["status"] = "diverged"  # channel's seed 0, after it had been at the target
    records.append(make_record("layer", 0, status="error"))
    times = times_of(records).rows.set_index(["axis", "seed"])
    assert times["epochs"]["channel", 0] == INF
    assert times["epochs"]["layer", 0] == INF


def test_values_that_are_not_finite_reach_nothing():
    records = records_of({"none": [[0.5, 0.6]], "channel": [["NaN", 0.7]]})
    times = times_of(records)
    assert times.rows.set_index("axis")["epochs"].to_dict() == {"none": 2, "channel": 2}


def test_a_target_of_ones_own():
    times = times_of(records_of(CURVES), target=0.3)
    assert times.target == 0.3
    assert times.rows.set_index(["axis", "seed"])["epochs"]["channel", 1] == 3


def test_without_a_finished_baseline_there_is_no_target():
    with pytest.raises(UserError, match="Received: baseline='none'"):
        times_of(records_of({"channel": [[0.5]]}))


def test_aggregates_keep_what_never_arrives(times):
    table = aggregate_times(times).rows.set_index("axis")
    assert table.loc["channel", ["cells", "reached", "share", "median", "slow"]].tolist() == [2, 1, 0.5, 1, INF]
    assert table.loc["none", ["cells", "reached", "share", "median", "slow"]].tolist() == [2, 1, 0.5, 2, INF]
    # Wilson's interval of 1 of 2
    assert table.loc["none", "low"] == pytest.approx(0.0945, abs=1e-4)
    assert table.index.tolist() == ["channel", "none"]
    said = to_markdown(times_sheet(aggregate_times(times)))
    assert "| channel | 1/2 | 0.50 [0.09, 0.91] | 1 | ∞ | 2.0 |" in said
    assert "reaches 0.8, the mean with which none ends" in said


def test_the_least_time_by_which_a_share_is_over():
    assert [by_share([3, 1, 2, INF], share) for share in (0.25, 0.5, 0.75, 0.76)] == [1, 2, 3, INF]
    assert by_share(range(1, 11), 0.9) == 9  # and not the tenth, by rounding


def task_of(rows, title):
    """Times to the target on a task of that title."""
    return Times(
        rows=pd.DataFrame(rows, columns=["axis", "seed", "epochs"]),
        of=SimpleNamespace(title=title),
        metric="validation_accuracy",
        quantity=Quantity(name="accuracy", direction="max"),
        target=0.8,
        baseline="none",
    )


@pytest.fixture
def two_tasks():
    first = task_of([("a", 0, 2), ("b", 0, 4), ("a", 1, 3), ("b", 1, 3)], "first")
    second = task_of([("a", 0, INF), ("b", 0, 5), ("a", 1, INF), ("b", 1, INF), ("c", 0, 1), ("c", 1, 1)], "second")
    return [first, second]


def test_ratios_are_over_the_soonest_of_the_same_task_and_seed(two_tasks):
    ratios = time_ratios(two_tasks)
    assert [task.tolist() for task in ratios.ratios["a"]] == [[1, 1], [INF, INF]]
    assert [task.tolist() for task in ratios.ratios["b"]] == [[2, 1], [1, INF]]
    assert ratios.tasks == ("first", "second")
    assert ratios.left_out == ("c (not in every task)",)


def test_seeds_that_a_strategy_lacks_are_no_problem_of_any(two_tasks):
    two_tasks[0] = replace(two_tasks[0], rows=two_tasks[0].rows[:3])  # b has no seed 1
    assert [len(task) for task in time_ratios(two_tasks).ratios["a"]] == [1, 2]


def test_a_task_without_a_seed_that_all_have_is_left_out(two_tasks):
    apart = task_of([("a", 0, 2), ("b", 1, 4)], "apart")
    ratios = time_ratios([*two_tasks, apart])
    assert ratios.tasks == ("first", "second")
    assert ratios.left_out[0] == "apart (no seed that all strategies have)"
    assert len(time_profiles(ratios, [1])) == 2


def test_profiles_by_hand(two_tasks):
    profiles = time_profiles(time_ratios(two_tasks), [1, 1.9, 2])
    shares = {axis: rows["share"].tolist() for axis, rows in profiles.groupby("axis")}
    assert shares == {"a": [0.5, 0.5, 0.5], "b": [0.5, 0.5, 0.75]}
    assert (profiles["low"] <= profiles["share"]).all()
    assert (profiles["share"] <= profiles["high"]).all()
    # All of a's seeds are alike within each task: drawing them anew changes nothing.
    assert profiles.loc[profiles["axis"] == "a", "low"].tolist() == [0.5, 0.5, 0.5]


def test_the_grid_of_a_profile_ends_where_all_who_arrive_have_arrived(two_tasks):
    profiles = time_profiles(time_ratios(two_tasks))
    assert profiles["threshold"].min() == 1
    assert profiles.groupby("axis")["share"].max().to_dict() == {"a": 0.5, "b": 0.75}


def test_the_same_seed_gives_the_same_band_and_another_seed_another():
    rng = np.random.default_rng(0)
    rows = [(axis, seed, int(rng.integers(1, 9))) for axis in "ab" for seed in range(12)]
    ratios = time_ratios([task_of(rows, "one")])
    first, again, other = (time_profiles(ratios, seed=seed, n_resamples=20) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_ratios_in_a_table(two_tasks):
    table = aggregate_ratios(time_ratios(two_tasks))
    assert table.values.tolist() == [["b", 4, 0.5, 0.75, 1], ["a", 4, 0.5, 0.5, 1]]
    said = to_markdown(ratios_sheet(table, ("first", "second"), ("c (not in every task)",)))
    assert "| b | 0.50 | 0.75 | 1.00 | 4 |" in said
    assert "Left out: c (not in every task)." in said


def test_no_strategy_in_common_is_refused():
    with pytest.raises(UserError, match="Received: 2 tasks"):
        time_ratios([task_of([("a", 0, 1)], "first"), task_of([("b", 0, 1)], "second")])
    with pytest.raises(UserError, match="Received: 0 tasks"):
        time_ratios([])
