"""Is one strategy more stable than another? Its standard deviation over seeds against the baseline's."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from harness.statistics.caution import SEEDS_FOR_SPREAD
from harness.statistics.comparison import Comparison, the_comparison
from harness.statistics.paired import ALPHA, BASELINE, UNTOLD, holm
from harness.statistics.summary import Interval
from harness.types import UserError

LESS, MORE = "spreads less than", "spreads more than"


def compare_spread(
    cells: pd.DataFrame | Comparison, metric: str | None = None, *, baseline: str = BASELINE, confidence: float = 0.95
) -> pd.DataFrame:
    """Every strategy's standard deviation over seeds against the baseline's, over the seeds that both finished.

    Args:
        cells: a `Comparison`, or a frame that holds one.
        metric: its column or name; `None` is the task's main metric on the test examples.
        baseline: the strategy that the others are compared with.
        confidence: of the intervals.

    Returns:
        Columns `axis`, `baseline`, `n` (seeds), `sd`, `baseline_sd`, `ratio` with `ratio_low`, `ratio_high`
        (jackknife), `brown_forsythe_p`, `holm_p` and `verdict`. The verdict is `not told apart` below 30 seeds,
        whatever the numbers: with fewer, a ratio of 2 is found by luck or not at all.

    Raises:
        UserError: there is no such baseline, or no one comparison.
    """
    comparison = cells if isinstance(cells, Comparison) else the_comparison(cells)
    values = _finished(comparison, metric)
    strategies = sorted(map(str, values))
    if baseline not in strategies:
        raise UserError(f"expected a baseline among the strategies {strategies}. Received: baseline={baseline!r}")
    rows = []
    for axis in strategies:
        if axis == baseline:
            continue
        both = values[[axis, baseline]].dropna().to_numpy()
        sd, baseline_sd = both.std(axis=0, ddof=1) if len(both) > 1 else (math.nan, math.nan)
        ratio = log_sd_ratio_interval(both[:, 0], both[:, 1], confidence=confidence)
        rows.append(
            {
                "axis": axis,
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
    column, _ = comparison.measure(metric)
    frame = comparison.cells.assign(value=comparison.frame.get(column, np.nan))
    frame.loc[frame["status"] != "ok", "value"] = np.nan
    values = frame.pivot_table(index="seed", columns="axis", values="value", dropna=False)
    return values.rename(columns=str).replace([np.inf, -np.inf], np.nan)


def _verdict(n: int, low: float, high: float, p: float) -> str:
    if n < SEEDS_FOR_SPREAD or not p < ALPHA:
        return UNTOLD
    return LESS if high < 1 else MORE if low > 1 else UNTOLD
