"""Which strategy is better than the baseline?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from harness.report.answer import (
    Answer,
    Drawing,
    Shown,
)
from harness.report.canvas import (
    FAINT,
    INK,
    ROWS_WRAP,
    axes_of,
    dress,
    in_unit,
    rows_height,
    say_empty,
    strategy_rows,
)
from harness.report.palette import look_of
from harness.report.sheet import Column, Sheet, label_of
from harness.report.text import (
    digits_of_widths,
    interval_text,
    mark,
    name_all,
    p_value,
    rows_of,
    span_of_seeds,
    strategy_column,
    verb,
)
from harness.statistics.caution import ALPHA, BEATEN, BEATS, UNTOLD, caution_sentence, smallest_wilcoxon_p
from harness.statistics.comparison import Comparison
from harness.statistics.table import Table
from harness.statistics.verdicts import compare_pairs


def of_comparison(comparison: Comparison, baseline: str, metric: str | None = None) -> Iterator[Answer]:
    """One answer: the verdict on every other strategy against the baseline, paired by seed."""
    pairs = compare_pairs(comparison, metric, baseline=baseline)
    there = len(pairs.rows) > 0
    yield Answer(
        question="Which is better?",
        sentence=better_sentence(pairs, baseline),
        table=Shown("pairs", f"Pairs against {baseline}", pairs_sheet(pairs), pairs.rows),
        figure=Drawing("differences", "Paired differences", lambda: plot_paired_differences(pairs), lambda: pairs.rows)
        if there
        else None,
        reading="A bar that reaches over 0 leaves open which of the two is better; the verdict at the right also "
        "asks how often the strategy wins and how many were compared."
        if there
        else "",
        caution="Not told apart does not mean equal." if there else "",
        place=10,
        leads=there,
    )


def better_sentence(pairs: Table, baseline: str) -> str:
    """Which strategies beat the baseline, which it beats, and which are not told apart: from `compare_pairs`."""
    rows = pairs.rows
    if rows.empty:
        return f"Only {mark(baseline)} was run, so there is nothing to compare it with."
    metric, seeds = label_of(pairs.metric), span_of_seeds(rows["seeds"])
    if smallest_wilcoxon_p(int(rows["seeds"].max())) >= ALPHA:
        return f"On {metric}, {seeds} are too few for a verdict, so no strategy is told apart from {mark(baseline)}."
    groups = {verdict: rows.loc[rows["verdict"] == verdict, "axis"].tolist() for verdict in (BEATS, BEATEN, UNTOLD)}
    parts = []
    if groups[BEATS]:
        parts.append(f"{name_all(groups[BEATS])} {verb(groups[BEATS], 'beats', 'beat')} {mark(baseline)}")
    if groups[BEATEN]:
        parts.append(f"{name_all(groups[BEATEN])} {verb(groups[BEATEN], 'is', 'are')} beaten by {mark(baseline)}")
    if groups[UNTOLD]:
        parts.append(
            f"{name_all(groups[UNTOLD])} {verb(groups[UNTOLD], 'is', 'are')} not told apart from {mark(baseline)}"
        )
    return f"On {metric}, over {seeds}, {'; '.join(parts)}."


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
        Column("P(better)", lambda row: interval_text(row, "p_better", "p_better_low", "p_better_high", 2), rank=1),
        Column("p (Wilcoxon)", lambda row: p_value(row["wilcoxon_p"]), rank=3),
        Column("p (Holm)", lambda row: p_value(row["holm_p"]), rank=2),
        Column("verdict", lambda row: str(row["verdict"]), numeric=False),
    ]
    against_what = f"against {baselines[0]}" if len(baselines) == 1 else "pairs"
    return Sheet(f"{pairs.of.title}: {against_what}", columns, rows_of(rows), _caption(pairs))


def plot_paired_differences(pairs: Table, ax: Axes | None = None) -> Axes:
    """One row a strategy: its mean difference from the baseline over shared seeds, with the 95 % t interval.

    An interval that reaches over 0 does not tell the two apart; one that does not still needs the verdict, which is
    written at the right and looks at how often the strategy wins and at how many were compared.
    """
    quantity, looks = pairs.quantity, pairs.of.looks
    baseline = str(pairs.rows["baseline"].iloc[0]) if len(pairs.rows) else ""
    table = pairs.rows.sort_values(
        "difference", ascending=quantity.direction == "min", kind="stable", ignore_index=True
    )
    ax = axes_of(ax, height=rows_height(len(table)))
    ax.axvline(0, color=FAINT, linewidth=1)
    for row, (strategy, mean, low, high) in enumerate(_values(table, "difference", "low", "high")):
        look = look_of(strategy, looks)
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
    side = "right" if quantity.direction == "max" else "left"
    metric = label_of(pairs.metric)
    ax.set_xlabel(f"{metric} minus that of {baseline}{in_unit(quantity)}\n{side} of 0: better than {baseline}")
    counts = sorted(set(table["pairs"]))
    span = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0] if counts else 0}"
    interval = f"{100 * pairs.confidence:g} % t intervals"
    dress(ax, f"Paired differences from {baseline}", f"{pairs.of.title} · {span} pairs · {interval}", wrap=ROWS_WRAP)
    ax.grid(visible=False, axis="y")
    return ax


def _caption(pairs: Table) -> list[str]:
    rows, metric = pairs.rows, label_of(pairs.metric)
    confidence = f"{100 * pairs.confidence:g} %"
    lines = [
        f"Difference of {metric}, paired by seed [{confidence} t interval]; P(better): share of seeds at which the "
        f"strategy is better, a cell without a value losing [{confidence} Clopper-Pearson interval]; "
        f"p corrected over {len(rows)} comparison{'s' if len(rows) != 1 else ''}.",
        "A verdict takes an interval of P(better) above 0.5 that reaches beyond 0.75 and a corrected p below 0.05; "
        "strategies not told apart are not shown to be equal.",
    ]
    if rows["mispaired"].any():
        lines.append(f"{rows['mispaired'].sum()} pairs did not start from the same weights, order and split.")
    if len(rows):
        lines.append(caution_sentence(int(rows["seeds"].min())))
    return lines


def _values(table: pd.DataFrame, *columns: str) -> list[tuple[str, float, float, float]]:
    numbers = table[list(columns)].to_numpy(np.float64)
    return [(str(strategy), *map(float, row)) for strategy, row in zip(table["axis"], numbers, strict=True)]  # type: ignore[misc]
