"""Paired differences from a baseline, with their intervals: a forest plot."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from harness.figures.canvas import FAINT, INK, ROWS_WRAP, axes_of, dress, rows_height, say_empty, strategy_rows
from harness.figures.palette import look_of
from harness.tables import label_of


def plot_paired_differences(pairs: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """One row a strategy: its mean difference from the baseline over shared seeds, with the 95 % t interval.

    An interval that reaches over 0 does not tell the two apart; one that does not still needs the verdict, which is
    written at the right and looks at how often the strategy wins and at how many were compared.

    Args:
        pairs: `statistics.compare_pairs`'s table.
        ax: where to draw; `None` makes a figure.

    Returns:
        The axes drawn on.
    """
    measure, baseline = pairs.attrs["measure"], str(pairs["baseline"].iloc[0]) if len(pairs) else ""
    table = pairs.sort_values("difference", ascending=measure["direction"] == "min", kind="stable", ignore_index=True)
    ax = axes_of(ax, height=rows_height(len(table)))
    ax.axvline(0, color=FAINT, linewidth=1)
    for row, (axis, mean, low, high) in enumerate(_values(table, "difference", "low", "high")):
        look = look_of(axis)
        ax.plot([low, high], [row, row], color=look.colour, linewidth=2.4, solid_capstyle="butt")
        ax.plot([mean], [row], look.marker, color=look.colour, markersize=8, markeredgecolor="white")
    for row, one in enumerate(table.to_dict("records")):
        said = f"{one['verdict']}, wins {100 * one['p_better']:.0f} %" if one["seeds"] else "no seed in common"
        ax.annotate(
            said,
            (1.01, row),
            xycoords=("axes fraction", "data"),
            fontsize=8.5,
            va="center",
            color=INK if one["verdict"] != "not told apart" else FAINT,
            annotation_clip=False,
        )
    strategy_rows(ax, table["axis"].tolist())
    if not table["difference"].notna().any():
        say_empty(ax, "no seed was finished by the baseline and another strategy")
    unit = f" ({measure['unit']})" if measure["unit"] else ""
    side = "right" if measure["direction"] == "max" else "left"
    metric = label_of(pairs.attrs["metric"])
    ax.set_xlabel(f"{metric} minus that of {baseline}{unit}\n{side} of 0: better than {baseline}")
    counts = sorted(set(table["pairs"]))
    span = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0] if counts else 0}"
    interval = f"{100 * pairs.attrs['confidence']:g} % t intervals"
    dress(
        ax, f"Paired differences from {baseline}", f"{pairs.attrs['title']} · {span} pairs · {interval}", wrap=ROWS_WRAP
    )
    ax.grid(visible=False, axis="y")
    return ax


def _values(table: pd.DataFrame, *columns: str) -> list[tuple[str, float, float, float]]:
    numbers = table[list(columns)].to_numpy(np.float64)
    return [(str(axis), *map(float, row)) for axis, row in zip(table["axis"], numbers, strict=True)]  # type: ignore[misc]
