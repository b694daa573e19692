"""What AxisNormalization promises beyond the formula: arguments, dtypes, masks, freezing, saving, numerical safety."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.axes import AxisNormalization
from tests.axes.oracle import SHAPES, Reference, axis_sets, compact, spread


def normal(shape: tuple[int, ...], mean: float = 0.0, sd: float = 1.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, sd, shape).astype(np.float32)


# Hand-worked numbers.


def test_four_numbers_by_hand() -> None:
    # Rows (1, 5) and (3, 9), epsilon 0. Keeping features: means 2 and 7, variances 1 and 4, so every entry is -1 or 1.
    # Keeping nothing: mean 4.5, variance 8.75.
    x = np.array([[1.0, 5.0], [3.0, 9.0]], np.float32)
    feature, nothing = AxisNormalization(axis=1, epsilon=0.0), AxisNormalization(axis=(), epsilon=0.0)
    np.testing.assert_allclose(feature(x, training=True), [[-1, -1], [1, 1]], rtol=1e-6)
    np.testing.assert_allclose(nothing(x, training=True), (x - 4.5) / np.sqrt(8.75), rtol=1e-6)
    np.testing.assert_allclose(feature.moving_mean, [0.02, 0.07], rtol=1e-6)
    np.testing.assert_allclose(feature.moving_variance, [1.0, 1.03], rtol=1e-6)
    assert nothing.moving_mean.shape == ()
    np.testing.assert_allclose(nothing.moving_variance, 0.99 + 0.0875, rtol=1e-6)


def test_time_axis_alone_pools_the_features() -> None:
    # (batch 1, time 2, feature 2): step 0 holds 0 and 2, step 1 holds 10 and 30.
    x = np.array([[[0.0, 2.0], [10.0, 30.0]]], np.float32)
    layer = AxisNormalization(axis=1, epsilon=0.0)
    np.testing.assert_allclose(layer(x, training=True), [[[-1, 1], [-1, 1]]], rtol=1e-6)
    np.testing.assert_allclose(layer.moving_mean, [0.01, 0.2], rtol=1e-6)


def test_inference_uses_the_moving_averages() -> None:
    layer = AxisNormalization(axis=-1, epsilon=0.0)
    layer.build((None, 2))
    layer.set_weights([np.array(v) for v in ([2.0, 1.0], [0.0, 1.0], [1.0, 2.0], [4.0, 9.0])])
    np.testing.assert_allclose(layer(np.array([[3.0, 8.0]], np.float32)), [[2.0, 3.0]], rtol=1e-6)


# Properties.

CASES = st.sampled_from([(SHAPES[rank], axis) for rank in SHAPES for axis in axis_sets(rank)])


@settings(max_examples=25, deadline=None)
@given(case=CASES, mean=st.floats(-100, 100), sd=st.floats(0.5, 10), seed=st.integers(0, 99))
def test_a_group_that_shares_a_statistic_has_mean_0_and_variance_1(
    case: tuple[tuple[int, ...], tuple[int, ...]], mean: float, sd: float, seed: int
) -> None:
    shape, axis = case
    x = normal(shape, mean, sd, seed)
    y = np.asarray(AxisNormalization(axis=axis, epsilon=1e-6)(x, training=True), np.float64)
    averaged = tuple(k for k in range(len(shape)) if k not in axis)
    np.testing.assert_allclose(y.mean(averaged), 0, atol=1e-4)
    variance = np.asarray(x, np.float64).var(averaged)  # which may be so small that epsilon counts
    np.testing.assert_allclose(y.var(averaged), variance / (variance + 1e-6), rtol=1e-3)


@settings(max_examples=25, deadline=None)
@given(case=CASES, seed=st.integers(0, 99))
def test_the_order_of_examples_does_not_matter(case: tuple[tuple[int, ...], tuple[int, ...]], seed: int) -> None:
    shape, axis = case
    x, order = normal(shape, seed=seed), np.random.default_rng(seed).permutation(shape[0])
    a, b = AxisNormalization(axis=axis), AxisNormalization(axis=axis)
    np.testing.assert_allclose(a(x, training=True).numpy()[order], b(x[order], training=True), atol=1e-5)
    np.testing.assert_allclose(a.moving_variance, b.moving_variance, rtol=1e-5)


@settings(max_examples=15, deadline=None)
@given(case=CASES, factor=st.floats(0.5, 50), shift=st.floats(-50, 50))
def test_scaling_and_shifting_the_input_changes_nothing(
    case: tuple[tuple[int, ...], tuple[int, ...]], factor: float, shift: float
) -> None:
    shape, axis = case
    x = normal(shape)
    layer = AxisNormalization(axis=axis, epsilon=0.0)
    changed = (x.astype(np.float64) * factor + shift).astype(np.float32)
    np.testing.assert_allclose(layer(changed, training=True), layer(x, training=True), atol=2e-3)


# Numerical safety.


@pytest.mark.parametrize("axis", axis_sets(4))
@pytest.mark.parametrize(("mean", "sd"), [(1e3, 0.1), (1e4, 1.0), (1e4, 0.1)])
def test_a_large_mean_does_not_drown_a_small_spread(axis: tuple[int, ...], mean: float, sd: float) -> None:
    x = normal((16, 3, 4, 2), mean, sd)
    layer = AxisNormalization(axis=axis, momentum=0.0)
    size = compact(x.shape, axis)
    expected = Reference(x, axis, axis, np.ones(size), np.zeros(size))
    np.testing.assert_allclose(layer(x, training=True), expected.y(), atol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, expected.variance, rtol=1e-4)


def test_constant_input_gives_the_shift() -> None:
    layer = AxisNormalization(axis=(1, 2))
    np.testing.assert_array_equal(layer(np.full((4, 3, 2), 7.0, np.float32), training=True), 0)
    np.testing.assert_allclose(layer.moving_variance, 0.99, rtol=1e-6)


def test_second_derivatives_are_those_of_the_formula() -> None:
    # tf.nn.moments, which Keras's layer uses, holds the mean constant in the variance: right for the first derivative,
    # wrong for the second. Judged by central differences of the analytic gradient in float64.
    shape, axis = (4, 3, 2), (1,)
    x, direction, dy = (normal(shape, seed=k).astype(np.float64) for k in range(3))
    one, zero = np.ones(3), np.zeros(3)

    def gradient(at: np.ndarray) -> np.ndarray:
        return Reference(at, axis, axis, one, zero).gradients(dy)[0]

    expected = (gradient(x + 1e-5 * direction) - gradient(x - 1e-5 * direction)) / 2e-5
    layer = AxisNormalization(axis=axis, dtype="float64")
    variable = tf.constant(x)
    with tf.GradientTape() as outer:
        outer.watch(variable)
        with tf.GradientTape() as inner:
            inner.watch(variable)
            total = tf.reduce_sum(layer(variable, training=True) * dy)
        slope = tf.reduce_sum(inner.gradient(total, variable) * direction)
    np.testing.assert_allclose(outer.gradient(slope, variable), expected, atol=1e-8)


# Masks.


def test_masked_values_count_in_no_statistic() -> None:
    x = normal((6, 4, 3))
    mask = np.random.default_rng(1).random((6, 4)) < 0.6
    mask[0] = True
    dirty = np.where(mask[..., None], x, 1e6).astype(np.float32)
    for axis in axis_sets(3):
        layer = AxisNormalization(axis=axis, momentum=0.0)
        y = layer(dirty, training=True, mask=mask).numpy()
        weight = np.broadcast_to(mask[..., None], x.shape)
        averaged = tuple(k for k in range(3) if k not in axis)
        mean = np.average(x.astype(np.float64), averaged, weight)
        variance = np.average((x - spread(mean, x.shape, axis)) ** 2, averaged, weight)
        expected = (x - spread(mean, x.shape, axis)) / np.sqrt(spread(variance, x.shape, axis) + 1e-3)
        np.testing.assert_allclose(y[mask], expected[mask], atol=1e-5)
        np.testing.assert_allclose(layer.moving_mean, mean, atol=1e-6)
        np.testing.assert_allclose(layer.moving_variance, variance, atol=1e-6)


def test_masks_agree_with_keras_where_no_group_is_empty() -> None:
    x, mask = normal((8, 4, 3)), np.random.default_rng(1).random((8, 4)) < 0.7
    for axis in (1, 2):
        ours, theirs = AxisNormalization(axis=axis), keras.layers.BatchNormalization(axis=axis)
        np.testing.assert_allclose(ours(x, training=True, mask=mask), theirs(x, training=True, mask=mask), atol=1e-5)
        for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_step_that_is_always_masked_keeps_its_moving_averages() -> None:
    x, mask = normal((8, 4, 3), mean=5.0), np.ones((8, 4), bool)
    mask[:, 3] = False
    ours, theirs = AxisNormalization(axis=1), keras.layers.BatchNormalization(axis=1)
    for layer in (ours, theirs):
        layer.build(x.shape)
        layer.moving_mean.assign(np.full(4, 5.0))
        for _ in range(200):
            layer(x, training=True, mask=mask)
    assert ours.moving_mean.numpy()[3] == 5.0
    assert ours.moving_variance.numpy()[3] == 1.0
    assert theirs.moving_mean.numpy()[3] < 1.0, "Keras has stopped dragging empty groups to 0: drop the difference"


def test_mask_comes_from_a_masking_layer() -> None:
    x = normal((4, 3, 2))
    x[:, 2] = 0
    inputs = keras.Input((3, 2))
    layer = AxisNormalization(axis=(1, 2))
    model = keras.Model(inputs, layer(keras.layers.Masking()(inputs)))
    model(x, training=True)
    np.testing.assert_array_equal(layer.moving_mean.numpy()[2], 0)
    np.testing.assert_array_equal(layer.moving_variance.numpy()[2], 1)
    assert (layer.moving_mean.numpy()[:2] != 0).all()


def test_mask_of_another_rank_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("Received: mask.shape=(4,), inputs.shape=(4, 3, 2)")):
        AxisNormalization()(normal((4, 3, 2)), training=True, mask=np.ones(4, bool))


# Dtypes, compilation, freezing.


def test_bfloat16_is_normalized_in_float32() -> None:
    x = normal((64, 5, 3), mean=20.0)
    for axis in axis_sets(3):
        layer = AxisNormalization(axis=axis, dtype="mixed_bfloat16", momentum=0.0)
        y = layer(x, training=True)
        assert y.dtype == "bfloat16"
        assert layer.moving_mean.dtype == layer.gamma.dtype == "float32"
        exact = Reference(
            tf.cast(x, "bfloat16").numpy().astype(float), axis, axis, *[np.ones(compact(x.shape, axis))] * 2
        )
        np.testing.assert_allclose(layer.moving_variance, exact.variance, rtol=1e-5)
        np.testing.assert_allclose(tf.cast(y, "float32"), exact.normalized, rtol=2**-8, atol=1e-5)


def test_float64_is_normalized_in_float64() -> None:
    x = np.random.default_rng(0).normal(size=(6, 4, 2))
    layer = AxisNormalization(axis=1, dtype="float64")
    exact = Reference(x, (1,), (1,), np.ones(4), np.zeros(4))
    np.testing.assert_allclose(layer(x, training=True), exact.y(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_is_the_same_as_eager(jit_compile: bool) -> None:
    for axis in [(), (3,), (1,), (1, 2), (1, 3), (1, 2, 3)]:
        x = normal((4, 3, 2, 3), mean=3.0)
        eager, compiled = AxisNormalization(axis=axis), AxisNormalization(axis=axis)
        compiled.build(x.shape)

        def step(x: Any, layer: AxisNormalization) -> tuple[Any, Any]:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, training=True)
                total = tf.reduce_sum(tf.sin(y))
            return y, tape.gradient(total, x)

        run = tf.function(lambda x, layer=compiled: step(x, layer), jit_compile=jit_compile)
        for got, wanted in zip(run(tf.constant(x)), step(tf.constant(x), eager), strict=True):
            np.testing.assert_allclose(got, wanted, atol=1e-5)
        np.testing.assert_allclose(compiled.moving_variance, eager.moving_variance, rtol=1e-5)


def test_batch_size_may_be_unknown_and_vary() -> None:
    inputs = keras.Input((4, 3))
    layer = AxisNormalization(axis=(1, 2))
    model = keras.Model(inputs, layer(inputs))
    model.compile("sgd", "mse")
    x = normal((10, 4, 3))
    model.fit(x, x, batch_size=4, epochs=1, verbose=0, shuffle=False)
    mean = np.zeros((4, 3))
    for batch in (x[:4], x[4:8], x[8:]):
        mean = mean * 0.99 + batch.mean(0) * 0.01
    np.testing.assert_allclose(layer.moving_mean, mean, atol=1e-6)


def test_not_trainable_means_inference_and_frozen_averages() -> None:
    x = normal((8, 3), mean=4.0)
    layer = AxisNormalization()
    layer.trainable = False
    np.testing.assert_allclose(layer(x, training=True), x / np.sqrt(1.001), rtol=1e-6)
    np.testing.assert_array_equal(layer.moving_mean, 0)


# Arguments.


def test_center_and_scale_can_be_left_out() -> None:
    layer = AxisNormalization(axis=(1, 2), center=False, scale=False)
    layer.build((None, 4, 3))
    assert [v.name for v in layer.variables] == ["moving_mean", "moving_variance"]


def test_initializers_regularizers_and_constraints_apply() -> None:
    layer = AxisNormalization(
        axis=(1, 2),
        beta_initializer=keras.initializers.Constant(3.0),
        gamma_initializer=keras.initializers.Constant(2.0),
        moving_mean_initializer=keras.initializers.Constant(5.0),
        moving_variance_initializer=keras.initializers.Constant(4.0),
        gamma_regularizer=keras.regularizers.L2(0.5),
        beta_constraint=keras.constraints.NonNeg(),
        epsilon=0.0,
    )
    y = layer(np.full((1, 2, 3), 9.0, np.float32), training=False)
    np.testing.assert_allclose(y, 2 * (9 - 5) / 2 + 3, rtol=1e-6)
    assert float(sum(layer.losses)) == pytest.approx(0.5 * 6 * 2**2)
    np.testing.assert_array_equal(layer.beta.constraint(tf.constant([-1.0, 1.0])), [0, 1])


def test_saves_and_loads(tmp_path: Path) -> None:
    inputs = keras.Input((4, 3))
    x = keras.layers.Dense(3, kernel_initializer=keras.initializers.GlorotUniform(seed=0))(inputs)
    x = AxisNormalization(axis=(-1, 1), param_axis=(2,), name="both")(x)
    x = AxisNormalization(axis=(), momentum=0.5, gamma_regularizer="l2", name="nothing")(x)
    model = keras.Model(inputs, x)
    data = normal((5, 4, 3))
    model(data, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(data), loaded(data))
    assert loaded.get_layer("both").get_config() == model.get_layer("both").get_config()
    assert loaded.get_layer("both").axis == (-1, 1)
    assert loaded.get_layer("nothing").axis == ()


def test_a_config_of_keras_own_layer_is_taken() -> None:
    config = keras.layers.BatchNormalization(axis=1, momentum=0.8).get_config()
    layer = AxisNormalization.from_config(config)
    assert layer.axis == 1
    assert layer.momentum == 0.8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"axis": 0}, "tie the weights to the batch size. Received: axis=0"),
        ({"axis": [0, 1]}, "Received: axis=[0, 1]"),
        ({"axis": [1, 1]}, "must not contain an axis twice. Received: axis=[1, 1]"),
        ({"axis": None}, "for one statistic over everything use (). Received: axis=None"),
        ({"axis": "channel"}, "must be an integer or a sequence of integers. Received: axis='channel'"),
        ({"axis": 1.5}, "Received: axis=1.5"),
        ({"axis": True}, "Received: axis=True"),
        ({"param_axis": 0}, "Received: param_axis=0"),
    ],
)
def test_constructor_refuses(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        AxisNormalization(**arguments)


@pytest.mark.parametrize(
    ("arguments", "shape", "message"),
    [
        ({"axis": 3}, (None, 4, 3), "must lie between -2 and 2. Received: axis=3, input_shape=(None, 4, 3)"),
        ({"axis": -3}, (8, 4, 3), "must not contain the batch axis"),
        ({"axis": [1, -2]}, (8, 4, 3), "an axis twice. Received: axis=[1, -2]"),
        ({"axis": 1}, (8, None, 3), "only axes of known size. Received: axis=1"),
        ({"axis": 2, "param_axis": [1]}, (8, None, 3), "param_axis can keep only axes of known size"),
    ],
)
def test_build_refuses(arguments: dict[str, Any], shape: tuple[int | None, ...], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        AxisNormalization(**arguments).build(shape)


def test_input_of_another_shape_is_refused() -> None:
    layer = AxisNormalization(axis=(1, 2))
    layer(normal((2, 4, 3)))
    with pytest.raises(ValueError, match="expected axis 1 of input shape to have value 4"):
        layer(normal((2, 5, 3)))
