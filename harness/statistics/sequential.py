"""When to stop adding seeds: tests that may be looked at after every seed without their error growing.

`judge` asks who is better and takes nothing for granted. Each seed at which two strategies differ is a coin: does the
strategy beat the baseline? If neither is better, heads and tails are equally likely, and the wealth of a gambler who
bets on any other coin grows past 1 / alpha with probability at most alpha, however often it is looked at and whenever
one stops (Ville's inequality). The gambler here spreads the first stake evenly over all coins from 0 to 1: after w wins
in n tosses the wealth is 2^n / ((n + 1) * binomial(n, w)).

`decide` asks also whether it matters, by an interval for the mean difference that holds at every look: the values that
a bet against a normal distribution of unknown spread has not refuted. The bet mixes t statistics over all differences
in standard deviations, these drawn from a normal distribution. It takes paired differences for normal; cells that were
lost have none, so a tenth of the error is spent on the coins above, for which a lost cell loses.

Sources: Robbins, "Statistical methods related to the law of the iterated logarithm", 1970, section 3 (the mixture of
coins); Lai, "On confidence sequences", 1976, section 4, and Wang & Ramdas, "Anytime-valid t-tests and confidence
sequences for Gaussian means with unknown variance", 2024 (the mixture of t statistics); Waudby-Smith & Ramdas,
"Estimating means of bounded random variables by betting", 2024, section 2 (Ville's inequality and confidence sequences
from wealth).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.statistics.caution import BETTER, EQUIVALENT, SEEDS_FOR_EQUIVALENCE, UNDECIDED, WORSE
from harness.statistics.difference import paired_differences
from harness.types import Direction

# Variance of the mixed-over differences, in variances of a paired difference: about what seeds are run for.
_MIXED = 1.0
_FOR_COINS = 0.1  # share of the error for what has no difference, lost cells


@dataclass(frozen=True)
class Interim:
    """What the seeds so far say of one strategy against the baseline.

    Attributes:
        wins: seeds at which the strategy was better.
        losses: seeds at which the baseline was better; seeds without a difference count for neither.
        wealth: the gambler's, by which the null hypothesis is judged.
        needed: the wealth from which the two are told apart.
    """

    wins: int
    losses: int
    wealth: float
    needed: float

    @property
    def told_apart(self) -> bool:
        """Whether the strategy and the baseline are told apart; once they are, no later seed takes that back."""
        return self.wealth >= self.needed

    @property
    def settled(self) -> bool:
        """Whether no more seeds are wanted."""
        return self.told_apart

    def __str__(self) -> str:
        better = "better" if self.wins > self.losses else "worse"
        verdict = f"told apart ({better})" if self.told_apart else "not told apart"
        seeds = self.wins + self.losses
        tosses = (
            f"better at {self.wins} of the {seeds} seeds at which they differ" if seeds else "they differ at no seed"
        )
        evidence = "" if self.told_apart else f"; evidence {self.wealth:.3g}, told apart from {self.needed:.3g} on"
        return f"{verdict}: {tosses}{evidence}"


@dataclass(frozen=True)
class Decision:
    """What the seeds so far decide of one strategy against the baseline; a decision stays, whatever comes later.

    Attributes:
        verdict: `better`, `worse`, `equivalent` (the interval lies within the margin) or `undecided`.
        seeds: shared seeds up to the decision.
        difference: mean of the paired differences, in the metric's unit.
        low, high: its interval, which holds at all looks together; NaN where cells are lost.
        margin: a difference too small to matter.
    """

    verdict: str
    seeds: int
    difference: float
    low: float
    high: float
    margin: float

    @property
    def settled(self) -> bool:
        """Whether no more seeds are wanted."""
        return self.verdict != UNDECIDED

    def __str__(self) -> str:
        within = f" within {self.margin:.3g}" if self.verdict == EQUIVALENT else ""
        bounds = f" [{self.low:+.3g}, {self.high:+.3g}]" if math.isfinite(self.low) else ""
        return f"{self.verdict}{within} after {self.seeds} seeds; difference {self.difference:+.3g}{bounds}"


def wealth(wins: int, losses: int) -> float:
    """The gambler's wealth after so many wins and losses, from a stake of 1: an e-value against a fair coin.

    >>> wealth(0, 0), round(wealth(10, 0), 2), round(wealth(5, 5), 4)
    (1.0, 93.09, 0.3694)
    """
    tosses = wins + losses
    # In logarithms, as 2^n and the binomial leave the range of floats at a thousand tosses.
    log_wealth = tosses * math.log(2) - math.log(tosses + 1) - _log_binomial(tosses, wins)
    return math.exp(min(log_wealth, 700.0))


def judge(
    strategy: Mapping[int, float],
    baseline: Mapping[int, float],
    *,
    direction: Direction,
    comparisons: int = 1,
    alpha: float = 0.05,
) -> Interim:
    """Judge by the scores that a strategy and the baseline have so far.

    Args:
        strategy: seed -> score; a score that is not finite (the cell diverged or failed) is worse than any other.
        baseline: the same of the baseline. Seeds that only one of them has do not count.
        direction: whether higher (`max`) or lower (`min`) scores are better.
        comparisons: how many strategies are compared with the baseline: alpha is divided by it (Bonferroni).
        alpha: the probability with which any of the comparisons may claim a difference where there is none.
    """
    wins = losses = 0
    # In order of the seeds, each counted until the two are told apart: what comes later cannot undo a decision.
    best = 1.0
    for seed in sorted({*strategy} & {*baseline}):
        a, b = (_comparable(scores[seed], direction) for scores in (strategy, baseline))
        wins += a > b
        losses += a < b
        best = max(best, wealth(wins, losses))
    return Interim(wins, losses, best, comparisons / alpha)


def decide(
    strategy: Mapping[int, float],
    baseline: Mapping[int, float],
    *,
    direction: Direction,
    margin: float,
    comparisons: int = 1,
    alpha: float = 0.05,
) -> Decision:
    """Decide by the scores that a strategy and the baseline have so far, looked at after every seed.

    Args:
        strategy, baseline, direction, comparisons, alpha: as of `judge`; any false claim counts, of a difference or of
            equivalence.
        margin: a difference too small to matter, in the scores' unit; NaN: nothing is called equivalent. That takes 20
            seeds and no lost cell.
    """
    seeds = sorted({*strategy} & {*baseline})
    first, second = (np.array([scores[seed] for seed in seeds], np.float64) for scores in (strategy, baseline))
    both = np.isfinite(first) & np.isfinite(second)
    sign = 1 if direction == "max" else -1
    differences = np.full(len(seeds), math.nan)
    differences[both] = paired_differences(first[both], second[both])
    of_coins, of_means = _FOR_COINS * alpha / comparisons, (1 - _FOR_COINS) * alpha / comparisons
    said = Decision(UNDECIDED, 0, math.nan, math.nan, math.nan, margin)
    for n in range(1, len(seeds) + 1):
        seen, lost = differences[:n], not both[:n].all()
        low, high = (math.nan, math.nan) if lost else mean_sequence(seen, alpha=of_means)
        mean = float(np.nanmean(seen)) if both[:n].any() else math.nan
        coins = judge(
            {seed: strategy[seed] for seed in seeds[:n]},
            {seed: baseline[seed] for seed in seeds[:n]},
            direction=direction,
            alpha=of_coins,
        )
        verdict = UNDECIDED
        if low > 0 or high < 0:
            verdict = BETTER if sign * mean > 0 else WORSE
        elif coins.told_apart:
            verdict = BETTER if coins.wins > coins.losses else WORSE
        elif n >= SEEDS_FOR_EQUIVALENCE and -margin < low and high < margin:
            verdict = EQUIVALENT
        said = Decision(verdict, n, mean, low, high, margin)
        if said.settled:
            break
    return said


def mean_sequence(values: NDArray[np.float64], *, alpha: float) -> tuple[float, float]:
    """The interval of the mean of normal values `(n,)` that holds for all n together with probability 1 - `alpha`.

    With t the distance of the mean in standard errors and r = 1 / (1 + n g), g the mixture's variance, the bet's wealth
    is sqrt(r) * ((1 + t^2 / (n - 1)) / (1 + r t^2 / (n - 1)))^(n / 2). The interval ends where that is 1 / alpha: it
    has no end while no t reaches it. Values that are all equal say nothing of their spread: no interval either.
    """
    n = len(values)
    spread = float(values.std(ddof=1)) if n > 1 else 0.0
    if spread == 0:
        return -math.inf, math.inf
    shrink = 1 / (1 + n * _MIXED)
    ratio = (1 / (alpha * math.sqrt(shrink))) ** (2 / n)
    if ratio * shrink >= 1:
        return -math.inf, math.inf
    reach = math.sqrt((n - 1) * (ratio - 1) / (1 - ratio * shrink))
    half = reach * spread / math.sqrt(n)
    return float(values.mean()) - half, float(values.mean()) + half


def _comparable(score: float, direction: Direction) -> float:
    """The score as a number of which more is better."""
    if not math.isfinite(score):
        return -math.inf
    return score if direction == "max" else -score


def _log_binomial(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
