"""Where does the inference gap come from: moving averages that lag, or statistics that the batch makes?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from harness.report.answer import STABILITY, Answer, Drawing, Shown, numbers_of
from harness.report.canvas import (
    FAINT,
    INK,
    ROWS_WRAP,
    axes_of,
    dress,
    fill_legend,
    in_unit,
    rows_height,
    say_empty,
    seed_offsets,
    strategy_rows,
    subtitle_of,
)
from harness.report.dial_axis import draw_by_value
from harness.report.marks import drawn_for, say_of_each
from harness.report.palette import Look, look_of
from harness.report.sheet import MISSING, Column, Sheet, count, label_of, number
from harness.report.text import (
    Row,
    digits_of_intervals,
    digits_of_widths,
    interval_text,
    mark,
    name_all,
    p_value,
    row_of,
    rows_of,
    strategy_column,
    too_few,
)
from harness.statistics.by_value import gap_by_value
from harness.statistics.caution import BETTER, UNDECIDED, WORSE
from harness.statistics.comparison import Comparison
from harness.statistics.dials import Dial
from harness.statistics.gap import DEPENDENCE, LAG, aggregate_gap, compare_gap
from harness.statistics.own_best import own_best
from harness.statistics.summary import aggregate_comparison, mean_interval
from harness.statistics.table import Table

OTHERS = ("precise", "batch")
_TITLES = {
    LAG: ("Lag of the moving averages", "moving averages minus precise statistics"),
    DEPENDENCE: ("Dependence on the batch", "precise statistics minus the batch's"),
}


def of_comparison(comparison: Comparison, baseline: str, metric: str | None = None) -> Iterator[Answer]:
    """One answer: whose inference gap differs from the baseline's; none where no cell has other statistics."""
    column, _ = comparison.metric(metric)
    cells = comparison.cells
    others = [f"{column}_{kind}" for kind in OTHERS]
    if not any(other in cells and cells[other].notna().any() for other in others):
        return
    yield Answer(
        question="What do inference statistics cost?",
        sentence=gap_differences(compare_gap(comparison, metric, baseline=baseline, with_averages=True), baseline),
        figure=Drawing(
            "inference-gap",
            "Inference gap",
            lambda: plot_inference_gap(comparison, metric),
            lambda: numbers_of(comparison.cells),
        ),
        reading="At 0 it does not matter which statistics inference uses; away from 0 on the worse side, moving "
        "averages lose what the weights have learned.",
        group=STABILITY,
        place=60,
        leads=True,
    )


def gap_differences(table: Table, baseline: str) -> str:
    """Who loses more, or less, by moving averages than the baseline does: from `compare_gap`."""
    rows = table.rows
    if rows.empty:
        return ""
    metric = label_of(table.metric)
    if few := too_few(int(rows["pairs"].max())):
        return f"{few[0].upper()}{few[1:]} to tell what moving averages cost whom."
    digits = digits_of_intervals(rows)
    parts = []
    for verdict, word in ((WORSE, "more"), (BETTER, "less")):
        told = [
            f"{mark(row['axis'])} ({interval_text(row, 'difference', 'low', 'high', digits, signed=True)})"
            for row in rows_of(rows[rows["verdict"] == verdict])
        ]
        if told:
            parts.append(f"{word} than {mark(baseline)}: {', '.join(told)}")
    if not parts:
        return f"No strategy is told to lose more or less {metric} by its moving averages than {mark(baseline)} does."
    open_ = rows.loc[~rows["verdict"].isin((WORSE, BETTER)), "axis"].tolist()
    parts += [f"no difference from {mark(baseline)} is told for {name_all(open_)}"] if open_ else []
    return f"Moving averages, against precise statistics, cost {metric} {'; '.join(parts)}."


def of_dial(dial: Dial, baseline: str) -> Iterator[Answer]:
    """One answer, whoever the baseline is: the gap's parts by value and, of learning rates, at each one's own best."""
    parts = gap_by_value(dial)
    own = own_best(dial) if dial.is_learning_rate else None
    gap = aggregate_gap(own) if own is not None else None
    if gap is not None and gap.rows.empty:
        gap = None
    if gap is None and parts.rows.empty:
        return
    heading = "Parts of the inference gap, each at its own best rate"
    yield Answer(
        question="Where does the inference gap come from?",
        sentence=where_gap_comes_from(gap, f"Each at its own best {dial.label}") if gap is not None else "",
        table=Shown("gap", heading, gap_sheet(gap), gap.rows) if gap is not None else None,
        figure=Drawing(
            "gap-parts",
            "Where the inference gap comes from",
            lambda: plot_gap_parts(dial)[0],
            lambda: parts.rows,
            wide=True,
        )
        if len(parts.rows)
        else None,
        reading="The two panels add up to the gap between moving averages and batch statistics. On the left is what "
        "re-estimating the statistics undoes.",
        place=40,
    )


