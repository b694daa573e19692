"""Which strategy is more stable?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from harness.cell.health import MEASURES, CellMeasure
from harness.report.answer import STABILITY, Answer, Drawing, Shown
from harness.report.canvas import FAINT, GRID, INK, rows_height, strategy_rows, subtitle_of
from harness.report.marks import drawn_for, say_of_each
from harness.report.palette import look_of
from harness.report.sheet import Column, Sheet, label_of, number
from harness.report.text import decimals, mark, name_all, p_in_words, rows_of
from harness.statistics.caution import ALPHA, SEEDS_FOR_SPREAD
from harness.statistics.comparison import Comparison
from harness.statistics.stability import UNTOLD, aggregate_stability, compare_divergence, compare_spread, count_diverged
from harness.statistics.summary import aggregate_comparison
from harness.statistics.table import Table

PANELS = ("diverged", "SD over seeds", "worst finished seed", "inference gap")


def of_comparison(comparison: Comparison, baseline: str, metric: str | None = None) -> Iterator[Answer]:
    """One answer: who diverges and spreads more than the baseline, and every measure of stability."""
    table = aggregate_stability(comparison, metric)
    spread = compare_spread(comparison, metric, baseline=baseline)
    yield Answer(
        question="Which is more stable?",
        sentence=stability_sentence(
            count_diverged(comparison), compare_divergence(comparison), spread, baseline, table.rows
        ),
        table=Shown("measures", "Stability", stability_sheet(table), table.rows),  # the figure is called stability
        figure=Drawing(
            "stability",
            "Stability",
            lambda: plot_stability(comparison, metric)[0],
            lambda: aggregate_comparison(comparison, metric).rows,
            wide=True,
        ),
        reading="Further left is steadier in the first two panels. Bars are 95 % intervals.",
        caution="The panels describe, and do not decide, which strategy is more stable.",
        group=STABILITY,
    )


def stability_sentence(
    counts: pd.DataFrame, pairs: pd.DataFrame, spread: pd.DataFrame, baseline: str, measured: pd.DataFrame | None = None
) -> str:
    """How many cells diverged, of whom more, and which strategies spread less.

    From `count_diverged`, `compare_divergence` and `compare_spread`; with the rows of `aggregate_stability`, also whose
    spread the draw of the test examples explains.
    """
    lost = counts[counts["diverged"] > 0]
    total, cells = int(lost["diverged"].sum()), int(counts["cells"].sum())
    names = ", ".join(f"{mark(row['axis'])} {row['diverged']} of {row['cells']}" for row in lost.to_dict("records"))
    said = [f"{total} of {cells} cells diverged ({names})" if total else f"None of {cells} cells diverged"]
    for strategy, rows in pairs[pairs["holm_p"] < ALPHA].groupby("axis", sort=False):
        others = sorted(map(str, rows["other"]))
        p = p_in_words(float(rows["holm_p"].max()))
        said.append(f"{mark(str(strategy))} more often than {name_all(others)} (p {p.replace('= ', 'at most ')})")
    if len(spread):
        told = [
            f"{mark(row['axis'])} {row['verdict']} {mark(baseline)}"
            for row in spread[spread["verdict"] != UNTOLD].to_dict("records")
        ]
        if spread["n"].max() < SEEDS_FOR_SPREAD:
            said.append(
                f"which strategy varies less from seed to seed takes {SEEDS_FOR_SPREAD} seeds to tell, "
                f"and there are at most {spread['n'].max()} that two strategies finished"
            )
        elif told:
            said.append(f"over seeds {'; '.join(told)}")
        else:
            said.append(f"no strategy is told to spread less or more than {mark(baseline)} over seeds")
    if measured is not None:
        said += _noise_said(measured)
    return "; ".join(said) + "."


def _noise_said(measured: pd.DataFrame) -> list[str]:
    """For which strategies the seeds lie no further apart than other test examples alone would put them."""
    known = measured[measured["explained"].notna()]
    explained = known[known["explained"] == 1]
    if known.empty or explained.empty:
        return []
    which = "all strategies" if len(explained) == len(known) else name_all(explained["axis"].tolist())
    return [f"the seeds of {which} are not seen to lie further apart than the draw of their test examples puts them"]


def stability_sheet(table: Table) -> Sheet:
    """`statistics.aggregate_stability`'s table as a sheet; what was not measured has no column."""
    rows = table.rows
    digits = decimals(rows.assign(mean=rows["worst"]))
    columns = [
        Column("strategy", lambda row: str(row["axis"]), numeric=False),
        Column("diverged", _diverged),
        Column("finished", lambda row: f"{row['n']}/{row['cells']}"),
        Column("SD", lambda row: number(row["sd"], digits + 1)),
        *_beyond_noise(rows, digits + 1),
        Column("IQR", lambda row: number(row["iqr"], digits + 1)),
        Column("worst seed", lambda row: number(row["worst"], digits)),
        Column("worst tenth", lambda row: number(row["worst_tenth"], digits)),
        *(_measured(one) for one in MEASURES if one.tabled and rows[one.name].notna().any()),
    ]
    caption = [
        f"SD, IQR, worst seed and the mean of the worst tenth of the seeds: of {label_of(table.metric)}, over "
        "the seeds that finished. diverged: of all cells [95 % Wilson interval, in per cent]. of test examples: the SD "
        "that other test examples alone make, √(p(1 − p)/n); SD left: without it. The others are medians "
        "over seeds, at the site that is worst off; docs/statistics.md says what they are. Which strategy spreads less "
        "takes 30 seeds to tell: read this as a description."
    ]
    return Sheet(f"{table.of.title}: stability", columns, rows_of(rows), caption)


