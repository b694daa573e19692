"""How do strategies learn, epoch by epoch?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from harness.report.answer import LEARNING, Answer, Drawing, seen_of
from harness.report.bands import BAND, curves_of, plot_band
from harness.report.canvas import INK, axes_of, dress, metric_label, say_empty, subtitle_of
from harness.report.palette import look_of
from harness.report.scales import keep_within
from harness.statistics.comparison import Comparison
from harness.types import Quantity


def of_comparison(comparison: Comparison, baseline: str, metric: str | None = None) -> Iterator[Answer]:
    """One answer, whoever the baseline is; none where no epoch was finished."""
    if comparison.history.empty:
        return
    yield Answer(
        question="How do they learn?",
        figure=Drawing(
            "learning-curves",
            "Learning curves",
            lambda: plot_learning_curves(comparison, metric),
            lambda: seen_of(comparison.history),
        ),
        reading="Where bands overlap all the way, the strategies learn alike; a curve that ends in × diverged there.",
        caution="With moving averages, a curve that starts low may lag and not learn slowly: compare with precise "
        "statistics.",
        group=LEARNING,
        place=0,
    )


def plot_learning_curves(
    comparison: Comparison, metric: str | None = None, ax: Axes | None = None, *, band: float = BAND
) -> Axes:
    """A line a strategy: the median over seeds by epoch, in a band that holds the middle `band` of the seeds.

    With few seeds the band reaches nearly from the lowest to the highest seed. Where a seed diverged its curve ends,
    marked with ×; medians are over the seeds that have a finite value at that epoch.

    Args:
        metric: a column of it (`train_loss`) or a declared name; `None` is the task's main metric on the validation
            examples.
    """
    column, quantity = _column(comparison, metric)
    frame = comparison.history
    ax = axes_of(ax)
    for strategy, rows in frame.groupby("axis", sort=True):
        curves = curves_of(rows, column, by="epoch")
        if curves.notna().any(axis=None):
            plot_band(ax, str(strategy), curves, comparison.looks, band=band)
    for strategy, cells in frame[frame["status"] == "diverged"].groupby("axis"):
        ends = cells[np.isfinite(cells[column])].groupby("id")[["epoch", column]].last()
        ax.scatter(
            ends["epoch"],
            ends[column],
            s=34,
            marker="x",
            color=look_of(str(strategy), comparison.looks).colour,
            zorder=4,
        )
    ax.set_xlabel("epoch")
    ax.set_ylabel(metric_label(column, quantity))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    keep_within(ax, quantity)
    dress(ax, "Learning curves", subtitle_of(comparison, f"line: median, band: middle {100 * band:g} % of seeds"))
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    else:
        say_empty(ax, "no epoch was finished")
    return ax


def _column(comparison: Comparison, metric: str | None) -> tuple[str, Quantity]:
    _, quantity = comparison.metric("loss" if metric in ("train_loss", "validation_loss") else metric)
    if metric in comparison.history:
        return str(metric), quantity
    return f"validation_{quantity.name}", quantity
