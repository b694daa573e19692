"""Batches of sizes that break averages: none, one, and millions of examples; eagerly, in a graph and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.axes import AxisNormalization
from harness.layers.passes import CHUNK, sum_examples
from tests.axes.oracle import axis_sets

LARGE = (64, 64, 4)  # compiled, where the size of the batch is not known


def way(mode: str, layer: keras.Layer, shape: tuple[int, ...]) -> Callable[..., Any]:
    def run(x: Any) -> Any:
        return layer(x, training=True)

    if mode == "eager":
        return run
    return tf.function(run, jit_compile=mode == "jit", input_signature=[tf.TensorSpec((None, *shape[1:]))])


@pytest.mark.parametrize("mode", ["eager", "graph", "jit"])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        *[((0, 3, 4, 2), axis) for axis in axis_sets(4)],
        *[((0, *LARGE), axis) for axis in axis_sets(4)],
        ((0, 5), (1,)),
        ((2, 0, 4), (2,)),
        ((2, 0, 4), ()),
    ],
    ids=str,
)
def test_an_empty_batch_moves_nothing(shape: tuple[int, ...], axis: tuple[int, ...], mode: str) -> None:
    layer = AxisNormalization(axis=axis)
    layer.build((None, *shape[1:]))
    before = [np.asarray(value) for value in layer.variables]
    x = tf.zeros(shape)
    run = way(mode, layer, shape)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = run(x)
        loss = tf.reduce_sum(tf.square(y))
    gradients = tape.gradient(loss, [x, *layer.trainable_variables])

    assert tuple(y.shape) == shape
    for old, new in zip(before, layer.variables, strict=True):
        np.testing.assert_array_equal(old, new)
    assert tuple(gradients[0].shape) == shape
    for gradient in gradients[1:]:
        np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("shape", [(5,), LARGE])
def test_a_graph_goes_on_after_an_empty_batch(shape: tuple[int, ...]) -> None:
    one, other = AxisNormalization(), AxisNormalization()
    run = way("graph", one, (0, *shape))
    x = np.random.default_rng(0).normal(3, 2, (8, *shape)).astype(np.float32)
    run(tf.zeros((0, *shape)))
    np.testing.assert_allclose(run(x), other(x, training=True), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(one.moving_variance, other.moving_variance, rtol=1e-5)


@pytest.mark.parametrize("examples", [0, 1, 2, 3, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, 2 * CHUNK + 3])
@pytest.mark.parametrize("at_once", [2, 4])
def test_every_example_is_in_the_sums_once(examples: int, at_once: int) -> None:
    # XLA lost the last of an odd number of examples where chunks of any size ran in one loop.
    x = tf.random.stateless_uniform((examples, 3, 8), (1, 2), 0, 9, tf.int32)
    run = tf.function(
        lambda x: sum_examples(lambda e: (tf.reduce_sum(e, 0), tf.reduce_sum(e * e, 0)), x, shape=[8], at_once=at_once),
        jit_compile=True,
        input_signature=[tf.TensorSpec((None, 3, 8))],
    )
    total, squares = run(tf.cast(x, tf.float32))
    # Whole numbers below 2^24: right to the last one, whatever the order.
    np.testing.assert_array_equal(total, x.numpy().sum(axis=(0, 1)))
    np.testing.assert_array_equal(squares, (x.numpy() ** 2).sum(axis=(0, 1)))


@pytest.mark.parametrize(("shape", "good_to"), [((2**24, 1), 1e-7), ((2**18, 8), 4e-7), ((2**13, 16, 16, 1), 4e-7)])
def test_the_variance_of_millions_is_that_of_float64(shape: tuple[int, ...], good_to: float) -> None:
    x = np.random.default_rng(0).random(shape, np.float32)
    layer = AxisNormalization(momentum=0.0)
    layer(x, training=True)
    averaged = tuple(range(len(shape) - 1))
    np.testing.assert_allclose(layer.moving_variance, x.var(averaged, dtype=np.float64), rtol=good_to)
    np.testing.assert_allclose(layer.moving_mean, x.mean(averaged, dtype=np.float64), rtol=good_to)