def where_gap_comes_from(table: Table, where: str) -> str:
    """What the inference gap is made of: from `aggregate_gap`; `where` says of which cells, as a sentence begins."""
    gap = table.rows
    if gap.empty:
        return "No cell was evaluated with other statistics than its moving averages."
    metric = label_of(table.metric)
    if few := too_few(int(gap["n"].max())):
        return (
            f"{where}, {few} to tell a part of the gap from 0; on average moving averages differ from precise "
            f"statistics by {_most(gap, 'lag')}, and these from the batch's by {_most(gap, 'dependence')}."
        )
    parts = [
        _parts(gap, "lag", WORSE, "moving averages cost {metric} against precise statistics", metric),
        _parts(gap, "lag", BETTER, "moving averages give better {metric} than precise statistics", metric),
        _parts(gap, "dependence", WORSE, "statistics of the batch give better {metric} than precise ones", metric),
        _parts(gap, "dependence", BETTER, "statistics of the batch cost {metric} against precise ones", metric),
    ]
    said = [part for part in parts if part]
    untold = [
        str(row["axis"])
        for row in gap.to_dict("records")
        if row["lag_verdict"] == UNDECIDED and row["dependence_verdict"] == UNDECIDED
    ]
    if not said:
        return f"{where}, neither part of the inference gap is told from 0 for any strategy."
    if untold:
        said.append(f"neither part is told from 0 for {name_all(untold)}")
    return f"{where}, {'; '.join(said)}."


def gap_sheet(table: Table) -> Sheet:
    """`statistics.aggregate_gap`'s table: where the inference gap comes from."""
    rows = table.rows
    digits = digits_of_widths(pd.concat([rows[f"{part}_high"] - rows[f"{part}_low"] for part in (LAG, DEPENDENCE)]))

    def part(name: str) -> Callable[[Row], str]:
        return lambda row: interval_text(row, name, f"{name}_low", f"{name}_high", digits, signed=True)

    columns = [
        strategy_column(),
        Column("seeds", lambda row: f"{row['n']}"),
        Column("gap", part("total"), rank=1),
        Column("lag", part("lag")),
        Column("p of lag", lambda row: p_value(row["lag_p"]), rank=2),
        Column("batch", part("dependence")),
        Column("p of batch", lambda row: p_value(row["dependence_p"]), rank=2),
        Column("m′", lambda row: count(row["samples_per_statistic"]), rank=3),
        Column("mean lag", lambda row: number(row["mean_lag"], 3), rank=4),
        Column("variance lag", lambda row: number(row["variance_lag"], 3), rank=5),
        Column("least variance", lambda row: _scientific(row["least_variance"]), rank=6),
    ]
    metric = label_of(table.metric)
    worse = "negative" if table.quantity.direction == "max" else "positive"
    caption = [
        f"gap: {metric} with moving averages minus with batch statistics, the sum of the two parts. lag: moving "
        "averages minus precise statistics, re-estimated on the training examples. batch: precise minus batch "
        f"statistics. {worse.capitalize()}: the first are worse. Means over seeds on these data [95 % t "
        "interval]; p: signs flipped, corrected over the table. m′: fewest samples behind one statistic; mean lag: "
        "distance of moving and precise means in standard deviations; variance lag: |log ratio| of the "
        "variances; each the median over seeds, at the worst site.",
    ]
    return Sheet(f"{table.of.title}: where the inference gap comes from", columns, rows_of(rows), caption)


