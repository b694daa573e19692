"""Which strategy stands the widest range of learning rates?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from harness.report.answer import Answer, Drawing, Shown
from harness.report.canvas import FAINT, GRID, INK, ROWS_WRAP, axes_of, dress, rows_height, strategy_rows
from harness.report.palette import look_of
from harness.report.sheet import MISSING, Column, Sheet, label_of, number
from harness.report.text import (
    Row,
    against_all,
    also,
    counts_text,
    interval_text,
    mark,
    row_of,
    rows_of,
    strategy_column,
)
from harness.statistics.by_value import divergence_by_value
from harness.statistics.caution import BETTER, UNDECIDED, WORSE
from harness.statistics.dials import Dial
from harness.statistics.own_best import choose_values, own_best
from harness.statistics.ranges import (
    TOLERANCE,
    Ranges,
    aggregate_rates,
    aggregate_usable,
    compare_usable,
    share_usable,
    span_of,
)

_WIDER = {BETTER: "wider", WORSE: "narrower"}
_LESS = {BETTER: "less sensitive", WORSE: "more sensitive"}
_WIDER_THAN = {
    BETTER: "is wider than that of",
    WORSE: "is narrower than that of",
    UNDECIDED: "is not told apart from that of",
}


def of_dial(dial: Dial, baseline: str) -> Iterator[Answer]:
    """One answer, of learning rates; only its figure where no seed has all of them yet."""
    if not (dial.is_learning_rate and dial.has_validation):
        return
    known = own_best(dial) is not None
    rates = aggregate_rates(dial, baseline=baseline) if known else None
    yield Answer(
        question="Which stands the widest range of rates?",
        sentence=widest_range(dial, rates, compare_usable(dial)) if rates is not None else "",
        table=Shown("rates", "Rates that a strategy stands", rates_sheet(dial, rates), rates.rows)
        if rates is not None
        else None,
        figure=Drawing("usable-rates", "Usable learning rates", lambda: plot_usable_rates(dial), lambda: _shares(dial)),
        reading="Long rows of full blocks stand many rates.",
        caution="What is usable is held against the strategy's own best, so that a strategy that is poor everywhere "
        "can have a wide range: read it together with the curves.",
        place=20,
    )


def _shares(dial: Dial) -> pd.DataFrame:
    shares = share_usable(dial).rename_axis("axis").reset_index()
    return shares.melt("axis", var_name=dial.name, value_name="share")


def widest_range(dial: Dial, rates: Ranges, pairs: pd.DataFrame) -> str:
    """Who stands the widest range of rates: from `aggregate_rates` and `compare_usable` of all pairs."""
    known = rates.rows[rates.rows["n"] > 0]
    if known.empty:
        return f"No seed has a cell at every {dial.label}, so nothing is known of ranges."
    first, span = row_of(known, 0), rates.span
    share, metric = f"{100 * rates.tolerance:g} %", label_of(rates.quantity.name)
    width = interval_text(first, "decades", "decades_low", "decades_high", 2)
    told = against_all(pairs, first["axis"], _WIDER_THAN)
    said = [
        f"{mark(first['axis'])} keeps within {share} of its own best validation {metric} over {width} of the "
        f"{number(span, 1)} decades, the widest range on average{also(known, 'decades')}{told}."
    ]
    near = row_of(known.sort_values("all_decades", ascending=False, kind="stable"), 0)
    if near["all_decades"] > first["all_decades"]:
        wide = interval_text(near, "all_decades", "all_low", "all_high", 2)
        tied = also(known, "all_decades", near["axis"])
        said.append(
            f"Held against the best of all strategies, {mark(near['axis'])} has the widest on average{tied}: {wide}."
        )
    if "sensitivity" in known and known["sensitivity"].notna().any():
        least = known.sort_values("sensitivity", kind="stable").iloc[0]
        interval = interval_text(
            row_of(known.loc[[least.name]], 0), "sensitivity", "sensitivity_low", "sensitivity_high", 3
        )
        said.append(f"The least sensitive on average, by validation loss, is {mark(least['axis'])}: {interval}.")
    return " ".join(said)


def rates_sheet(dial: Dial, table: Ranges) -> Sheet:
    """`statistics.aggregate_rates`'s table: how strategies stand other learning rates than their best."""
    rows, base = table.rows, table.baseline
    columns = [
        strategy_column(),
        Column("seeds", lambda row: _seeds(row)),
        Column("usable decades ↑", lambda row: interval_text(row, "decades", "decades_low", "decades_high", 2)),
        Column(f"range against {base}", lambda row: _verdict(row, "decades_verdict", _WIDER), numeric=False, rank=1),
        Column("usable at most seeds", lambda row: _span(row, dial)),
        Column(
            "near the best of all ↑", lambda row: interval_text(row, "all_decades", "all_low", "all_high", 2), rank=2
        ),
    ]
    if "sensitivity" in rows:
        columns += [
            Column(
                "sensitivity ↓", lambda row: interval_text(row, "sensitivity", "sensitivity_low", "sensitivity_high", 3)
            ),
            Column(
                f"sensitivity against {base}",
                lambda row: _verdict(row, "sensitivity_verdict", _LESS),
                numeric=False,
                rank=3,
            ),
        ]
    if "precise_sensitivity" in rows:
        columns.append(Column("with precise statistics ↓", lambda row: number(row["precise_sensitivity"], 3), rank=4))
    share, metric = f"{100 * table.tolerance:g} %", label_of(table.quantity.name)
    caption = [
        f"Over {len(dial.values)} rates, {number(table.span, 1)} decades. Usable: validation {metric} within "
        f"{share} of the strategy's own best rate at that seed; near the best of all: within {share} of the best that "
        "any strategy reaches at that seed. Sensitivity: mean over the rates of min(final validation loss, loss at "
        "initialisation) minus the best loss (Wortsman et al. 2023). Means over seeds on these data [95 % t interval].",
    ]
    if rows["incomplete"].any():
        caption.append(f"Seeds that lack a rate are left out: {counts_text(rows, 'incomplete')}.")
    if "lost" in rows and rows["lost"].any():
        caption.append(f"No rate trains, so that there is no sensitivity: {counts_text(rows, 'lost')} seeds.")
    return Sheet(f"{dial.title}: rates that a strategy stands", columns, rows_of(rows), caption)


