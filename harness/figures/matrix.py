"""Every strategy against every other: how often the one is better, and whether the two are told apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from harness.figures.canvas import FAINT, GRID, INK, axes_of, broken, dress
from harness.figures.heat import ON_DARK, ON_LIGHT
from harness.statistics.paired import UNTOLD
from harness.tables import MISSING, number
from harness.tables.matrix import matrix_of


def plot_all_pairs(pairs: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """P(row better than column) over shared seeds; coloured where the two are told apart, blue where the row wins.

    Args:
        pairs: `statistics.compare_all_pairs`'s table.
        ax: where to draw; `None` makes a figure.

    Returns:
        The axes drawn on.
    """
    matrix = matrix_of(pairs)
    names, size = matrix.strategies, len(matrix.strategies)
    ax = axes_of(ax, width=3.4 + 0.72 * size, height=2.7 + 0.44 * size)
    told = np.where(matrix.verdicts == UNTOLD, np.nan, matrix.p_better)
    ax.pcolormesh(np.arange(size + 1) - 0.5, np.arange(size + 1) - 0.5, told, cmap="RdBu", vmin=-0.2, vmax=1.2)
    for (row, column), p in np.ndenumerate(matrix.p_better):
        if row == column:
            continue
        text = number(p, 2)
        colour = FAINT if text == MISSING else INK
        if np.isfinite(told[row, column]):
            colour = ON_DARK if abs(p - 0.5) > 0.4 else ON_LIGHT
        weight: Any = "bold" if np.isfinite(told[row, column]) else "normal"
        ax.text(column, row, text, ha="center", va="center", fontsize=9, color=colour, fontweight=weight)
    _dress(ax, names)
    notes = f"{pairs.attrs['title']} · coloured: told apart, after Holm's correction for {len(pairs)} pairs"
    dress(ax, "How often the row is better than the column", notes, wrap=max(52, 12 * size))
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return ax


def _dress(ax: Axes, names: list[str]) -> None:
    """Names at the rows and columns, and lines between the cells."""
    size = len(names)
    ax.set_xlim(-0.5, size - 0.5)
    ax.set_ylim(size - 0.5, -0.5)
    ax.set_xticks(range(size), [broken(name, 18) for name in names], rotation=35, ha="right")
    ax.set_yticks(range(size), [broken(name, 24) for name in names])
    for edge in np.arange(size + 1) - 0.5:
        ax.axhline(edge, color=GRID, linewidth=0.7)
        ax.axvline(edge, color=GRID, linewidth=0.7)
    ax.tick_params(length=0)
