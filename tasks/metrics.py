"""What tasks are scored by: each metric declares its direction, range and unit here and nowhere else.

Classification metrics take logits `(example, class)` and compare their largest with classes `(example,)`; an example
with an output that is not finite counts as wrong, whichever class `argmax` would pick.
Regression metrics take outputs `(example, 1)` and targets `(example,)` in the task's unit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.types import Metric

Array = NDArray[Any]


def _predicted(output: Array) -> NDArray[np.int64]:
    """Class of the largest logit `(example,)`, -1 where an output is not finite."""
    return np.where(np.isfinite(output).all(axis=1), output.argmax(axis=1), -1)


def _error(target: Array, output: Array) -> NDArray[np.float64]:
    """Predicted minus true `(example,)`; the shapes are checked, since (n,) - (n, 1) would broadcast to (n, n)."""
    if output.shape != (len(target), 1) or target.ndim != 1:
        raise ValueError(
            "expected target (example,) and output (example, 1). "
            f"Received: target.shape={target.shape}, output.shape={output.shape}"
        )
    return output[:, 0].astype(np.float64) - target.astype(np.float64)


def _accuracy(target: Array, output: Array) -> float:
    return float(np.mean(_predicted(output) == target))


def _average_accuracy(target: Array, output: Array) -> float:
    correct = _predicted(output) == target
    return float(np.mean([correct[target == label].mean() for label in np.unique(target)]))


def _kappa(target: Array, output: Array) -> float:
    predicted = _predicted(output)
    observed = float(np.mean(predicted == target))
    labels = np.unique(np.concatenate([target, predicted]))
    chance = float(sum(np.mean(target == label) * np.mean(predicted == label) for label in labels))
    # One class only, always predicted: agreement beyond chance has no meaning.
    return (observed - chance) / (1.0 - chance) if chance < 1.0 else float("nan")


def _rmse(target: Array, output: Array) -> float:
    with np.errstate(over="ignore"):
        return float(np.sqrt(np.mean(_error(target, output) ** 2)))


def _mae(target: Array, output: Array) -> float:
    return float(np.mean(np.abs(_error(target, output))))


def _r2(target: Array, output: Array) -> float:
    with np.errstate(over="ignore"):
        residual = float(np.sum(_error(target, output) ** 2))
    total = float(np.sum((target.astype(np.float64) - target.mean()) ** 2))
    return 1.0 - residual / total if total > 0 else float("nan")


def _nasa_score(target: Array, output: Array) -> float:
    error = _error(target, output)
    with np.errstate(over="ignore"):
        return float(np.mean(np.expm1(np.where(error < 0, -error / 13.0, error / 10.0))))


ACCURACY = Metric("accuracy", "max", _accuracy, high=1.0)
"""Share of examples classified correctly."""

OVERALL_ACCURACY = Metric("overall_accuracy", "max", _accuracy, high=1.0)
"""The same under the name that remote sensing gives it, beside `average_accuracy`."""

AVERAGE_ACCURACY = Metric("average_accuracy", "max", _average_accuracy, high=1.0)
"""Mean over classes of the share classified correctly; classes without an example in `target` are left out."""

KAPPA = Metric("kappa", "max", _kappa, low=-1.0, high=1.0)
"""Cohen's (1960) agreement beyond chance, (observed - chance) / (1 - chance)."""

R2 = Metric("r2", "max", _r2, low=float("-inf"), high=1.0)
"""1 - residual sum of squares / total sum of squares; NaN where all targets are the same."""

NASA_SCORE = Metric("nasa_score", "min", _nasa_score)
"""Asymmetric score of Saxena et al. (2008), equation 11, as the MEAN per example: exp(-d / 13) - 1 for predictions
that come early (d = predicted - true < 0), exp(d / 10) - 1 for late ones. Publications sum over the test set: multiply
by the number of test examples, which stands in the record. A mean can be compared between test sets."""


def rmse(unit: str = "") -> Metric:
    """Root mean squared error, in `unit` of the target."""
    return Metric("rmse", "min", _rmse, unit=unit)


def mae(unit: str = "") -> Metric:
    """Mean absolute error, in `unit` of the target."""
    return Metric("mae", "min", _mae, unit=unit)


CLASSIFICATION = (ACCURACY,)
HYPERSPECTRAL = (OVERALL_ACCURACY, AVERAGE_ACCURACY, KAPPA)
REMAINING_LIFE = (rmse("cycles"), mae("cycles"), R2, NASA_SCORE)
