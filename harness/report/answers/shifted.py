"""How do trained models stand examples unlike those that they were trained on?"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from harness.records.frames import IDENTIFYING
from harness.report.answer import SHIFTS, Answer, Drawing
from harness.report.canvas import (
    INK,
    axes_of,
    dress,
    fill_legend,
    metric_label,
    rows_height,
    say_empty,
    seed_offsets,
    strategy_rows,
    subtitle_of,
)
from harness.report.palette import look_of
from harness.report.sheet import label_of
from harness.statistics.comparison import Comparison
from harness.statistics.summary import aggregate_comparison, mean_interval
from harness.types import UserError
from harness.words import broken, choose_from

# Other inference statistics of the same examples; plot_inference_gap draws them.
_NO_SHIFTS = ("precise", "batch")


def of_comparison(comparison: Comparison, baseline: str, shift: str | None = None) -> Iterator[Answer]:
    """One answer a shift that the trained models were run under, or of `shift` alone, whoever the baseline is."""
    found = shifts_of(comparison).items()
    return (_answer(comparison, name, columns) for name, columns in found if shift in (None, name))


def _answer(comparison: Comparison, shift: str, columns: Sequence[str]) -> Answer:
    column, _ = comparison.metric()
    shown = [*IDENTIFYING, "data_source", column, *columns, "refusals", "stale", "id"]
    title = label_of(shift).capitalize()
    meaning = declared_of(comparison, shift).get("meaning") or "The task's own shift of its test examples."
    return Answer(
        question=title,
        figure=Drawing(
            f"shift-{shift.replace('_', '-')}",
            title,
            lambda: plot_shift(comparison, shift=shift),
            lambda: comparison.cells[shown],
        ),
        reading=f"{meaning} {_reading(comparison, shift, columns)}",
        group=SHIFTS,
    )


def _reading(comparison: Comparison, shift: str, columns: Sequence[str]) -> str:
    if len(columns) > 1:
        return "A line that stays level does not mind; at 0 the examples are as they are."
    said = "A short line does not mind; hollow is without the shift, filled with it."
    refused = " Refused: the trained model cannot be run so at all." if refusals_of(comparison, shift) else ""
    return said + refused


def declared_of(comparison: Comparison, shift: str) -> Mapping[str, str]:
    """What the task declares of a shift, of one of its sizes where it has several."""
    declared = comparison.source.shifts
    return next((one for name, one in declared.items() if re.sub(r"_\d+$", "", name) == shift or name == shift), {})


def shifts_of(comparison: Comparison, metric: str | None = None) -> dict[str, list[str]]:
    """What `plot_shift` can draw of `metric`: shift -> its columns, in the order of the frame.

    Shifts of several sizes are one: `moved` has the columns `test_accuracy_moved_1`, `test_accuracy_moved_2`, ...
    Columns without any value or refusal are left out: shifts of other tasks.
    """
    frame = comparison.cells
    column, quantity = comparison.metric(metric)
    ends = [str(name).removeprefix(f"{column}_") for name in frame.columns if str(name).startswith(f"{column}_")]
    # `test_rmse_log` begins as `test_rmse_moved_1` does, and is another metric.
    ends = [
        end
        for end in ends
        if end not in _NO_SHIFTS
        and comparison.metric(f"{column}_{end}")[1].name == quantity.name
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
        str(strategy): line.removeprefix(f"{shift}: ")
        for strategy, lines in zip(frame["axis"], frame["refusals"], strict=True)
        for line in str(lines).splitlines()
        if line.startswith(f"{shift}: ")
    }
    return dict(sorted(said.items()))


def plot_shift(
    comparison: Comparison, metric: str | None = None, ax: Axes | None = None, *, shift: str | None = None
) -> Axes:
    """The metric of the trained model under a shift, by strategy.

    A shift of several sizes is a line a strategy: the mean over seeds at each size, 0 being the examples as they are,
    with one mark a seed. Any other is a row a strategy: each seed goes from the examples as they are (hollow) to the
    shifted ones (filled), the strategy that stands the shift best at the top; one that refuses it says why.

    Args:
        comparison: the cells, run with `probe.shifts=true`.
        shift: one of `shifts_of`; `None` is the first of them.

    Raises:
        UserError: the cells were run under no such shift.
    """
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
    column, quantity = comparison.metric(metric)
    sizes = [0, *(int(name.rpartition("_")[2]) for name in columns)]
    ok = comparison.cells[comparison.cells["status"] == "ok"]
    refused = {strategy for name in columns for strategy in refusals_of(comparison, name.removeprefix(f"{column}_"))}
    ax = axes_of(ax)
    for strategy in aggregate_comparison(comparison, metric).rows["axis"]:
        look, rows = look_of(strategy, comparison.looks), ok[ok["axis"] == strategy]
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
    unit = declared_of(comparison, shift).get("unit")
    ax.set_xlabel(f"{label_of(shift)}{f' ({unit})' if unit else ''}; 0: as they are")
    ax.set_ylabel(metric_label(column, quantity))
    dress(ax, f"Under a shift: {label_of(shift)}", subtitle_of(comparison, "line: mean over seeds"))
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    return ax


def _plot_pairs(comparison: Comparison, metric: str | None, ax: Axes | None, shift: str, shifted: str) -> Axes:
    column, quantity = comparison.metric(metric)
    # By what they reach under the shift; those without a value last.
    strategies = aggregate_comparison(comparison, shifted).rows["axis"].tolist()
    ok = comparison.cells[comparison.cells["status"] == "ok"]
    refused = refusals_of(comparison, shifted.removeprefix(f"{column}_"))
    ax = axes_of(ax, height=rows_height(len(strategies)))
    for row, strategy in enumerate(strategies):
        look, rows = look_of(strategy, comparison.looks), ok[ok["axis"] == strategy]
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
        heights = row + seed_offsets(rows["seed"], comparison.cells["seed"])
        ax.hlines(heights, rows[column], rows[shifted], color=look.colour, linewidth=1, alpha=0.6)
        ax.scatter(rows[column], heights, s=20, marker=look.marker, facecolor="white", edgecolor=look.colour, lw=0.9)
        ax.scatter(rows[shifted], heights, s=20, marker=look.marker, color=look.colour, linewidth=0)
    strategy_rows(ax, strategies)
    ax.set_xlabel(metric_label(column, quantity))
    dress(ax, f"Under a shift: {label_of(shift)}", subtitle_of(comparison, "a line a seed"), grid="x")
    fill_legend(ax, filled="under the shift", hollow="without")
    return ax
