"""How does a metric depend on a setting, value by value?"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from harness.report.answer import Answer, Drawing, Shown, numbers_of
from harness.report.canvas import FAINT, GRID, axes_of, dress, in_unit, metric_label, say_empty, subtitle_of
from harness.report.dial_axis import draw_by_value, places_of, shifted
from harness.report.dial_sheet import wide_sheet
from harness.report.palette import look_of
from harness.report.scales import keep_ticks_within, room_beyond, scale_by_error, scale_by_size
from harness.report.sheet import ARROWS, MISSING, Sheet, label_of, number
from harness.report.text import Row, decimals, digits_of_widths, interval_text
from harness.statistics.by_value import aggregate_by_value, compare_by_value
from harness.statistics.caution import BASELINE, BETTER, EQUIVALENT, UNDECIDED, WORSE
from harness.statistics.dials import Dial
from harness.statistics.table import Table

_SIGNS = {BETTER: " >", WORSE: " <", EQUIVALENT: " =", UNDECIDED: ""}


def of_dial(dial: Dial, baseline: str) -> Iterator[Answer]:
    """Two answers: the metric by value, and where the baseline was run its differences from the others."""
    table = aggregate_by_value(dial)
    yield Answer(
        question=f"How does the metric depend on the {dial.label}?",
        table=Shown("by-value", f"By {dial.label}", by_value_sheet(dial, table), table.rows),
        figure=Drawing(
            "curves",
            f"Metric by {dial.label}",
            lambda: plot_dial(dial),
            lambda: numbers_of(dial.whole.cells, dial.name),
        ),
        reading=f"A flat line does not depend on the {dial.label}; a × is a cell that diverged.",
        caution="The line is the mean of the cells that survived, so read it together with how many did not.",
        place=0,
    )
    if len(dial.strategies) < 2 or not any(baseline in one.strategies for one in dial.members):
        return
    differences = compare_by_value(dial, baseline=baseline)
    heading = f"Differences from {baseline} by {dial.label}"
    yield Answer(
        question=f"How do the differences from {baseline} depend on the {dial.label}?",
        table=Shown("differences", heading, differences_sheet(dial, differences), differences.rows),
        figure=Drawing(
            "differences-by-value",
            heading,
            lambda: plot_dial_differences(dial, baseline=baseline),
            lambda: differences.rows,
        ),
        reading=f"Level lines: the difference does not depend on the {dial.label}. Where a bar reaches over 0, which "
        "of the two is better is open at that value.",
        caution="Only pairs that both finished are in it.",
        place=35,
    )


def by_value_sheet(dial: Dial, table: Table) -> Sheet:
    """`statistics.aggregate_by_value`'s table as strategies by values: means with their t intervals."""
    digits = decimals(table.rows)

    def text(row: Row) -> str:
        missing = f" ({row['n']}/{row['cells']})" if row["n"] < row["cells"] else ""
        return interval_text(row, "mean", "low", "high", digits) + missing

    confidence = f"{100 * table.confidence:g} %"
    caption = [
        f"Mean {label_of(table.metric)} {ARROWS[table.quantity.direction]} over seeds on these data [{confidence} t "
        f"interval], by {dial.label}; (n/m): only n of m cells have a value, and the mean is theirs alone.",
    ]
    return wide_sheet(dial, table.rows, text, f"{dial.title}: {label_of(table.metric)}", caption)


def differences_sheet(dial: Dial, table: Table) -> Sheet:
    """`statistics.compare_by_value`'s table as strategies by values: difference ± half its interval, verdict."""
    rows = table.rows
    digits = digits_of_widths(rows["high"] - rows["low"])
    baseline = str(rows["baseline"].iloc[0]) if len(rows) else MISSING

    def text(row: Row) -> str:
        half = (row["high"] - row["low"]) / 2
        spread = f" ± {number(half, digits)}" if math.isfinite(half) else ""
        return f"{number(row['difference'], digits, signed=True)}{spread}{_SIGNS[row['verdict']]}"

    metric = label_of(table.metric)
    caption = [
        f"{metric.capitalize()} minus that of {baseline} ± half the width of its 95 % t interval, paired by seed on "
        f"these data, by {dial.label}. > better than {baseline}, < worse, = equivalent within the margin "
        f"({_margins(rows)}): verdicts on the whole table at once, lost cells losing; without a sign: undecided.",
    ]
    return wide_sheet(dial, rows, text, f"{dial.title}: differences from {baseline}", caption)


