"""How a metric and survival depend on the learning rate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from harness.figures.canvas import FAINT, GRID, INK, axes_of, broken, dress, metric_label
from harness.figures.palette import look_of
from harness.frame import measure_of
from harness.types import UserError


def plot_learning_rates(
    cells: pd.DataFrame, metric: str | None = None, ax: Axes | None = None, *, rate: str = "learning_rate"
) -> Axes:
    """A line a strategy: the mean over seeds at each learning rate; every diverged cell is a × at the worse end.

    A line breaks where no seed survived. A strategy that is good at one rate only is sensitive to it; one whose line
    is flat is not.

    Args:
        cells: rows of `load_results`'s frame, of one task, data source and architecture, at several learning rates.
        metric: its column or name; `None` is the task's main metric on the test examples.
        ax: where to draw; `None` makes a figure.
        rate: the column of the learning rate.

    Returns:
        The axes drawn on.

    Raises:
        UserError: the cells are of several tasks, sources or architectures.
    """
    names = [sorted(map(str, cells[key].dropna().unique())) for key in ("task", "data_source", "architecture")]
    if any(len(values) != 1 for values in names):
        raise UserError(f"expected cells of one task, data source and architecture. Received: {names}")
    (task,), (source,), (architecture,) = names
    column, measure = measure_of(cells, task, metric)
    ax = axes_of(ax)
    ok = cells[cells["status"] == "ok"]
    rates = np.unique(cells[rate].to_numpy(np.float64))
    strategies = sorted(cells["axis"].unique())
    for strategy in strategies:
        look, rows = look_of(strategy), ok[ok["axis"] == strategy]
        means = rows.groupby(rate)[column].mean().reindex(rates)
        ax.scatter(rows[rate], rows[column], s=12, marker=look.marker, color=look.colour, alpha=0.35, linewidth=0)
        ax.plot(
            rates,
            means,
            color=look.colour,
            linestyle=look.dashes,
            marker=look.marker,
            markersize=5,
            linewidth=1.7,
            label=broken(strategy),
        )
    ax.set_xscale("log")
    ax.set_xticks(rates, [f"{value:g}" for value in rates])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.minorticks_off()
    lost = _plot_diverged(ax, cells, strategies, rates, rate, below=measure["direction"] == "max")
    ax.set_xlabel("learning rate")
    ax.set_ylabel(metric_label(column, measure))
    seeds = cells.groupby(["axis", rate])["seed"].nunique().max()
    note = f"× {lost} diverged" if lost else "none diverged"
    subtitle = f"{task} ({source}), {architecture} · up to {seeds} seeds a point · line: mean of what survived · {note}"
    dress(ax, "Learning rates", subtitle)
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    return ax


def _plot_diverged(
    ax: Axes, cells: pd.DataFrame, strategies: list[str], rates: np.ndarray, rate: str, *, below: bool
) -> int:
    """A × for each diverged cell, stacked by strategy at the worse end; how many there are."""
    diverged = cells[cells["status"] == "diverged"]
    if diverged.empty:
        return 0
    low, high = ax.get_ylim()
    depth = (0.035 * len(strategies) + 0.04) * (high - low)
    ax.set_ylim((low - depth, high) if below else (low, high + depth))
    bottom, top = (low - depth, low) if below else (high, high + depth)
    ax.axhspan(bottom, top, color=GRID, alpha=0.5, linewidth=0, zorder=0)
    steps = np.linspace(top, bottom, len(strategies) + 2)[1:-1]
    ratio = float(np.min(rates[1:] / rates[:-1])) if len(rates) > 1 else 2.0
    seeds = np.unique(cells["seed"])
    for strategy, height in zip(strategies, steps, strict=True):
        rows = diverged[diverged["axis"] == strategy]
        # Seeds stand side by side around their rate, within half the way to the next one.
        shift = np.interp(rows["seed"], seeds, np.linspace(-0.3, 0.3, len(seeds))) if len(seeds) > 1 else 0.0
        places = rows[rate].to_numpy(np.float64) * ratio**shift
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
