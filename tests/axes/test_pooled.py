"""A normalization between a ReLU and max pooling, which takes both along in its passes, against doing one by one."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.architectures.neighbours import Activation, MaxPooling2D
from harness.axes import AxisNormalization, kernel
from tests.axes.reference import axis_sets

SHAPE = (9, 12, 6, 16)  # not a multiple of the examples summed up at once


@pytest.fixture(autouse=True)
def _compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "FAST_FROM", 0)


def chain(layers: Any, axis: tuple[int, ...], *, param_axis: Any = None, pool: Any = 2, shape: Any = SHAPE) -> Any:
    """ReLU, normalization and max pooling by the activation and pooling of `layers`, parameters unlike Keras's own."""
    inputs = keras.Input(shape[1:], batch_size=shape[0])
    x = layers.Activation("relu")(inputs)
    x = AxisNormalization(axis, param_axis, momentum=0.5)(x)
    pool = pool if isinstance(pool, dict) else {"pool_size": pool}
    model = keras.Model(inputs, layers.MaxPooling2D(**pool)(x))
    rng = np.random.default_rng(1)
    # Some scales are negative: there the maximum is of the least.
    gamma, beta, mean, variance = (rng.normal(size=w.shape) for w in model.weights)
    model.set_weights([gamma, beta, mean, variance**2])
    return model


class Ours:
    Activation, MaxPooling2D = Activation, MaxPooling2D


def values(shape: Any = SHAPE, seed: int = 0) -> Any:
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def run(model: Any, x: Any, *, training: bool = True) -> list[np.ndarray]:
    """The output, gradients of an uneven function of it for input and parameters, and the moving averages."""

    @tf.function
    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x, training=training)
            loss = tf.reduce_sum(tf.sin(y * values(y.shape, seed=2)))
        return y, *tape.gradient(loss, [x, *(w.value for w in model.trainable_variables)])

    found = step(x)
    return [v.numpy() for v in (*found, *(w.value for w in model.non_trainable_variables))]


def ops_of(model: Any, *, training: bool = True) -> set[str]:
    """The operations that are left to compute once nobody's output is dropped."""
    x = values(model.inputs[0].shape)
    graph = tf.function(lambda x: model(x, training=training)).get_concrete_function(x).graph
    outputs, seen = [tensor.op for tensor in graph.outputs], set()
    while outputs:
        op = outputs.pop()
        if op not in seen:
            seen.add(op)
            outputs += [tensor.op for tensor in op.inputs]
    return {op.type for op in seen}


def assert_same(ours: Any, plain: Any, x: Any, **options: Any) -> None:
    for found, expected in zip(run(ours, x, **options), run(plain, x, **options), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("axis", axis_sets(4))
@pytest.mark.parametrize("training", [True, False])
def test_the_same_as_one_by_one_for_every_set_of_axes(axis: tuple[int, ...], training: bool) -> None:
    ours, plain = (chain(layers, axis) for layers in (Ours, keras.layers))

    assert_same(ours, plain, values(), training=training)

    assert "MaxPool" not in ops_of(ours, training=training)
    assert "MaxPool" in ops_of(plain, training=training)
