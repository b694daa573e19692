"""How stable is a strategy? Divergence, spread over seeds, and how training went; verdicts on the first two."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats
from statsmodels.stats.proportion import proportion_confint

from harness.cell.health import MEASURES
from harness.statistics.caution import ALPHA, BASELINE, SEEDS_FOR_SPREAD
from harness.statistics.comparison import Comparison
from harness.statistics.family import holm
from harness.statistics.kept import kept
from harness.statistics.new_data import kind_of
from harness.statistics.summary import FAILED, Interval
from harness.statistics.table import Table
from harness.types import Direction, Quantity, UserError

# Measures of a cell's training that a record may hold; of several sites the worst off (`harness.cell.health`).
OF_TRAINING = tuple(one.name for one in MEASURES if one.tabled)
WORST_SHARE = 0.1
LESS, MORE, UNTOLD = "spreads less than", "spreads more than", "not told apart"


@kept
def aggregate_stability(comparison: Comparison, metric: str | None = None) -> Table:
    """One row a strategy: how often it diverged, how far its seeds lie apart, and how its training went.

    Returns:
        Columns `axis`; `cells`, `diverged` and its `rate` with the Wilson interval `low`, `high`; of the metric over
        the `n` seeds that finished `sd`, `iqr` (interquartile range), `worst` (seed) and `worst_tenth` (mean of the
        worst tenth of the seeds, rounded up), and for an accuracy on the test examples `test_noise`, `left` and
        `explained` (`beyond_test_noise`); then the median over those seeds of each of `OF_TRAINING`, NaN where it
        was not measured.

    Raises:
        UserError: the task has no such metric.
    """
    column, quantity = comparison.metric(metric)
    finished = comparison.cells[comparison.cells["status"] == "ok"].reindex(columns=["axis", column, *OF_TRAINING])
    rows = []
    for strategy in sorted(comparison.cells["axis"].unique()):
        of_axis = finished[finished["axis"] == strategy]
        values = of_axis[column].to_numpy(np.float64)
        training = {name: float(of_axis[name].astype(np.float64).median()) for name in OF_TRAINING}
        left = beyond_test_noise(values, _tested(comparison, strategy, column, quantity))
        rows.append({"axis": strategy} | dispersion(values, direction=quantity.direction) | left | training)
    diverged = count_diverged(comparison)[["axis", "cells", "diverged", "rate", "low", "high"]]
    table = diverged.merge(pd.DataFrame(rows), on="axis", validate="one_to_one")
    return Table(rows=table, of=comparison, metric=column, quantity=quantity)


def dispersion(values: ArrayLike, *, direction: Direction) -> dict[str, float]:
    """`n`, `sd`, `iqr`, `worst` and `worst_tenth` of the finite ones of `values` `(seed,)`."""
    finite = np.asarray(values, dtype=np.float64)
    finite = np.sort(finite[np.isfinite(finite)])
    worst_first = finite if direction == "max" else finite[::-1]
    n = len(finite)
    if not n:
        return {"n": 0, "sd": math.nan, "iqr": math.nan, "worst": math.nan, "worst_tenth": math.nan}
    quarter, three_quarters = np.percentile(finite, [25, 75])
    return {
        "n": n,
        "sd": float(finite.std(ddof=1)) if n > 1 else math.nan,
        "iqr": float(three_quarters - quarter) if n > 1 else math.nan,
        "worst": float(worst_first[0]),
        "worst_tenth": float(worst_first[: math.ceil(WORST_SHARE * n)].mean()),
    }


def beyond_test_noise(values: ArrayLike, tested: float) -> dict[str, float]:
    """What is left of the SD over seeds of accuracies `(seed,)`, each a share of `tested` examples.

    Returns:
        `test_noise`, the SD that p (1 - p) / tested makes when seeds draw their test examples; `left`, the root of what
        the variance has beyond it (0 where it has less); `explained`: 1 where a chi-square test at 5 % finds no more
        variance than the test examples make, else 0. NaN where `tested` is not known, fewer than two are finite or one
        is no share.
    """
    finite = np.asarray(values, np.float64)
    finite = finite[np.isfinite(finite)]
    shares = bool(((finite >= 0) & (finite <= 1)).all())  # a record may say anything
    if len(finite) < 2 or not tested > 0 or not shares:
        return {"test_noise": math.nan, "left": math.nan, "explained": math.nan}
    noise = float(np.mean(finite * (1 - finite))) / tested
    variance, freedom = float(finite.var(ddof=1)), len(finite) - 1
    explained = variance <= noise * float(special.chdtri(freedom, 0.05)) / freedom
    left = math.sqrt(max(0.0, variance - noise))
    return {"test_noise": math.sqrt(noise), "left": left, "explained": float(explained)}


def _tested(comparison: Comparison, strategy: str, column: str, quantity: Quantity) -> float:
    """How many test examples an accuracy rests on; NaN for other metrics, and where seeds share their test examples."""
    cells = comparison.cells[comparison.cells["status"] == "ok"]
    if quantity.name not in ("accuracy", "overall_accuracy") or not column.startswith("test_"):
        return math.nan
    if kind_of(cells) not in ("resplit", "new"):
        return math.nan
    return float(cells.loc[cells["axis"] == strategy, "test_examples"].astype(np.float64).min())


@kept
def count_diverged(comparison: Comparison, *, confidence: float = 0.95) -> pd.DataFrame:
    """How many of each strategy's cells diverged.

    Returns:
        Columns `axis`, `cells`, `diverged`, `failed`, `rate` (diverged of all cells) with the Wilson interval `low`,
        `high`. Failed cells stay in the denominator.
    """
    rows = []
    for strategy, group in comparison.cells.groupby("axis", sort=True):
        diverged = int((group["status"] == "diverged").sum())
        low, high = proportion_confint(diverged, len(group), alpha=1 - confidence, method="wilson")
        rows.append(
            {
                "axis": strategy,
                "cells": len(group),
                "diverged": diverged,
                "failed": int(group["status"].isin(FAILED).sum()),
                "rate": diverged / len(group),
                "low": float(low),
                "high": float(high),
            }
        )
    return pd.DataFrame(rows)


@kept
def compare_divergence(comparison: Comparison) -> pd.DataFrame:
    """Every strategy's share of diverged cells against every other's, by Fisher's exact test.

    Returns:
        Columns `axis` (of the two the one that diverges more often), `other`, `rate`, `other_rate`,
        `fisher_p` and `holm_p`, over all pairs.
    """
    counts = count_diverged(comparison).sort_values("rate", ascending=False, kind="stable").to_dict("records")
    rows = []
    for one, other in combinations(counts, 2):
        table = [[row["diverged"], row["cells"] - row["diverged"]] for row in (one, other)]
        p = float(stats.fisher_exact(np.array(table)).pvalue)
        rows.append((one["axis"], other["axis"], one["rate"], other["rate"], p))
    pairs = pd.DataFrame(rows, columns=["axis", "other", "rate", "other_rate", "fisher_p"])
    return pairs.assign(holm_p=holm(pairs["fisher_p"]))


@kept
def compare_spread(
    comparison: Comparison, metric: str | None = None, *, baseline: str = BASELINE, confidence: float = 0.95
) -> pd.DataFrame:
    """Every strategy's standard deviation over seeds against the baseline's, over the seeds that both finished.

    Returns:
        Columns `axis`, `baseline`, `n` (seeds), `sd`, `baseline_sd`, `ratio` with `ratio_low`, `ratio_high`
        (jackknife), `brown_forsythe_p`, `holm_p` and `verdict`. The verdict is `not told apart` below 30 seeds,
        whatever the numbers: with fewer, a ratio of 2 is found by luck or not at all.

    Raises:
        UserError: there is no such baseline.
    """
    values = _finished(comparison, metric)
    strategies = sorted(map(str, values))
    if baseline not in strategies:
        raise UserError(f"expected a baseline among the strategies {strategies}. Received: baseline={baseline!r}")
    rows = []
    for strategy in strategies:
        if strategy == baseline:
            continue
        both = values[[strategy, baseline]].dropna().to_numpy()
        sd, baseline_sd = both.std(axis=0, ddof=1) if len(both) > 1 else (math.nan, math.nan)
        ratio = log_sd_ratio_interval(both[:, 0], both[:, 1], confidence=confidence)
        rows.append(
            {
                "axis": strategy,
                "baseline": baseline,
                "n": len(both),
                "sd": sd,
                "baseline_sd": baseline_sd,
                "ratio": math.exp(ratio.estimate),
                "ratio_low": math.exp(ratio.low),
                "ratio_high": math.exp(ratio.high),
                "brown_forsythe_p": brown_forsythe_p(both[:, 0], both[:, 1]),
            }
        )
    table = pd.DataFrame(rows)
    if len(table):
        table["holm_p"] = holm(table["brown_forsythe_p"])
        table["verdict"] = [
            _verdict(*row) for row in table[["n", "ratio_low", "ratio_high", "holm_p"]].itertuples(index=False)
        ]
    return table


def log_sd_ratio_interval(values: ArrayLike, others: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """ln(SD of `values` / SD of `others`), both `(seed,)` and paired, with the jackknife's t interval (Miller 1968).

    Pseudo-values of the difference of the two log standard deviations carry the pairing along. NaN for fewer than
    three pairs, and where a standard deviation is 0.
    """
    x, y = np.asarray(values, np.float64), np.asarray(others, np.float64)
    n = len(x)
    if n < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Interval(math.nan, math.nan, math.nan, n)
    estimate = math.log(x.std(ddof=1) / y.std(ddof=1))
    with np.errstate(divide="ignore"):
        pseudo = n * estimate - (n - 1) * (_log_sd_without_each(x) - _log_sd_without_each(y))
    if not np.isfinite(pseudo).all():
        return Interval(estimate, math.nan, math.nan, n)
    half = float(special.stdtrit(n - 1, (1 + confidence) / 2) * pseudo.std(ddof=1) / math.sqrt(n))
    return Interval(estimate, float(pseudo.mean()) - half, float(pseudo.mean()) + half, n)


def brown_forsythe_p(values: ArrayLike, others: ArrayLike) -> float:
    """Brown & Forsythe's (1974) test of equal spread: Levene's with medians; NaN for fewer than three values.

    It takes the two samples for independent; seeds that are shared make it say less, never more.
    """
    x, y = np.asarray(values, np.float64), np.asarray(others, np.float64)
    if min(len(x), len(y)) < 3 or (np.ptp(x) == 0 and np.ptp(y) == 0):
        return math.nan
    return float(stats.levene(x, y, center="median").pvalue)


def _log_sd_without_each(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log standard deviation with each value left out in turn `(seed,)`."""
    n = len(values)
    squares = (values - values.mean()) ** 2
    # Leaving out x_i takes n / (n - 1) * (x_i - mean)^2 from the sum of squares.
    left = np.maximum(squares.sum() - n / (n - 1) * squares, 0.0)
    return 0.5 * np.log(left / (n - 2))  # type: ignore[no-any-return]


def _finished(comparison: Comparison, metric: str | None) -> pd.DataFrame:
    """The metric `(seed, strategy)`, NaN where a cell diverged or failed."""
    column, _ = comparison.metric(metric)
    frame = comparison.cells.assign(value=comparison.cells.get(column, np.nan))
    frame.loc[frame["status"] != "ok", "value"] = np.nan
    values = frame.pivot_table(index="seed", columns="axis", values="value", dropna=False)
    return values.rename(columns=str).replace([np.inf, -np.inf], np.nan)


def _verdict(n: int, low: float, high: float, p: float) -> str:
    if n < SEEDS_FOR_SPREAD or not p < ALPHA:
        return UNTOLD
    return LESS if high < 1 else MORE if low > 1 else UNTOLD
