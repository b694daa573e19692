"""How the trained model's metric changes under the shifts that it was run under: moved images, drifting sensors, ..."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from harness.figures.canvas import (
    INK,
    axes_of,
    broken,
    dress,
    metric_label,
    rows_height,
    say_empty,
    seed_offsets,
    strategy_rows,
    subtitle_of,
)
from harness.figures.palette import look_of
from harness.records.frames import measure_of
from harness.statistics.comparison import Comparison, the_comparison
from harness.statistics.summary import aggregate_comparison, mean_interval
from harness.tables import label_of
from harness.types import UserError
from harness.words import choose_from

# Other inference statistics of the same examples; plot_inference_gap draws them.
_NO_SHIFTS = ("precise", "batch")


def shifts_of(cells: pd.DataFrame | Comparison, metric: str | None = None) -> dict[str, list[str]]:
    """What `plot_shift` can draw of `metric`: shift -> its columns, in the order of the frame.

    Shifts of several sizes are one: `moved` has the columns `test_accuracy_moved_1`, `test_accuracy_moved_2`, ...
    Columns without any value or refusal are left out: shifts of other tasks.
    """
    comparison = cells if isinstance(cells, Comparison) else the_comparison(cells)
    frame = comparison.frame
    column, measure = comparison.measure(metric)
    ends = [str(name).removeprefix(f"{column}_") for name in frame.columns if str(name).startswith(f"{column}_")]
    # `test_rmse_log` begins as `test_rmse_moved_1` does, and is another metric.
    ends = [
        end
        for end in ends
        if end not in _NO_SHIFTS
        and measure_of(frame, comparison.task, f"{column}_{end}")[1]["name"] == measure["name"]
        and (frame[f"{column}_{end}"].notna().any() or refusals_of(comparison, end))
    ]
    sizes: dict[str, list[str]] = {}
    for end in ends:
        sizes.setdefault(re.sub(r"_\d+$", "", end), []).append(f"{column}_{end}")
    return {name if len(found) > 1 else found[0].removeprefix(f"{column}_"): found for name, found in sizes.items()}


def refusals_of(comparison: Comparison, shift: str) -> dict[str, str]:
    """Strategy -> why its trained models cannot be run under `shift`, of those that refuse it."""
    frame = comparison.cells
    if "refusals" not in frame:
        return {}
    said = {
        str(axis): line.removeprefix(f"{shift}: ")
        for axis, lines in zip(frame["axis"], frame["refusals"], strict=True)
        for line in str(lines).splitlines()
        if line.startswith(f"{shift}: ")
    }
    return dict(sorted(said.items()))


def plot_shift(
    cells: pd.DataFrame | Comparison, metric: str | None = None, ax: Axes | None = None, *, shift: str | None = None
) -> Axes:
    """The metric of the trained model under a shift, by strategy.

    A shift of several sizes is a line a strategy: the mean over seeds at each size, 0 being the examples as they are,
    with one mark a seed. Any other is a row a strategy: each seed goes from the examples as they are (hollow) to the
    shifted ones (filled), the strategy that stands the shift best at the top; one that refuses it says why.

    Args:
        cells: a `Comparison`, or a frame that holds one, of cells run with `probe.shifts=true`.
        metric: its column or name; `None` is the task's main metric on the test examples.
        ax: where to draw; `None` makes a figure.
        shift: one of `shifts_of`; `None` is the first of them.

    Returns:
        The axes drawn on.

    Raises:
        UserError: the cells were run under no such shift.
    """
    comparison = cells if isinstance(cells, Comparison) else the_comparison(cells)
    there_are = shifts_of(comparison, metric)
    if shift is None and not there_are:
        ax = axes_of(ax)
        say_empty(ax, "no cell was run under shifts (probe.shifts=true)")
        return ax
    chosen = next(iter(there_are)) if shift is None else shift
    if chosen not in there_are:
        raise UserError(f"shift: {choose_from(chosen, list(there_are))}")
    columns = there_are[chosen]
    if len(columns) > 1:
        return _plot_sizes(comparison, metric, ax, chosen, columns)
    return _plot_pairs(comparison, metric, ax, chosen, columns[0])


def _plot_sizes(
    comparison: Comparison, metric: str | None, ax: Axes | None, shift: str, columns: Sequence[str]
) -> Axes:
    column, measure = comparison.measure(metric)
    sizes = [0, *(int(name.rpartition("_")[2]) for name in columns)]
    ok = comparison.frame[comparison.frame["status"] == "ok"]
    refused = {axis for name in columns for axis in refusals_of(comparison, name.removeprefix(f"{column}_"))}
    ax = axes_of(ax)
    for strategy in aggregate_comparison(comparison, metric)["axis"]:
        look, rows = look_of(strategy), ok[ok["axis"] == strategy]
        values = rows[[column, *columns]].to_numpy(np.float64)
        places = np.broadcast_to(sizes, values.shape)
        ax.scatter(places, values, s=12, marker=look.marker, color=look.colour, alpha=0.3, linewidth=0)
        ax.plot(
            sizes,
            [mean_interval(one).estimate for one in values.T],
            color=look.colour,
            linestyle=look.dashes,
            marker=look.marker,
            markersize=5,
            linewidth=1.7,
            label=broken(f"{strategy} (refused)" if strategy in refused else strategy),
        )
    ax.set_xticks(sizes)
    unit = " (pixels)" if shift == "moved" else ""
    ax.set_xlabel(f"{label_of(shift)}{unit}; 0: as they are")
    ax.set_ylabel(metric_label(column, measure))
    dress(ax, f"Under a shift: {label_of(shift)}", subtitle_of(comparison, "line: mean over seeds"))
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    return ax


def _plot_pairs(comparison: Comparison, metric: str | None, ax: Axes | None, shift: str, shifted: str) -> Axes:
    column, measure = comparison.measure(metric)
    # By what they reach under the shift; those without a value last.
    strategies = aggregate_comparison(comparison, shifted)["axis"].tolist()
    ok = comparison.frame[comparison.frame["status"] == "ok"]
    refused = refusals_of(comparison, shifted.removeprefix(f"{column}_"))
    ax = axes_of(ax, height=rows_height(len(strategies)))
    for row, strategy in enumerate(strategies):
        look, rows = look_of(strategy), ok[ok["axis"] == strategy]
        rows = rows[np.isfinite(rows[shifted].to_numpy(np.float64))]
        if rows.empty:
            why = f"refused: {refused[strategy]}" if strategy in refused else "no value: not finite"
            ax.annotate(
                textwrap.fill(why, 60),
                (0.01, row),
                xycoords=("axes fraction", "data"),
                ha="left",
                va="center",
                fontsize=8.5,
                color=INK,
            )
            continue
        heights = row + seed_offsets(rows["seed"], comparison.frame["seed"])
        ax.hlines(heights, rows[column], rows[shifted], color=look.colour, linewidth=1, alpha=0.6)
        ax.scatter(rows[column], heights, s=20, marker=look.marker, facecolor="white", edgecolor=look.colour, lw=0.9)
        ax.scatter(rows[shifted], heights, s=20, marker=look.marker, color=look.colour, linewidth=0)
    strategy_rows(ax, strategies)
    ax.set_xlabel(metric_label(column, measure))
    notes = ("each seed from the examples as they are (hollow) to the shifted ones (filled)",)
    dress(ax, f"Under a shift: {label_of(shift)}", subtitle_of(comparison, *notes), grid="x")
    return ax
