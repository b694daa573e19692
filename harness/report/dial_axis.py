"""Curves over the values of a dial, a line a strategy: what the figures of dials share."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from harness.report.canvas import INK
from harness.report.marks import drawn_for, say_of_each
from harness.report.palette import look_of
from harness.statistics.dials import Dial
from harness.words import broken

# Strategies stand side by side at a value, over this share of the way to the next one.
_SIDE_BY_SIDE = 0.3


def places_of(dial: Dial) -> NDArray[np.float64]:
    """Where the dial's values lie on the axis `(value,)`: at themselves, or evenly where that shows nothing."""
    return np.arange(len(dial.values), dtype=np.float64) if dial.scale == "even" else np.array(dial.values, np.float64)


def shifted(dial: Dial, places: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """`places` moved by a share of the way to the next value, on whichever scale the axis has."""
    if dial.scale == "log":
        return np.asarray(places * float(np.min(places_of(dial)[1:] / places_of(dial)[:-1])) ** share)
    return np.asarray(places + share * float(np.diff(places_of(dial)).min()))


def draw_by_value(ax: Axes, dial: Dial, table: pd.DataFrame, *, legend: bool = True) -> None:
    """A line a strategy through its estimates, broken where there is none, and their intervals side by side.

    Args:
        ax: where to draw.
        dial: whose values the axis has.
        table: columns `axis`, `place` (of the value), `estimate`, `low`, `high`.
        legend: whether to name the strategies beside the axes.
    """
    strategies = sorted(table["axis"].unique())
    for number, strategy in enumerate(strategies):
        look, rows = look_of(strategy, dial.whole.looks), table[table["axis"] == strategy].set_index("place")
        rows = rows.reindex(range(len(dial.values)))
        share = _SIDE_BY_SIDE * ((number + 0.5) / len(strategies) - 0.5)
        places = shifted(dial, places_of(dial), share)
        with drawn_for(ax, strategy):
            ax.vlines(places, rows["low"], rows["high"], color=look.colour, linewidth=1.3, alpha=0.65)
            (line,) = ax.plot(
                places,
                rows["estimate"],
                color=look.colour,
                linestyle=look.dashes if dial.is_number else "none",  # between False and True lies nothing
                marker=look.marker,
                markersize=5,
                linewidth=1.5,
                label=broken(strategy),
            )
            words = [
                f"{strategy} at {at}: {value:.4g}" for at, value in zip(dial.labels, rows["estimate"], strict=True)
            ]
            say_of_each(line, words, rows["estimate"])
    dial_axis(ax, dial)
    if legend:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)


def dial_axis(ax: Axes, dial: Dial) -> None:
    """The horizontal axis: the dial's scale and name, a tick at each value and nowhere else."""
    if dial.scale == "log":
        ax.set_xscale("log")
    ax.set_xticks(places_of(dial), dial.labels)
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.minorticks_off()
    ax.set_xlabel(f"{dial.label}{' (not to scale)' if dial.scale == 'even' and dial.is_number else ''}")
