"""How wide is the range of learning rates that a strategy stands, and what does it lose beside its best rate?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from harness.statistics.dials import BySeed, Dial, by_seed
from harness.statistics.kept import kept
from harness.statistics.pairing import pairs_of
from harness.statistics.sensitivity import LOSS, aggregate_sensitivity, compare_sensitivity
from harness.statistics.summary import summarise
from harness.statistics.table import Table
from harness.statistics.verdicts import compare_series
from harness.types import UserError

TOLERANCE = 0.05
Best = Literal["own", "all"]


def usable(scores: ArrayLike, best: ArrayLike, tolerance: float = TOLERANCE) -> NDArray[np.bool_]:
    """Which rates `(seed, rate)` come within a share `tolerance` of the best score.

    Args:
        scores: `(seed, rate)`, higher is better; NaN (the cell diverged) is not usable.
        best: `(seed,)`, what the scores are held against.
        tolerance: a share of the best score's size: with 0.05, 0.912 is as good as 0.96.
    """
    scores, reference = np.asarray(scores, np.float64), np.asarray(best, np.float64)[:, None]
    with np.errstate(invalid="ignore"):
        return np.asarray(scores >= reference - tolerance * np.abs(reference))


def decades(rates: ArrayLike) -> NDArray[np.float64]:
    """The decades that each rate `(rate,)` of a grid stands for: half of the way to its neighbours, on a log scale.

    They add up to the span of the grid. A strategy whose neighbouring rate is not usable is given half of the way to
    it: where in between it stops being usable, the grid does not say.
    """
    gaps = np.diff(np.log10(np.asarray(rates, np.float64)))
    return np.asarray((np.append(gaps, 0.0) + np.insert(gaps, 0, 0.0)) / 2)


def span_of(dial: Dial) -> float:
    """The decades that a grid of rates spans."""
    return float(decades([float(value) for value in dial.values]).sum())


def usable_decades(
    dial: Dial, metric: str | None = None, *, tolerance: float = TOLERANCE, best: Best = "own"
) -> dict[str, pd.Series]:
    """Strategy -> decades of usable rates `(seed,)`, indexed by the seeds that have a cell at every rate.

    Args:
        tolerance: see `usable`.
        best: `own`: usable is what comes near the strategy's own best rate at that seed; `all`: near the best rate of
            any strategy at that seed.
    """
    scores = _scores(dial, metric)
    width = decades([float(value) for value in dial.values])
    return {
        strategy: pd.Series(found @ width, index=pd.Index(scores[strategy].seeds, name="seed"))
        for strategy, found in _usable(scores, tolerance, best).items()
    }


@kept
def aggregate_usable(
    dial: Dial, metric: str | None = None, *, tolerance: float = TOLERANCE, best: Best = "own", confidence: float = 0.95
) -> pd.DataFrame:
    """Each strategy's decades of usable rates: the mean over seeds with its t interval, the widest range first.

    Returns:
        Columns `axis`, `n`, `incomplete` (seeds left out, as a rate is missing), `decades`, `low`, `high`, `sd`, and
        `lowest` and `highest`: the ends of the rates that are usable at half of the seeds or more, NaN where none is.
    """
    scores = _scores(dial, metric)
    values = usable_decades(dial, metric, tolerance=tolerance, best=best)
    incomplete = {strategy: one.incomplete for strategy, one in scores.items()}
    table = summarise(values, incomplete, "decades", confidence=confidence, ascending=False).drop(columns="lost")
    # An interval may not promise more than the grid has.
    table[["low", "high"]] = table[["low", "high"]].clip(0.0, span_of(dial))
    ends = {strategy: _ends(found, dial.values) for strategy, found in _usable(scores, tolerance, best).items()}
    table[["lowest", "highest"]] = [ends[strategy] for strategy in table["axis"]]
    return table


@kept
def share_usable(
    dial: Dial, metric: str | None = None, *, tolerance: float = TOLERANCE, best: Best = "own"
) -> pd.DataFrame:
    """The share of seeds `(strategy, rate)` at which a rate is usable; NaN for a strategy without complete seeds."""
    found = _usable(_scores(dial, metric), tolerance, best)
    shares = {
        strategy: rows.mean(axis=0) if len(rows) else np.full(len(dial.values), np.nan)
        for strategy, rows in found.items()
    }
    return pd.DataFrame.from_dict(shares, orient="index", columns=list(dial.values))


@kept
def compare_usable(
    dial: Dial,
    metric: str | None = None,
    *,
    tolerance: float = TOLERANCE,
    best: Best = "own",
    baseline: str | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Decades of usable rates paired by seed: against `baseline`, or every strategy with every other."""
    values = usable_decades(dial, metric, tolerance=tolerance, best=best)
    return compare_series(values, pairs_of(values, baseline), direction="max", confidence=confidence)


