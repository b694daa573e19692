"""Interquartile mean and optimality gap over all tasks, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from harness.figures.canvas import FAINT, INK, rows_height, strategy_rows
from harness.figures.palette import look_of
from harness.figures.panels import dress_panel
from harness.tables import ARROWS

PANELS = {"iqm": f"interquartile mean {ARROWS['max']}", "gap": f"optimality gap {ARROWS['min']}"}


def plot_aggregates(table: pd.DataFrame, subtitle: str, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Two panels with a row a strategy, the best interquartile mean at the top; bars are the intervals of the table.

    Args:
        table: `statistics.aggregate_across`'s.
        subtitle: what the scores are of.
        axes: two to draw on; `None` makes a figure.

    Returns:
        The two axes.
    """
    panels = list(axes) if axes is not None else _panels(len(table), subtitle)
    for ax, (column, name) in zip(panels, PANELS.items(), strict=True):
        for row, one in enumerate(table.to_dict("records")):
            look = look_of(str(one["axis"]))
            interval = [one[f"{column}_low"], one[f"{column}_high"]]
            ax.plot(interval, [row, row], color=look.colour, linewidth=2.4, solid_capstyle="butt")
            ax.plot([one[column]], [row], look.marker, color=look.colour, markersize=8, markeredgecolor="white")
        dress_panel(ax, name)
        strategy_rows(ax, table["axis"].tolist())
        ax.grid(visible=False, axis="y")
        ax.locator_params(axis="x", nbins=5)
    # Both are of the scores of the baseline, which scores 0 and so falls short of 1 by 1.
    for ax, place in zip(panels, (0, 1), strict=True):
        ax.axvline(place, color=FAINT, linewidth=0.8, zorder=0)
    return panels


def _panels(rows: int, subtitle: str) -> list[Axes]:
    figure = Figure(figsize=(7.2, rows_height(rows) + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle("All tasks together", x=0.01, ha="left", fontsize=11.5, fontweight="bold", color=INK)
    figure.supxlabel(subtitle, x=0.01, ha="left", fontsize=9, color=FAINT)
    return list(figure.subplots(1, 2, sharey=True))
