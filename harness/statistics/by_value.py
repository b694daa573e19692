"""How does a metric depend on a setting, and does the difference between strategies depend on it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from harness.statistics.caution import BASELINE
from harness.statistics.comparison import Comparison
from harness.statistics.dials import Dial, by_seed, diverged_values
from harness.statistics.gap import aggregate_gap
from harness.statistics.kept import kept
from harness.statistics.pairing import pairs_of, scores_of
from harness.statistics.stability import count_diverged
from harness.statistics.summary import aggregate_comparison
from harness.statistics.table import Table, cut_to_span
from harness.statistics.verdicts import compare_pairs, compare_series, judge


@kept
def aggregate_by_value(dial: Dial, metric: str | None = None, *, confidence: float = 0.95) -> Table:
    """`aggregate_comparison` at each value of the dial, which the columns `place` and `value` name."""
    rows = _at_each(dial, lambda one: aggregate_comparison(one, metric, confidence=confidence).rows)
    return _of(dial, rows, metric, confidence)


@kept
def compare_by_value(
    dial: Dial, metric: str | None = None, *, baseline: str = BASELINE, confidence: float = 0.95
) -> Table:
    """`compare_pairs` at each value of the dial, which the columns `place` and `value` name.

    All rows are one family: who looks at all of them has so many chances to find something. Values without a cell of
    the baseline are left out.
    """
    members = tuple(one for one in dial.members if baseline in one.strategies)
    rows = _at_each(
        replace(dial, members=members),
        lambda one: compare_pairs(one, metric, baseline=baseline, confidence=confidence).rows,
    )
    quantity = dial.whole.metric(metric)[1]
    scores = {
        f"{place}: {strategy}": of_strategy
        for place, one in enumerate(members)
        for strategy, of_strategy in scores_of(one, metric).items()
    }
    pairs = [(f"{row.place}: {row.axis}", f"{row.place}: {row.baseline}") for row in rows.itertuples()]
    margins = rows["margin"].to_numpy(np.float64)
    judged = judge(rows, scores, pairs, margins, direction=quantity.direction, confidence=confidence)
    return _of(dial, cut_to_span(judged, quantity), metric, confidence)


@kept
def compare_change(
    dial: Dial, metric: str | None = None, *, baseline: str = BASELINE, confidence: float = 0.95
) -> Table:
    """The interaction of strategy and dial: does the difference to the baseline change from one end to the other?

    A seed's change is its metric at the highest value minus that at the lowest. The difference of a strategy's change
    and the baseline's is the change of their difference: 0 where the setting does the same to both. Seeds at which one
    of the four cells has no value are left out and counted, as there is no telling how much a lost cell changes.

    Returns:
        As `compare_series`, whose `difference` is the strategy's change minus the baseline's, in the metric's unit;
        `change`, the strategy's own mean change; `left_out`, seeds without all four values.
    """
    column, quantity = dial.whole.metric(metric)
    ends = replace(dial, members=(dial.members[0], dial.members[-1]))
    changes = {
        strategy: pd.Series(one.values[:, 1] - one.values[:, 0], index=one.seeds).dropna()
        for strategy, one in by_seed(ends, column).items()
    }
    seeds = dial.whole.cells.groupby("axis")["seed"].unique()
    pairs = pairs_of(changes, baseline)
    table = compare_series(changes, pairs, direction=quantity.direction, confidence=confidence)
    table.insert(2, "change", [float(changes[strategy].mean()) for strategy in table["axis"]])
    both = [len(set(seeds[strategy]) & set(seeds[baseline])) for strategy in table["axis"]]
    table["left_out"] = np.array(both, np.int64) - table["pairs"]
    return _of(dial, cut_to_span(table, quantity, times=2), metric, confidence)


@kept
def divergence_by_value(dial: Dial, *, confidence: float = 0.95) -> pd.DataFrame:
    """How many of each strategy's cells diverged at each value of the dial.

    Returns:
        Columns `place`, `value`, `axis`, `cells`, `diverged`, `failed`, `rate`, `low`, `high` (Wilson interval).
    """
    table = _at_each(dial, lambda one: count_diverged(one, confidence=confidence))
    return table[["place", "value", "axis", "cells", "diverged", "failed", "rate", "low", "high"]]


@kept
def compare_diverged(dial: Dial, *, baseline: str | None = None, confidence: float = 0.95) -> pd.DataFrame:
    """At how many values of the dial a seed diverged, paired by seed: `better` is to diverge at fewer values.

    Over the seeds that have a cell at every value. The cells of one seed are not independent of each other, so that
    it is seeds that are compared and not cells.
    """
    counts = diverged_values(dial)
    return compare_series(counts, pairs_of(counts, baseline), direction="min", confidence=confidence)


@kept
def gap_by_value(dial: Dial, metric: str | None = None, *, confidence: float = 0.95) -> Table:
    """`aggregate_gap` at each value of the dial, which the columns `place` and `value` name."""
    rows = _at_each(dial, lambda one: aggregate_gap(one, metric, confidence=confidence).rows)
    return _of(dial, rows, metric, confidence)


def _at_each(dial: Dial, statistic: Callable[[Comparison], pd.DataFrame]) -> pd.DataFrame:
    """A statistic's tables at all values of the dial, one under the other."""
    parts = [statistic(one).assign(place=place) for place, one in enumerate(dial.members)]
    rows = pd.concat(parts, ignore_index=True)
    rows["value"] = [dial.values[place] for place in rows["place"]]  # which may be lists, each one value
    return rows[["place", "value", *rows.columns.difference(["place", "value"], sort=False)]]


def _of(dial: Dial, rows: pd.DataFrame, metric: str | None, confidence: float) -> Table:
    column, quantity = dial.whole.metric(metric)
    return Table(rows=rows, of=dial.whole, metric=column, quantity=quantity, confidence=confidence)
