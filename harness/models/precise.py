"""Statistics of a trained model estimated anew, and what they change: for any Keras model with batch normalization.

Source: Wu & Johnson, "Rethinking 'Batch' in BatchNorm", 2021, section 3: over batches B of the training size,
mu = E[mu_B] and sigma^2 = E[mu_B^2 + sigma_B^2] - E[mu_B]^2.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from harness.cell.evaluation import cover, mixed, normalizing_by_batch, pooled_axes
from harness.models.graph import find_normalizations, kind_of


class Estimate(NamedTuple):
    """Mean and biased variance of what a layer is given, float64, and for which of them there was any value at all."""

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    seen: NDArray[np.bool_]


def layers_with_statistics(model: Any) -> list[Any]:
    """The layers of a model that keep moving averages and whose statistics training moves."""
    layers = [found.layer for found in find_normalizations(model)]
    return [one for one in layers if _has_averages(one) and "FrozenNormalization" not in kind_of(one)]


def recalibrate(model: Any, x: Any, *, batch_size: int = 32) -> list[str]:
    """Put precise statistics in the place of a model's moving averages, in place.

    Args:
        model: any built Keras model; a model without batch normalization stays as it is.
        x: examples `(example, *axes)` as it was trained on, a few thousand; a list of arrays for several inputs.
        batch_size: as in training. The last batch is filled up from the examples before it.

    Returns:
        The names of the layers that have new statistics. Layers with `trainable=False` and `FrozenNormalization`
        keep theirs, since they never had those of a batch; so does a statistic that a mask leaves without any value.
    """
    layers = [layer for layer in layers_with_statistics(model) if layer.trainable]
    estimates = estimate(model, layers, x, batch_size=batch_size)
    for layer, one in zip(layers, estimates, strict=True):
        put_statistics(layer, one)
    return [layer.name for layer in layers]


def estimate(model: Any, layers: list[Any], x: Any, *, batch_size: int) -> list[Estimate]:
    """Mean and variance of each layer over the batches of `x`, the model run as in training, dropout included.

    Calls of a shared layer count alike; masked values count in none.
    """
    sums = [_Sums(layer) for layer in layers]
    with preserved(model), _heard(sums):
        for rows in cover(_length(x), batch_size):
            model(_take(x, rows), training=True)
    return [one.moments() for one in sums]


def outputs_of(model: Any, x: Any, *, batch_size: int, by_batch: bool = False) -> NDArray[np.float64]:
    """The model's outputs in inference, with `by_batch` each batch, `mixed`, normalized by its own statistics."""
    layers = layers_with_statistics(model) if by_batch else []
    total = _length(x)
    order = mixed(total) if by_batch else np.arange(total)
    result: list[NDArray[np.float64]] = []
    with preserved(model), normalizing_by_batch(layers):
        for rows in cover(total, batch_size):
            output = keras.tree.flatten(model(_take(x, order[rows]), training=False))[0]
            output = np.asarray(keras.ops.convert_to_numpy(output), np.float64)
            result.append(output[sum(map(len, result)) - rows[0] :])  # the last batch repeats some of the one before
    return np.concatenate(result)[np.argsort(order)]


@contextmanager
def preserved(model: Any) -> Iterator[None]:
    """Whatever runs inside, what is not trained comes out as it went in."""
    saved = [(variable, keras.ops.convert_to_numpy(variable)) for variable in model.non_trainable_variables]
    try:
        yield
    finally:
        for variable, value in saved:
            variable.assign(value)


class _Sums:
    """Sums over batches in float64 of the means and mean squares of what a layer is given."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self._calls = 0.0
        self._mean: Any = 0.0
        self._square: Any = 0.0

    def add(self, inputs: Any, mask: Any) -> None:
        x = np.asarray(keras.ops.convert_to_numpy(inputs), np.float64)
        averaged = tuple(pooled_axes(self.layer, x.ndim))
        weights = np.ones(x.shape)
        if mask is not None:
            weights *= np.asarray(keras.ops.convert_to_numpy(mask), np.float64)[..., None]
        count = weights.sum(averaged)
        seen = count > 0
        mean = np.divide((x * weights).sum(averaged), count, where=seen, out=np.zeros(count.shape))
        square = np.divide((x * x * weights).sum(averaged), count, where=seen, out=np.zeros(count.shape))
        self._calls = self._calls + seen
        self._mean = self._mean + mean
        self._square = self._square + square

    def moments(self) -> Estimate:
        calls = np.maximum(self._calls, 1)
        mean = self._mean / calls
        return Estimate(mean, np.maximum(self._square / calls - mean**2, 0.0), np.asarray(self._calls) > 0)


@contextmanager
def _heard(sums: list[_Sums]) -> Iterator[None]:
    """Inside, each layer's inputs are added to its sums before it is called."""
    for one in sums:
        plain = one.layer.call

        def call(inputs: Any, *args: Any, _one: _Sums = one, _plain: Any = plain, **kwargs: Any) -> Any:
            _one.add(inputs, kwargs.get("mask"))
            return _plain(inputs, *args, **kwargs)

        one.layer.call = call
    try:
        yield
    finally:
        for one in sums:
            del one.layer.call


def put_statistics(layer: Any, estimate: Estimate) -> None:
    """Let a layer use these statistics in inference, where there were any values; else it keeps its own."""
    mean, variance, seen = (np.reshape(values, layer.moving_mean.shape) for values in estimate)
    new = {"moving_mean": mean, "moving_variance": variance}
    if getattr(layer, "renorm", False):
        stddev = np.sqrt(variance + layer.epsilon)
        new |= {"renorm_mean": mean, "renorm_stddev": stddev, "moving_stddev": stddev}
    for name, values in new.items():
        variable = getattr(layer, name)
        variable.assign(np.where(seen, values, keras.ops.convert_to_numpy(variable)))


def _has_averages(layer: Any) -> bool:
    return getattr(layer, "moving_mean", None) is not None


def _length(x: Any) -> int:
    return len(keras.tree.flatten(x)[0])


def _take(x: Any, rows: NDArray[np.int64]) -> Any:
    return keras.tree.map_structure(lambda part: keras.ops.convert_to_tensor(np.asarray(part)[rows]), x)
