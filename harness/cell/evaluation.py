"""Score a model under the three inference statistics: moving averages, precise (re-estimated), batch.

Source of the precise statistics: Wu & Johnson, "Rethinking 'Batch' in BatchNorm", 2021, section 3:
mu = E[mu_B], sigma^2 = E[mu_B^2 + sigma_B^2] - E[mu_B]^2 over batches B of the training size.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harness.cell.health import SiteStatistics, compute_measures
from harness.layers import plain
from harness.layers.kernel import moments
from harness.types import Metric

# What such a batch needs in between stays in a CPU's cache.
INFERENCE_BATCH = 128


class Evaluator:
    """Runs a trained model forward in the ways that inference can be done, and leaves its weights as they were."""

    def __init__(
        self,
        model: keras.Model,
        normalization_layers: Iterable[keras.Layer],
        *,
        loss: keras.losses.Loss,
        batch_size: int,
    ) -> None:
        self._model = model
        self._loss = loss
        self._batch_size = batch_size
        self._layers = [layer for layer in normalization_layers if hasattr(layer, "moving_mean")]
        # How many examples there are stays open, so that parts of other sizes share one graph.
        examples = tf.TensorSpec(model.inputs[0].shape, model.inputs[0].dtype)
        graph = functools.partial(tf.function, input_signature=(examples, tf.TensorSpec([None, None], tf.int64)))
        self.forward = graph(self._run_forward)
        self._forward_batch = graph(self._run_forward_batch)
        self._estimate = graph(self._run_estimate)
        if self._layers:
            # Of each call of each layer what it normalizes, and the mask of it where there is one.
            calls = [(place, node) for place, layer in enumerate(self._layers) for node in layer._inbound_nodes]
            inputs = [node.input_tensors for _, node in calls]
            ends = np.cumsum([len(tensors) for tensors in inputs])
            self._calls = [
                (place, slice(end - len(tensors), end))
                for (place, _), tensors, end in zip(calls, inputs, ends, strict=True)
            ]
            self._site_inputs = keras.Model(model.inputs, [tensor for tensors in inputs for tensor in tensors])

    @property
    def has_statistics(self) -> bool:
        """Whether the model keeps moving averages: strategies that do not average over the batch have none."""
        return bool(self._layers)

    def outputs(self, x: Any, *, statistics: str = "moving") -> NDArray[np.float64]:
        """The model's outputs `(example, output)` in inference.

        Args:
            x: examples `(example, *axes)`, an array or a tensor.
            statistics: `moving`, or `batch` (each batch, of the training size and `mixed`, by its own statistics; the
                last one is filled up with the examples before it).
        """
        if statistics == "batch" and self.has_statistics:
            order = mixed(len(x))
            with self.preserved():
                blocks = self._forward_batch(x, order[cover(len(x), self._batch_size)])
            return assemble(blocks, len(x))[np.argsort(order)]
        return assemble(self.forward(x, cover(len(x), INFERENCE_BATCH)), len(x))

    def scores(
        self, data: Any, metrics: tuple[Metric, ...], target_scale: float, *, statistics: str = "moving"
    ) -> dict[str, float]:
        """`loss` and each metric of `data` (with `x` and `y`); NaN throughout where an output is not finite."""
        return self.score(data.y, self.outputs(data.on_device[0], statistics=statistics), metrics, target_scale)

    def score(
        self, y: NDArray[Any], output: NDArray[np.float64], metrics: tuple[Metric, ...], target_scale: float
    ) -> dict[str, float]:
        """`scores` of outputs `(example, output)` that are at hand."""
        if not np.isfinite(output).all():
            return {"loss": float("nan"), **{metric.name: float("nan") for metric in metrics}}
        loss = float(self._loss(tf.constant(y), tf.constant(output.astype(np.float32))))
        target = np.asarray(y, dtype=np.float64).reshape(len(output)) * target_scale
        return {"loss": loss, **{m.name: float(m.compute(target, output * target_scale)) for m in metrics}}

    def precise_statistics(self, x: Any, order: NDArray[np.int32]) -> list[tuple[Any, Any]]:
        """Mean and variance of each layer with moving averages, re-estimated over the batches `order (step, batch)`.

        The model runs as in training, dropout included, as the moving averages' own batches did.
        """
        with self.preserved():
            estimates = self._estimate(x, order.astype(np.int64))
        return [(mean.numpy(), variance.numpy()) for mean, variance in estimates]

    def health(self, precise: list[tuple[Any, Any]]) -> list[dict[str, Any]]:
        """The measures of each layer with moving averages, against precise statistics; `site` is its name."""
        return [
            {
                "site": layer.name,
                **compute_measures("site", _statistics_of(layer, mean, variance)),
            }
            for layer, (mean, variance) in zip(self._layers, precise, strict=True)
        ]

    @contextmanager
    def using(self, statistics: list[tuple[Any, Any]]) -> Iterator[None]:
        """Put other statistics in place of the moving averages for a while."""
        with self.preserved():
            for layer, (mean, variance) in zip(self._layers, statistics, strict=True):
                layer.moving_mean.assign(mean)
                layer.moving_variance.assign(variance)
            yield

    @contextmanager
    def preserved(self) -> Iterator[None]:
        """Whatever runs inside, moving averages and other untrained state come out as they went in."""
        saved = [(variable, keras.ops.convert_to_numpy(variable)) for variable in self._model.non_trainable_variables]
        try:
            yield
        finally:
            for variable, value in saved:
                variable.assign(value)

    def _run_forward(self, x: tf.Tensor, batches: tf.Tensor) -> tf.Tensor:
        return _map_batches(lambda part: self._model(part, training=False), x, batches)

    def _run_forward_batch(self, x: tf.Tensor, batches: tf.Tensor) -> tf.Tensor:
        with normalizing_by_batch(self._layers):
            return _map_batches(lambda part: self._model(part, training=False), x, batches)

    def _run_estimate(self, x: tf.Tensor, order: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        shapes = [layer.moving_mean.shape for layer in self._layers]
        # Sums over batches in float64: the difference of squares below would cancel in float32.
        means = [tf.zeros(shape, tf.float64) for shape in shapes]
        squares = [tf.zeros(shape, tf.float64) for shape in shapes]
        weights = [tf.zeros(shape, tf.float64) for shape in shapes]
        for batch in order:
            inputs = keras.tree.flatten(self._site_inputs(tf.gather(x, batch), training=True))
            moments = [(place, *_moments(self._layers[place], *inputs[at])) for place, at in self._calls]
            means = _added(means, [(place, weight * mean) for place, mean, _, weight in moments])
            squares = _added(squares, [(place, weight * variance) for place, _, variance, weight in moments])
            squares = _added(squares, [(place, weight * mean**2) for place, mean, _, weight in moments])
            weights = _added(weights, [(place, weight) for place, _, _, weight in moments])
        estimates = [
            (tf.math.divide_no_nan(total, weight), tf.math.divide_no_nan(square, weight))
            for total, square, weight in zip(means, squares, weights, strict=True)
        ]
        # Where nothing varies, rounding can leave the difference a little below zero.
        return [
            (tf.cast(mean, tf.float32), tf.cast(tf.maximum(square - mean**2, 0.0), tf.float32))
            for mean, square in estimates
        ]


def _added(totals: list[tf.Tensor], parts: list[tuple[int, tf.Tensor]]) -> list[tf.Tensor]:
    """Each total with the parts of its place: one for each call of a layer."""
    return [tf.add_n([total, *(part for at, part in parts if at == place)]) for place, total in enumerate(totals)]


def _statistics_of(layer: keras.Layer, precise_mean: Any, precise_variance: Any) -> SiteStatistics:
    moving = (keras.ops.convert_to_numpy(layer.moving_mean), keras.ops.convert_to_numpy(layer.moving_variance))
    mean, variance, *precise = (np.asarray(part, np.float64) for part in (*moving, precise_mean, precise_variance))
    return SiteStatistics(mean, variance, precise[0], precise[1], layer.epsilon)


@tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]  # TensorFlow ships no types
def _moments(layer: keras.Layer, value: tf.Tensor, mask: tf.Tensor | None = None) -> list[tf.Tensor]:
    """Mean and variance of a batch, and what it weighs in an average over batches: 1, or with a mask its values."""
    shape = layer.moving_mean.shape
    averaged = tuple(pooled_axes(layer, len(value.shape)))
    if mask is None:
        found = moments(tf.cast(value, tf.float32), averaged=averaged)
        return [*(tf.reshape(part, shape) for part in found), tf.ones(shape, tf.float64)]
    there = tf.cast(mask, tf.bool)[..., tf.newaxis]
    value = tf.cast(value, tf.float64)
    masked = plain.normalize_batch(value, None, None, averaged=averaged, epsilon=layer.epsilon, mask=there)
    return [tf.reshape(part, shape) for part in (masked.mean, masked.variance, masked.count)]


def pooled_axes(layer: keras.Layer, rank: int) -> list[int]:
    """The axes that a layer's statistics average over: all that its `axis` does not keep."""
    axis = layer.axis
    kept = {index % rank for index in ([axis] if isinstance(axis, int) else axis)}
    return [index for index in range(rank) if index not in kept]


