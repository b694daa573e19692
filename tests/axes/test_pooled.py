"""A normalization between a ReLU and max pooling, which takes both along in its passes, against doing one by one."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.axes import AxisNormalization
from harness.layers import origin, xla
from harness.layers.neighbours import Activation, MaxPooling2D
from harness.layers.pooled import FEWEST_CHANNELS
from tests.axes.oracle import axis_sets

SHAPE = (9, 12, 6, 16)  # not a multiple of the examples summed up at once


slow = pytest.mark.slow


@pytest.fixture(autouse=True)
def _compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xla, "FAST_FROM", 0)


def chain(layers: Any, axis: tuple[int, ...], *, param_axis: Any = None, pool: Any = 2, shape: Any = SHAPE) -> Any:
    """ReLU, normalization and max pooling by the activation and pooling of `layers`, parameters unlike Keras's own."""
    inputs = keras.Input(shape[1:], batch_size=shape[0])
    x = layers.Activation("relu")(inputs)
    x = AxisNormalization(axis, param_axis=param_axis, momentum=0.5, compiled=True)(x)
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
    """The operations that the output needs."""
    x = values(model.inputs[0].shape)
    return ops_behind(tf.function(lambda x: model(x, training=training)).get_concrete_function(x).graph.outputs)


def ops_behind(tensors: Any) -> set[str]:
    outputs, seen = [tensor.op for tensor in tensors], set()
    while outputs:
        op = outputs.pop()
        if op not in seen:
            seen.add(op)
            outputs += [tensor.op for tensor in op.inputs]
    return {op.type for op in seen}


def assert_same(ours: Any, plain: Any, x: Any, **options: Any) -> None:
    for found, expected in zip(run(ours, x, **options), run(plain, x, **options), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * max(1, np.abs(expected).max()))


FAST = [(), (1, 2)]


@pytest.mark.parametrize("axis", [a if a in FAST else pytest.param(a, marks=slow) for a in axis_sets(4)])
@pytest.mark.parametrize("training", [True, False])
def test_the_same_as_one_by_one_for_every_set_of_axes(axis: tuple[int, ...], training: bool) -> None:
    ours, plain = (chain(layers, axis) for layers in (Ours, keras.layers))

    assert_same(ours, plain, values(), training=training)

    assert "MaxPool" not in ops_of(ours, training=training)
    assert "MaxPool" in ops_of(plain, training=training)


def test_the_gradient_of_the_relu_comes_with_that_of_the_normalization() -> None:
    def gradient_ops(model: Any) -> set[str]:
        def gradient(x: Any) -> Any:
            return tf.gradients(model(x, training=True), x)

        return ops_behind(tf.function(gradient).get_concrete_function(values()).graph.outputs)

    assert "ReluGrad" not in gradient_ops(chain(Ours, (3,)))
    assert "ReluGrad" in gradient_ops(chain(keras.layers, (3,)))


@pytest.mark.parametrize("axis", [(3,), pytest.param((1, 2), marks=slow)])
def test_parameters_may_have_axes_of_their_own(axis: tuple[int, ...]) -> None:
    ours, plain = (chain(layers, axis, param_axis=(1, 3)) for layers in (Ours, keras.layers))

    assert_same(ours, plain, values())


@pytest.mark.parametrize("window", [(3, 2), (1, 6), *(pytest.param(size, marks=slow) for size in [(4, 3), (12, 6)])])
def test_windows_of_any_size_that_leave_no_rest(window: tuple[int, int]) -> None:
    ours, plain = (chain(layers, (3,), pool=window) for layers in (Ours, keras.layers))

    assert_same(ours, plain, values())

    assert "MaxPool" not in ops_of(ours)


@pytest.mark.parametrize(
    "pool",
    [
        {"pool_size": 5},
        {"pool_size": (2, 4)},
        {"pool_size": 2, "strides": 1},
        pytest.param({"pool_size": 2, "strides": 3}, marks=slow),
        pytest.param({"pool_size": 2, "padding": "same"}, marks=slow),
    ],
)
def test_other_windows_are_pooled_one_by_one(pool: dict[str, Any]) -> None:
    ours, plain = (chain(layers, (3,), pool=pool) for layers in (Ours, keras.layers))

    assert_same(ours, plain, values())

    assert "MaxPool" in ops_of(ours)


