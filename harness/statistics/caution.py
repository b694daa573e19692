"""What so few seeds can and cannot tell, in figures."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

# The level of the tests, whom strategies are compared with, and what a verdict says.
ALPHA = 0.05
BASELINE = "channel"
BETTER, WORSE, EQUIVALENT, UNDECIDED = "better", "worse", "equivalent", "undecided"
POWER = 0.8
# Seeds from which strategies may be called equivalent: with fewer, rare bad runs are too seldom seen.
SEEDS_FOR_EQUIVALENCE = 20
# Seeds that it takes to tell a ratio of standard deviations of 2 (docs/statistics.md); no claim of stability below.
SEEDS_FOR_SPREAD = 30
_FEW = 8  # below, bad runs are not excluded at all to speak of


@lru_cache(maxsize=4096)
def family_reach(n: int, comparisons: int = 1, *, alpha: float = ALPHA) -> float:
    """How many standard errors from 0 a mean difference over `n` seeds tells, among so many with one baseline.

    Dunnett's (1955) two-sided critical value, by quadrature: differences from one baseline correlate by a half. With
    one comparison it is Student's t. The sign flips of `family.py` know no distribution; they ask for nearly the same
    from 8 seeds on, and for more below. NaN for fewer than two seeds.
    """
    if n < 2:
        return math.nan
    if comparisons <= 1:
        return float(special.stdtrit(n - 1, 1 - alpha / 2))
    shared, shares = _hermite()
    scale = _scales(n - 1)
    _, weights = _legendre()

    def covered(reach: float) -> float:
        bound = math.sqrt(2) * reach * scale[:, None]
        one = special.ndtr(bound - shared) - special.ndtr(-bound - shared)
        return float(weights @ (one**comparisons @ shares) / 2)

    # Between that of one comparison and Bonferroni's.
    low, high = (float(special.stdtrit(n - 1, 1 - alpha / 2 / count)) for count in (1, comparisons))
    return _bisect(lambda reach: covered(reach) >= 1 - alpha, low, high, steps=30)


@lru_cache(maxsize=4096)
def verdict_power(d_z: float, n: int, *, comparisons: int = 1, alpha: float = ALPHA) -> float:
    """The chance that a verdict over `n` seeds tells normal paired differences of standardised mean `d_z`.

    d_z is the mean of the paired differences over their standard deviation (Cohen 1988, section 2.3). It is taken to be
    the only one of so many comparisons that differs. From the noncentral t distribution, both tails; 0 where no flip of
    so few signs can reach `alpha`. With 6 or 7 seeds it is more than the verdict has (docs/statistics.md).
    """
    if n < 2 or not math.isfinite(d_z) or smallest_p(n) >= alpha:
        return 0.0
    critical, shift = family_reach(n, comparisons, alpha=alpha), d_z * math.sqrt(n)
    power = 1 - special.nctdtr(n - 1, shift, critical) + special.nctdtr(n - 1, shift, -critical)
    if not math.isnan(power):
        return float(power)
    # Where scipy's noncentral t gives up: the normal power given the estimated SD, averaged over that.
    scale, (_, weights) = _scales(n - 1), _legendre()
    given = special.ndtr(shift - critical * scale) + special.ndtr(-shift - critical * scale)
    return float(weights @ given / 2)


@lru_cache(maxsize=1024)
def detectable_effect(n: int, *, comparisons: int = 1, power: float = POWER, alpha: float = ALPHA) -> float:
    """The smallest d_z that `n` seeds tell with chance `power`: of one comparison 1.00 for 10 seeds, 0.53 for 30.

    Infinite for so few seeds that nothing can be told.
    """
    if smallest_p(n) >= alpha:
        return math.inf
    return _bisect(lambda d_z: verdict_power(d_z, n, comparisons=comparisons, alpha=alpha) >= power, 0.0, 60.0)


def smallest_p(n: int) -> float:
    """The smallest p-value that flipping the signs of `n` seeds can give, of however many comparisons: 2 / 2^n."""
    return min(1.0, 2.0 ** (1 - n))


def caution_sentence(n_seeds: int, comparisons: int = 1) -> str:
    """What may and may not be concluded from `n_seeds` seeds a strategy where so many are compared at once."""
    if n_seeds < 2:
        return (
            f"{'No seed' if n_seeds < 1 else 'One seed'} a strategy: nothing can be said about how much runs differ, "
            "so nothing about which strategy is better or more stable."
        )
    least = detectable_effect(n_seeds, comparisons=comparisons)
    among = f" among {comparisons} comparisons" if comparisons > 1 else ""
    often = f"{'at best' if n_seeds < _FEW else 'about'} four times out of five"
    parts = [
        f"With {n_seeds} seeds a strategy, a verdict{among} tells a difference of {least:.2f} standard deviations of "
        f"the paired differences {often}, and smaller ones less often"
        if math.isfinite(least)
        else f"With {n_seeds} seeds a strategy, no difference can be told at the level of {ALPHA}: it takes 6"
    ]
    if n_seeds < SEEDS_FOR_EQUIVALENCE:
        parts.append(f"none is called equivalent, which takes {SEEDS_FOR_EQUIVALENCE} seeds")
    if n_seeds < SEEDS_FOR_SPREAD:
        parts.append(
            f"which strategy is more stable cannot be told (a standard deviation twice as large takes about "
            f"{SEEDS_FOR_SPREAD} seeds)"
        )
    else:
        parts.append("a standard deviation twice as large can be told, one 1.5 times as large takes about 50 seeds")
    if n_seeds >= _FEW:
        parts.append(unseen_sentence(n_seeds))
    return f"{'; '.join(parts)}."


def unseen_sentence(n: int, *, confidence: float = 0.95) -> str:
    """What `n` seeds without a bad run do not exclude: runs so rare that all may have missed them."""
    share = unseen_share(n, confidence=confidence)
    seldom = f"1 of {math.floor(1 / share)}" if share < 0.5 else f"{100 * share:.0f} % of the runs"
    return f"bad runs in fewer than {seldom} are not excluded"


def unseen_share(n: int, *, confidence: float = 0.95) -> float:
    """The largest share of runs that `n` seeds may all have missed with probability 1 - `confidence`."""
    return float(1 - (1 - confidence) ** (1 / n))


def _bisect(enough: Callable[[float], bool], low: float, high: float, *, steps: int = 60) -> float:
    """The least number that is enough: scipy.optimize would take longer to import than all else here together."""
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


@lru_cache(maxsize=1024)
def _scales(df: int) -> NDArray[np.float64]:
    """Estimated over true standard deviation, at the nodes of Gauss-Legendre quadrature."""
    nodes, _ = _legendre()
    return np.asarray(np.sqrt(special.chdtri(df, (1 - nodes) / 2) / df))


@cache
def _legendre() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights of Gauss-Legendre quadrature: finding them takes longer than using them."""
    nodes, weights = np.polynomial.legendre.leggauss(96)
    return nodes, weights


@cache
def _hermite() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes of Gauss-Hermite quadrature of a standard normal variable, with their probabilities."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    return nodes, weights / weights.sum()