def _margins(rows: pd.DataFrame) -> str:
    """`0.01`, or the least and the most of several."""
    low, high = rows["margin"].min(), rows["margin"].max()
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"


def plot_dial(dial: Dial, metric: str | None = None, ax: Axes | None = None) -> Axes:
    """A line a strategy: the mean over seeds at each value, with its t interval; every diverged cell is a ×.

    A line breaks where no seed survived. A strategy that is good at one value only is sensitive to it; one whose line
    is flat is not.
    """
    column, quantity = dial.whole.metric(metric)
    table = aggregate_by_value(dial, metric).rows.rename(columns={"mean": "estimate"})
    ax = axes_of(ax)
    draw_by_value(ax, dial, table)
    scale = scale_by_error(ax, quantity, table["estimate"])
    lost = _plot_diverged(ax, dial, below=quantity.direction == "max")
    ax.set_ylabel(metric_label(column, quantity))
    note = f"× {lost} diverged" if lost else "none diverged"
    parts = ("mean of what survived, bar: 95 % t interval", note)
    dress(ax, dial.label.capitalize(), subtitle_of(dial.whole, *parts, *filter(None, [scale])))
    return ax


def plot_dial_differences(
    dial: Dial, metric: str | None = None, ax: Axes | None = None, *, baseline: str = BASELINE
) -> Axes:
    """A line a strategy: its mean difference from the baseline at each value, paired by seed, with its t interval.

    Lines that run level differ from the baseline by the same at every value; where one crosses 0, which of the two is
    better depends on the setting.
    """
    column, quantity = dial.whole.metric(metric)
    table = compare_by_value(dial, metric, baseline=baseline).rows.rename(columns={"difference": "estimate"})
    ax = axes_of(ax)
    ax.axhline(0, color=FAINT, linewidth=1)
    draw_by_value(ax, dial, table)
    if table.empty:
        say_empty(ax, "only one strategy was run")
    scale = scale_by_size(ax, [table["estimate"], table["low"], table["high"]], _unit_of(table))
    side = "above" if quantity.direction == "max" else "below"
    ax.set_ylabel(f"{label_of(column)} minus that of {baseline}{in_unit(quantity)}\n{side} 0: better than {baseline}")
    notes = ("paired by seed, over pairs that both finished", "bar: 95 % t interval")
    said = subtitle_of(dial.whole, *notes, *filter(None, [scale]))
    dress(ax, f"Differences from {baseline} by {dial.label}", said)
    return ax


def _unit_of(table: pd.DataFrame) -> float:
    """The least margin of the table: what lies within it does not matter."""
    return float(table["margin"].min()) if len(table) else math.nan


def _plot_diverged(ax: Axes, dial: Dial, *, below: bool) -> int:
    """A × for each diverged cell, stacked by strategy at the worse end; how many there are."""
    cells = dial.whole.cells.assign(_place=dial.places)
    diverged = cells[cells["status"] == "diverged"]
    if diverged.empty:
        return 0
    strategies = dial.strategies
    keep_ticks_within(ax, *sorted(ax.get_ylim()))
    bottom, top = room_beyond(ax, 0.035 * len(strategies) + 0.04, below=below)
    ax.axhspan(bottom, top, color=GRID, alpha=0.85, linewidth=0, zorder=2.5)  # over intervals that reach in
    scale = ax.yaxis.get_transform()
    ends = scale.transform(np.array([top, bottom]))
    steps = scale.inverted().transform(np.linspace(float(ends[0]), float(ends[1]), len(strategies) + 2)[1:-1])
    middle = float(scale.inverted().transform(np.array([ends.mean()]))[0])
    seeds = np.unique(cells["seed"])
    for strategy, height in zip(strategies, steps, strict=True):
        rows = diverged[diverged["axis"] == strategy]
        # Seeds stand side by side around their value, within half the way to the next one.
        sides = np.interp(rows["seed"], seeds, np.linspace(-0.3, 0.3, len(seeds)) if len(seeds) > 1 else [0.0])
        places = [
            float(shifted(dial, places_of(dial)[[place]], side)[0])
            for place, side in zip(rows["_place"], np.atleast_1d(sides), strict=True)
        ]
        ax.scatter(
            places,
            np.full(len(rows), height),
            s=20,
            marker="x",
            color=look_of(strategy, dial.whole.looks).colour,
            linewidth=1.3,
            zorder=3,
        )
    ax.annotate(
        "diverged",
        (0.005, middle),
        xycoords=("axes fraction", "data"),
        fontsize=8,
        color=FAINT,
        va="center",
    )
    return len(diverged)
