"""Conv2D against `keras.layers.Conv2D`, which it has to be in everything but speed."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.layers import convolution
from harness.layers.convolution import Conv2D
from harness.layers.neighbours import Activation

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


def curvature(layer, x):
    weights = [weight.value for weight in layer.trainable_variables]
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            loss = tf.reduce_mean(tf.tanh(layer(x)) ** 2)
        gradients = inner.gradient(loss, weights)
        product = tf.add_n([tf.reduce_sum(g * normal(*g.shape, seed=i)) for i, g in enumerate(gradients)])
    return outer.gradient(product, weights)


def test_second_derivatives_are_those_of_keras():
    plain, ours, x = pair()

    for expected, found in zip(curvature(plain, x), curvature(ours, x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


FEW = [
    ((4, 9, 8, 1), (3, 3), "valid"),
    ((4, 9, 8, 1), (3, 3), "same"),
    ((4, 9, 8, 1), (2, 4), "same"),
    ((3, 5, 6, 4), (1, 2), "valid"),
    ((3, 1, 9, 1), (1, 9), "valid"),
]


def few(shape, size, padding, *, activate):
    """Keras's convolution and ReLU and ours on images with few channels, and an input."""
    models = []
    for conv, activation in ((keras.layers.Conv2D, keras.layers.Activation), (Conv2D, Activation)):
        inputs = keras.Input(shape[1:], batch_size=shape[0])
        x = conv(5, size, padding=padding)(inputs)
        models.append(keras.Model(inputs, activation("relu")(x) if activate else x))
    for model in models:
        model.set_weights([normal(*w.shape, seed=index).numpy() for index, w in enumerate(models[0].weights)])
    return *models, normal(*shape, seed=7)


@pytest.mark.parametrize("activate", [False, True])
@pytest.mark.parametrize(("shape", "size", "padding"), FEW)
def test_sums_of_few_products_are_those_of_keras(shape, size, padding, activate, monkeypatch):
    monkeypatch.setattr(convolution, "is_worth_compiling", lambda x: True)
    monkeypatch.setattr(Conv2D, "convolution_op", lambda *inputs: pytest.fail("left it to TensorFlow"))
    plain, ours, x = few(shape, size, padding, activate=activate)
    monkeypatch.setattr(tf.nn, "relu", lambda x: pytest.fail("left the ReLU to TensorFlow"))
    found = run(ours, x)
    monkeypatch.undo()

    for expected, ours in zip(run(plain, x), found, strict=True):
        np.testing.assert_allclose(ours, expected, **ROUNDING)


def test_second_derivatives_of_few_products_are_those_of_keras(monkeypatch):
    monkeypatch.setattr(convolution, "is_worth_compiling", lambda x: True)
    plain, ours, x = few(*FEW[1], activate=True)

    for expected, found in zip(*(tf.function(curvature)(model, x) for model in (plain, ours)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "options"),
    [(2, {}), (1, {"strides": 2}), (1, {"dilation_rate": 2}), (2, {"groups": 2})],
    ids=["many products", "strides", "dilation", "groups"],
)
def test_what_is_left_to_tensorflow(channels, options, monkeypatch):
    monkeypatch.setattr(convolution, "is_worth_compiling", lambda x: True)
    monkeypatch.setattr(convolution, "_convolve_by_taps", lambda *inputs: pytest.fail("took the way for few"))
    x = normal(2, 9, 8, channels)
    plain, ours = (make(4, 3, **options) for make in (keras.layers.Conv2D, Conv2D))
    plain.build(x.shape)
    ours.build(x.shape)
    ours.set_weights(plain.get_weights())

    np.testing.assert_allclose(ours(x), plain(x), **ROUNDING)


def test_the_size_of_the_batch_stays_known(monkeypatch):
    monkeypatch.setattr(convolution, "is_worth_compiling", lambda x: True)
    layer, x = Conv2D(5, 3), normal(4, 9, 8, 1)
    layer(x)

    [output] = tf.function(layer).get_concrete_function(x).graph.outputs

    assert output.shape == (4, 7, 6, 5)


def test_small_outputs_are_left_to_tensorflow():
    layer = Conv2D(4, 3)
    layer.build((None, 28, 28, 1))

    assert not layer._sums_few(tf.zeros([1, 28, 28, 1]))
    assert layer._sums_few(tf.zeros([128, 28, 28, 1]))


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
