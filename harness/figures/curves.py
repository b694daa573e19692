"""How strategies learn: a metric or loss by epoch, with the spread over seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from harness.figures.bands import BAND, curves_of, plot_band
from harness.figures.canvas import INK, axes_of, dress, metric_label, say_empty, subtitle_of
from harness.figures.palette import look_of
from harness.statistics.comparison import Comparison, the_comparison


def plot_learning_curves(
    history: pd.DataFrame | Comparison, metric: str | None = None, ax: Axes | None = None, *, band: float = BAND
) -> Axes:
    """A line a strategy: the median over seeds by epoch, in a band that holds the middle `band` of the seeds.

    With few seeds the band reaches nearly from the lowest to the highest seed. Where a seed diverged its curve ends,
    marked with ×; medians are over the seeds that have a finite value at that epoch.

    Args:
        history: `load_history`'s frame, or rows of it, that holds one comparison.
        metric: a column of it (`train_loss`) or a declared name; `None` is the task's main metric on the validation
            examples.
        ax: where to draw; `None` makes a figure.
        band: share of the seeds, in (0, 1].

    Returns:
        The axes drawn on.
    """
    comparison = history if isinstance(history, Comparison) else the_comparison(history)
    column, measure = _column(comparison, metric)
    frame = comparison.cells
    ax = axes_of(ax)
    for strategy, rows in frame.groupby("axis", sort=True):
        curves = curves_of(rows, column, by="epoch")
        if curves.notna().any(axis=None):
            plot_band(ax, str(strategy), curves, band=band)
    for strategy, cells in frame[frame["status"] == "diverged"].groupby("axis"):
        ends = cells[np.isfinite(cells[column])].groupby("id")[["epoch", column]].last()
        ax.scatter(ends["epoch"], ends[column], s=34, marker="x", color=look_of(str(strategy)).colour, zorder=4)
    ax.set_xlabel("epoch")
    ax.set_ylabel(metric_label(column, measure))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    dress(ax, "Learning curves", subtitle_of(comparison, f"line: median, band: middle {100 * band:g} % of seeds"))
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    else:
        say_empty(ax, "no epoch was finished")
    return ax


def _column(comparison: Comparison, metric: str | None) -> tuple[str, dict[str, object]]:
    _, measure = comparison.measure("loss" if metric in ("train_loss", "validation_loss") else metric)
    if metric in comparison.frame:
        return str(metric), measure
    return f"validation_{measure['name']}", measure
