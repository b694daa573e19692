"""Tasks by strategies: who removes how much of the baseline's error where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from harness.figures.canvas import FAINT, axes_of, broken, dress
from harness.statistics.across import BASELINE, scores_by_task
from harness.statistics.comparison import Comparison
from harness.tables import MISSING, number

ON_DARK, ON_LIGHT = "#FEFEFE", "#101215"  # upon the cells: these stay when a page turns ink and paper around


def plot_heat_map(comparisons: Sequence[Comparison], ax: Axes | None = None, *, baseline: str = BASELINE) -> Axes:
    """Mean score of each strategy on each task: the share of the baseline's error removed.

    0 (white) is as good as the baseline, 1 perfect, -1 twice its error or worse; a lost cell counts as -1. A dash is
    a strategy that the task has no cell of.

    Args:
        comparisons: one a row.
        ax: where to draw; `None` makes a figure.
        baseline: the strategy whose error is the unit.

    Returns:
        The axes drawn on.

    Raises:
        UserError: no task has finished cells of the baseline.
    """
    by_task, _ = scores_by_task(comparisons, baseline=baseline)
    table = pd.DataFrame({task: {axis: one.mean() for axis, one in row.items()} for task, row in by_task.items()}).T
    table = table[table.mean().sort_values(ascending=False).index]
    values = table.to_numpy(np.float64)
    ax = axes_of(ax, width=max(6.0, 2.6 + 0.95 * values.shape[1]), height=2.4 + 0.5 * values.shape[0])
    ax.imshow(values, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        text = number(value, 2, signed=True)
        colour = ON_DARK if abs(value) > 0.65 else ON_LIGHT
        ax.text(column, row, text, ha="center", va="center", fontsize=9, color=FAINT if text == MISSING else colour)
    scale = "mean over seeds · 0: as good as without · 1: perfect · lost cells count as −1"
    dress(ax, f"Share of the error of {baseline} removed", scale, wrap=56)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.set_xticks(range(values.shape[1]), [broken(name, 18) for name in table.columns], rotation=35, ha="right")
    ax.set_yticks(range(values.shape[0]), [broken(name, 30) for name in table.index])
    ax.tick_params(length=0)
    return ax
