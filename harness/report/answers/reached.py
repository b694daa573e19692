"""What does each strategy reach, and every one of its seeds?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import blended_transform_factory

from harness.report.answer import Answer, Drawing, Shown, numbers_of
from harness.report.canvas import (
    FAINT,
    GRID,
    INK,
    ROWS_WRAP,
    axes_of,
    dress,
    in_unit,
    metric_label,
    rows_height,
    say_empty,
    seed_offsets,
    strategy_rows,
    subtitle_of,
)
from harness.report.marks import drawn_for, say_of_each
from harness.report.palette import look_of
from harness.report.sheet import ARROWS, Column, Sheet, count, label_of, number
from harness.report.text import decimals, mark, name_all, rows_of
from harness.statistics.caution import caution_sentence, unseen_sentence
from harness.statistics.comparison import Comparison
from harness.statistics.summary import FAILED, aggregate_comparison, order_by_precise, placed_by_gap
from harness.statistics.table import Table

LOST = {"diverged": "x", "failed": "+"}
SIGNS = {"diverged": "×", "failed": "+"}


def of_comparison(comparison: Comparison, baseline: str, metric: str | None = None) -> Iterator[Answer]:
    """One answer, whoever the baseline is: every strategy's mean, spread and cost, and every seed."""
    summary = aggregate_comparison(comparison, metric)
    yield Answer(
        question="What does each reach?",
        sentence=gap_sentence(summary),
        table=Shown("comparison", "What each reaches", comparison_sheet(summary), comparison_numbers(summary)),
        figure=Drawing(
            "seeds",
            "Every seed",
            lambda: plot_seed_cloud(comparison, metric),
            lambda: numbers_of(comparison.cells),
        ),
        reading="Each mark is one seed; marks at the same height belong to the same seed. The diamond is the mean, the "
        "bar its 95 % t interval; cells without a value stand in the grey strip.",
        caution="Intervals are of each mean by itself, and contain what all strategies share under a seed: whether "
        "they overlap does not decide which is better.",
        place=0,
        leads=True,
    )


def comparison_columns(summary: Table) -> list[Column]:
    """The columns of a comparison as people read it, from `statistics.aggregate_comparison`."""
    quantity = summary.quantity
    arrow = ARROWS[quantity.direction]
    digits = decimals(summary.rows)

    def fixed(key: str, *, signed: bool = False) -> Callable[[Mapping[str, Any]], str]:
        return lambda row: number(row[key], digits, signed=signed)

    columns = [
        Column("strategy", _namer(summary), numeric=False),
        Column("seeds", lambda row: f"{row['n']:d}/{row['cells']:d}{'†' if row['stale'] else ''}"),
        Column(f"{label_of(summary.metric)}{in_unit(quantity)} {arrow}", lambda row: _estimate(row, digits)),
        Column("SD", fixed("sd"), rank=1),
    ]
    if summary.rows["precise_mean"].notna().any():
        columns.append(Column(f"precise {arrow}", fixed("precise_mean"), rank=7))
        columns.append(Column("gap", fixed("gap", signed=True), rank=2))
    counted = [("scale+shift", "normalization_parameters", 4), ("statistics", "statistics", 5)]
    counted.append(("m′", "samples_per_statistic", 3))
    known = [(heading, key, rank) for heading, key, rank in counted if summary.rows[key].notna().any()]
    columns += [Column(heading, _counted(key), rank=rank) for heading, key, rank in known]
    if summary.rows["seconds"].notna().any():
        columns.append(Column("s/cell", lambda row: number(row["seconds"], 1), rank=6))
    return columns


def _namer(summary: Table) -> Callable[[Mapping[str, Any]], str]:
    """A strategy's name with those that compute the same, and a mark where its gap decides its place."""
    placed, same = placed_by_gap(summary), summary.of.same

    def name(row: Mapping[str, Any]) -> str:
        return " = ".join([row["axis"], *same.get(row["axis"], ())]) + ("‡" if row["axis"] in placed else "")

    return name


