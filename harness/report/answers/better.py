"""Which strategy is better than the baseline?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from harness.report.answer import Answer, Drawing, Shown
from harness.report.canvas import (
    FAINT,
    GRID,
    INK,
    ROWS_WRAP,
    axes_of,
    dress,
    in_unit,
    rows_height,
    say_empty,
    strategy_rows,
)
from harness.report.marks import drawn_for, say_of_each
from harness.report.palette import look_of
from harness.report.sheet import Column, Sheet, label_of, number
from harness.report.text import (
    Row,
    digits_of_widths,
    interval_text,
    mark,
    name_all,
    p_value,
    rows_of,
    span_of_seeds,
    strategy_column,
    too_few,
    verb,
    verdict_text,
)
from harness.statistics.caution import BETTER, EQUIVALENT, SEEDS_FOR_EQUIVALENCE, UNDECIDED, WORSE, caution_sentence
from harness.statistics.comparison import Comparison
from harness.statistics.new_data import new_data_intervals
from harness.statistics.table import Table
from harness.statistics.verdicts import compare_pairs
from harness.types import Quantity

LIMITING = 0.5
"""The share of a difference's variance from which on its test examples are said to limit what can be told."""


def of_comparison(comparison: Comparison, baseline: str, metric: str | None = None) -> Iterator[Answer]:
    """One answer: the verdict on every other strategy against the baseline, paired by seed."""
    pairs = _with_new_data(compare_pairs(comparison, metric, baseline=baseline), metric, baseline)
    there = len(pairs.rows) > 0
    yield Answer(
        question="Which is better?",
        sentence=better_sentence(pairs, baseline),
        table=Shown("pairs", f"Pairs against {baseline}", pairs_sheet(pairs), pairs.rows),
        figure=Drawing("differences", "Paired differences", lambda: plot_paired_differences(pairs), lambda: pairs.rows)
        if there
        else None,
        reading="Thick: the interval of one difference; thin: intervals that hold for all of them at once. One that "
        "leaves out 0 tells the two apart, one that lies within the shaded margin shows that it does not matter."
        if there
        else "",
        caution="Undecided does not mean equal." if there else "",
        place=10,
        leads=there,
    )


def _with_new_data(pairs: Table, metric: str | None, baseline: str) -> Table:
    """The pairs with what `new_data_intervals` says of new data of this kind and of the test examples."""
    if pairs.rows.empty:
        return pairs
    wanted = ["axis", "new_low", "new_high", "new_kind", "n_test", "test_share", "floor"]
    known = new_data_intervals(pairs.of, metric, baseline=baseline, confidence=pairs.confidence)[wanted]
    return replace(pairs, rows=pairs.rows.merge(known, on="axis", how="left"))


def better_sentence(pairs: Table, baseline: str) -> str:
    """Which strategies are better than the baseline, worse, equivalent, and which undecided: from `compare_pairs`."""
    rows = pairs.rows
    if rows.empty:
        return f"Only {mark(baseline)} was run, so there is nothing to compare it with."
    metric, seeds = label_of(pairs.metric), span_of_seeds(rows["seeds"])
    if few := too_few(int(rows["seeds"].max())):
        return f"On {metric}, {few} for a verdict, so nothing is decided against {mark(baseline)}."
    parts = [
        part
        for verdict in (BETTER, WORSE, EQUIVALENT, UNDECIDED)
        for part in _said(rows[rows["verdict"] == verdict], verdict, baseline, pairs.quantity)
    ]
    return f"On {metric}, over {seeds}, {'; '.join(parts)}.{_one_seed_weighs(pairs)}"


def _said(rows: pd.DataFrame, verdict: str, baseline: str, quantity: Quantity) -> Iterator[str]:
    """What is said of the strategies with a verdict, those of one size together."""
    for size in ("beyond", "within", ""):
        of_size = rows[rows["size"] == size]
        if of_size.empty:
            continue
        names = of_size["axis"].tolist()
        margin = f"{of_size['margin'].iloc[0]:.3g}{f' {quantity.unit}' if quantity.unit else ''}"
        are = f"{name_all(names)} {verb(names, 'is', 'are')}"
        if verdict == EQUIVALENT:
            yield f"{are} equivalent to {mark(baseline)} within {margin}"
        elif verdict == UNDECIDED:
            yield f"{are} undecided against {mark(baseline)}{_would_decide(of_size)}"
        else:
            by = {"beyond": f" by more than {margin}", "within": f" by less than {margin}"}.get(size, "")
            yield f"{are} {verdict} than {mark(baseline)}{by}"


