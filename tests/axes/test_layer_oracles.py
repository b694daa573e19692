"""AxisNormalization against three independent oracles: NumPy float64, Keras 3's layer and tf_keras's layer."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.axes import AxisNormalization
from tests.axes.oracle import SHAPES, Reference, axis_sets, compact, every_axis_set

STEPS = 3
MOMENTUM = 0.9


def batches(shape: tuple[int, ...], count: int = STEPS) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [(rng.normal(2.0, 3.0, shape) * (k + 1)).astype(np.float32) for k in range(count)]


def parameters(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    size = compact(shape, axes)
    return rng.uniform(0.5, 2, size).astype(np.float32), rng.normal(size=size).astype(np.float32)


def forward_and_gradients(layer: Any, x: np.ndarray, dy: np.ndarray, training: bool = True) -> list[np.ndarray]:
    """y, dx, dgamma, dbeta."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=training)
        total = tf.reduce_sum(y * dy)
    # Keras 3's variables wrap TensorFlow's, tf_keras's are TensorFlow's.
    sources = [x, *(v.value if isinstance(v, keras.Variable) else v for v in layer.trainable_variables)]
    return [y.numpy(), *(g.numpy() for g in tape.gradient(total, sources))]


def assert_close(actual: Any, expected: Any, tolerance: float = 2e-5) -> None:
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(np.asarray(actual), np.reshape(expected, np.shape(actual)), atol=tolerance * scale)


@pytest.mark.parametrize(("shape", "axis"), every_axis_set())
def test_equals_numpy_for_every_set_of_axes(shape: tuple[int, ...], axis: tuple[int, ...]) -> None:
    layer = AxisNormalization(axis=axis, momentum=MOMENTUM)
    layer.build(shape)
    layer.gamma.assign(parameters(shape, axis)[0])
    layer.beta.assign(parameters(shape, axis)[1])
    assert layer.moving_mean.shape == compact(shape, axis)
    mean, variance = np.zeros(compact(shape, axis)), np.ones(compact(shape, axis))
    for x in batches(shape):
        dy = np.random.default_rng(3).normal(size=shape)
        expected = Reference(x, axis, axis, *parameters(shape, axis))
        for actual, wanted in zip(
            forward_and_gradients(layer, x, dy), [expected.y(), *expected.gradients(dy)], strict=True
        ):
            assert_close(actual, wanted)
        mean = mean * MOMENTUM + expected.mean * (1 - MOMENTUM)
        variance = variance * MOMENTUM + expected.variance * (1 - MOMENTUM)
        assert_close(layer.moving_mean, mean)
        assert_close(layer.moving_variance, variance)


@pytest.mark.parametrize("rank", SHAPES)
def test_statistics_and_parameters_may_keep_different_axes(rank: int) -> None:
    shape = SHAPES[rank]
    [x] = batches(shape, 1)
    dy = np.random.default_rng(3).normal(size=shape)
    sets = axis_sets(rank)
    # Each set of statistics with three sets of parameters: nothing, everything, and what it does not keep itself.
    for axis in sets:
        for param_axis in {(), sets[-1], tuple(k for k in range(1, rank) if k not in axis)}:
            layer = AxisNormalization(axis=axis, param_axis=param_axis)
            layer.build(shape)
            layer.gamma.assign(parameters(shape, param_axis)[0])
            layer.beta.assign(parameters(shape, param_axis)[1])
            expected = Reference(x, axis, param_axis, *parameters(shape, param_axis))
            actual = forward_and_gradients(layer, x, dy)
            for got, wanted in zip(actual, [expected.y(), *expected.gradients(dy)], strict=True):
                assert_close(got, wanted)
            assert layer.moving_mean.shape == compact(shape, axis)
            assert layer.gamma.shape == compact(shape, param_axis)


@pytest.mark.parametrize("rank", SHAPES)
def test_equals_keras_for_every_single_axis(rank: int) -> None:
    shape = SHAPES[rank]
    dy = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    for axis in [*range(1, rank), *range(1 - rank, 0)]:
        ours = AxisNormalization(axis=axis, momentum=MOMENTUM)
        theirs = keras.layers.BatchNormalization(axis=axis, momentum=MOMENTUM)
        for training in [*[True] * STEPS, False]:
            for x in batches(shape):
                for a, b in zip(
                    forward_and_gradients(ours, x, dy, training),
                    forward_and_gradients(theirs, x, dy, training),
                    strict=True,
                ):
                    assert_close(a, b)
        assert [v.name for v in ours.variables] == [v.name for v in theirs.variables]
        assert [v.shape for v in ours.variables] == [v.shape for v in theirs.variables]
        for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            assert_close(a, b)


@pytest.mark.parametrize(("shape", "axis"), [case for case in every_axis_set() if case[1]])
def test_equals_tf_keras_for_every_set_that_it_takes(shape: tuple[int, ...], axis: tuple[int, ...]) -> None:
    tf_keras = pytest.importorskip("tf_keras")
    ours = AxisNormalization(axis=axis, momentum=MOMENTUM)
    theirs = tf_keras.layers.BatchNormalization(axis=list(axis), momentum=MOMENTUM)
    theirs.build(shape)
    # tf_keras takes TensorFlow's fused kernel for one axis of a 4-D or 5-D tensor, if it is the second or the last.
    # That kernel hands out the variance corrected for bias (Bessel), and only there; ours is biased everywhere.
    samples = np.prod(shape) / np.prod(compact(shape, axis))
    bessel = samples / (samples - 1) if theirs.fused else 1.0
    assert bool(theirs.fused) == (len(shape) in (4, 5) and axis in ((1,), (len(shape) - 1,)))
    dy = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    for x in batches(shape):
        for a, b in zip(forward_and_gradients(ours, x, dy), forward_and_gradients(theirs, x, dy), strict=True):
            assert_close(a, np.reshape(b, a.shape))
    assert_close(ours.moving_mean, theirs.moving_mean.numpy())
    start = MOMENTUM**STEPS  # what is left of the moving variance's first value, 1
    assert_close(ours.moving_variance, (theirs.moving_variance.numpy() - start) / bessel + start)
    theirs.moving_variance.assign(np.reshape(ours.moving_variance.numpy(), theirs.moving_variance.shape))
    [x] = batches(shape, 1)
    assert_close(ours(x, training=False), theirs(x, training=False).numpy())
