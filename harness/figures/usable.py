"""Which learning rates a strategy stands: a row a strategy, a block a rate."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from harness.figures.canvas import FAINT, GRID, INK, ROWS_WRAP, axes_of, dress, rows_height, strategy_rows
from harness.figures.palette import look_of
from harness.statistics.by_value import divergence_by_value
from harness.statistics.dials import Dial
from harness.statistics.own_best import choose_values
from harness.statistics.usable import TOLERANCE, aggregate_usable, share_usable, validation_metric
from harness.tables import label_of, number


def plot_usable_rates(
    dial: Dial, metric: str | None = None, ax: Axes | None = None, *, tolerance: float = TOLERANCE
) -> Axes:
    """A row a strategy, the widest range at the top, and a block a rate, as full as the share of seeds it is usable at.

    A rate is usable where the metric on validation data comes within `tolerance` of that strategy's own best at that
    seed. A diamond marks the rate that suits the strategy best over all seeds; × and a count are cells that diverged.

    Args:
        dial: the learning rates.
        metric: a metric on the validation examples; `None` is the task's main one.
        ax: where to draw; `None` makes a figure.
        tolerance: a share of the best value's size.

    Returns:
        The axes drawn on.
    """
    column, _ = validation_metric(dial, metric)
    table = aggregate_usable(dial, metric, tolerance=tolerance)
    shares = share_usable(dial, metric, tolerance=tolerance)
    best = choose_values(dial, metric).set_index("axis")["place"]
    lost = divergence_by_value(dial).pivot(index="axis", columns="place", values="diverged")
    strategies = table["axis"].tolist()
    ax = axes_of(ax, height=rows_height(len(strategies)))
    for row, strategy in enumerate(strategies):
        for place, share in enumerate(shares.loc[strategy].to_numpy(np.float64)):
            _draw_block(ax, place, row, share, look_of(strategy).colour)
            diverged = lost.loc[strategy].get(place, np.nan)
            if diverged > 0:
                ax.text(place, row, f"× {diverged:.0f}", ha="center", va="center", fontsize=8.5, color=INK)
        if best[strategy] >= 0:
            ax.plot([best[strategy]], [row + 0.3], "D", color=INK, markersize=5, markeredgecolor="white", zorder=4)
        one = table.iloc[row]
        ends = f" [{number(one['low'], 1)}, {number(one['high'], 1)}]" if one["n"] > 1 else ""
        ax.annotate(
            f"{number(one['decades'], 1)}{ends} decades",
            (1.01, row),
            xycoords=("axes fraction", "data"),
            fontsize=8.5,
            va="center",
            color=INK,
            annotation_clip=False,
        )
    strategy_rows(ax, strategies)
    ax.set_xlim(-0.55, len(dial.values) - 0.45)
    ax.set_xticks(range(len(dial.values)), dial.labels)
    ax.set_xlabel(dial.label)
    notes = (
        f"usable: {label_of(column)} within {100 * tolerance:g} % of the strategy's own best",
        "fuller: at more seeds",
        "◆ best over all seeds",
        "× diverged",
        f"at the right: decades of {number(table.attrs['span'], 1)}, mean [95 % t interval]",
    )
    dress(ax, "Usable learning rates", " · ".join([dial.whole.title, *notes]), wrap=ROWS_WRAP)
    ax.grid(visible=False)
    return ax


def _draw_block(ax: Axes, place: int, row: int, share: float, colour: str) -> None:
    """A frame, filled from its bottom by the share of seeds; a dash where no seed has all rates."""
    left, bottom, width, height = place - 0.46, row + 0.36, 0.92, 0.72
    ax.add_patch(Rectangle((left, bottom - height), width, height, facecolor="none", edgecolor=GRID, linewidth=0.9))
    if not np.isfinite(share):
        ax.text(place, row, "–", ha="center", va="center", color=FAINT)
        return
    ax.add_patch(
        Rectangle((left, bottom - height * share), width, height * share, facecolor=colour, alpha=0.55, linewidth=0)
    )