def plot_usable_rates(
    dial: Dial, metric: str | None = None, ax: Axes | None = None, *, tolerance: float = TOLERANCE
) -> Axes:
    """A row a strategy, the widest range at the top, and a block a rate, as full as the share of seeds it is usable at.

    A rate is usable where the metric on validation data comes within `tolerance` of that strategy's own best at that
    seed. A diamond marks the rate that suits the strategy best over all seeds; × and a count are cells that diverged.

    Args:
        tolerance: a share of the best value's size.
    """
    column, _ = dial.validation_metric(metric)
    table = aggregate_usable(dial, metric, tolerance=tolerance)
    shares = share_usable(dial, metric, tolerance=tolerance)
    best = choose_values(dial, metric).set_index("axis")["place"]
    lost = divergence_by_value(dial).pivot(index="axis", columns="place", values="diverged")
    strategies = table["axis"].tolist()
    ax = axes_of(ax, height=rows_height(len(strategies)))
    for row, strategy in enumerate(strategies):
        for place, share in enumerate(shares.loc[strategy].to_numpy(np.float64)):
            _draw_block(ax, place, row, share, look_of(strategy, dial.whole.looks).colour)
            diverged = lost.loc[strategy].get(place, np.nan)
            if diverged > 0:
                ax.text(place, row, f"× {diverged:.0f}", ha="center", va="center", fontsize=8.5, color=INK)
        if best[strategy] >= 0:
            ax.plot([best[strategy]], [row + 0.3], "D", color=INK, markersize=5, markeredgecolor="white", zorder=4)
        one = table.iloc[row]
        ends = f" [{number(one['low'], 1)}, {number(one['high'], 1)}]" if one["n"] > 1 else ""
        ax.annotate(
            f"{number(one['decades'], 1)}{ends} decades",
            (1.01, row),
            xycoords=("axes fraction", "data"),
            fontsize=8.5,
            va="center",
            color=INK,
            annotation_clip=False,
        )
    strategy_rows(ax, strategies)
    ax.set_xlim(-0.55, len(dial.values) - 0.45)
    ax.set_xticks(range(len(dial.values)), dial.labels)
    ax.set_xlabel(dial.label)
    notes = (
        f"usable: {label_of(column)} within {100 * tolerance:g} % of the strategy's own best",
        "fuller: at more seeds",
        "◆ best over all seeds",
        "× diverged",
        f"at the right: decades of {number(span_of(dial), 1)}, mean [95 % t interval]",
    )
    dress(ax, "Usable learning rates", " · ".join([dial.whole.title, *notes]), wrap=ROWS_WRAP)
    ax.grid(visible=False)
    return ax


def _draw_block(ax: Axes, place: int, row: int, share: float, colour: str) -> None:
    """A frame, filled from its bottom by the share of seeds; a dash where no seed has all rates."""
    left, bottom, width, height = place - 0.46, row + 0.36, 0.92, 0.72
    ax.add_patch(Rectangle((left, bottom - height), width, height, facecolor="none", edgecolor=GRID, linewidth=0.9))
    if not np.isfinite(share):
        ax.text(place, row, "–", ha="center", va="center", color=FAINT)
        return
    ax.add_patch(
        Rectangle((left, bottom - height * share), width, height * share, facecolor=colour, alpha=0.55, linewidth=0)
    )


def _seeds(row: Row) -> str:
    return f"{row['n']}/{row['n'] + row['incomplete']}"


def _verdict(row: Row, key: str, words: Mapping[str, str]) -> str:
    verdict = row[key]
    return MISSING if not isinstance(verdict, str) else words.get(verdict, verdict)


def _span(row: Row, dial: Dial) -> str:
    labels = dict(zip(dial.values, dial.labels, strict=True))
    if not math.isfinite(row["lowest"]):
        return "none"
    low, high = labels[row["lowest"]], labels[row["highest"]]
    return low if low == high else f"{low} to {high}"
