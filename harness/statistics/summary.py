"""What each strategy achieved: means with intervals, spread over seeds, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from harness.cell.costs import CELL_COSTS
from harness.statistics.comparison import Comparison
from harness.statistics.kept import kept
from harness.statistics.margin import margin_of
from harness.statistics.table import Table
from harness.types import Quantity

FAILED = ("error", "timeout", "oom")
# So many test examples that change sides are within twice the square root of their number of none (Poisson's spread).
_FEW_EXAMPLES = 4


@dataclass(frozen=True)
class Interval:
    """An estimate, the interval around it and the number of values behind it; NaN where it is not defined."""

    estimate: float
    low: float
    high: float
    n: int


def mean_interval(
    values: ArrayLike, *, confidence: float = 0.95, least: float = -math.inf, most: float = math.inf
) -> Interval:
    """The mean of `values` `(seed,)` with Student's t interval; values that are not finite are left out.

    The t interval and not a bootstrap, because there are few seeds: resampling n values underestimates the variance
    by (n - 1) / n and takes its quantiles from a normal rather than a t distribution, so that with 5 seeds a
    percentile bootstrap that says 95 % covers the mean about 84 % of the time. docs/statistics.md has the figures.

    With fewer than two values the bounds are NaN, and where all are equal: these runs say nothing about how much runs
    differ, and an interval without width would say that they never do. `least` and `most`
    are the values that the measure can take: no mean lies beyond, so the interval is cut there.
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    n = len(finite)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    mean = float(finite.mean())
    if np.ptp(finite) == 0:
        return Interval(mean, math.nan, math.nan, n)
    half_width = float(special.stdtrit(n - 1, (1 + confidence) / 2) * finite.std(ddof=1) / math.sqrt(n))
    return Interval(mean, max(mean - half_width, least), min(mean + half_width, most), n)


def summarise(
    values: Mapping[str, pd.Series],
    incomplete: Mapping[str, int],
    name: str,
    *,
    confidence: float,
    ascending: bool = True,
) -> pd.DataFrame:
    """One number a seed and strategy, as means with t intervals, in order of the means; NaN is left out and counted."""
    rows = []
    for strategy, one in values.items():
        mean = mean_interval(one, confidence=confidence)
        lost = len(one) - mean.n
        rows.append((strategy, mean.n, incomplete[strategy], lost, mean.estimate, mean.low, mean.high, one.std(ddof=1)))
    table = pd.DataFrame(rows, columns=["axis", "n", "incomplete", "lost", name, "low", "high", "sd"])
    return table.sort_values(name, ascending=ascending, kind="stable", ignore_index=True)


@kept
def aggregate_comparison(comparison: Comparison, metric: str | None = None, *, confidence: float = 0.95) -> Table:
    """One row a strategy, the best mean first: what it reached, how far its seeds lie apart, and what it costs.

    Returns:
        Columns: `axis`; counts of `cells`, `ok`, `diverged`, `failed` (error, timeout, out of memory) and `stale`;
        `n` values behind `mean`, `low`, `high` (t interval, cut to the metric's range) and `sd`; `precise_mean`, the
        same metric with re-estimated inference statistics; `gap`, `gap_low`, `gap_high`: moving averages minus precise
        statistics, paired by cell; `parameters`, `normalization_parameters`, `statistics`, `samples_per_statistic`;
        `seconds` a cell (median). Diverged and failed cells count in `cells` and are not in the means.

    Raises:
        UserError: the task has no such metric.
    """
    column, quantity = comparison.metric(metric)
    rows = [
        {"axis": strategy} | _row(rows, column, quantity, confidence)
        for strategy, rows in comparison.cells.groupby("axis", sort=True)
    ]
    summary = pd.DataFrame(rows)
    summary = summary.sort_values("mean", ascending=quantity.direction == "min", kind="stable", ignore_index=True)
    return Table(rows=summary, of=comparison, metric=column, quantity=quantity, confidence=confidence)


