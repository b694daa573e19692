"""What inference statistics cost one trained model on data: the lag of the averages, and what the batch makes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.axes.findings import Finding
from harness.models.precise import estimate, layers_with_statistics, outputs_of, preserved, put_statistics
from harness.types import UserError

# What of a metric's size is told as a loss.
_TOLD = 0.01


@dataclass(frozen=True)
class Gap:
    """A metric under the three statistics that inference may use.

    Attributes:
        metric: `accuracy` (more is better) or `rmse` (less is).
        moving, precise, batch: its values with moving averages, with statistics estimated anew, and with each batch's.
        examples: that it was computed over.
        of_training: whether the precise statistics are of training examples of their own (`x_train`).
        told: whether moving averages are worse than precise statistics by more than two standard errors of the paired
            difference between examples.
    """

    metric: str
    moving: float
    precise: float
    batch: float
    examples: int
    of_training: bool
    told: bool

    @property
    def lag(self) -> float:
        """What moving averages that are not up to date make: `moving - precise`."""
        return self.moving - self.precise

    @property
    def dependence(self) -> float:
        """What it makes that an output depends on the others of its batch: `precise - batch`."""
        return self.precise - self.batch

    @property
    def findings(self) -> list[Finding]:
        """An error where recalibration gives back what inference loses, a warning where that may be chance."""
        loss = -self.lag if self.metric == "accuracy" else self.lag
        size = 1.0 if self.metric == "accuracy" else max(abs(self.precise), 1e-12)
        if not loss > _TOLD * size:
            return []
        return [
            Finding(
                "error" if self.told else "warning",
                "inference-gap",
                f"{self.metric} is {self.moving:.4g} with the moving averages and {self.precise:.4g} with statistics "
                "estimated anew: "
                + ("the averages are not those of the trained weights" if self.told else "which may be chance"),
                "harness.models.recalibrate(model, x), a smaller momentum, or more steps at the last learning rate",
            )
        ]

    def to_dict(self) -> dict[str, Any]:
        """Nothing but JSON types; None for what is not finite."""
        names = ("metric", "examples", "moving", "precise", "batch", "lag", "dependence", "of_training", "told")
        values = {name: getattr(self, name) for name in names}
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def measure_gap(model: Any, data: Mapping[str, Any], *, batch_size: int) -> Gap | None:
    """The gap of a model on `x` and `y`; None where no layer keeps moving averages.

    Raises:
        UserError: the data do not fit the model.
    """
    layers = layers_with_statistics(model)
    x, y, x_train = _checked(model, data)
    if not layers:
        return None
    name, losses_of = _metric(y, outputs_of(model, x[:1], batch_size=1))
    moving = losses_of(outputs_of(model, x, batch_size=max(batch_size, 128)))
    batch = losses_of(outputs_of(model, x, batch_size=batch_size, by_batch=True))
    statistics = estimate(model, layers, x if x_train is None else x_train, batch_size=batch_size)
    with preserved(model):
        for layer, one in zip(layers, statistics, strict=True):
            put_statistics(layer, one)
        precise = losses_of(outputs_of(model, x, batch_size=max(batch_size, 128)))
    lost = moving - precise
    told = bool(lost.mean() > 2 * lost.std() / math.sqrt(max(len(lost) - 1, 1)))
    scores = [_score(name, losses) for losses in (moving, precise, batch)]
    return Gap(name, scores[0], scores[1], scores[2], len(x), x_train is not None, told)


def _score(name: str, losses: NDArray[np.float64]) -> float:
    return float((1 - losses).mean()) if name == "accuracy" else float(np.sqrt(losses.mean()))


def _checked(model: Any, data: Mapping[str, Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    there = ", ".join(map(str, data)) or "nothing"
    if "x" not in data or "y" not in data:
        raise UserError(f"data: expected arrays called x and y, and maybe x_train. Received: {there}")
    if len(model.inputs or ()) != 1:
        raise UserError(f"data: expected a model with one input. Received: {len(model.inputs or ())}")
    wanted = tuple(model.inputs[0].shape)[1:]
    arrays = {key: np.asarray(data[key]) for key in ("x", "x_train") if key in data}
    for key, array in arrays.items():
        fits = array.ndim == len(wanted) + 1 and all(
            a in (None, b) for a, b in zip(wanted, array.shape[1:], strict=False)
        )
        if not fits or array.dtype.kind not in "fiub" or not len(array):
            shape = ", ".join("any" if size is None else str(size) for size in ("example", *wanted))
            raise UserError(f"data: expected {key} of shape ({shape}). Received: {array.dtype} {array.shape}")
    y = np.asarray(data["y"])
    if y.dtype.kind not in "fiub" or len(y.shape) < 1 or len(y) != len(arrays["x"]):
        raise UserError(
            f"data: expected y with {len(arrays['x'])} numbers, one for each example. Received: {y.dtype} {y.shape}"
        )
    return arrays["x"], y, arrays.get("x_train")


def _metric(
    y: NDArray[Any], output: NDArray[np.float64]
) -> tuple[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]]:
    """The metric, and each example's part in it: whether the class is wrong, or the squared error."""
    one_hot = y.ndim == 2 and y.shape[1] > 1 and y.shape == (len(y), output.shape[-1]) and set(np.unique(y)) <= {0, 1}
    labels = y.argmax(1) if one_hot else y.reshape(len(y), -1)[:, 0] if y[0].size == 1 else y
    classes = output.ndim == 2 and output.shape[1] > 1 and (one_hot or (y.dtype.kind in "iub" and y[0].size == 1))
    if classes and labels.max() < output.shape[1] and labels.min() >= 0:
        return "accuracy", lambda found: (found.argmax(1) != labels).astype(np.float64)
    if output[0].size != y[0].size:
        raise UserError(
            f"data: expected y as classes from 0 to {output[0].size - 1}, or {output[0].size} numbers an example. "
            f"Received: {y.dtype} {y.shape}"
        )
    return "rmse", lambda found: ((found.reshape(len(y), -1) - y.reshape(len(y), -1)) ** 2).mean(1)
