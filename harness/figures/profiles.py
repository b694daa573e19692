"""Performance profiles: how large a share of a strategy's cells is better than what."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from harness.figures.canvas import FAINT, INK, axes_of, broken, dress
from harness.figures.palette import look_of


def plot_profiles(profiles: pd.DataFrame, subtitle: str, ax: Axes | None = None) -> Axes:
    """A curve a strategy: the share of its cells (all tasks and seeds) whose score exceeds each threshold.

    A curve that lies above another everywhere is better at every level; where curves cross, one strategy is safer and
    the other has the better best cells. Bands are pointwise 95 % intervals of the stratified bootstrap.

    Args:
        profiles: `statistics.performance_profiles`'s table.
        subtitle: what the scores are of.
        ax: where to draw; `None` makes a figure.

    Returns:
        The axes drawn on.
    """
    ax = axes_of(ax)
    ax.axvline(0, color=FAINT, linewidth=0.8)
    draw_profiles(ax, profiles)
    ax.set_xlabel("score: share of the baseline's error removed")
    ax.set_ylabel("share of cells with a higher score")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    dress(ax, "Performance profiles", subtitle)
    return ax


def draw_profiles(ax: Axes, profiles: pd.DataFrame) -> None:
    """A step curve a strategy: `share` over `threshold`, with its band from `low` to `high`."""
    for axis, rows in profiles.groupby("axis", sort=True):
        look, thresholds = look_of(str(axis)), rows["threshold"]
        ax.fill_between(thresholds, rows["low"], rows["high"], color=look.colour, alpha=0.13, linewidth=0, step="post")
        ax.step(
            thresholds,
            rows["share"],
            where="post",
            color=look.colour,
            linestyle=look.dashes,
            linewidth=1.7,
            label=broken(str(axis)),
        )
    ax.set_ylim(-0.02, 1.02)