def plot_stability(comparison: Comparison, metric: str | None = None, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Four panels with a row a strategy: share diverged (Wilson interval), SD, worst finished seed, inference gap.

    The gap is the metric with moving averages minus with precise statistics, its bar the 95 % t interval. The panels
    describe; whether spreads differ is a matter for `statistics.compare_spread`, and takes 30 seeds.
    """
    column, quantity = comparison.metric(metric)
    summary = aggregate_comparison(comparison, metric).rows
    strategies = summary["axis"].tolist()
    panels = list(axes) if axes is not None else _panels(len(strategies), subtitle_of(comparison))
    rates = count_diverged(comparison).set_index("axis").loc[strategies]
    finished = comparison.cells[comparison.cells["status"] == "ok"].reindex(columns=["axis", column])
    worst = finished.groupby("axis")[column].agg("min" if quantity.direction == "max" else "max").reindex(strategies)
    values = (
        (rates["rate"], rates["low"], rates["high"]),
        (summary["sd"], None, None),
        (worst, None, None),
        (summary["gap"], summary["gap_low"], summary["gap_high"]),
    )
    for ax, name, (centre, low, high) in zip(panels, PANELS, values, strict=True):
        for row, strategy in enumerate(strategies):
            look = look_of(strategy, comparison.looks)
            with drawn_for(ax, strategy):
                if low is not None and high is not None:
                    ax.plot([low.iloc[row], high.iloc[row]], [row, row], color=look.colour, linewidth=2, alpha=0.6)
                style: dict[str, Any] = {"color": look.colour, "markersize": 7, "markeredgecolor": "white"}
                value = centre.iloc[row]
                (mark,) = ax.plot([value], [row], look.marker, **style)
                say_of_each(mark, [f"{strategy}: {value:.3g}"], [value])
        strategy_rows(ax, strategies)
        _dress_panel(ax, name, quantity.unit if name != "diverged" else "")
    panels[0].set_xlim(-0.03, 1.03)
    panels[3].axvline(0, color=FAINT, linewidth=0.8, zorder=0)
    return panels


def _beyond_noise(rows: pd.DataFrame, digits: int) -> list[Column]:
    if not rows["left"].notna().any():
        return []
    return [
        Column("of test examples", lambda row: number(row["test_noise"], digits), rank=1),
        Column("SD left", lambda row: number(row["left"], digits)),
    ]


def _diverged(row: Mapping[str, Any]) -> str:
    return f"{row['diverged']}/{row['cells']} [{100 * row['low']:.0f}, {100 * row['high']:.0f}]"


def _measured(measure: CellMeasure) -> Column:
    name = measure.name
    return Column(
        measure.heading, lambda row: f"{row[name]:.3g}" if row[name] == row[name] else number(row[name], 0), rank=1
    )


def _panels(rows: int, subtitle: str) -> list[Axes]:
    figure = Figure(figsize=(9.6, rows_height(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle("Stability", x=0.01, ha="left", fontsize=11.5, fontweight="bold", color=INK)
    axes = np.atleast_1d(figure.subplots(1, len(PANELS), sharey=True)).tolist()
    figure.supxlabel(subtitle, x=0.01, ha="left", fontsize=9, color=FAINT)
    return list(axes)


def _dress_panel(ax: Axes, name: str, unit: str) -> None:
    ax.set_title(f"{name} ({unit})" if unit else name, loc="left", fontsize=9.5, color=INK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines["bottom"].set_color(FAINT)
    ax.tick_params(colors=INK, labelsize=8.5)
    ax.yaxis.set_tick_params(length=0)
    ax.locator_params(axis="x", nbins=3)
    ax.grid(visible=True, color=GRID, linewidth=0.7)
    ax.set_axisbelow(True)
