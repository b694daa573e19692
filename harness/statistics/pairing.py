"""Strategies paired by seed: whose values are compared with whose, and what each pair says by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.seeds import derive_rng
from harness.statistics.comparison import Comparison
from harness.statistics.difference import PairedResult, compare_scores
from harness.types import Direction, UserError

_RESAMPLED = ("bca_low", "bca_high", "permutation_p")
_HASHES = ("weights_hash", "order_hash", "split_hash")


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


def scores_of(comparison: Comparison, metric: str | None = None) -> dict[str, pd.Series]:
    """Each strategy's values of a metric by seed, NaN where a cell diverged or failed."""
    column, _ = comparison.metric(metric)
    found = {}
    for strategy, rows in comparison.cells.groupby("axis"):
        values = rows[column].to_numpy(np.float64) if column in rows else np.full(len(rows), np.nan)
        ok = (rows["status"] == "ok").to_numpy() & np.isfinite(values)
        found[str(strategy)] = pd.Series(np.where(ok, values, np.nan), index=rows["seed"].to_numpy()).sort_index()
    return found


def pair_rows(
    values: Mapping[str, pd.Series],
    pairs: Sequence[tuple[str, str]],
    *,
    direction: Direction,
    seed: int = 0,
    confidence: float = 0.95,
    resample: bool = False,
) -> pd.DataFrame:
    """One row a pair: its difference with intervals and tests of its own; what `compare_series` says but verdicts."""
    sign = 1 if direction == "max" else -1
    rows = []
    for strategy, series in values.items():
        if series.index.has_duplicates:
            twice = sorted(set(series.index[series.index.duplicated()].tolist()))
            raise UserError(f"expected one cell a seed and strategy. Received: {strategy} seeds {twice} twice")
    for strategy, other in pairs:
        score, other_score = values[strategy].align(values[other], join="inner")
        result = compare_scores(
            sign * score.to_numpy(np.float64),
            sign * other_score.to_numpy(np.float64),
            # Named by the pair: adding a strategy does not change what is said of the others.
            rng=derive_rng(seed, "paired", strategy, other) if resample else None,
            confidence=confidence,
        )
        lost = {"lost": _count_lost(score), "baseline_lost": _count_lost(other_score)}
        rows.append({"axis": strategy, "baseline": other} | _in_unit(result, sign) | lost)
    fields = [name for name in PairedResult.__dataclass_fields__ if resample or name not in _RESAMPLED]
    return pd.DataFrame(rows, columns=["axis", "baseline", *fields, "lost", "baseline_lost"])


def count_mispaired(comparison: Comparison, pairs: Sequence[tuple[str, str]]) -> NDArray[np.int64]:
    """How many seeds of each pair did not start from the same weights, order and split."""
    hashes = {str(name): rows.set_index("seed")[list(_HASHES)] for name, rows in comparison.cells.groupby("axis")}
    return np.array([_differing(hashes[strategy], hashes[other]) for strategy, other in pairs], np.int64)


def _differing(cells: pd.DataFrame, others: pd.DataFrame) -> int:
    both = cells.merge(others, left_index=True, right_index=True, suffixes=("", "_other"))
    differ = [
        both[name].notna() & both[f"{name}_other"].notna() & (both[name] != both[f"{name}_other"]) for name in _HASHES
    ]
    return int(np.logical_or.reduce(differ).sum())


def _in_unit(result: PairedResult, sign: int) -> dict[str, Any]:
    """The result with differences in the metric's own direction: negative where lower values are better."""
    said = dict(vars(result))
    if sign < 0:
        said |= {"difference": -result.difference, "d_z": -result.d_z, "median": -result.median}
        said |= {"median_low": -result.median_high, "median_high": -result.median_low}
        said |= {"low": -result.high, "high": -result.low, "bca_low": -result.bca_high, "bca_high": -result.bca_low}
    return said


def _count_lost(scores: pd.Series) -> int:
    return int((~np.isfinite(scores.to_numpy(np.float64))).sum())
