"""How a metric and survival depend on a setting: the learning rate, or any other dial."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from harness.figures.by_value import draw_by_value, places_of, shifted
from harness.figures.canvas import FAINT, GRID, axes_of, dress, metric_label, say_empty, subtitle_of
from harness.figures.palette import look_of
from harness.statistics.by_value import aggregate_by_value, compare_by_value
from harness.statistics.dials import Dial
from harness.statistics.paired import BASELINE
from harness.tables import label_of


def plot_dial(dial: Dial, metric: str | None = None, ax: Axes | None = None) -> Axes:
    """A line a strategy: the mean over seeds at each value, with its t interval; every diverged cell is a ×.

    A line breaks where no seed survived. A strategy that is good at one value only is sensitive to it; one whose line
    is flat is not.

    Args:
        dial: the values to draw over, from `dials.dials_of` or `dials.the_dial`.
        metric: its column or name; `None` is the task's main metric on the test examples.
        ax: where to draw; `None` makes a figure.

    Returns:
        The axes drawn on.
    """
    column, measure = dial.whole.measure(metric)
    table = aggregate_by_value(dial, metric).rename(columns={"mean": "estimate"})
    ax = axes_of(ax)
    draw_by_value(ax, dial, table)
    lost = _plot_diverged(ax, dial, below=measure["direction"] == "max")
    ax.set_ylabel(metric_label(column, measure))
    note = f"× {lost} diverged" if lost else "none diverged"
    parts = ("mean of what survived, bar: 95 % t interval", note)
    dress(ax, dial.label.capitalize(), subtitle_of(dial.whole, *parts))
    return ax


def plot_dial_differences(
    dial: Dial, metric: str | None = None, ax: Axes | None = None, *, baseline: str = BASELINE
) -> Axes:
    """A line a strategy: its mean difference from the baseline at each value, paired by seed, with its t interval.

    Lines that run level differ from the baseline by the same at every value; where one crosses 0, which of the two is
    better depends on the setting.

    Args:
        dial: the values to draw over.
        metric: its column or name; `None` is the task's main metric on the test examples.
        ax: where to draw; `None` makes a figure.
        baseline: the strategy that the others are compared with.

    Returns:
        The axes drawn on.
    """
    column, measure = dial.whole.measure(metric)
    table = compare_by_value(dial, metric, baseline=baseline).rename(columns={"difference": "estimate"})
    ax = axes_of(ax)
    ax.axhline(0, color=FAINT, linewidth=1)
    draw_by_value(ax, dial, table)
    if table.empty:
        say_empty(ax, "only one strategy was run")
    unit = f" ({measure['unit']})" if measure["unit"] else ""
    side = "above" if measure["direction"] == "max" else "below"
    ax.set_ylabel(f"{label_of(column)} minus that of {baseline}{unit}\n{side} 0: better than {baseline}")
    notes = ("paired by seed, over pairs that both finished", "bar: 95 % t interval")
    dress(ax, f"Differences from {baseline} by {dial.label}", subtitle_of(dial.whole, *notes))
    return ax


def _plot_diverged(ax: Axes, dial: Dial, *, below: bool) -> int:
    """A × for each diverged cell, stacked by strategy at the worse end; how many there are."""
    cells = pd.concat([one.cells.assign(_place=place) for place, one in enumerate(dial.members)], ignore_index=True)
    diverged = cells[cells["status"] == "diverged"]
    if diverged.empty:
        return 0
    strategies = dial.strategies
    low, high = ax.get_ylim()
    depth = (0.035 * len(strategies) + 0.04) * (high - low)
    ax.set_ylim((low - depth, high) if below else (low, high + depth))
    bottom, top = (low - depth, low) if below else (high, high + depth)
    ax.axhspan(bottom, top, color=GRID, alpha=0.5, linewidth=0, zorder=0)
    steps = np.linspace(top, bottom, len(strategies) + 2)[1:-1]
    seeds = np.unique(cells["seed"])
    for strategy, height in zip(strategies, steps, strict=True):
        rows = diverged[diverged["axis"] == strategy]
        # Seeds stand side by side around their value, within half the way to the next one.
        sides = np.interp(rows["seed"], seeds, np.linspace(-0.3, 0.3, len(seeds)) if len(seeds) > 1 else [0.0])
        places = [
            float(shifted(dial, places_of(dial)[[place]], side)[0])
            for place, side in zip(rows["_place"], np.atleast_1d(sides), strict=True)
        ]
        ax.scatter(places, np.full(len(rows), height), s=20, marker="x", color=look_of(strategy).colour, linewidth=1.3)
    ax.annotate(
        "diverged",
        (0.005, (bottom + top) / 2),
        xycoords=("axes fraction", "data"),
        fontsize=8,
        color=FAINT,
        va="center",
    )
    return len(diverged)
