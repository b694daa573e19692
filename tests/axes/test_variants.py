"""Renormalization, ghosts and frozen statistics, against Keras where it has them and NumPy where not."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.axes import AxisNormalization
from harness.layers.variants import FrozenNormalization, GhostNormalization
from tests.axes.oracle import LARGE, axis_sets, normal, spread
from tests.needs import needs_renorm


@needs_renorm
@pytest.mark.parametrize("clipping", [None, {"rmax": 1.5, "rmin": 0.7, "dmax": 0.3}])
@pytest.mark.parametrize(("center", "scale"), [(True, True), (False, True), (True, False), (False, False)])
@pytest.mark.parametrize("axis", [1, -1])
def test_renormalization_of_one_axis_is_keras_own(axis: int, center: bool, scale: bool, clipping: Any) -> None:
    options = {"renorm": True, "renorm_clipping": clipping, "renorm_momentum": 0.8, "momentum": 0.9}
    layers = [
        kind(axis, center=center, scale=scale, **options)
        for kind in (AxisNormalization, keras.layers.BatchNormalization)
    ]
    for step in range(4):
        x = tf.constant(normal((8, 5, 3), step))
        found = []
        for layer in layers:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, training=True)
                loss = tf.reduce_sum(tf.sin(y))
            found.append([y, tape.gradient(loss, x), *tape_gradients(layer, x), *layer.get_weights()])
        for ours, theirs in zip(*found, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layers[0](x), layers[1](x), rtol=1e-5, atol=1e-5)
    again = keras.layers.BatchNormalization.from_config(layers[0].get_config())
    assert again.get_config() | {"name": ""} == layers[1].get_config() | {"name": ""}


def tape_gradients(layer: Any, x: Any) -> list[Any]:
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(layer(x, training=True)))
    return list(tape.gradient(loss, layer.trainable_variables))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("axis", axis_sets(4))
def test_renormalization_of_any_axes_by_hand(axis: tuple[int, ...], compiled: bool) -> None:
    shape = LARGE if compiled and axis in [(), (3,), (1, 2)] else (6, 4, 3, 2)
    layer = AxisNormalization(axis, renorm=True, renorm_momentum=0.7, momentum=0.9, compiled=compiled)
    averaged = tuple(k for k in range(4) if k not in axis)
    mean = moving_mean = 0.0
    stddev = moving_stddev = 1.0
    for step in range(3):
        x = normal(shape, step)
        y = layer(x, training=True)
        m, s = x.mean(averaged, dtype=np.float64), np.sqrt(x.var(averaged, dtype=np.float64) + 1e-3)
        r, d = s / np.maximum(stddev, 1e-3**0.5), (m - mean) / np.maximum(stddev, 1e-3**0.5)
        normalized = (x - spread(m, shape, axis)) / spread(s, shape, axis)
        np.testing.assert_allclose(y, normalized * spread(r, shape, axis) + spread(d, shape, axis), atol=2e-4)
        mean, stddev = 0.7 * mean + 0.3 * m, 0.7 * stddev + 0.3 * s
        moving_mean, moving_stddev = 0.9 * moving_mean + 0.1 * m, 0.9 * moving_stddev + 0.1 * s
        np.testing.assert_allclose(layer.moving_mean, moving_mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(layer.moving_variance, moving_stddev**2 - 1e-3, rtol=1e-4)
        np.testing.assert_allclose(layer.renorm_stddev, stddev, rtol=1e-4)


def test_renormalization_leaves_a_masked_group_as_it_is() -> None:
    layer = AxisNormalization(1, renorm=True)
    mask = np.ones((8, 4), bool)
    mask[:, 3] = False
    layer(normal((8, 4, 2)), training=True, mask=mask)
    for variable, start in zip(layer.non_trainable_variables, (0, 1, 1, 0, 1), strict=True):
        assert variable.numpy()[3] == start, variable.name


@pytest.mark.parametrize(
    ("clipping", "message"),
    [
        ({"max": 1}, r"takes rmax, rmin, dmax. Received invalid keys: renorm_clipping={'max': 1}"),
        ({"rmax": 1, "rmin": 2}, r"rmax should be rmin or more. Received: renorm_clipping={'rmax': 1, 'rmin': 2}"),
        ({"dmax": -1}, r"dmax should be non-negative. Received: renorm_clipping={'dmax': -1}"),
    ],
)
def test_wrong_clipping_is_refused(clipping: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AxisNormalization(renorm=True, renorm_clipping=clipping)


@pytest.mark.parametrize("examples", [4, 8, 10, 1])
@pytest.mark.parametrize("axis", axis_sets(3))
@pytest.mark.parametrize("in_graph", [False, True])
def test_ghosts_by_hand(axis: tuple[int, ...], examples: int, in_graph: bool) -> None:
    layer = GhostNormalization(axis, ghost=4, momentum=0.0)
    layer.build((None, 3, 2))
    x = normal((examples, 3, 2))
    call = lambda x: layer(x, training=True)  # noqa: E731
    y = (tf.function(call, input_signature=[tf.TensorSpec([None, 3, 2])]) if in_graph else call)(x)
    averaged = tuple(k for k in range(3) if k not in axis)
    groups = [x[start : start + 4].astype(float) for start in range(0, examples, 4)]
    expected = [(g - g.mean(averaged, keepdims=True)) / np.sqrt(g.var(averaged, keepdims=True) + 1e-3) for g in groups]
    np.testing.assert_allclose(y, np.concatenate(expected), atol=1e-4)
    weights = [len(g) for g in groups]
    np.testing.assert_allclose(
        layer.moving_variance, np.average([g.var(averaged) for g in groups], 0, weights), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(layer.moving_mean, np.average([g.mean(averaged) for g in groups], 0, weights), rtol=1e-4)
    assert GhostNormalization.from_config(layer.get_config()).ghost == 4


def test_an_empty_batch_has_no_ghosts() -> None:
    layer = GhostNormalization(ghost=4)
    assert layer(np.zeros((0, 3), np.float32), training=True).shape == (0, 3)
    np.testing.assert_array_equal(layer.moving_variance, 1)


@pytest.mark.parametrize("axis", axis_sets(3))
def test_frozen_statistics_are_those_of_the_first_batch(axis: tuple[int, ...]) -> None:
    layer = FrozenNormalization(axis)
    averaged = tuple(k for k in range(3) if k not in axis)
    first = normal((8, 3, 2))
    mean, scale = first.mean(averaged, keepdims=True), 1 / np.sqrt(first.var(averaged, keepdims=True) + 1e-3)
    for seed in range(3):
        x = tf.constant(normal((8, 3, 2), seed))
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        np.testing.assert_allclose(y, (x - mean) * scale, atol=1e-4)
        np.testing.assert_allclose(tape.gradient(y, x), np.broadcast_to(scale, x.shape), rtol=1e-4)
        np.testing.assert_allclose(layer(x), y, atol=1e-6)
