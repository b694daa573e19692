"""How much does the choice of axes matter on a task? The largest difference from a baseline, in margins."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.statistics.caution import BASELINE
from harness.statistics.comparison import Comparison
from harness.statistics.summary import Interval
from harness.statistics.verdicts import compare_pairs

# What averages over no batch is no choice of axes to keep.
NO_CHOICE = ("none", "layer", "instance", "group", "rms")
# What keeps the axes of `channel`, and does something else with their statistics or with scale and shift.
SAME_CHOICE = ("renorm", "channel_stats_elementwise_params")


def largest_difference(comparison: Comparison, *, baseline: str = BASELINE) -> Interval:
    """The largest difference of any choice of axes from the baseline, of either sign, in margins of the metric.

    Its interval holds as the pairs' wide intervals do, which hold for all of them at once: the largest difference is no
    smaller than the least that one of them must have, and no larger than the most that any may have. NaN where no
    interval is known; the number is that of the pairs with the fewest seeds.
    """
    if baseline not in comparison.strategies:
        return Interval(math.nan, math.nan, math.nan, 0)
    rows = compare_pairs(comparison, baseline=baseline).rows
    rows = rows[~rows["axis"].str.partition(" ")[0].isin((*NO_CHOICE, *SAME_CHOICE))]
    low, high = ((rows[f"wide_{end}"] / rows["margin"]).to_numpy(np.float64) for end in ("low", "high"))
    if rows.empty or not np.isfinite(np.stack([low, high])).all():
        return Interval(math.nan, math.nan, math.nan, 0)
    least = np.maximum(np.maximum(low, -high), 0.0)
    size = rows["difference"].abs() / rows["margin"]
    return Interval(
        float(size.max()), float(least.max()), float(np.maximum(high, -low).max()), int(rows["pairs"].min())
    )


def apart(ones: Sequence[Interval], others: Sequence[Interval]) -> int:
    """1 where each of `ones` is told to be larger than each of `others`, -1 where one is told to be smaller than one.

    0 where neither is told, and where an interval is not known.
    """
    if not (ones and others and all(one.n for one in (*ones, *others))):
        return 0
    if min(one.low for one in ones) > max(other.high for other in others):
        return 1
    return -1 if min(one.high for one in ones) < max(other.low for other in others) else 0
