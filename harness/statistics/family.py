"""Several comparisons at once: which are told apart, which are equivalent, all of them together seldom wrong.

Under the null hypothesis a seed's differences are as likely as their opposites. So the signs of whole seeds are
flipped, all of a seed's comparisons together, which keeps their correlation: the share of flips whose largest statistic
reaches the one seen is a p-value for all comparisons (max-T; Westfall & Young 1993, algorithm 4.1). The hypothesis with
the largest statistic is judged first; what it rejects is taken out for the next (step-down).

A comparison has two null hypotheses, of which at most one is true: the difference is 0, or it is as large as the
margin. The first is tested by the mean difference against 0, the second by the mean difference against both ends of the
margin (two one-sided tests, Schuirmann 1987). Both kinds step down in one sequence, so that the chance of any false
claim, of difference or of equivalence, is near the level (the partitioning principle: Finner & Strassburger 2002). A
comparison that is told apart stays in it with the one side on which it could still be called equivalent by mistake.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from harness.seeds import derive_rng
from harness.statistics.difference import paired_differences, rank_differences

MOST_ENUMERATED = 13  # up to so many seeds all flips are gone through
_DRAWN = 9_999
_SLACK = 1e-9  # statistics that are equal but for rounding


@dataclass(frozen=True)
class Family:
    """What a family of comparisons says; each `(comparison,)`.

    Attributes:
        p: of no difference, corrected over the family; NaN where fewer than two seeds can be paired.
        equivalence_p: of a difference as large as the margin, corrected over the family; NaN where it was not tested.
        reach: of the simultaneous intervals, in standard errors of the mean difference: all of `mean ± reach * se`
            hold together with the family's confidence.
        leads: whether the first of each pair is the better one, by what was tested.
    """

    p: NDArray[np.float64]
    equivalence_p: NDArray[np.float64]
    reach: NDArray[np.float64]
    leads: NDArray[np.bool_]


def judge_family(
    scores: NDArray[np.float64],
    pairs: list[tuple[int, int]],
    margins: NDArray[np.float64],
    *,
    alpha: float,
    seed: int = 0,
) -> Family:
    """Judge pairs of strategies together.

    Args:
        scores: `(seed, strategy)`, higher is better. NaN is a cell without a value, which is worse than any, and
            infinity (of either sign) one that is not there, with which there is no pair.
        pairs: columns of `scores`.
        margins: `(pair,)`, in the scores' unit; NaN where equivalence is not to be tested.
        alpha: of the simultaneous intervals.
        seed: of the flips, where they are drawn.
    """
    columns = [_standardised(scores[:, one], scores[:, other]) for one, other in pairs]
    weights = np.stack(columns, axis=1) if columns else np.zeros((len(scores), 0))
    flipped = _flip(weights, seed)
    seen = weights.sum(axis=0)
    within = np.array([_within(scores[:, a], scores[:, b], m) for (a, b), m in zip(pairs, margins, strict=True)])
    p, equivalence_p = _step_down(flipped, seen, within)
    seeds = np.array([_paired(scores[:, a], scores[:, b]).sum() for a, b in pairs], dtype=np.int64)
    p[seeds < 2] = math.nan
    largest = np.abs(flipped).max(axis=0, initial=0.0)
    critical = float(np.quantile(largest, 1 - alpha, method="higher")) if len(largest) else math.nan
    return Family(p, equivalence_p, np.array([_in_errors(critical, n) for n in seeds]), seen > 0)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's (1979) corrected p-values `(..., test)`, the last axis one family.

    NaN (no test was possible) stays NaN and does not count. As statsmodels' `multipletests(method="holm")`, which
    collects garbage at each call and so takes a tenth of a second.
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, axis=-1)  # NaN last
    ranked = np.take_along_axis(p, order, axis=-1)
    left = np.isfinite(p).sum(axis=-1, keepdims=True) - np.arange(p.shape[-1])
    stepped = np.minimum(np.maximum.accumulate(ranked * left, axis=-1), 1.0)
    corrected = np.empty_like(p)
    np.put_along_axis(corrected, order, stepped, axis=-1)
    return corrected


def _in_errors(statistic: float, n: int) -> float:
    """Student's t over `n` pairs at which the statistic has that value, infinite where it never has.

    The statistic is the sum over the root of the sum of squares: it grows with t, and flips leave its denominator.
    """
    if n < 2 or not math.isfinite(statistic):
        return math.nan
    left = n - statistic * statistic
    return statistic * math.sqrt((n - 1) / left) if left > _SLACK else math.inf


def _paired(score: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    return ~np.isinf(score) & ~np.isinf(other)


def _standardised(score: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """A pair's differences `(seed,)` over the root of their sum of squares; ranks where cells are lost."""
    there = _paired(score, other)
    first, second = score[there], other[there]
    if np.isfinite(first).all() and np.isfinite(second).all():
        differences = paired_differences(first, second)
    else:
        # Nobody knows by how much a lost cell loses: only that it does, by more than any other.
        differences = _signed_ranks(rank_differences(first, second))
    size = math.sqrt(float((differences**2).sum()))
    spread = np.zeros(len(score))
    spread[there] = differences / size if size > 0 else 0.0
    return spread