def plot_inference_gap(comparison: Comparison, metric: str | None = None, ax: Axes | None = None) -> Axes:
    """Metric with moving averages minus metric with precise (filled) and with batch statistics (hollow), by strategy.

    One mark a seed; a bar is the 95 % t interval of the mean. At 0 it makes no difference which statistics are used;
    beyond 0 on the side marked worse, moving averages lose what the weights have learned (Wu & Johnson 2021).
    """
    column, quantity = comparison.metric(metric)
    strategies = aggregate_comparison(comparison, metric).rows["axis"].tolist()
    frame = comparison.cells
    ok = frame[frame["status"] == "ok"]
    ax = axes_of(ax, height=rows_height(len(strategies)))
    ax.axvline(0, color=FAINT, linewidth=1)
    drawn = 0
    for shift, suffix in zip((-0.16, 0.16), OTHERS, strict=True):
        if f"{column}_{suffix}" in ok:
            for row, strategy in enumerate(strategies):
                rows = ok[ok["axis"] == strategy]
                gaps = rows[column] - rows[f"{column}_{suffix}"]
                heights = row + shift + 0.4 * seed_offsets(rows["seed"], frame["seed"])
                words = [f"{strategy}, seed {seed}: {gap:+.3g}" for seed, gap in zip(rows["seed"], gaps, strict=True)]
                with drawn_for(ax, strategy):
                    drawn += _plot_gaps(
                        ax, gaps, heights, row + shift, look_of(strategy, comparison.looks), words, suffix == "precise"
                    )
    if not drawn:
        say_empty(ax, "no cell was evaluated with other statistics")
    strategy_rows(ax, strategies)
    sign = "negative" if quantity.direction == "max" else "positive"
    what = f"{label_of(column)} with moving averages minus with other statistics{in_unit(quantity)}"
    ax.set_xlabel(f"{what}\n{sign}: moving averages are worse")
    dress(ax, "Inference gap", subtitle_of(comparison, "bar: 95 % t interval"), grid="x", wrap=ROWS_WRAP)
    fill_legend(ax, filled="minus precise\nstatistics", hollow="minus batch\nstatistics")
    return ax


def plot_gap_parts(dial: Dial, metric: str | None = None, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Two panels over the values of a dial, a line a strategy: what lag and what the batch add to the inference gap.

    Their sum is the metric with moving averages minus with batch statistics. Left: both kinds of statistics stand for
    the training set, and the moving averages are late. Right: beyond 0, an output depends on which other examples are
    in its batch. Bars are 95 % t intervals of the mean over seeds, paired by cell.
    """
    column, quantity = dial.whole.metric(metric)
    table = gap_by_value(dial, metric).rows
    panels = list(axes) if axes is not None else _panels()
    worse = "below" if quantity.direction == "max" else "above"
    for ax, (part, (title, what)) in zip(panels, _TITLES.items(), strict=True):
        ax.axhline(0, color=FAINT, linewidth=1)
        of_part = table.rename(columns={part: "estimate", f"{part}_low": "low", f"{part}_high": "high"})
        draw_by_value(ax, dial, of_part, legend=ax is panels[-1])
        if table.empty:
            say_empty(ax, "no cell was evaluated with other statistics")
        dress(ax, title, f"{label_of(column)}: {what} · {worse} 0: the first are worse", wrap=44)
    panels[0].set_ylabel(f"difference of {label_of(column)}{in_unit(quantity)}")
    for ax in panels:
        ax.tick_params(axis="x", rotation=35 if len(dial.values) > 5 else 0)
    return panels


def _plot_gaps(
    ax: Axes,
    gaps: pd.Series,
    heights: NDArray[np.float64],
    row: float,
    look: Look,
    words: Sequence[str],
    filled: bool,
) -> int:
    """One strategy's gaps: marks and the interval of their mean; how many finite ones there are."""
    face = look.colour if filled else "none"
    marks = ax.scatter(gaps, heights, s=18, marker=look.marker, fc=face, ec=look.colour, alpha=0.75, lw=0.9)
    say_of_each(marks, words, gaps)
    mean = mean_interval(gaps)
    ax.plot([mean.low, mean.high], [row, row], color=INK, linewidth=1.6, solid_capstyle="butt", zorder=3)
    ax.plot([mean.estimate], [row], "|", color=INK, markersize=8, markeredgewidth=1.6, zorder=4)
    return mean.n


def _panels() -> list[Axes]:
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    for ax in (left, right):
        ax.tick_params(colors=INK)
    return [left, right]


def _parts(gap: pd.DataFrame, part: str, verdict: str, text: str, metric: str) -> str:
    """`text`, and for which strategies by how much; empty where for none."""
    rows = rows_of(gap[gap[f"{part}_verdict"] == verdict])
    digits = digits_of_intervals(gap, f"{part}_low", f"{part}_high")
    each = ", ".join(
        f"{mark(row['axis'])} {interval_text(row, part, f'{part}_low', f'{part}_high', digits)}" for row in rows
    )
    return f"{text.format(metric=metric)} ({each})" if rows else ""


def _most(gap: pd.DataFrame, part: str) -> str:
    """The largest mean of a part over strategies, with whose it is."""
    row = row_of(gap, int(gap[part].abs().to_numpy(np.float64).argmax()))
    digits = digits_of_intervals(gap, f"{part}_low", f"{part}_high")
    return f"at most {interval_text(row, part, f'{part}_low', f'{part}_high', digits)} ({mark(row['axis'])})"


def _scientific(value: float) -> str:
    return MISSING if not math.isfinite(value) else f"{value:.1e}".replace("-", "−")