def _scores(dial: Dial, metric: str | None) -> dict[str, BySeed]:
    """The validation metric by seed and rate, higher is better."""
    column, direction = dial.validation_metric(metric)
    sign = 1 if direction == "max" else -1
    return {
        strategy: BySeed(sign * one.values, one.seeds, one.incomplete)
        for strategy, one in by_seed(dial, column).items()
    }


def _usable(scores: dict[str, BySeed], tolerance: float, best: Best) -> dict[str, NDArray[np.bool_]]:
    if tolerance < 0:
        raise UserError(f"expected a tolerance of at least 0. Received: tolerance={tolerance}")
    own = {strategy: pd.Series(_best(one.values), index=one.seeds) for strategy, one in scores.items()}
    of_all = pd.concat(list(own.values())).groupby(level=0).max()
    reference = own if best == "own" else {strategy: of_all.reindex(one.seeds) for strategy, one in scores.items()}
    return {strategy: usable(one.values, reference[strategy], tolerance) for strategy, one in scores.items()}


def _best(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The best score of each seed; NaN where every cell diverged, so that no rate is usable."""
    best = np.where(np.isfinite(scores), scores, -np.inf).max(axis=1, initial=-np.inf)
    return np.where(np.isfinite(best), best, np.nan)


def _ends(found: NDArray[np.bool_], values: Sequence[float]) -> tuple[float, float]:
    often = (
        [value for value, share in zip(values, found.mean(axis=0), strict=True) if share >= 0.5] if len(found) else []
    )
    return (float(often[0]), float(often[-1])) if often else (np.nan, np.nan)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranges(Table):
    """How strategies stand other learning rates than their best.

    Attributes:
        span: decades of the grid.
        tolerance: what usable means; see `usable`.
        baseline: the strategy that the others are compared with.
    """

    span: float
    tolerance: float
    baseline: str


@kept
def aggregate_rates(dial: Dial, *, baseline: str, tolerance: float = TOLERANCE, confidence: float = 0.95) -> Ranges:
    """How a strategy stands other learning rates than its best: one row each, the widest range of usable rates first.

    Args:
        baseline: the strategy that the others are compared with, paired by seed.
        tolerance: what usable means; see `usable`.

    Returns:
        Columns `axis`, `n`, `incomplete`; of the usable rates near a strategy's own best `decades`, `decades_low`,
        `decades_high`, `decades_verdict`, `lowest`, `highest`; of those near the best of all strategies `all_decades`,
        `all_low`, `all_high`; `sensitivity`, `sensitivity_low`, `sensitivity_high`, `sensitivity_verdict`, `lost`
        (seeds at which no rate trains); `precise_sensitivity`, of the loss with precise statistics.
    """
    own = aggregate_usable(dial, tolerance=tolerance, confidence=confidence)
    near_all = aggregate_usable(dial, tolerance=tolerance, best="all", confidence=confidence)
    table = own.drop(columns="sd").rename(columns={"low": "decades_low", "high": "decades_high"})
    near_all = near_all[["axis", "decades", "low", "high"]]
    table = table.merge(
        near_all.rename(columns={name: f"all_{name}" for name in ("decades", "low", "high")}), on="axis"
    )
    wider = compare_usable(dial, tolerance=tolerance, baseline=baseline, confidence=confidence)
    table = _with_verdict(table, wider, "decades_verdict")
    if LOSS in dial.whole.cells:
        least = aggregate_sensitivity(dial, confidence=confidence).drop(columns=["n", "incomplete", "sd"])
        renamed = {"low": "sensitivity_low", "high": "sensitivity_high"}
        table = table.merge(least.rename(columns=renamed), on="axis", how="left")
        less = compare_sensitivity(dial, baseline=baseline, confidence=confidence)
        table = _with_verdict(table, less, "sensitivity_verdict")
    if f"{LOSS}_precise" in dial.whole.cells:
        precise = aggregate_sensitivity(dial, f"{LOSS}_precise")[["axis", "sensitivity"]]
        table = table.merge(precise.rename(columns={"sensitivity": "precise_sensitivity"}), on="axis", how="left")
    column, quantity = dial.whole.metric()
    return Ranges(
        rows=table,
        of=dial.whole,
        metric=column,
        quantity=quantity,
        confidence=confidence,
        span=span_of(dial),
        tolerance=tolerance,
        baseline=baseline,
    )


def _with_verdict(table: pd.DataFrame, pairs: pd.DataFrame, name: str) -> pd.DataFrame:
    return table.merge(pairs[["axis", "verdict"]].rename(columns={"verdict": name}), on="axis", how="left")
