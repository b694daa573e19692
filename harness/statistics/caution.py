"""What so few seeds can and cannot tell, in figures."""

from __future__ import annotations

import math
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

# Seeds that it takes to tell a ratio of standard deviations of 2 (docs/statistics.md); no claim of stability below.
SEEDS_FOR_SPREAD = 30
# The level of the tests, whom strategies are compared with, and what a verdict says.
ALPHA = 0.05
BASELINE = "channel"
BEATS, BEATEN, UNTOLD = "beats", "is beaten by", "not told apart"
POWER = 0.8


def paired_t_power(effect: float, n: int, *, alpha: float = ALPHA) -> float:
    """The chance that a two-sided paired t test over `n` seeds tells a standardised difference of `effect` (d_z).

    d_z is the mean of the paired differences over their standard deviation (Cohen 1988, section 2.3). From the
    noncentral t distribution, both tails.
    """
    critical = float(special.stdtrit(n - 1, 1 - alpha / 2))
    shift = effect * math.sqrt(n)
    power = 1 - special.nctdtr(n - 1, shift, critical) + special.nctdtr(n - 1, shift, -critical)
    return _paired_t_power_by_quadrature(critical, shift, n - 1) if math.isnan(power) else float(power)


def _paired_t_power_by_quadrature(critical: float, shift: float, df: int) -> float:
    """The same where scipy's noncentral t gives up: the normal power given the estimated SD, averaged over that."""
    nodes, weights = _nodes()
    scale = np.sqrt(special.chdtri(df, (1 - nodes) / 2) / df)
    given = special.ndtr(shift - critical * scale) + special.ndtr(-shift - critical * scale)
    return float(weights @ given / 2)


@cache
def _nodes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of Gauss-Legendre quadrature, with their weights: finding them takes longer than using them."""
    nodes, weights = np.polynomial.legendre.leggauss(128)
    return nodes, weights


@lru_cache(maxsize=1024)
def detectable_effect(n: int, *, power: float = POWER, alpha: float = ALPHA) -> float:
    """The smallest d_z that `n` paired seeds tell with chance `power`: 1.68 for 5 seeds, 1.00 for 10, 0.53 for 30.

    NaN for fewer than two seeds.
    """
    if n < 2:
        return math.nan
    low, high = 0.0, 60.0
    for _ in range(60):  # bisection: scipy.optimize would take longer to import than everything else here together
        middle = (low + high) / 2
        low, high = (middle, high) if paired_t_power(middle, n, alpha=alpha) < power else (low, middle)
    return high


def smallest_wilcoxon_p(n: int) -> float:
    """The smallest p-value that a two-sided Wilcoxon signed-rank test over `n` pairs can give: 2 / 2^n."""
    return min(1.0, 2.0 ** (1 - n))


def caution_sentence(n_seeds: int) -> str:
    """What may and may not be concluded from `n_seeds` seeds a strategy."""
    if n_seeds < 2:
        return (
            f"{'No seed' if n_seeds < 1 else 'One seed'} a strategy: nothing can be said about how much runs differ, "
            "so nothing about which strategy is better or more stable."
        )
    parts = [
        f"With {n_seeds} seeds a strategy, a paired comparison finds a difference of {detectable_effect(n_seeds):.2f} "
        "standard deviations of the paired differences four times out of five, and smaller ones less often"
    ]
    if smallest_wilcoxon_p(n_seeds) >= ALPHA:
        parts.append(f"a Wilcoxon test cannot reach p < {ALPHA} with so few")
    if n_seeds < SEEDS_FOR_SPREAD:
        parts.append(
            f"which strategy is more stable cannot be told (a standard deviation twice as large takes about "
            f"{SEEDS_FOR_SPREAD} seeds)"
        )
    else:
        parts.append("a standard deviation twice as large can be told, one 1.5 times as large takes about 50 seeds")
    return "; ".join(parts) + ". Intervals that overlap do not show that strategies are equal."
