"""Where does the variance come from? Asked where seeds were taken apart (`seeds.split` and so on)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from harness.report.answer import STABILITY, Answer, Drawing, Shown
from harness.report.canvas import INK, axes_of, dress, rows_height, strategy_rows
from harness.report.sheet import Column, Sheet, label_of, number
from harness.report.text import mark, rows_of
from harness.statistics.comparison import Comparison
from harness.statistics.sources import REST, SEEDS, TEST, variance_sources

COLOURS = {"split": "#4477aa", "init": "#ee6677", "order": "#ccbb44", REST: "#bbbbbb"}


def of_comparison(comparison: Comparison, baseline: str, metric: str | None = None) -> Iterator[Answer]:
    """One answer, where cells are crossed in two sources or more."""
    rows = variance_sources(comparison, metric, baseline=baseline)
    if rows.empty:
        return
    column, _ = comparison.metric(metric)
    yield Answer(
        question="Where does the variance come from?",
        sentence=sources_sentence(rows, baseline),
        table=Shown("sources", "Sources of variance", sources_sheet(comparison.title, column, rows, baseline), rows),
        figure=Drawing(
            "variance-sources",
            "Sources of variance",
            lambda: plot_sources(comparison, metric, baseline=baseline),
            lambda: rows,
        ),
        reading="Each bar is the variance from seed to seed; its parts are what each seed's draw makes of it.",
        caution="With few levels a source the shares are rough: see their intervals. Verdicts on this page use only "
        "those of the crossed cells that share no seed.",
        group=STABILITY,
        leads=True,
    )


def sources_sentence(rows: pd.DataFrame, baseline: str) -> str:
    """The largest source of each difference, of the metrics where there is none, with its interval."""
    of = "difference" if (rows["of"] == "difference").any() else "metric"
    said = []
    for strategy, group in rows[(rows["of"] == of) & (rows["source"] != TEST)].groupby("axis", sort=False):
        name = mark(str(strategy))
        subject = f"{name}'s difference from {mark(baseline)}" if of == "difference" else name
        if group["share"].isna().all():
            said.append(f"{subject} does not vary")
            continue
        largest = max(rows_of(group), key=lambda row: float(row["share"]))
        source = "what is left over (interactions)" if largest["source"] == REST else f"the {largest['source']}"
        said.append(f"of the variance of {subject}, {_percent(largest)} comes from {source}")
    text = "; ".join(said) + "."
    return text[0].upper() + text[1:]


def sources_sheet(title: str, column: str, rows: pd.DataFrame, baseline: str) -> Sheet:
    """`statistics.sources.variance_sources`'s rows, one a strategy and what is looked at."""
    sources = [one for one in (*COLOURS, TEST) if (rows["source"] == one).any()]
    wide: list[dict[str, Any]] = []
    for (strategy, of), group in rows.groupby(["axis", "of"], sort=False):
        shares = {row["source"]: _percent(row) for row in rows_of(group)}
        wide.append(
            {**rows_of(group)[0], "axis": strategy, "of": of, **{f"share {key}": shares[key] for key in shares}}
        )
    smallest = rows["sd_total"][rows["sd_total"] > 0].min()
    digits = 4 if smallest != smallest else int(np.clip(2 - np.floor(np.log10(smallest)), 0, 8))
    columns = [
        Column("strategy", lambda row: str(row["axis"]), numeric=False),
        Column("of", lambda row: str(row["of"]), numeric=False),
        Column("cells", lambda row: f"{row['cells']}/{row['cells_all']}"),
        Column("SD", lambda row: number(row["sd_total"], digits)),
        *(_taken(one, f"share {one}") for one in sources),
        *(
            _number(heading, key, digits)
            for key, heading in (
                ("now", f"{SEEDS} seeds"),
                ("twice_seeds", "twice the seeds"),
                ("twice_test", "twice the test examples"),
                ("both_parts", "validation and test"),
            )
        ),
    ]
    caption = [
        f"Variance of {label_of(column)} and of its difference from {baseline}, from seed to seed: share of each "
        "source in per cent [95 % generalized interval]; rest: interactions; test examples: the part of it that other "
        f"test examples alone make. Then the SD of a mean over {SEEDS} seeds, and what it would be with more."
    ]
    return Sheet(f"{title}: sources of variance", columns, wide, caption)


def plot_sources(comparison: Comparison, metric: str | None = None, ax: Axes | None = None, *, baseline: str) -> Axes:
    """A bar a strategy (and a difference), divided into the variance of each source."""
    rows = variance_sources(comparison, metric, baseline=baseline)
    column, _ = comparison.metric(metric)
    bars = list(rows.groupby(["axis", "of"], sort=False))
    ax = axes_of(ax, height=rows_height(len(bars)))
    for place, (_, group) in enumerate(bars):
        start = 0.0
        for row in rows_of(group):
            if row["source"] != TEST:
                label = row["source"] if place == 0 else None
                ax.barh(place, row["sd"] ** 2, left=start, height=0.6, color=COLOURS[row["source"]], label=label)
                start += row["sd"] ** 2
    names = [f"{axis}" if of == "metric" else f"{axis} - {baseline}" for (axis, of), _ in bars]
    strategy_rows(ax, names)
    ax.set_xlabel(f"variance of {label_of(column)}")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    dress(ax, "Sources of variance", comparison.title, grid="x")
    return ax


def _taken(heading: str, key: str) -> Column:
    return Column(heading, lambda row: str(row[key]))


def _number(heading: str, key: str, digits: int) -> Column:
    return Column(heading, lambda row: number(row[key], digits), rank=1)


def _percent(row: Any) -> str:
    if row["share"] != row["share"]:
        return "–"
    text = f"{100 * row['share']:.0f} %"
    return text if row["low"] != row["low"] else f"{text} [{100 * row['low']:.0f}, {100 * row['high']:.0f}]"
