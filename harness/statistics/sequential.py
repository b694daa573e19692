"""When to stop adding seeds: a test that may be looked at after every seed without its error growing.

Each seed at which two strategies differ is a coin: does the strategy beat the baseline? If neither is better, heads
and tails are equally likely, and the wealth of a gambler who bets on any other coin grows past 1 / alpha with
probability at most alpha, however often it is looked at and whenever one stops (Ville's inequality). The gambler here
spreads the first stake evenly over all coins from 0 to 1: after w wins in n tosses the wealth is
2^n / ((n + 1) * binomial(n, w)).

Sources: Robbins, "Statistical methods related to the law of the iterated logarithm", 1970, section 3 (the mixture);
Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", 2024, section 2 (Ville's inequality
and confidence sequences from wealth).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from harness.types import Direction


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


def _comparable(score: float, direction: Direction) -> float:
    """The score as a number of which more is better."""
    if not math.isfinite(score):
        return -math.inf
    return score if direction == "max" else -score


def _log_binomial(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
