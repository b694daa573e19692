"""How soon strategies reach a target: by epoch in one comparison, and over tasks against the soonest of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from harness.figures.canvas import INK, axes_of, broken, dress
from harness.figures.palette import look_of
from harness.figures.profiles import draw_profiles
from harness.tables import label_of
from harness.tables.times import said_target


def plot_time_to_target(times: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """A curve a strategy: the share of all its cells that have reached the target by each epoch.

    Cells that never reach it, diverge or fail stay among them, so that a curve need not come up to 1.

    Args:
        times: `statistics.times_to_target`'s table.
        ax: where to draw; `None` makes a figure.

    Returns:
        The axes drawn on.
    """
    ax = axes_of(ax)
    finite = times.loc[np.isfinite(times["epochs"]), "epochs"]
    last = float(finite.max()) + 0.5 if len(finite) else 1.0
    for axis, cells in times.groupby("axis", sort=True):
        look, epochs = look_of(str(axis)), np.sort(cells["epochs"].to_numpy(np.float64))
        reached = np.unique(epochs[np.isfinite(epochs)])
        shares = np.searchsorted(epochs, reached, side="right") / len(epochs)
        ax.step(
            [0, *reached, last],
            [0, *shares, shares[-1] if len(shares) else 0],
            where="post",
            color=look.colour,
            linestyle=look.dashes,
            linewidth=1.8,
            marker=look.marker,
            markevery=slice(1, -1),
            markersize=4,
            label=broken(str(axis)),
        )
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlim(0, last)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("epoch")
    ax.set_ylabel("share of cells at the target")
    target = f"target: {label_of(times.attrs['metric'])} {said_target(times)}"
    dress(ax, "Time to target", f"{times.attrs['title']} · {target}")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    return ax


def plot_time_profiles(profiles: pd.DataFrame, subtitle: str, ax: Axes | None = None) -> Axes:
    """A curve a strategy: the share of its cells that reach the target within a multiple of the soonest's epochs.

    Dolan & Moré's (2002) performance profile; bands are pointwise 95 % intervals of the stratified bootstrap.

    Args:
        profiles: `statistics.time_profiles`'s table.
        subtitle: what the times are of.
        ax: where to draw; `None` makes a figure.

    Returns:
        The axes drawn on.
    """
    ax = axes_of(ax)
    draw_profiles(ax, profiles)
    ax.set_xscale("log")
    ax.set_xlim(1, None)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.set_minor_locator(MaxNLocator(nbins=1))
    ax.set_xlabel("epochs to the target, over the soonest strategy's of the same task and seed")
    ax.set_ylabel("share of cells within it")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    dress(ax, "Performance profiles: time to target", subtitle)
    return ax
