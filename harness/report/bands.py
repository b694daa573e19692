"""Many seeds as one line: the median by epoch or step, in a band over the seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from harness.report.marks import drawn_for
from harness.report.palette import Looks, look_of
from harness.words import broken

BAND = 0.9  # share of the seeds that a band holds, unless said


def curves_of(rows: pd.DataFrame, column: str, *, by: str) -> pd.DataFrame:
    """One strategy's curves `(by, cell)`, missing where not finite."""
    return rows.set_index([by, "id"])[column].unstack("id").replace([np.inf, -np.inf], np.nan)


def plot_band(ax: Axes, strategy: str, curves: pd.DataFrame, looks: Looks, *, band: float = BAND, **line: Any) -> None:
    """The median over cells of `curves` `(place, cell)`, in a band that holds the middle `band` of the cells (0: none).

    `looks` are those that strategies declare; `line` is handed to matplotlib and changes what they say.
    """
    look = look_of(strategy, looks)
    low, median, high = (curves.quantile(q, axis=1) for q in ((1 - band) / 2, 0.5, (1 + band) / 2))
    style: dict[str, Any] = {
        "color": look.colour,
        "linestyle": look.dashes,
        "linewidth": 1.8,
        "marker": look.marker if len(curves) <= 20 else None,
        "markersize": 4,
        "label": broken(strategy),
    }
    with drawn_for(ax, strategy):
        if band and len(curves) == 1:  # a band over a single place has no area
            ax.vlines(curves.index, low, high, color=look.colour, alpha=0.4, linewidth=2.4)
        elif band:
            ax.fill_between(curves.index, low, high, color=look.colour, alpha=0.16, linewidth=0)
        ax.plot(curves.index, median, **(style | line))
