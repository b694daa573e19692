"""The figures over all tasks: tasks by strategies, all tasks together, performance profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from harness.drawings.drawing import Drawing
from harness.figures import plot_profiles
from harness.figures.aggregates import plot_aggregates
from harness.figures.heat import plot_heat_map
from harness.figures.times import plot_time_profiles
from harness.statistics.across import scores_by_task
from harness.statistics.comparison import Comparison
from harness.types import UserError


@dataclass(frozen=True)
class Overall:
    """Aggregates over tasks, each `None` where there are not several tasks to aggregate over.

    Attributes:
        table: `statistics.aggregate_across`'s.
        profiles: `statistics.performance_profiles`'s.
        times: `statistics.time_profiles`'s.
        timed: how many tasks `times` is over.
    """

    table: pd.DataFrame | None = None
    profiles: pd.DataFrame | None = None
    times: pd.DataFrame | None = None
    timed: int = 0


def across_drawings(comparisons: Sequence[Comparison], overall: Overall) -> list[Drawing]:
    """Tasks by strategies, and the aggregates that there are; nothing without finished cells of `none`."""
    try:
        by_task, _ = scores_by_task(comparisons)
    except UserError:
        return []
    scores = [(task, axis, float(one.mean())) for task, row in by_task.items() for axis, one in row.items()]
    table = pd.DataFrame(scores, columns=["task", "axis", "score"])
    note = f"{len(by_task)} tasks · bars and bands: 95 % stratified bootstrap"
    found = [_tasks(comparisons, table), _together(overall.table, note), _profiles(overall.profiles, note)]
    timed = f"{overall.timed} tasks · target: what none ends at · band: pointwise 95 % interval"
    return [drawing for drawing in [*found, _times(overall.times, timed)] if drawing is not None]


def _tasks(comparisons: Sequence[Comparison], scores: pd.DataFrame) -> Drawing:
    return Drawing(
        "tasks",
        "Tasks by strategies",
        "Blue removes error that training without normalization leaves, red adds to it; a dash was not run. These are "
        "means alone: whether a difference is more than luck is for the verdicts to say.",
        lambda: plot_heat_map(comparisons),
        scores,
    )


def _together(table: pd.DataFrame | None, note: str) -> Drawing | None:
    if table is None:
        return None
    return Drawing(
        "together",
        "All tasks together",
        "The interquartile mean leaves out the best and worst quarter of cells; the optimality gap is the mean "
        "distance from a perfect score, lost cells and all. Lines mark the baseline none.",
        lambda: plot_aggregates(table, note)[0],
        table,
    )


def _profiles(profiles: pd.DataFrame | None, note: str) -> Drawing | None:
    if profiles is None:
        return None
    return Drawing(
        "profiles",
        "Performance profiles",
        "A curve above another everywhere is better at every level; where they cross, one is safer and the other has "
        "the better best cells. Lost cells are at the left end.",
        lambda: plot_profiles(profiles, note),
        profiles,
    )


def _times(profiles: pd.DataFrame | None, note: str) -> Drawing | None:
    if profiles is None:
        return None
    return Drawing(
        "time-profiles",
        "Performance profiles: time to target",
        "At the left, how often a strategy is the soonest (or shares that with others); at the right, how often it "
        "arrives at all. Cells that never reach the target keep their curve below 1.",
        lambda: plot_time_profiles(profiles, note),
        profiles,
    )
