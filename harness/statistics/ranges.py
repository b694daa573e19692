"""How wide is the range of learning rates that a strategy stands, and what does it lose beside its best rate?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from harness.statistics.dials import BySeed, Dial, by_seed
from harness.statistics.kept import kept
from harness.statistics.pairing import pairs_of
from harness.statistics.summary import mean_interval
from harness.statistics.table import Table
from harness.statistics.verdicts import compare_series
from harness.types import UserError

TOLERANCE = 0.05
LOSS = "validation_loss"
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


def rate_sensitivity(losses: ArrayLike, initial: ArrayLike) -> NDArray[np.float64]:
    """Mean over the rates of min(loss at that rate, loss at initialisation) minus the best loss on the grid.

    Wortsman et al. (2023), arXiv 2309.14322, section 2.2, the expectation over rates taken as the mean over the grid,
    which is one over log rates where the grid has equal ratios. 0 is a strategy that any rate of the grid suits.

    Args:
        losses: `(seed, rate)`; a loss that is not finite (a cell that diverged) counts as the loss at initialisation.
        initial: `(seed,)`, the losses at initialisation.

    Returns:
        `(seed,)`, in the loss's unit, at least 0. NaN where no rate leads below the loss at initialisation: the formula
        gives 0 there, and a strategy that never trains would be the least sensitive of all.
    """
    losses, start = np.asarray(losses, np.float64), np.asarray(initial, np.float64)[:, None]
    capped = np.minimum(np.where(np.isfinite(losses), losses, start), start)
    best = capped.min(axis=1, initial=np.inf, keepdims=True)
    return np.where(best < start, capped - best, np.nan).mean(axis=1)  # type: ignore[no-any-return]


@kept
def sensitivities(dial: Dial, loss: str = LOSS) -> dict[str, pd.Series]:
    """Strategy -> its sensitivity `(seed,)`, indexed by the seeds that have a cell at every rate.

    Args:
        loss: the loss's column. The final loss on the validation examples, as in the paper: the test set is not for
            choosing among rates. `validation_loss_precise` leaves out what moving averages add to it.
    """
    initial = _initial_losses(dial)
    found = {}
    for strategy, one in by_seed(dial, loss).items():
        start = initial[strategy].reindex(one.seeds).to_numpy(np.float64)
        found[strategy] = pd.Series(rate_sensitivity(one.values, start), index=pd.Index(one.seeds, name="seed"))
    return found


@kept
def aggregate_sensitivity(dial: Dial, loss: str = LOSS, *, confidence: float = 0.95) -> pd.DataFrame:
    """Each strategy's sensitivity to the learning rate: the mean over seeds with its t interval, the least first.

    Returns:
        Columns `axis`, `n` (seeds behind the mean), `incomplete` (seeds left out, as a rate is missing), `lost` (seeds
        at which no rate trains), `sensitivity`, `low`, `high`, `sd`.
    """
    incomplete = {strategy: one.incomplete for strategy, one in by_seed(dial, loss).items()}
    table = summarise(sensitivities(dial, loss), incomplete, "sensitivity", confidence=confidence)
    return table.assign(low=table["low"].clip(lower=0.0))  # a sensitivity is never negative


@kept
def compare_sensitivity(
    dial: Dial, loss: str = LOSS, *, baseline: str | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """Sensitivities paired by seed: against `baseline`, or every strategy with every other; see `compare_series`."""
    values = sensitivities(dial, loss)
    return compare_series(values, pairs_of(values, baseline), direction="min", confidence=confidence)


def summarise(
    values: Mapping[str, pd.Series],
    incomplete: Mapping[str, int],
    name: str,
    *,
    confidence: float,
    ascending: bool = True,
) -> pd.DataFrame:
    """One number a seed and strategy, as means with t intervals, in order of the means; NaN is left out and counted."""
    rows = []
    for strategy, one in values.items():
        mean = mean_interval(one, confidence=confidence)
        lost = len(one) - mean.n
        rows.append((strategy, mean.n, incomplete[strategy], lost, mean.estimate, mean.low, mean.high, one.std(ddof=1)))
    table = pd.DataFrame(rows, columns=["axis", "n", "incomplete", "lost", name, "low", "high", "sd"])
    return table.sort_values(name, ascending=ascending, kind="stable", ignore_index=True)


def _initial_losses(dial: Dial) -> dict[str, pd.Series]:
    """Strategy -> loss at initialisation `(seed,)`: no rate has acted yet, so any cell of the seed knows it."""
    cells = dial.whole.cells
    if "initial_loss" not in cells:
        return {strategy: pd.Series(dtype=np.float64) for strategy in dial.strategies}
    cells = cells[np.isfinite(cells["initial_loss"].to_numpy(np.float64))]
    found = {str(strategy): rows.groupby("seed")["initial_loss"].first() for strategy, rows in cells.groupby("axis")}
    return {strategy: found.get(strategy, pd.Series(dtype=np.float64)) for strategy in dial.strategies}


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
        tolerance: what usable means; see `usable.usable`.

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
    widths = usable_decades(dial, tolerance=tolerance)
    wider = compare_series(widths, pairs_of(widths, baseline), direction="max", confidence=confidence)
    table = _with_verdict(table, wider, "decades_verdict")
    if LOSS in dial.whole.cells:
        least = aggregate_sensitivity(dial, confidence=confidence).drop(columns=["n", "incomplete", "sd"])
        renamed = {"low": "sensitivity_low", "high": "sensitivity_high"}
        table = table.merge(least.rename(columns=renamed), on="axis", how="left")
        values = sensitivities(dial)
        less = compare_series(values, pairs_of(values, baseline), direction="min", confidence=confidence)
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