@contextmanager
def normalizing_by_batch(layers: Iterable[keras.Layer]) -> Iterator[None]:
    """While a graph is traced inside, these layers normalize as in training, whatever the model is told.

    Calling the model with `training=True` instead would switch on dropout as well.
    """
    layers = list(layers)
    for layer in layers:
        plain = layer.call
        layer.call = lambda *args, _plain=plain, **kwargs: _plain(*args, **{**kwargs, "training": True})
    try:
        yield
    finally:
        for layer in layers:
            del layer.call


def _map_batches(forward: Any, x: tf.Tensor, batches: tf.Tensor) -> tf.Tensor:
    steps = tf.shape(batches)[0]
    results = tf.TensorArray(tf.float32, size=steps)
    for step in tf.range(steps):
        results = results.write(step, tf.cast(forward(tf.gather(x, batches[step])), tf.float32))
    return results.stack()


def mixed(examples: int) -> NDArray[np.int64]:
    """An order of so many examples, always the same.

    Data may lie class by class, and a batch of one class has statistics that no batch had in training.
    """
    return np.random.default_rng(0).permutation(examples)


def cover(examples: int, size: int) -> NDArray[np.int64]:
    """Batches `(step, batch)` of at most `size` that hold every example once; the last is filled up from before it."""
    size = min(size, examples)
    starts = [*range(0, examples - size, size), examples - size]
    return np.array(starts)[:, None] + np.arange(size)


def assemble(blocks: tf.Tensor, examples: int) -> NDArray[np.float64]:
    """The outputs `(example, output)` of `examples` examples from those of the batches of `cover`."""
    parts = blocks.numpy().astype(np.float64)
    size = parts.shape[1]
    tail = examples - (len(parts) - 1) * size
    return np.concatenate([*parts[:-1], parts[-1][size - tail :]])
