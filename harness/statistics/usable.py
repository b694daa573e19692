"""How wide is the range of learning rates that a strategy stands?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from harness.statistics.by_seed import BySeed, by_seed
from harness.statistics.dials import Dial
from harness.statistics.paired import compare_series, pairs_of
from harness.statistics.sensitivity import summarise
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


def usable_decades(
    dial: Dial, metric: str | None = None, *, tolerance: float = TOLERANCE, best: Best = "own"
) -> dict[str, pd.Series]:
    """Strategy -> decades of usable rates `(seed,)`, indexed by the seeds that have a cell at every rate.

    Args:
        dial: the learning rates.
        metric: a metric on the validation examples; `None` is the task's main one.
        tolerance: see `usable`.
        best: `own`: usable is what comes near the strategy's own best rate at that seed; `all`: near the best rate of
            any strategy at that seed.
    """
    scores = _scores(dial, metric)
    width = decades([float(value) for value in dial.values])
    return {
        axis: pd.Series(found @ width, index=pd.Index(scores[axis].seeds, name="seed"))
        for axis, found in _usable(scores, tolerance, best).items()
    }


def aggregate_usable(
    dial: Dial, metric: str | None = None, *, tolerance: float = TOLERANCE, best: Best = "own", confidence: float = 0.95
) -> pd.DataFrame:
    """Each strategy's decades of usable rates: the mean over seeds with its t interval, the widest range first.

    Returns:
        Columns `axis`, `n`, `incomplete` (seeds left out, as a rate is missing), `decades`, `low`, `high`, `sd`, and
        `lowest` and `highest`: the ends of the rates that are usable at half of the seeds or more, NaN where none is.
        `attrs`: `span` (decades of the grid), `tolerance`.
    """
    scores = _scores(dial, metric)
    values = usable_decades(dial, metric, tolerance=tolerance, best=best)
    incomplete = {axis: one.incomplete for axis, one in scores.items()}
    table = summarise(values, incomplete, "decades", confidence=confidence, ascending=False).drop(columns="lost")
    # An interval may not promise more than the grid has.
    span = float(decades([float(value) for value in dial.values]).sum())
    table[["low", "high"]] = table[["low", "high"]].clip(0.0, span)
    ends = {axis: _ends(found, dial.values) for axis, found in _usable(scores, tolerance, best).items()}
    table[["lowest", "highest"]] = [ends[axis] for axis in table["axis"]]
    table.attrs |= {"span": span, "tolerance": tolerance}
    return table


def share_usable(
    dial: Dial, metric: str | None = None, *, tolerance: float = TOLERANCE, best: Best = "own"
) -> pd.DataFrame:
    """The share of seeds `(strategy, rate)` at which a rate is usable; NaN for a strategy without complete seeds."""
    found = _usable(_scores(dial, metric), tolerance, best)
    shares = {
        axis: rows.mean(axis=0) if len(rows) else np.full(len(dial.values), np.nan) for axis, rows in found.items()
    }
    return pd.DataFrame.from_dict(shares, orient="index", columns=list(dial.values))


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


def validation_metric(dial: Dial, metric: str | None) -> tuple[str, str]:
    """Column and direction of a metric on the validation examples, the task's main one unless said.

    Raises:
        UserError: it is one on the test examples, which nothing is chosen by.
    """
    whole = dial.whole
    asked = metric if metric is not None else f"validation_{whole.measure()[1]['name']}"
    column, measure = whole.measure(asked)
    if not column.startswith("validation_"):
        raise UserError(f"expected a metric on the validation examples, such as validation_loss. Received: {metric=}")
    return column, str(measure["direction"])


def _scores(dial: Dial, metric: str | None) -> dict[str, BySeed]:
    """The validation metric by seed and rate, higher is better."""
    column, direction = validation_metric(dial, metric)
    sign = 1 if direction == "max" else -1
    return {axis: BySeed(sign * one.values, one.seeds, one.incomplete) for axis, one in by_seed(dial, column).items()}


def _usable(scores: dict[str, BySeed], tolerance: float, best: Best) -> dict[str, NDArray[np.bool_]]:
    if tolerance < 0:
        raise UserError(f"expected a tolerance of at least 0. Received: tolerance={tolerance}")
    own = {axis: pd.Series(_best(one.values), index=one.seeds) for axis, one in scores.items()}
    of_all = pd.concat(list(own.values())).groupby(level=0).max()
    reference = own if best == "own" else {axis: of_all.reindex(one.seeds) for axis, one in scores.items()}
    return {axis: usable(one.values, reference[axis], tolerance) for axis, one in scores.items()}


def _best(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The best score of each seed; NaN where every cell diverged, so that no rate is usable."""
    best = np.where(np.isfinite(scores), scores, -np.inf).max(axis=1, initial=-np.inf)
    return np.where(np.isfinite(best), best, np.nan)


def _ends(found: NDArray[np.bool_], values: Sequence[float]) -> tuple[float, float]:
    often = (
        [value for value, share in zip(values, found.mean(axis=0), strict=True) if share >= 0.5] if len(found) else []
    )
    return (float(often[0]), float(often[-1])) if often else (np.nan, np.nan)