def _signed_ranks(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    ranks = np.zeros(len(differences))
    some = differences != 0
    ranks[some] = stats.rankdata(np.abs(differences[some])) * np.sign(differences[some])
    return ranks


def _within(score: NDArray[np.float64], other: NDArray[np.float64], margin: float) -> float:
    """The statistic of the worse of the two one-sided tests; NaN where they are not made."""
    there = _paired(score, other)
    first, second = score[there], other[there]
    if not math.isfinite(margin) or not (np.isfinite(first).all() and np.isfinite(second).all()) or len(first) < 2:
        return math.nan
    differences = paired_differences(first, second)
    return min(_statistic(margin - differences), _statistic(margin + differences))


def _statistic(values: NDArray[np.float64]) -> float:
    size = math.sqrt(float((values**2).sum()))
    return float(values.sum()) / size if size > 0 else 0.0


def _flip(weights: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """The statistics `(comparison, flip)` of all flips of the seeds' signs, or of some; none flipped comes first."""
    used = weights[(weights != 0).any(axis=1)]
    n = len(used)
    if n == 0:
        return np.zeros((weights.shape[1], 1))
    if n <= MOST_ENUMERATED:
        signs = 1 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    else:
        drawn = derive_rng(seed, "flips", n).integers(0, 2, (_DRAWN, n))
        signs = np.concatenate([np.ones((1, n)), 1 - 2.0 * drawn])
    return np.ascontiguousarray((signs @ used).T)


def _step_down(
    flipped: NDArray[np.float64], seen: NDArray[np.float64], within: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corrected p-values of difference and of equivalence."""
    k = len(seen)
    p, equivalence_p = np.full(k, math.nan), np.full(k, math.nan)
    differs, differs_not = np.full(k, True), np.isfinite(within)
    towards = np.where(seen > 0, -1.0, 1.0)  # the side on which one that differs could look as if it did not
    statistic = np.abs(flipped)
    least = 0.0
    for _ in range(k + int(differs_not.sum())):
        difference = np.where(differs, np.abs(seen), -math.inf)
        equivalence = np.where(differs_not, within, -math.inf)
        kind, place = divmod(int(np.argmax(np.concatenate([difference, equivalence]))), k)
        reached = (difference, equivalence)[kind][place]
        least = max(least, float((statistic.max(axis=0) >= reached - _SLACK).mean()))
        (p, equivalence_p)[kind][place] = least
        (differs, differs_not)[kind][place] = False
        if not differs[place]:
            statistic[place] = flipped[place] * towards[place] if differs_not[place] else -math.inf
    return p, equivalence_p
