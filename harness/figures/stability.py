"""Four views of stability side by side: divergence, spread, worst seed, inference gap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from harness.figures.canvas import FAINT, GRID, INK, rows_height, strategy_rows, subtitle_of
from harness.figures.palette import look_of
from harness.statistics.comparison import Comparison, the_comparison
from harness.statistics.divergence import compare_divergence
from harness.statistics.summary import aggregate_comparison

PANELS = ("diverged", "SD over seeds", "worst finished seed", "inference gap")


def plot_stability(
    cells: pd.DataFrame | Comparison, metric: str | None = None, axes: Sequence[Axes] | None = None
) -> list[Axes]:
    """Four panels with a row a strategy: share diverged (Wilson interval), SD, worst finished seed, inference gap.

    The gap is the metric with moving averages minus with precise statistics, its bar the 95 % t interval. The panels
    describe; whether spreads differ is a matter for `statistics.compare_spread`, and takes 30 seeds.

    Args:
        cells: a `Comparison`, or a frame that holds one.
        metric: its column or name; `None` is the task's main metric on the test examples.
        axes: four axes to draw on; `None` makes a figure.

    Returns:
        The four axes.
    """
    comparison = cells if isinstance(cells, Comparison) else the_comparison(cells)
    column, measure = comparison.measure(metric)
    summary = aggregate_comparison(comparison, metric)
    strategies = summary["axis"].tolist()
    panels = list(axes) if axes is not None else _panels(len(strategies), subtitle_of(comparison))
    rates = compare_divergence(comparison).set_index("axis").loc[strategies]
    finished = comparison.cells[comparison.frame["status"] == "ok"].reindex(columns=["axis", column])
    worst = finished.groupby("axis")[column].agg("min" if measure["direction"] == "max" else "max").reindex(strategies)
    values = (
        (rates["rate"], rates["low"], rates["high"]),
        (summary["sd"], None, None),
        (worst, None, None),
        (summary["gap"], summary["gap_low"], summary["gap_high"]),
    )
    for ax, name, (centre, low, high) in zip(panels, PANELS, values, strict=True):
        for row, strategy in enumerate(strategies):
            look = look_of(strategy)
            if low is not None and high is not None:
                ax.plot([low.iloc[row], high.iloc[row]], [row, row], color=look.colour, linewidth=2, alpha=0.6)
            ax.plot([centre.iloc[row]], [row], look.marker, color=look.colour, markersize=7, markeredgecolor="white")
        strategy_rows(ax, strategies)
        _dress_panel(ax, name, measure["unit"] if name != "diverged" else "")
    panels[0].set_xlim(-0.03, 1.03)
    panels[3].axvline(0, color=FAINT, linewidth=0.8, zorder=0)
    return panels


def _panels(rows: int, subtitle: str) -> list[Axes]:
    figure = Figure(figsize=(9.6, rows_height(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle("Stability", x=0.01, ha="left", fontsize=11.5, fontweight="bold", color=INK)
    axes = np.atleast_1d(figure.subplots(1, len(PANELS), sharey=True)).tolist()
    figure.supxlabel(subtitle, x=0.01, ha="left", fontsize=9, color=FAINT)
    return list(axes)


def _dress_panel(ax: Axes, name: str, unit: str) -> None:
    ax.set_title(f"{name} ({unit})" if unit else name, loc="left", fontsize=9.5, color=INK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines["bottom"].set_color(FAINT)
    ax.tick_params(colors=INK, labelsize=8.5)
    ax.yaxis.set_tick_params(length=0)
    ax.locator_params(axis="x", nbins=3)
    ax.grid(visible=True, color=GRID, linewidth=0.7)
    ax.set_axisbelow(True)
