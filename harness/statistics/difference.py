"""What one strategy's seeds say against another's: a difference with intervals, P(A > B), and tests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from harness.statistics.summary import mean_interval

_MOST_ENUMERATED = 13  # up to so many pairs all signs are gone through
_ROUNDING = 1e-9  # of the largest score: differences no further apart are equal


@dataclass(frozen=True)
class PairedResult:
    """What one strategy's seeds say against another's; intervals have the confidence that was asked for.

    Attributes:
        seeds: seeds that both strategies have a cell for.
        pairs: those of them where both have a finite value; the mean difference and its intervals are over these.
        difference, low, high, sd: mean of the paired differences with Student's t interval, and their deviation.
        bca_low, bca_high: its BCa bootstrap interval (Efron 1987), which undercovers below 20 pairs.
        d_z: the mean of the differences over their standard deviation; NaN where all are equal.
        median, median_low, median_high: of the paired differences, with its exact interval, which bad runs hardly move.
        p_better, p_better_low, p_better_high: share of `seeds` at which the first is better, ties counted half, with
            the Clopper-Pearson interval. A cell without a value is worse than any cell with one.
        permutation_p: sign-flip permutation test of the mean difference over `pairs`, exact up to 13 pairs.
        wilcoxon_p: Wilcoxon signed-rank test over `seeds`, cells without a value ranked worst.
    """

    seeds: int
    pairs: int
    difference: float
    low: float
    high: float
    sd: float
    bca_low: float
    bca_high: float
    d_z: float
    median: float
    median_low: float
    median_high: float
    p_better: float
    p_better_low: float
    p_better_high: float
    permutation_p: float
    wilcoxon_p: float


def compare_scores(
    score: ArrayLike, other: ArrayLike, *, rng: np.random.Generator | None, confidence: float = 0.95
) -> PairedResult:
    """Two strategies' scores `(seed,)`, paired and higher is better; NaN is a cell without a value.

    Without an `rng` nothing is resampled, which takes most of the time: `bca_low`, `bca_high` and `permutation_p` are
    NaN.
    """
    score, other = np.asarray(score, np.float64), np.asarray(other, np.float64)
    both = np.isfinite(score) & np.isfinite(other)
    differences = paired_differences(score[both], other[both])
    mean = mean_interval(differences, confidence=confidence)
    sd = math.nan if len(differences) < 2 else 0.0 if np.ptp(differences) == 0 else float(differences.std(ddof=1))
    bca_low, bca_high = (
        (math.nan, math.nan) if rng is None else bca_interval(differences, rng=rng, confidence=confidence)
    )
    median_low, median_high = median_interval(differences, confidence=confidence)
    ranked = rank_differences(score, other)
    wins = float((ranked > 0).sum() + 0.5 * (ranked == 0).sum())
    p_low, p_high = win_interval(wins, len(ranked), confidence=confidence)
    return PairedResult(
        seeds=len(score),
        pairs=len(differences),
        difference=mean.estimate,
        low=mean.low,
        high=mean.high,
        sd=sd,
        bca_low=bca_low,
        bca_high=bca_high,
        d_z=mean.estimate / sd if sd > 0 else math.nan,
        median=float(np.median(differences)) if len(differences) else math.nan,
        median_low=median_low,
        median_high=median_high,
        p_better=wins / len(ranked) if len(ranked) else math.nan,
        p_better_low=p_low,
        p_better_high=p_high,
        permutation_p=math.nan if rng is None else permutation_p(differences, rng=rng),
        wilcoxon_p=wilcoxon_p(ranked),
    )


def paired_differences(score: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """`score - other`, `(seed,)`, all finite, without what rounding does to them.

    0.938 - 0.932 and 0.92 - 0.914 are both 3 of 500 and not the same float. Taken as they are they have unequal ranks,
    which makes an exact test of ties wrong, and constant differences seem to vary. Those that lie no further from the
    next than 1e-9 of the largest score are made equal in size, and nothing where one is that small.
    """
    differences = score - other
    unit = _ROUNDING * max(np.abs(score).max(initial=0.0), np.abs(other).max(initial=0.0))
    sizes = np.sort(np.append(np.abs(differences), 0.0))
    distinct = sizes[np.append(True, np.diff(sizes) > unit)]  # the least of those that are equal
    size = distinct[np.searchsorted(distinct, np.abs(differences), side="right") - 1]
    return np.asarray(np.copysign(size, differences))


def rank_differences(score: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Paired differences `(seed,)` for tests by rank: a lost cell loses by more than any finite difference."""
    both = np.isfinite(score) & np.isfinite(other)
    differences = paired_differences(np.where(both, score, 0.0), np.where(both, other, 0.0))
    beyond = 2 * np.abs(differences).max(initial=0.0) + 1
    one_lost = np.isfinite(score).astype(float) - np.isfinite(other)
    return np.asarray(differences + beyond * one_lost)


