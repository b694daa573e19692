"""Where was training rough: spikes of the loss, and cells that diverged?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from harness.cell.health import SPIKE_DEVIATIONS, SPIKE_WINDOW
from harness.report.answer import TRAINING, Answer, Drawing, numbers_of
from harness.report.canvas import (
    FAINT,
    ROWS_WRAP,
    axes_of,
    dress,
    rows_height,
    seed_offsets,
    strategy_rows,
    subtitle_of,
)
from harness.report.palette import look_of
from harness.statistics.comparison import Comparison

SPIKES = "loss_spikes"
_MOST_LINEAR = 20  # spikes; with more, the scale is logarithmic from 1 on


def of_comparison(comparison: Comparison, baseline: str) -> Iterator[Answer]:
    """One answer, whoever the baseline is; none where no cell diverged and no loss jumped."""
    if not has_trouble(comparison):
        return
    cells = comparison.cells
    yield Answer(
        question="Where was training rough?",
        figure=Drawing(
            "loss-spikes",
            "Loss spikes and divergence",
            lambda: plot_spikes(comparison),
            lambda: numbers_of(cells, *([SPIKES] if SPIKES in cells else [])),
        ),
        reading="Further left is smoother; a × is a cell that diverged, at the spikes that it had until then. Each "
        "step counts, so that one jump that lasts is several spikes.",
        group=TRAINING,
        place=40,
    )


def has_trouble(comparison: Comparison) -> bool:
    """Whether any cell diverged, or its loss jumped."""
    frame = comparison.cells
    return bool((frame["status"] == "diverged").any() or (SPIKES in frame and (frame[SPIKES] > 0).any()))


def plot_spikes(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """A row a strategy, a mark a seed: steps whose loss jumped; × is a cell that diverged, at the spikes it had.

    A spike is a step whose training loss exceeds the median of the 50 steps before by 5 robust deviations
    (`measures.loss_spikes`). The strategy with the fewest diverged cells, then with the fewest spikes, is at the top.
    """
    frame = comparison.cells
    frame = frame.assign(spikes=frame.get(SPIKES, np.nan), lost=frame["status"] == "diverged")
    totals = frame.groupby("axis")[["lost", "spikes"]].mean()
    strategies = totals.sort_values(["lost", "spikes"], kind="stable").index.tolist()
    ax = axes_of(ax, height=rows_height(len(strategies)))
    for row, strategy in enumerate(strategies):
        look, rows = look_of(strategy, comparison.looks), frame[frame["axis"] == strategy]
        heights = row + seed_offsets(rows["seed"], frame["seed"])
        lost = rows["lost"].to_numpy()
        # A cell that diverged before anything was measured had no step to count.
        counts = rows["spikes"].fillna(rows["lost"].map({True: 0.0, False: np.nan})).to_numpy(np.float64)
        ax.scatter(counts[~lost], heights[~lost], s=24, marker=look.marker, color=look.colour, alpha=0.65, linewidth=0)
        ax.scatter(counts[lost], heights[lost], s=30, marker="x", color=look.colour, linewidth=1.6)
        said = f"{int((counts > 0).sum())} of {len(rows)} with spikes, {int(lost.sum())} diverged"
        place: dict[str, Any] = {
            "xycoords": ("axes fraction", "data"),
            "fontsize": 8.5,
            "va": "center",
            "annotation_clip": False,
        }
        ax.annotate(said, (1.03, row), color=FAINT, **place)
    strategy_rows(ax, strategies)
    if frame["spikes"].max() > _MOST_LINEAR:
        ax.set_xscale("symlog", linthresh=1, linscale=0.4)
        ax.xaxis.set_major_formatter(ScalarFormatter())
    else:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, steps=[1, 2, 5, 10]))
    ax.set_xlim(left=-0.25)
    ax.set_xlabel(
        f"steps whose loss exceeds the median of the {SPIKE_WINDOW} before\nby {SPIKE_DEVIATIONS:g} robust deviations"
    )
    notes = ("one mark a seed", "×: diverged")
    dress(ax, "Loss spikes and divergence", subtitle_of(comparison, *notes), grid="x", wrap=ROWS_WRAP)
    return ax
