"""Conv2D against `keras.layers.Conv2D`, which it has to be in everything but speed."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.architectures import convolution
from harness.architectures.convolution import Conv2D

ROUNDING = {"rtol": 2e-5, "atol": 2e-5}  # float32, sums in another order


def normal(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def pair(**options):
    """The two layers with the same weights, biases not 0 as Keras starts them, and an input."""
    x = normal(4, 9, 8, 3)
    layers = [make(5, 3, **options) for make in (keras.layers.Conv2D, Conv2D)]
    for layer in layers:
        layer.build(x.shape)
        layer.set_weights([normal(*w.shape, seed=index).numpy() for index, w in enumerate(layer.weights)])
    return *layers, x


def run(layer, x):
    """Outputs, and the gradients of an uneven function of them for inputs and weights, within a graph."""

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(tf.sin(y * tf.reshape(tf.linspace(0.0, 3.0, tf.size(y)), tf.shape(y))))
        return y, tape.gradient(loss, [x, *(weight.value for weight in layer.trainable_variables)])

    return tf.nest.flatten(step(x))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"activation": "relu", "padding": "same"},
        {"strides": 2},
        {"dilation_rate": 2},
        {"use_bias": False},
        {"bias_regularizer": "l2"},
    ],
)
def test_outputs_and_gradients_are_those_of_keras(options):
    plain, ours, x = pair(**options)

    for expected, found in zip(run(plain, x), run(ours, x), strict=True):
        np.testing.assert_allclose(found, expected, **ROUNDING)


def test_the_bias_has_the_sum_over_all_positions_as_its_gradient():
    _, layer, x = pair()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x))

    [gradient] = tape.gradient(loss, [layer.bias.value])

    np.testing.assert_allclose(gradient, np.full(5, 4 * 7 * 6))


def test_second_derivatives_are_those_of_keras():
    def curvature(layer, x):
        weights = [weight.value for weight in layer.trainable_variables]
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                loss = tf.reduce_mean(tf.tanh(layer(x)) ** 2)
            gradients = inner.gradient(loss, weights)
            product = tf.add_n([tf.reduce_sum(g * normal(*g.shape, seed=i)) for i, g in enumerate(gradients)])
        return outer.gradient(product, weights)

    plain, ours, x = pair()

    for expected, found in zip(curvature(plain, x), curvature(ours, x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("options", [{"dtype": "mixed_bfloat16"}, {"data_format": "channels_first"}])
def test_other_types_and_layouts_take_the_way_of_keras(options, monkeypatch):
    layer = Conv2D(5, 3, **options)
    layer.build((None, 3, 9, 8) if "data_format" in options else (None, 9, 8, 3))
    monkeypatch.setattr(convolution, "_add_bias", lambda *inputs: pytest.fail("took the way for float32"))
    monkeypatch.setattr(keras.layers.Conv2D, "call", lambda self, inputs: "keras")

    assert layer.call(tf.zeros([1, 9, 8, 3])) == "keras"


def test_a_saved_model_opens_as_one_of_keras_layers(tmp_path):
    inputs = keras.Input((9, 8, 3))
    model, x = keras.Model(inputs, Conv2D(5, 3)(inputs)), normal(2, 9, 8, 3)
    model.save(tmp_path / "model.keras")

    loaded = keras.models.load_model(tmp_path / "model.keras")

    assert type(loaded.layers[1]) is keras.layers.Conv2D
    np.testing.assert_allclose(loaded(x), model(x), **ROUNDING)
