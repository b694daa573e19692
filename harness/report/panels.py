"""Small multiples: panels side by side under one title, with one legend for all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from harness.report.canvas import FAINT, GRID, INK, wrapped

_WIDE_RANGE = 20  # largest over least value from which on a panel has a logarithmic scale


def panels_of(
    axes: Sequence[Axes] | None, count: int, title: str, subtitle: str, *, columns: int = 3, share_y: bool = False
) -> list[Axes]:
    """`axes`, or `count` panels of a new figure: `columns` a row, the title above, the subtitle below."""
    if axes is not None:
        return list(axes)
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(2.2 + 2.9 * columns, 1.0 + 2.3 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11.5, fontweight="bold", color=INK)
    lines = wrapped(subtitle, int(14 * figure.get_figwidth()))
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=9, color=FAINT)
    panels = figure.subplots(rows, columns, squeeze=False, sharey=share_y).ravel().tolist()
    for spare in panels[count:]:
        spare.remove()
    return panels[:count]


def dress_panel(ax: Axes, title: str, x_label: str = "") -> None:
    """A small title at the left, quiet spines, a grid behind the data."""
    ax.set_title(title, loc="left", fontsize=9.5, color=INK)
    ax.set_xlabel(x_label, fontsize=9, color=INK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(FAINT)
    ax.tick_params(colors=INK, labelsize=8.5)
    ax.grid(visible=True, color=GRID, linewidth=0.7)
    ax.set_axisbelow(True)


def scale_y(axes: Sequence[Axes], *, together: bool = False) -> None:
    """A logarithmic y axis for panels whose lines are positive and range over more than a factor of 20.

    With `together`, for all of them or none: panels that share their axis.
    """
    none: NDArray[np.float64] = np.empty(0)
    values = [np.concatenate([none, *(np.asarray(line.get_ydata(), np.float64) for line in ax.lines)]) for ax in axes]
    for ax, shown in zip(axes, [np.concatenate(values)] * len(axes) if together else values, strict=True):
        finite = shown[np.isfinite(shown)]
        if len(finite) and finite.min() > 0 and finite.max() > _WIDE_RANGE * finite.min():
            ax.set_yscale("log")
            ax.yaxis.set_minor_formatter(NullFormatter())  # a decade at least has a label anyway


def share_legend(axes: Sequence[Axes], *, colour: str | None = None) -> None:
    """One legend at the right of the figure for what is drawn in any of the panels.

    With `colour`, its lines have that one: where the panels' colours say something else.
    """
    figure = axes[0].figure
    entries: dict[str, Any] = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        entries |= {label: handle for handle, label in zip(handles, labels, strict=True) if label not in entries}
    if entries:
        look: dict[str, Any] = {"frameon": False, "fontsize": 9, "labelcolor": INK}
        legend = figure.legend(list(entries.values()), list(entries), loc="outside right upper", **look)
        if colour is not None:
            for line in legend.get_lines():
                line.set_color(colour)
