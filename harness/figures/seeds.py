"""Every seed of every strategy: the metric, with mean and interval; what diverged is marked, not left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import blended_transform_factory

from harness.figures.canvas import (
    FAINT,
    GRID,
    INK,
    ROWS_WRAP,
    axes_of,
    dress,
    metric_label,
    rows_height,
    say_empty,
    seed_offsets,
    strategy_rows,
    subtitle_of,
)
from harness.figures.palette import look_of
from harness.statistics.comparison import Comparison, the_comparison
from harness.statistics.summary import FAILED, aggregate_comparison

LOST = {"diverged": "x", "failed": "+"}
SIGNS = {"diverged": "×", "failed": "+"}


def plot_seed_cloud(cells: pd.DataFrame | Comparison, metric: str | None = None, ax: Axes | None = None) -> Axes:
    """One dot a seed, one row a strategy, the best mean at the top; a diamond is the mean, a bar its 95 % t interval.

    A seed lies at the same height in every row, so that pairs can be followed by eye. Diverged (×) and failed (+)
    cells stand in a strip at the worse end.

    Args:
        cells: a `Comparison`, or a frame that holds one.
        metric: its column or name; `None` is the task's main metric on the test examples.
        ax: where to draw; `None` makes a figure.

    Returns:
        The axes drawn on.
    """
    comparison = cells if isinstance(cells, Comparison) else the_comparison(cells)
    column, measure = comparison.measure(metric)
    summary = aggregate_comparison(comparison, metric)
    frame = comparison.cells
    ax = axes_of(ax, height=rows_height(len(summary)))
    estimates = summary[["mean", "low", "high"]].to_numpy(np.float64)
    for row, (strategy, (mean, *interval)) in enumerate(zip(summary["axis"], estimates, strict=True)):
        look = look_of(strategy)
        rows = frame[(frame["axis"] == strategy) & (frame["status"] == "ok")]
        if column in rows:
            heights = row + seed_offsets(rows["seed"], frame["seed"])
            ax.scatter(
                rows[column], heights, s=26, color=look.colour, marker=look.marker, alpha=0.6, linewidth=0, zorder=2
            )
        ax.plot(interval, [row, row], color=INK, linewidth=1.8, solid_capstyle="butt", zorder=3)
        ax.plot([mean], [row], "D", color=INK, markersize=6, markeredgecolor="white", markeredgewidth=1.2, zorder=4)
    strategy_rows(ax, summary["axis"].tolist())
    if not summary["n"].any():
        say_empty(ax, "no cell finished")
    lost = _plot_lost(ax, frame, summary["axis"].tolist(), worse_is_left=measure["direction"] == "max")
    ax.set_xlabel(metric_label(column, measure))
    notes = [f"{SIGNS[name]} {count} {name}" for name, count in lost.items()]
    dress(ax, "Every seed", subtitle_of(comparison, "mean and 95 % t interval", *notes), grid="x", wrap=ROWS_WRAP)
    return ax


def _plot_lost(ax: Axes, frame: pd.DataFrame, strategies: list[str], *, worse_is_left: bool) -> dict[str, int]:
    """Marks for cells without a value, in a shaded strip at the worse end; how many there are of each kind."""
    kinds = {"diverged": frame["status"] == "diverged", "failed": frame["status"].isin(FAILED)}
    lost = {name: int(rows.sum()) for name, rows in kinds.items() if rows.any()}
    if not lost:
        return lost
    low, high = ax.get_xlim()
    margin = 0.09 * (high - low)
    ax.set_xlim((low - margin, high) if worse_is_left else (low, high + margin))
    strip = (0.0, 0.07) if worse_is_left else (0.93, 1.0)
    ax.axvspan(
        *np.interp(strip, (0, 1), ax.get_xlim()), color=GRID, alpha=0.5, linewidth=0, zorder=0, gid="strip-of-the-lost"
    )
    transform = blended_transform_factory(ax.transAxes, ax.transData)
    for name in lost:
        rows = frame[kinds[name]]
        heights = rows["axis"].map(strategies.index).to_numpy() + seed_offsets(rows["seed"], frame["seed"])
        colours = [look_of(axis).colour for axis in rows["axis"]]
        ax.scatter(
            np.full(len(rows), np.mean(strip)),
            heights,
            s=30,
            c=colours,
            marker=LOST[name],
            linewidth=1.6,
            transform=transform,
            label=name,
            zorder=3,
        )
    ax.annotate(
        "no value",
        (float(np.mean(strip)), 0),
        xytext=(0, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=7.5,
        color=FAINT,
        ha="center",
    )
    return lost