def test_few_channels_are_pooled_one_by_one() -> None:
    shape = (*SHAPE[:3], FEWEST_CHANNELS - 1)
    ours, plain = (chain(layers, (3,), shape=shape) for layers in (Ours, keras.layers))

    assert_same(ours, plain, values(shape))

    assert "MaxPool" in ops_of(ours)


def test_the_gradient_of_equal_values_goes_to_the_first() -> None:
    model = chain(Ours, ())
    x = tf.zeros(SHAPE)

    @tf.function
    def gradient(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            # In inference, where a value's gradient is its own alone.
            y = MaxPooling2D(2)(model.layers[2](x, training=False))
        return tape.gradient(y, x)

    found = gradient(x).numpy()

    assert np.all(found[:, ::2, ::2] != 0)
    assert np.all(found[:, 1::2] == 0)
    assert np.all(found[:, :, 1::2] == 0)


def test_an_output_that_others_read_too_gets_both_gradients() -> None:
    def branched(layers: Any) -> Any:
        model = chain(layers, (3,))
        normalized = model.layers[2].output
        return keras.Model(model.inputs, [model.outputs[0], keras.layers.AveragePooling2D(2)(normalized)])

    results = []
    for layers in (Ours, keras.layers):
        model = branched(layers)

        @tf.function
        def step(x: Any, model: Any = model) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.add_n([tf.reduce_sum(tf.sin(y * values(y.shape, seed=2))) for y in model(x, training=True)])
            return tape.gradient(loss, [x, *(w.value for w in model.trainable_variables)])

        results.append(step(values()))

    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("axis", [(3,), pytest.param((1, 2, 3), marks=slow)])
def test_second_derivatives_are_those_of_doing_one_by_one(axis: tuple[int, ...]) -> None:
    def curvature(model: Any) -> Any:
        @tf.function
        def product(x: Any) -> Any:
            sources = [x, *(w.value for w in model.trainable_variables)]
            with tf.GradientTape() as outer:
                outer.watch(sources)
                with tf.GradientTape() as inner:
                    inner.watch(sources)
                    loss = tf.reduce_sum(tf.tanh(model(x, training=True)) ** 2)
                gradients = inner.gradient(loss, sources)
                total = tf.add_n([tf.reduce_sum(g * values(g.shape, seed=3)) for g in gradients])
            return outer.gradient(total, sources)

        return product(values())

    for found, expected in zip(*(curvature(chain(layers, axis)) for layers in (Ours, keras.layers)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_a_large_mean_does_not_drown_a_small_spread() -> None:
    ours, plain = (chain(layers, (3,)) for layers in (Ours, keras.layers))
    x = 1e4 + 0.1 * values()

    (found, *_), (expected, *_) = run(ours, x), run(plain, x)

    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_outside_a_graph_and_after_another_activation_layers_do_their_own_work() -> None:
    ours, plain = (chain(layers, (3,)) for layers in (Ours, keras.layers))
    np.testing.assert_allclose(ours(values(), training=True), plain(values(), training=True), atol=1e-5)

    x = tf.function(lambda x: Activation("tanh")(x))
    assert origin.before_relu(x.get_concrete_function(values()).graph.outputs[0]) is None


@pytest.mark.parametrize("training", [True, False])
def test_the_size_of_the_batch_stays_known(training: bool) -> None:
    # What comes next chooses its way by it.
    for model in (chain(Ours, (3,)), chain(Ours, (3,), pool=5)):
        function = tf.function(lambda x, model=model: model(x, training=training))
        graph = function.get_concrete_function(values()).graph

        assert graph.outputs[0].shape[0] == SHAPE[0]


def test_saved_layers_open_as_those_of_keras(tmp_path: Any) -> None:
    model = chain(Ours, (3,))
    model.save(tmp_path / "model.keras")

    loaded = keras.models.load_model(tmp_path / "model.keras")

    assert [type(layer) for layer in loaded.layers[1:]] == [
        keras.layers.Activation,
        AxisNormalization,
        keras.layers.MaxPooling2D,
    ]
    # What is loaded takes the plain way, whose last digits are others.
    loaded.layers[2].compiled = True
    np.testing.assert_allclose(loaded(values()), model(values()), rtol=1e-6)