@lru_cache(maxsize=4096)
def win_interval(wins: float, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson interval of a share of `n`; exact, so that few seeds cannot claim by chance.

    A bootstrap of the share has no width when one strategy wins every time, be it 3 times of 3.
    """
    if n == 0:
        return math.nan, math.nan
    low, high = proportion_confint(wins, n, alpha=1 - confidence, method="beta")
    return (0.0 if wins == 0 else float(low)), (1.0 if wins == n else float(high))


def median_interval(values: NDArray[np.float64], *, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the median of `values` `(seed,)` from their order alone: exact, whatever their distribution.

    A rare bad run among them moves it by a place and not by its size. The bounds are values of the sample, as far
    inside as a fair coin allows (the sign test turned round: Thompson 1936); NaN for fewer than 6 values, whose least
    and largest do not reach 95 %.
    """
    n = len(values)
    below = _fewest_heads(n, confidence)
    if below == 0:
        return math.nan, math.nan
    inside = np.sort(values)
    return float(inside[below - 1]), float(inside[n - below])


@lru_cache(maxsize=4096)
def _fewest_heads(n: int, confidence: float) -> int:
    """The fewest heads of so many coins that are not too few; 0 where none at all would not be."""
    if n == 0 or stats.binom.cdf(0, n, 0.5) > (1 - confidence) / 2:
        return 0
    return int(stats.binom.ppf((1 - confidence) / 2, n, 0.5))


def bca_interval(
    values: NDArray[np.float64], *, rng: np.random.Generator, confidence: float = 0.95, n_resamples: int = 9999
) -> tuple[float, float]:
    """Bias-corrected and accelerated bootstrap interval of the mean; NaN for fewer than two values."""
    if len(values) < 2:
        return math.nan, math.nan
    if np.ptp(values) == 0:  # nothing to resample: scipy would divide 0 by 0
        return float(values[0]), float(values[0])
    result = stats.bootstrap(
        (values,), np.mean, confidence_level=confidence, n_resamples=n_resamples, method="BCa", rng=rng
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def permutation_p(differences: NDArray[np.float64], *, rng: np.random.Generator) -> float:
    """Two-sided sign-flip test that the mean difference is 0: all 2^n flips up to 13 pairs, else 9,999 drawn."""
    if len(differences) < 2:
        return math.nan
    if not differences.any():
        return 1.0
    return float(
        stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", vectorized=True, n_resamples=9999, rng=rng
        ).pvalue
    )


def wilcoxon_p(differences: NDArray[np.float64]) -> float:
    """Two-sided Wilcoxon signed-rank test, differences of 0 left out (Wilcoxon 1945); 1 where all are 0."""
    if len(differences) < 2:
        return math.nan
    if not differences.any():
        return 1.0
    sizes = np.abs(differences)
    # Small samples with ties or zeros, as where cells are lost, are tested exactly.
    if len(sizes) <= _MOST_ENUMERATED and (not sizes.all() or len(np.unique(sizes)) < len(sizes)):
        return _tied_wilcoxon_p(differences[sizes > 0])
    return float(stats.wilcoxon(differences).pvalue)


def _tied_wilcoxon_p(differences: NDArray[np.float64]) -> float:
    """The p-value over all signs that the ranks could have, ties sharing theirs.

    scipy's is the same number, and takes a tenth of a second: it goes through all signs one by one.
    """
    ranks = np.rint(2 * stats.rankdata(np.abs(differences))).astype(np.int64)  # a shared rank is a half at most
    ways = np.zeros(int(ranks.sum()) + 1)  # in which the positive ranks have that sum
    ways[0] = 1
    for rank in ranks:
        ways[rank:] = ways[rank:] + ways[:-rank]
    positive = int(ranks[differences > 0].sum())
    return float(min(1.0, 2 * min(ways[: positive + 1].sum(), ways[positive:].sum()) / ways.sum()))
