"""Is one strategy better than another? Strategies paired by seed, and a verdict that is seldom wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.statistics.caution import (
    ALPHA,
    BASELINE,
    BETTER,
    EQUIVALENT,
    SEEDS_FOR_EQUIVALENCE,
    UNDECIDED,
    WORSE,
    family_reach,
)
from harness.statistics.comparison import Comparison
from harness.statistics.family import judge_family
from harness.statistics.kept import kept
from harness.statistics.margin import margin_of
from harness.statistics.pairing import count_mispaired, pair_rows, pairs_of, scores_of
from harness.statistics.table import Table, cut_to_span
from harness.types import Direction

MOST_SEEDS = 100_000  # beyond, no number of seeds is worth naming


@kept
def compare_pairs(
    comparison: Comparison,
    metric: str | None = None,
    *,
    baseline: str = BASELINE,
    seed: int = 0,
    confidence: float = 0.95,
    resample: bool = False,
) -> Table:
    """Every other strategy against `baseline`, paired by seed: one row each, all of them judged as one family.

    Args:
        seed: of the flips, the bootstrap and the permutations; the same seed gives the same bits.
        resample: whether to have the columns that take resampling (BCa interval, permutation test), and most of the
            time.

    Returns:
        Columns `axis`, `baseline`, those of `PairedResult`, `lost` and `baseline_lost` (cells without a value),
        `mispaired` (pairs whose initial weights, order or split were not the same), and those of `judge`.

    Raises:
        UserError: there is no such baseline.
    """
    return _compare(comparison, baseline, metric, seed=seed, confidence=confidence, resample=resample)


@kept
def compare_all_pairs(
    comparison: Comparison,
    metric: str | None = None,
    *,
    seed: int = 0,
    confidence: float = 0.95,
    resample: bool = False,
) -> Table:
    """Every strategy against every other, as `compare_pairs`; the family is all the pairs."""
    return _compare(comparison, None, metric, seed=seed, confidence=confidence, resample=resample)


def compare_series(
    values: Mapping[str, pd.Series],
    pairs: Sequence[tuple[str, str]],
    *,
    direction: Direction,
    margin: float = math.nan,
    seed: int = 0,
    confidence: float = 0.95,
    resample: bool = False,
) -> pd.DataFrame:
    """Strategies paired by seed on any one number a seed: what `compare_pairs` says of a metric, of that number.

    Args:
        values: strategy -> its numbers `(seed,)`, indexed by seed; NaN is worse than any number, and a seed that only
            one of two strategies has is no pair.
        pairs: who is compared with whom, all of them one family.
        direction: whether higher (`max`) or lower (`min`) numbers are better.
        margin: in the numbers' unit; NaN: nothing is called equivalent.
        seed, resample: as of `compare_pairs`.

    Returns:
        As `compare_pairs`, without `mispaired`.

    Raises:
        UserError: a strategy has two numbers for one seed.
    """
    table = pair_rows(values, pairs, direction=direction, seed=seed, confidence=confidence, resample=resample)
    margins = np.full(len(pairs), margin)
    return judge(table, values, pairs, margins, direction=direction, seed=seed, confidence=confidence)


def judge(
    table: pd.DataFrame,
    values: Mapping[str, pd.Series],
    pairs: Sequence[tuple[str, str]],
    margins: NDArray[np.float64],
    *,
    direction: Direction,
    seed: int = 0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """The rows of pairs with what is said of them together, as one family.

    Strategies are told apart by sign flips of all the family's differences at once, and equivalent by two one-sided
    tests in the same sequence (`family.py`): all claims of a family, of either kind, hold in about 95 % of studies.
    Equivalence takes a margin, 20 pairs and no lost cell.

    Returns:
        `table` with the columns `margin`; `wide_low`, `wide_high`: intervals that hold for all the family at once, NaN
        where cells are lost; `p` and `equivalence_p`, corrected over the family; `verdict`: `better`, `worse` (told
        apart), `equivalent` (within the margin) or `undecided`; `size`: `beyond` or `within` the margin where the wide
        interval says so of what is told apart, else empty; `seeds_to_decide`: how many seeds would decide what is
        undecided, going by the spread so far, NaN where that is not known.
    """
    lost = (table["lost"] + table["baseline_lost"]).to_numpy() > 0
    n = table["pairs"].to_numpy(np.int64)
    tested = np.where(lost | (n < SEEDS_FOR_EQUIVALENCE), math.nan, margins)
    names = sorted({name for pair in pairs for name in pair})
    scores = _matrix({name: values[name] for name in names}, 1 if direction == "max" else -1)
    columns = [(names.index(one), names.index(other)) for one, other in pairs]
    family = judge_family(scores, columns, tested, alpha=1 - confidence, seed=seed)
    mean, sd = table["difference"].to_numpy(np.float64), table["sd"].to_numpy(np.float64)
    with np.errstate(invalid="ignore"):  # an infinite reach of differences that are all equal
        # Never narrower than an interval by itself, which flips of few seeds can be by a little.
        reach = np.maximum(family.reach, [family_reach(int(one), alpha=1 - confidence) for one in n])
        half = np.where(lost, math.nan, reach * sd / np.sqrt(np.maximum(n, 1)))
    told = family.p < ALPHA
    equivalent = ~told & (family.equivalence_p < ALPHA)
    low, high = mean - half, mean + half
    beyond = told & ((low > margins) | (high < -margins))
    within = told & (low > -margins) & (high < margins)
    undecided = ~told & ~equivalent
    said = {
        "margin": margins,
        "wide_low": low,
        "wide_high": high,
        "p": family.p,
        "equivalence_p": family.equivalence_p,
        "verdict": np.select([equivalent, told & family.leads, told], [EQUIVALENT, BETTER, WORSE], UNDECIDED),
        "size": np.select([beyond, within], ["beyond", "within"], ""),
        "seeds_to_decide": [
            seeds_to_decide(one, margin, len(pairs)) if open_ and not any_lost else math.nan
            for one, margin, open_, any_lost in zip(sd, margins, undecided, lost, strict=True)
        ],
    }
    # At once: a column after the other takes as long as all of the judging.
    before = {str(name): column.array for name, column in table.items()}
    return pd.DataFrame({**before, **said}, index=table.index)


def seeds_to_decide(sd: float, margin: float, comparisons: int) -> float:
    """The fewest seeds, from 20, whose verdict is not `undecided`, if the paired differences have that deviation.

    With them the wide interval reaches at most half the margin to either side, so that it leaves out 0 or lies within
    the margin. Infinite beyond 100,000 seeds, NaN where deviation or margin are not known.
    """
    if not (math.isfinite(sd) and margin > 0):
        return math.nan

    def decides(n: int) -> bool:
        return family_reach(n, comparisons) * sd / math.sqrt(n) <= margin / 2

    # What the reach of many seeds asks for is nearly it, as that of fewer is hardly more.
    least = (2 * family_reach(MOST_SEEDS, comparisons) * sd / margin) ** 2
    if least > MOST_SEEDS:
        return math.inf
    n = max(SEEDS_FOR_EQUIVALENCE, math.ceil(least))
    while not decides(n):
        n += 1
    return float(n)


def margin_against(
    comparison: Comparison, scores: Mapping[str, pd.Series], baseline: str | None, metric: str | None
) -> float:
    """The margin of a comparison's verdicts; where all are compared with all, by the mean of all strategies' means."""
    _, quantity = comparison.metric(metric)
    means = [series.mean() for name, series in scores.items() if baseline in (None, name)]
    asked = comparison.margin if quantity == comparison.metric()[1] else None  # it is in the main metric's unit
    return margin_of(quantity, float(np.mean(means)) if means else math.nan, asked)


def _compare(
    comparison: Comparison, baseline: str | None, metric: str | None, *, seed: int, confidence: float, resample: bool
) -> Table:
    column, quantity = comparison.metric(metric)
    scores = scores_of(comparison, metric)
    pairs = pairs_of(scores, baseline)
    table = compare_series(
        scores,
        pairs,
        direction=quantity.direction,
        margin=margin_against(comparison, scores, baseline, metric),
        seed=seed,
        confidence=confidence,
        resample=resample,
    )
    table.insert(list(table.columns).index("margin"), "mispaired", count_mispaired(comparison, pairs))
    rows = cut_to_span(table, quantity)
    return Table(rows=rows, of=comparison, metric=column, quantity=quantity, confidence=confidence)


def _matrix(values: Mapping[str, pd.Series], sign: int) -> NDArray[np.float64]:
    """Scores `(seed, strategy)`, higher is better: NaN a lost cell, infinite one that is not there."""
    seeds = sorted({seed for series in values.values() for seed in series.index})
    matrix = np.full((len(seeds), len(values)), math.inf)
    for column, series in enumerate(values.values()):
        found = series.to_numpy(np.float64)
        matrix[np.searchsorted(seeds, series.index), column] = np.where(np.isfinite(found), sign * found, math.nan)
    return matrix