def _would_decide(rows: pd.DataFrame) -> str:
    needed, lost = rows["seeds_to_decide"].max(), int((rows["lost"] + rows["baseline_lost"]).sum())
    if math.isnan(needed) and lost:
        return f" ({lost} lost cell{'s' if lost != 1 else ''})"
    if not rows["seeds"].max() < needed < math.inf:
        return ""
    return f" (about {needed:,.0f} seeds would decide, going by the spread so far)"


def _one_seed_weighs(pairs: Table) -> str:
    """A warning where how often a strategy wins and its mean say different things."""
    rows = pairs.rows
    sign = 1 if pairs.quantity.direction == "max" else -1
    error = rows["sd"] / np.sqrt(rows["pairs"].clip(lower=1))
    ahead, behind = sign * rows["difference"] > error, sign * rows["difference"] < -error
    odd = rows[((rows["p_better_low"] > 0.5) & ~ahead) | ((rows["p_better_high"] < 0.5) & ~behind)]
    odd = odd[odd["pairs"] == odd["seeds"]]  # a lost cell loses, whatever the mean of the others is
    digits = digits_of_widths(rows["high"] - rows["low"])
    return "".join(
        f" {mark(row['axis'])} is better at {100 * row['p_better']:.0f} % of the seeds and its mean difference is "
        f"{number(row['difference'], digits, signed=True)}: a few seeds weigh as much as all others, look at them."
        for row in rows_of(odd)
    )


def pairs_sheet(pairs: Table) -> Sheet:
    """The paired comparisons of `statistics.compare_pairs` as a sheet."""
    rows = pairs.rows
    digits = digits_of_widths(rows["high"] - rows["low"])
    baselines = sorted(set(rows["baseline"]))
    against = [Column("against", lambda row: str(row["baseline"]), numeric=False)] if len(baselines) > 1 else []
    columns = [
        strategy_column(),
        *against,
        Column("pairs", lambda row: f"{row['pairs']}/{row['seeds']}"),
        Column(
            f"difference{in_unit(pairs.quantity)}",
            lambda row: interval_text(row, "difference", "low", "high", digits, signed=True),
        ),
        *_new_data_column(rows, digits),
        Column("P(better)", lambda row: interval_text(row, "p_better", "p_better_low", "p_better_high", 2), rank=1),
        Column("p", lambda row: p_value(row["p"]), rank=2),
        Column("p (equivalent)", lambda row: p_value(row["equivalence_p"]), rank=3),
        Column("verdict", lambda row: verdict_text(row, pairs.quantity.unit), numeric=False),
    ]
    against_what = f"against {baselines[0]}" if len(baselines) == 1 else "pairs"
    return Sheet(f"{pairs.of.title}: {against_what}", columns, rows_of(rows), _caption(pairs))


def _new_data_column(rows: pd.DataFrame, digits: int) -> list[Column]:
    if "new_low" not in rows or rows["new_low"].isna().all():
        return []

    def text(row: Row) -> str:
        return f"[{number(row['new_low'], digits, signed=True)}, {number(row['new_high'], digits, signed=True)}]"

    return [Column("for new data", text, rank=2)]


def plot_paired_differences(pairs: Table, ax: Axes | None = None) -> Axes:
    """One row a strategy: its mean difference from the baseline over shared seeds.

    The thick bar is its own 95 % t interval, the thin one that which holds for all rows at once; the margin within
    which a difference does not matter is shaded, and the verdict is written at the right.
    """
    quantity, looks = pairs.quantity, pairs.of.looks
    baseline = str(pairs.rows["baseline"].iloc[0]) if len(pairs.rows) else ""
    table = pairs.rows.sort_values(
        "difference", ascending=quantity.direction == "min", kind="stable", ignore_index=True
    )
    ax = axes_of(ax, height=rows_height(len(table)))
    ax.axvline(0, color=FAINT, linewidth=1)
    if len(table) and math.isfinite(margin := float(table["margin"].iloc[0])):
        ax.axvspan(-margin, margin, color=GRID, alpha=0.45, linewidth=0, zorder=0)
    columns = ("difference", "low", "high", "wide_low", "wide_high")
    for row, (strategy, mean, low, high, wide_low, wide_high) in enumerate(_values(table, *columns)):
        look = look_of(strategy, looks)
        with drawn_for(ax, strategy):
            ax.plot([wide_low, wide_high], [row, row], color=look.colour, linewidth=1)
            ax.plot([low, high], [row, row], color=look.colour, linewidth=2.4, solid_capstyle="butt")
            (mark,) = ax.plot([mean], [row], look.marker, color=look.colour, markersize=8, markeredgecolor="white")
            say_of_each(mark, [f"{strategy} minus {baseline}: {mean:+.3g} [{low:+.3g}, {high:+.3g}]"], [mean])
    for row, one in enumerate(rows_of(table)):
        said = verdict_text(one, quantity.unit) if one["seeds"] else "no seed in common"
        ax.annotate(
            said,
            (1.01, row),
            xycoords=("axes fraction", "data"),
            fontsize=8.5,
            va="center",
            color=INK if one["verdict"] != UNDECIDED else FAINT,
            annotation_clip=False,
        )
    strategy_rows(ax, table["axis"].tolist())
    if not table["difference"].notna().any():
        say_empty(ax, "no seed was finished by the baseline and another strategy")
    side = "right" if quantity.direction == "max" else "left"
    metric = label_of(pairs.metric)
    ax.set_xlabel(f"{metric} minus that of {baseline}{in_unit(quantity)}\n{side} of 0: better than {baseline}")
    counts = sorted(set(table["pairs"]))
    span = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0] if counts else 0}"
    interval = f"{100 * pairs.confidence:g} % t intervals, thin: of all at once"
    notes = [f"{pairs.of.title} · {span} pairs", interval, "shaded: too small to matter"]
    dress(ax, f"Paired differences from {baseline}", " · ".join(notes), wrap=ROWS_WRAP)
    ax.grid(visible=False, axis="y")
    return ax


