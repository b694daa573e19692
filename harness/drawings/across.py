"""The figures over all tasks: tasks by strategies, performance profiles."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from harness.comparison import Comparison
from harness.drawings.drawing import Drawing
from harness.figures import plot_profiles
from harness.figures.heat import plot_heat_map
from harness.statistics.across import scores_by_task
from harness.types import UserError


def across_drawings(comparisons: Sequence[Comparison], profiles: pd.DataFrame | None) -> list[Drawing]:
    """Tasks by strategies, and the profiles where there are any; nothing without finished cells of `none`."""
    try:
        by_task, _ = scores_by_task(comparisons)
    except UserError:
        return []
    scores = [(task, axis, float(one.mean())) for task, row in by_task.items() for axis, one in row.items()]
    found = [
        Drawing(
            "tasks",
            "Tasks by strategies",
            "Blue removes error that training without normalization leaves, red adds to it; a dash was not run. These "
            "are means alone: whether a difference is more than luck is for the verdicts to say.",
            lambda: plot_heat_map(comparisons),
            pd.DataFrame(scores, columns=["task", "axis", "score"]),
        )
    ]
    if profiles is not None:
        found.append(
            Drawing(
                "profiles",
                "Performance profiles",
                "A curve above another everywhere is better at every level; where they cross, one is safer and the "
                "other has the better best cells. Lost cells are at the left end.",
                lambda: plot_profiles(profiles, f"{len(by_task)} tasks · band: pointwise 95 % interval"),
                profiles,
            )
        )
    return found
