"""Performance profiles: curves of how large a share of a strategy's cells comes within a threshold."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from harness.report.palette import Looks, look_of
from harness.words import broken


def draw_profiles(ax: Axes, profiles: pd.DataFrame, looks: Looks) -> None:
    """A step curve a strategy: `share` over `threshold`, with its band from `low` to `high`."""
    for strategy, rows in profiles.groupby("axis", sort=True):
        look, thresholds = look_of(str(strategy), looks), rows["threshold"]
        ax.fill_between(thresholds, rows["low"], rows["high"], color=look.colour, alpha=0.13, linewidth=0, step="post")
        ax.step(
            thresholds,
            rows["share"],
            where="post",
            color=look.colour,
            linestyle=look.dashes,
            linewidth=1.7,
            label=broken(str(strategy)),
        )
    ax.set_ylim(-0.02, 1.02)