def aggregate_costs(comparison: Comparison) -> pd.DataFrame:
    """One row a strategy, by name: `axis`, `sites`, and the median over its cells of each of `CELL_COSTS`."""
    names = [cost.name for cost in CELL_COSTS]
    return comparison.cells.groupby("axis", sort=True)[["sites", *names]].median().reset_index()


def placed_by_gap(summary: Table) -> list[str]:
    """Strategies that stand elsewhere by their moving averages than they would by precise statistics.

    Those that swap places with another, where the two gaps differ by more than the margin, and of shares of the test
    examples by more than `_FEW_EXAMPLES` over all seeds; of the two the one with the larger gap.

    Args:
        summary: of `aggregate_comparison`.
    """
    rows = summary.rows[["axis", "mean", "precise_mean", "gap"]].dropna()
    margin = margin_of(summary.quantity, float(rows["precise_mean"].mean()), summary.of.margin)
    moving, precise, gap = (rows[name].to_numpy(np.float64) for name in ("mean", "precise_mean", "gap"))
    least = max(margin, _least_gap(summary))
    placed = set()
    for one, other in combinations(range(len(rows)), 2):
        swapped = (moving[one] - moving[other]) * (precise[one] - precise[other]) < 0
        if swapped and abs(gap[one] - gap[other]) > least:
            placed.add(one if abs(gap[one]) > abs(gap[other]) else other)
    return [str(name) for place, name in enumerate(rows["axis"]) if place in placed]


def _least_gap(summary: Table) -> float:
    """What `_FEW_EXAMPLES` of all test examples are of a share; 0 of other metrics and of unknown examples."""
    if summary.quantity.perfect != 1:
        return 0.0
    seen = summary.of.cells["test_examples"].astype(np.float64) if "test_examples" in summary.of.cells else pd.Series()
    seeds = float(summary.rows["n"].min())
    return _FEW_EXAMPLES / (seen.min() * seeds) if seen.min() * seeds > 0 else 0.0


def order_by_precise(summary: Table) -> list[str]:
    """The strategies in the order that they have with precise statistics, the best first."""
    rows = summary.rows.dropna(subset=["precise_mean"])
    ordered = rows.sort_values("precise_mean", ascending=summary.quantity.direction == "min", kind="stable")
    return [str(name) for name in ordered["axis"]]


def _row(cells: pd.DataFrame, column: str, quantity: Quantity, confidence: float) -> dict[str, Any]:
    ok = cells[cells["status"] == "ok"]
    values, precise = _column(ok, column), _column(ok, f"{column}_precise")
    mean = mean_interval(values, confidence=confidence, least=quantity.low, most=quantity.high)
    gap = mean_interval(values - precise, confidence=confidence, least=-quantity.span, most=quantity.span)
    return {
        "cells": len(cells),
        "ok": len(ok),
        "diverged": int((cells["status"] == "diverged").sum()),
        "failed": int(cells["status"].isin(FAILED).sum()),
        "stale": int(cells["stale"].sum()),
        "n": mean.n,
        "mean": mean.estimate,
        "low": mean.low,
        "high": mean.high,
        "sd": _sd(values),
        "precise_mean": mean_interval(precise).estimate,
        "gap": gap.estimate,
        "gap_low": gap.low,
        "gap_high": gap.high,
        **{
            # A cell that ended before its model was built has no counts; the others of its strategy agree.
            name: cells[name].astype(np.float64).max()
            for name in ("parameters", "normalization_parameters", "statistics")
        },
        "samples_per_statistic": cells["samples_per_statistic"].astype(np.float64).min(),
        "seconds": cells["seconds"].astype(np.float64).median(),
    }


def _column(cells: pd.DataFrame, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A metric's values `(cell,)`, NaN where the cells lack it or it is not finite."""
    values = cells[name].to_numpy(np.float64) if name in cells else np.full(len(cells), np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def _sd(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.std(ddof=1)) if len(finite) > 1 else math.nan