def gap_sentence(summary: Table) -> str:
    """What the order would be without the lag of moving averages, where these decide it; else empty."""
    placed = placed_by_gap(summary)
    if not placed:
        return ""
    order = ", ".join(mark(name) for name in order_by_precise(summary))
    return (
        f"Moving averages decide the place of {name_all(placed)}: with precise statistics the means stand in the "
        f"order {order}, the best first."
    )


def _counted(key: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: count(row[key])


def comparison_sheet(summary: Table) -> Sheet:
    """The comparison as a sheet, from `statistics.aggregate_comparison`."""
    return Sheet(summary.of.title, comparison_columns(summary), rows_of(summary.rows), caption_lines(summary))


def comparison_numbers(summary: Table) -> pd.DataFrame:
    """The numbers in full precision, with what they are of in the first columns."""
    of = summary.of
    named: dict[str, Any] = {"task": of.task, "data_source": of.data_source, "architecture": of.architecture}
    named |= {"metric": summary.metric, "confidence": summary.confidence}
    return pd.concat([pd.DataFrame(named, index=summary.rows.index), summary.rows], axis=1)


def caption_lines(summary: Table) -> list[str]:
    """What the numbers are, which cells they leave out, and what may be concluded from so many seeds."""
    rows = summary.rows
    better = "higher" if summary.quantity.direction == "max" else "lower"
    gap = "gap: moving averages minus precise statistics; " if rows["precise_mean"].notna().any() else ""
    samples = "m′: fewest samples behind one statistic; " if rows["samples_per_statistic"].notna().any() else ""
    lines = [
        f"Mean over seeds on these data [{100 * summary.confidence:g} % t interval]; SD over seeds; "
        f"{gap}{samples}{better} is better.",
    ]
    if summary.of.same:
        lines.append("=: computes the same at every site, so that both were trained once and count as one strategy.")
    if placed_by_gap(summary):
        lines.append("‡ Its moving averages decide its place: precise statistics would put it elsewhere.")
    left_out = [_left_out(row) for row in rows_of(rows) if row["n"] < row["cells"]]
    if left_out:
        lines.append(f"Counted in seeds, not in the means: {'; '.join(left_out)}.")
    equal = rows[(rows["n"] > 1) & rows["low"].isna()]
    if len(equal):
        unseen = unseen_sentence(int(equal["n"].min()))
        lines.append(f"All seeds of {', '.join(map(str, equal['axis']))} are equal, which gives no interval: {unseen}.")
    if rows["stale"].any():
        lines.append(f"† Made by other code or versions (stale): {rows['stale'].sum()} of {rows['cells'].sum()} cells.")
    return [*lines, *_cautions(rows)]


def plot_seed_cloud(comparison: Comparison, metric: str | None = None, ax: Axes | None = None) -> Axes:
    """One dot a seed, one row a strategy, the best mean at the top; a diamond is the mean, a bar its 95 % t interval.

    A seed lies at the same height in every row, so that pairs can be followed by eye. Diverged (×) and failed (+)
    cells stand in a strip at the worse end.
    """
    column, quantity = comparison.metric(metric)
    summary = aggregate_comparison(comparison, metric).rows
    frame = comparison.cells
    ax = axes_of(ax, height=rows_height(len(summary)))
    estimates = summary[["mean", "low", "high"]].to_numpy(np.float64)
    for row, (strategy, (mean, *interval)) in enumerate(zip(summary["axis"], estimates, strict=True)):
        look = look_of(strategy, comparison.looks)
        rows = frame[(frame["axis"] == strategy) & (frame["status"] == "ok")]
        with drawn_for(ax, strategy):
            if column in rows:
                heights = row + seed_offsets(rows["seed"], frame["seed"])
                style: dict[str, Any] = {"color": look.colour, "marker": look.marker, "alpha": 0.6, "linewidth": 0}
                marks = ax.scatter(rows[column], heights, s=26, zorder=2, **style)
                pairs = zip(rows["seed"], rows[column], strict=True)
                words = [f"{strategy}, seed {seed}: {value:.4g}" for seed, value in pairs]
                say_of_each(marks, words, rows[column])
            ax.plot(interval, [row, row], color=INK, linewidth=1.8, solid_capstyle="butt", zorder=3)
            ax.plot([mean], [row], "D", color=INK, markersize=6, markeredgecolor="white", markeredgewidth=1.2, zorder=4)
    strategy_rows(ax, summary["axis"].tolist())
    if not summary["n"].any():
        say_empty(ax, "no cell finished")
    lost = _plot_lost(ax, comparison, summary["axis"].tolist(), worse_is_left=quantity.direction == "max")
    ax.set_xlabel(metric_label(column, quantity))
    notes = [f"{SIGNS[name]} {count} {name}" for name, count in lost.items()]
    dress(ax, "Every seed", subtitle_of(comparison, "mean and 95 % t interval", *notes), grid="x", wrap=ROWS_WRAP)
    return ax


def _plot_lost(ax: Axes, comparison: Comparison, strategies: list[str], *, worse_is_left: bool) -> dict[str, int]:
    """Marks for cells without a value, in a shaded strip at the worse end; how many there are of each kind."""
    frame = comparison.cells
    kinds = {"diverged": frame["status"] == "diverged", "failed": frame["status"].isin(FAILED)}
    lost = {name: int(rows.sum()) for name, rows in kinds.items() if rows.any()}
    if not lost:
        return lost
    low, high = ax.get_xlim()
    margin = 0.09 * (high - low)
    ax.set_xlim((low - margin, high) if worse_is_left else (low, high + margin))
    strip = (0.0, 0.07) if worse_is_left else (0.93, 1.0)
    ax.axvspan(
        *np.interp(strip, (0, 1), ax.get_xlim()), color=GRID, alpha=0.5, linewidth=0, zorder=0, gid="strip-of-the-lost"
    )
    transform = blended_transform_factory(ax.transAxes, ax.transData)
    for name in lost:
        rows = frame[kinds[name]]
        heights = rows["axis"].map(strategies.index).to_numpy() + seed_offsets(rows["seed"], frame["seed"])
        colours = [look_of(strategy, comparison.looks).colour for strategy in rows["axis"]]
        ax.scatter(
            np.full(len(rows), np.mean(strip)),
            heights,
            s=30,
            c=colours,
            marker=LOST[name],
            linewidth=1.6,
            transform=transform,
            label=name,
            zorder=3,
        )
    ax.annotate(
        "no value",
        (float(np.mean(strip)), 0),
        xytext=(0, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=7.5,
        color=FAINT,
        ha="center",
    )
    return lost


def _cautions(summary: pd.DataFrame) -> list[str]:
    several = summary.loc[summary["n"] > 1, "n"]
    if several.empty:
        return [caution_sentence(int(summary["n"].max()) if len(summary) else 0)]
    single = ", ".join(str(strategy) for strategy in summary.loc[summary["n"] == 1, "axis"])
    lines = [f"One seed only, which says nothing about how much runs differ: {single}."] if single else []
    return [*lines, caution_sentence(int(several.min()))]


def _estimate(row: Mapping[str, Any], digits: int) -> str:
    if not math.isfinite(row["low"]):
        return number(row["mean"], digits)
    return f"{number(row['mean'], digits)} [{number(row['low'], digits)}, {number(row['high'], digits)}]"


def _left_out(row: Mapping[str, Any]) -> str:
    """`channel 2 diverged, 1 failed`."""
    not_finite = row["ok"] - row["n"]
    counts = {"diverged": row["diverged"], "failed": row["failed"], "not finite": not_finite}
    return f"{row['axis']} " + ", ".join(f"{number} {word}" for word, number in counts.items() if number)
