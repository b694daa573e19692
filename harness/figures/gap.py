"""The inference gap: what moving averages cost against statistics that are estimated anew or taken from the batch."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from harness.figures.canvas import (
    FAINT,
    INK,
    ROWS_WRAP,
    axes_of,
    dress,
    rows_height,
    say_empty,
    seed_offsets,
    strategy_rows,
    subtitle_of,
)
from harness.figures.palette import look_of
from harness.statistics.comparison import Comparison, the_comparison
from harness.statistics.summary import aggregate_comparison, mean_interval
from harness.tables import label_of

OTHERS = ("precise", "batch")


def plot_inference_gap(cells: pd.DataFrame | Comparison, metric: str | None = None, ax: Axes | None = None) -> Axes:
    """Metric with moving averages minus metric with precise (filled) and with batch statistics (hollow), by strategy.

    One mark a seed; a bar is the 95 % t interval of the mean. At 0 it makes no difference which statistics are used;
    beyond 0 on the side marked worse, moving averages lose what the weights have learned (Wu & Johnson 2021).

    Args:
        cells: a `Comparison`, or a frame that holds one.
        metric: its column or name; `None` is the task's main metric on the test examples.
        ax: where to draw; `None` makes a figure.

    Returns:
        The axes drawn on.
    """
    comparison = cells if isinstance(cells, Comparison) else the_comparison(cells)
    column, measure = comparison.measure(metric)
    strategies = aggregate_comparison(comparison, metric)["axis"].tolist()
    frame = comparison.cells
    ok = frame[frame["status"] == "ok"]
    ax = axes_of(ax, height=rows_height(len(strategies)))
    ax.axvline(0, color=FAINT, linewidth=1)
    drawn = 0
    for shift, suffix in zip((-0.16, 0.16), OTHERS, strict=True):
        if f"{column}_{suffix}" in ok:
            for row, strategy in enumerate(strategies):
                rows = ok[ok["axis"] == strategy]
                gaps = rows[column] - rows[f"{column}_{suffix}"]
                heights = row + shift + 0.4 * seed_offsets(rows["seed"], frame["seed"])
                drawn += _plot_gaps(ax, gaps, heights, row + shift, strategy, filled=suffix == "precise")
    if not drawn:
        say_empty(ax, "no cell was evaluated with other statistics")
    strategy_rows(ax, strategies)
    unit = f" ({measure['unit']})" if measure["unit"] else ""
    sign = "negative" if measure["direction"] == "max" else "positive"
    ax.set_xlabel(
        f"{label_of(column)} with moving averages minus with other statistics{unit}\n{sign}: moving averages are worse"
    )
    notes = ("filled: minus precise statistics, hollow: minus batch statistics", "bar: 95 % t interval of the mean")
    dress(ax, "Inference gap", subtitle_of(comparison, *notes), grid="x", wrap=ROWS_WRAP)
    return ax


def _plot_gaps(
    ax: Axes, gaps: pd.Series, heights: NDArray[np.float64], row: float, strategy: str, *, filled: bool
) -> int:
    """One strategy's gaps: marks and the interval of their mean; how many finite ones there are."""
    look = look_of(strategy)
    face = look.colour if filled else "none"
    ax.scatter(gaps, heights, s=18, marker=look.marker, facecolor=face, edgecolor=look.colour, alpha=0.75, lw=0.9)
    mean = mean_interval(gaps)
    ax.plot([mean.low, mean.high], [row, row], color=INK, linewidth=1.6, solid_capstyle="butt", zorder=3)
    ax.plot([mean.estimate], [row], "|", color=INK, markersize=8, markeredgewidth=1.6, zorder=4)
    return mean.n
