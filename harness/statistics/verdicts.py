"""Is one strategy better than another? Strategies paired by seed, and a verdict that is seldom wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from harness.seeds import derive_rng
from harness.statistics.caution import ALPHA, BASELINE, BEATEN, BEATS, UNTOLD
from harness.statistics.comparison import Comparison, kept
from harness.statistics.difference import PairedResult, compare_scores
from harness.statistics.table import Table
from harness.types import Direction, UserError

# P(A > B) that is worth a claim (Bouthillier et al. 2021, section 3.3).
MEANINGFUL = 0.75
_SCORE = "score"
_RESAMPLED = ("bca_low", "bca_high", "permutation_p")
_HASHES = ("weights_hash", "order_hash", "split_hash")


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
    """Every other strategy against `baseline`, paired by seed: one row each, one family for Holm's correction.

    Args:
        seed: of the bootstrap and the permutations; the same seed gives the same bits.
        resample: whether to have the columns that take resampling (BCa interval, permutation test), and most of the
            time.

    Returns:
        Columns `axis`, `baseline`, those of `PairedResult`, `lost` and `baseline_lost` (cells without a value),
        `mispaired` (pairs whose initial weights, order or split were not the same), `holm_p` (Wilcoxon, corrected over
        the rows) and `verdict`.

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
    """Every strategy against every other, as `compare_pairs`; the family of Holm's correction is all the pairs."""
    return _compare(comparison, None, metric, seed=seed, confidence=confidence, resample=resample)


def verdicts(p_low: ArrayLike, p_high: ArrayLike, corrected_p: ArrayLike) -> NDArray[np.str_]:
    """`beats`, `is beaten by` or `not told apart`, elementwise.

    A beats B when the interval of P(A > B) lies above 0.5 and reaches beyond 0.75 (Bouthillier et al. 2021), and the
    corrected p-value is below 0.05: without the second, several comparisons would find something by chance.
    """
    low, high, p = (np.asarray(values, np.float64) for values in (p_low, p_high, corrected_p))
    told = p < ALPHA
    beats, beaten = told & (low > 0.5) & (high > MEANINGFUL), told & (high < 0.5) & (low < 1 - MEANINGFUL)
    return np.asarray(np.where(beats, BEATS, np.where(beaten, BEATEN, UNTOLD)))


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


def compare_series(
    values: Mapping[str, pd.Series],
    pairs: Sequence[tuple[str, str]],
    *,
    direction: Direction,
    seed: int | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Strategies paired by seed on any one number a seed: what `compare_pairs` says of a metric, of that number.

    Args:
        values: strategy -> its numbers `(seed,)`, indexed by seed; NaN is worse than any number, and a seed that only
            one of two strategies has is no pair.
        pairs: who is compared with whom, one family for Holm's correction.
        direction: whether higher (`max`) or lower (`min`) numbers are better.
        seed: of the bootstrap and the permutations; None leaves both out, and their columns.

    Returns:
        As `compare_pairs`, without `mispaired`.
    """
    sign = 1 if direction == "max" else -1
    rows = []
    for strategy, other in pairs:
        score, other_score = values[strategy].align(values[other], join="inner")
        result = compare_scores(
            sign * score,
            sign * other_score,
            # Named by the pair: adding a strategy does not change what is said of the others.
            rng=derive_rng(seed, "paired", strategy, other) if seed is not None else None,
            confidence=confidence,
        )
        lost = {"lost": _count_lost(score), "baseline_lost": _count_lost(other_score)}
        rows.append({"axis": strategy, "baseline": other} | _in_unit(result, sign) | lost)
    table = pd.DataFrame(
        rows, columns=["axis", "baseline", *PairedResult.__dataclass_fields__, "lost", "baseline_lost"]
    )
    table["holm_p"] = holm(table["wilcoxon_p"])
    table["verdict"] = verdicts(table["p_better_low"], table["p_better_high"], table["holm_p"])
    return table if seed is not None else table.drop(columns=list(_RESAMPLED))


def pairs_of(strategies: Iterable[str], baseline: str | None) -> list[tuple[str, str]]:
    """Every other strategy with `baseline`, or every strategy with every other where that is None.

    Raises:
        UserError: there is no such baseline.
    """
    names = sorted(strategies)
    if baseline is None:
        return list(combinations(names, 2))
    if baseline not in names:
        raise UserError(f"expected a baseline among the strategies {names}. Received: baseline={baseline!r}")
    return [(strategy, baseline) for strategy in names if strategy != baseline]


def _compare(
    comparison: Comparison, baseline: str | None, metric: str | None, *, seed: int, confidence: float, resample: bool
) -> Table:
    column, quantity = comparison.metric(metric)
    cells = {str(strategy): _scores(rows, column) for strategy, rows in comparison.cells.groupby("axis")}
    pairs = pairs_of(cells, baseline)
    scores = {strategy: rows[_SCORE] for strategy, rows in cells.items()}
    table = compare_series(
        scores, pairs, direction=quantity.direction, seed=seed if resample else None, confidence=confidence
    )
    mispaired = [_mispaired(cells[strategy], cells[other]) for strategy, other in pairs]
    table.insert(list(table.columns).index("holm_p"), "mispaired", np.array(mispaired, np.int64))
    return Table(rows=table, of=comparison, metric=column, quantity=quantity, confidence=confidence)


def _scores(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """One strategy's values by seed, NaN where a cell diverged or failed, with the hashes that pairing rests on.

    Raises:
        UserError: two cells have the same seed, so that neither can be paired.
    """
    if rows["seed"].duplicated().any():
        twice = sorted(set(rows.loc[rows["seed"].duplicated(), "seed"].tolist()))
        raise UserError(f"expected one cell a seed and strategy. Received: {rows['axis'].iloc[0]} seeds {twice} twice")
    values = rows[column].to_numpy(np.float64) if column in rows else np.full(len(rows), np.nan)
    ok = (rows["status"] == "ok").to_numpy() & np.isfinite(values)
    scores = rows.set_index("seed")[list(_HASHES)]
    return scores.assign(**{_SCORE: np.where(ok, values, np.nan)}).sort_index()


def _in_unit(result: PairedResult, sign: int) -> dict[str, Any]:
    """The result with differences in the metric's own direction: negative where lower values are better."""
    said = asdict(result)
    if sign < 0:
        said |= {"difference": -result.difference, "d_z": -result.d_z}
        said |= {"low": -result.high, "high": -result.low, "bca_low": -result.bca_high, "bca_high": -result.bca_low}
    return said


def _count_lost(scores: pd.Series) -> int:
    return int((~np.isfinite(scores.to_numpy(np.float64))).sum())


def _mispaired(cells: pd.DataFrame, others: pd.DataFrame) -> int:
    """How many pairs did not start from the same weights, order and split."""
    both = cells.merge(others, left_index=True, right_index=True, suffixes=("", "_other"))
    differ = [
        both[name].notna() & both[f"{name}_other"].notna() & (both[name] != both[f"{name}_other"]) for name in _HASHES
    ]
    return int(np.logical_or.reduce(differ).sum())
