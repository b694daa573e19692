"""How many seeds does it take? From a pilot's records: what so many seeds tell, and how many would tell more."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd
from scipy import stats

from harness.statistics.caution import BASELINE, POWER, detectable_effect, verdict_power
from harness.statistics.comparison import Comparison
from harness.statistics.table import Table
from harness.statistics.verdicts import compare_pairs, seeds_to_decide

_MOST_SEEDS = 2**20


@dataclass(frozen=True, kw_only=True, eq=False)
class SeedPlan(Table):
    """How many seeds it takes; `power` is the chance to tell the difference."""

    power: float


def plan_seeds(
    comparison: Comparison,
    metric: str | None = None,
    *,
    baseline: str = BASELINE,
    difference: float | None = None,
    power: float = POWER,
) -> SeedPlan:
    """How many seeds would tell each strategy from the baseline, going by the spread that a pilot shows.

    Args:
        difference: the difference to be told, in the metric's unit; `None` is the margin, the least that matters. The
            one that a pilot shows is a poor guide: it is the larger, the luckier the pilot was.
        power: the chance to tell it.

    Returns:
        One row a strategy: `axis`, `baseline`, `pairs`, `shown` (the mean difference so far), `sd` of the paired
        differences with `sd_low`, `sd_high` (95 %, chi-squared: a pilot of few seeds knows its spread badly),
        `detectable` (the difference that a verdict over `pairs` seeds tells with chance `power`), the `margin`,
        `difference` to be told, `chance` to tell it with the present pairs, `seeds` that a verdict takes for it,
        `seeds_high` (the same at `sd_high`) and `decide_seeds` with which a verdict is not `undecided`, whatever the
        difference is. NaN where fewer than two pairs finished, and where all differences are equal, as nothing is known
        of the spread.
    """
    pairs_table = compare_pairs(comparison, metric, baseline=baseline)
    comparisons = max(1, len(pairs_table.rows))
    rows = []
    for one in pairs_table.rows.to_dict("records"):
        pairs = int(one["pairs"])
        sd = float(one["sd"]) or math.nan  # differences that are all equal show no spread to plan by
        sd_low, sd_high = sd_interval(sd, pairs)
        told = float(one["margin"]) if difference is None else abs(difference)
        rows.append(
            {
                "axis": one["axis"],
                "baseline": one["baseline"],
                "pairs": pairs,
                "shown": one["difference"],
                "sd": sd,
                "sd_low": sd_low,
                "sd_high": sd_high,
                "detectable": detectable_effect(pairs, comparisons=comparisons, power=power) * sd,
                "margin": one["margin"],
                "difference": told,
                "chance": verdict_power(told / sd, pairs, comparisons=comparisons),
                "seeds": seeds_for_verdict(told / sd, comparisons=comparisons, power=power),
                "seeds_high": seeds_for_verdict(told / sd_high, comparisons=comparisons, power=power),
                "decide_seeds": seeds_to_decide(sd, float(one["margin"]), comparisons),
            }
        )
    return SeedPlan(
        rows=pd.DataFrame(rows),
        of=comparison,
        metric=pairs_table.metric,
        quantity=pairs_table.quantity,
        confidence=pairs_table.confidence,
        power=power,
    )


@lru_cache(maxsize=1024)
def seeds_for_verdict(d_z: float, *, comparisons: int = 1, power: float = POWER) -> float:
    """The fewest seeds whose verdict tells a standardised paired difference `d_z` with chance `power`.

    Infinite for no difference, NaN where `d_z` is not known.
    """
    if not math.isfinite(d_z):
        return math.nan
    low, high = 1, 2
    while verdict_power(abs(d_z), high, comparisons=comparisons) < power:
        low, high = high, 2 * high
        if high > _MOST_SEEDS:
            return math.inf
    while high - low > 1:
        middle = (low + high) // 2
        enough = verdict_power(abs(d_z), middle, comparisons=comparisons) >= power
        low, high = (low, middle) if enough else (middle, high)
    return float(high)


def sd_interval(sd: float, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a standard deviation of normal values, from the chi-squared distribution."""
    if n < 2 or not math.isfinite(sd):
        return math.nan, math.nan
    high, low = (float(stats.chi2.ppf(q, n - 1)) for q in ((1 + confidence) / 2, (1 - confidence) / 2))
    return sd * math.sqrt((n - 1) / high), sd * math.sqrt((n - 1) / low)