def _caption(pairs: Table) -> list[str]:
    rows, metric = pairs.rows, label_of(pairs.metric)
    confidence = f"{100 * pairs.confidence:g} %"
    lines = [
        f"Difference of {metric}, paired by seed [{confidence} t interval]; P(better): share of seeds at which the "
        f"strategy is better, a cell without a value losing [{confidence} Clopper-Pearson interval]; p: of no "
        f"difference, by flipping signs of seeds; p (equivalent): of one as large as the margin; both corrected over "
        f"{len(rows)} comparison{'s' if len(rows) != 1 else ''} together.",
        f"Too small to matter: {_margin(pairs)}. Equivalent takes {SEEDS_FOR_EQUIVALENCE} seeds and no lost cell; "
        "undecided strategies are not shown to be equal.",
        f"Differences and verdicts hold for these data and other seeds on them; {_of_new_data(rows)}.",
        *_of_test_examples(rows, pairs.quantity),
    ]
    if rows["mispaired"].any():
        lines.append(f"{rows['mispaired'].sum()} pairs did not start from the same weights, order and split.")
    if len(rows):
        lines.append(caution_sentence(int(rows["seeds"].min()), len(rows)))
    return lines


_NEW_DATA = {
    "resplit": "for new data of this kind the other interval does (Nadeau & Bengio 2003)",
    "fixed": "for new test examples too the other interval does",
    "new": "each seed has data of its own, so that they hold for new data of this kind too",
}


def _of_new_data(rows: pd.DataFrame) -> str:
    kinds = set(rows["new_kind"].dropna()) if "new_kind" in rows else set()
    known = len(kinds) == 1 and (kinds == {"new"} or rows["new_low"].notna().any())
    return _NEW_DATA.get(kinds.pop() if known else "", "what new data would say is not known")


def _of_test_examples(rows: pd.DataFrame, quantity: Quantity) -> Iterator[str]:
    """Where the test examples limit what can be told: those that make up half or more of a difference's variance."""
    limited = rows[rows["test_share"] >= LIMITING] if "test_share" in rows else rows.iloc[:0]
    if limited.empty or too_few(int(rows["seeds"].max())):
        return
    names, tested = name_all(limited["axis"].tolist()), f"{limited['n_test'].min():,.0f} test examples"
    shares = _span_of(limited["test_share"], lambda share: f"{100 * share:.0f}")
    if limited["floor"].notna().all():
        floors = _span_of(limited["floor"], lambda floor: f"{floor:.1g}")
        unit = f" {quantity.unit}" if quantity.unit else ""
        yield (
            f"Of {names} the test set limits what can be told: with {tested}, a difference's standard error for new "
            f"ones stays above {floors}{unit} however many seeds there are. More test examples would make it smaller."
        )
    else:
        yield (
            f"Of {names} the test sets limit what can be told: {shares} % of a difference's variance from seed to seed "
            f"is which {tested} it is measured on. Larger test sets would tell as much with fewer seeds."
        )


def _span_of(values: pd.Series, text: Callable[[float], str]) -> str:
    """The least and the largest of some values in words, or the one that they all are."""
    low, high = text(float(values.min())), text(float(values.max()))
    return low if low == high else f"{low} to {high}"


def _margin(pairs: Table) -> str:
    unit = f" {pairs.quantity.unit}" if pairs.quantity.unit else ""
    margins = sorted(set(pairs.rows["margin"].dropna()))
    return " or ".join(f"{margin:.3g}{unit}" for margin in margins) or "not known, as the baseline has no value"


def _values(table: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    numbers = table[list(columns)].to_numpy(np.float64)
    return [(str(strategy), *map(float, row)) for strategy, row in zip(table["axis"], numbers, strict=True)]
