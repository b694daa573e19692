"""What a metric costs: time or parameters against the mean."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from harness.figures.canvas import INK, axes_of, broken, dress, metric_label, say_empty, subtitle_of
from harness.figures.palette import look_of
from harness.statistics.comparison import Comparison, the_comparison
from harness.statistics.summary import aggregate_comparison
from harness.types import UserError

COSTS = {
    "seconds": "seconds a cell (median)",
    "normalization_parameters": "scale and shift parameters",
    "statistics": "means kept (as many variances)",
    "parameters": "parameters of the whole model",
}


def plot_cost(
    cells: pd.DataFrame | Comparison, metric: str | None = None, ax: Axes | None = None, *, cost: str = "seconds"
) -> Axes:
    """A mark a strategy: its mean with 95 % t interval against what it costs.

    Args:
        cells: a `Comparison`, or a frame that holds one.
        metric: its column or name; `None` is the task's main metric on the test examples.
        ax: where to draw; `None` makes a figure.
        cost: `seconds`, `normalization_parameters`, `statistics` or `parameters`.

    Returns:
        The axes drawn on.

    Raises:
        UserError: there is no such cost.
    """
    if cost not in COSTS:
        raise UserError(f"expected a cost among {list(COSTS)}. Received: cost={cost!r}")
    comparison = cells if isinstance(cells, Comparison) else the_comparison(cells)
    column, measure = comparison.measure(metric)
    summary = aggregate_comparison(comparison, metric).dropna(subset=["mean", cost])
    ax = axes_of(ax)
    for axis, values in zip(summary["axis"], summary[[cost, "mean", "low", "high"]].to_numpy(np.float64), strict=True):
        (x, mean, low, high), look = values, look_of(axis)
        ax.plot([x, x], [low, high], color=look.colour, linewidth=1.6, alpha=0.7)
        ax.plot([x], [mean], look.marker, color=look.colour, markersize=8, markeredgecolor="white", label=broken(axis))
    if summary.empty:
        say_empty(ax, "no cell finished")
    else:
        if cost != "seconds":
            ax.set_xscale("symlog", linthresh=10)  # no normalization has none: 0 must be on the axis
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    ax.set_xlabel(COSTS[cost])
    ax.set_ylabel(metric_label(column, measure))
    dress(ax, "Cost", subtitle_of(comparison, "bar: 95 % t interval of the mean"))
    return ax
