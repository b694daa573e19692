"""Folded models: outputs that must not change, in float64 to its precision; what went where, and what it saves."""

from __future__ import annotations

from itertools import combinations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from harness.axes import AxisNormalization
from harness.layers.convolution import Conv2D
from harness.layers.multiply_add import MultiplyAdd
from harness.layers.variants import FrozenNormalization, GhostNormalization
from harness.models import audit, fold, read_model
from harness.types import UserError
from tests.models.builders import SHAPES, application, applications, functional, lively, outputs, sequential
from tests.needs import needs_renorm


@pytest.fixture
def float64():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy(before)


KERNELS = [
    ((9, 4), lambda **k: layers.Conv1D(6, 3, dilation_rate=2, **k)),
    ((8, 8, 4), lambda **k: layers.Conv2D(6, 3, padding="same", strides=2, groups=2, **k)),
    ((8, 8, 4), lambda **k: Conv2D(6, 3, **k)),
    ((5, 5, 5, 2), lambda **k: layers.Conv3D(3, 2, **k)),
    ((7, 3), lambda **k: layers.Conv1DTranspose(5, 3, **k)),
    ((6, 6, 3), lambda **k: layers.Conv2DTranspose(5, 3, strides=2, **k)),
    ((4, 4, 4, 2), lambda **k: layers.Conv3DTranspose(3, 2, **k)),
    ((9, 3), lambda **k: layers.DepthwiseConv1D(3, depth_multiplier=2, **k)),
    ((8, 8, 3), lambda **k: layers.DepthwiseConv2D(3, depth_multiplier=2, **k)),
    ((9, 3), lambda **k: layers.SeparableConv1D(5, 3, depth_multiplier=2, **k)),
    ((8, 8, 3), lambda **k: layers.SeparableConv2D(5, 3, **k)),
    ((6,), lambda **k: layers.Dense(5, **k)),
    ((7, 6), lambda **k: layers.Dense(5, **k)),
]


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize(("shape", "kernel"), KERNELS)
def test_every_kernel_takes_it_in(shape, kernel, use_bias, float64):
    norm = AxisNormalization(param_axis=[-1]) if use_bias else layers.BatchNormalization(axis=len(shape))
    model = lively(sequential(kernel(use_bias=use_bias), norm, layers.ReLU(), shape=shape))
    made = fold(model)

    [one] = made.layers
    assert (one.into, one.by) == ("kernel", model.layers[0].name)
    assert [type(layer) for layer in made.model.layers] == [type(model.layers[0]), layers.ReLU]
    np.testing.assert_allclose(outputs(made.model, shape), outputs(model, shape), rtol=1e-9, atol=1e-12)


AXES = [axes for size in range(4) for axes in combinations((1, 2, 3), size)]


@pytest.mark.parametrize("param_axis", [None, 3, (1, 2), ()])
@pytest.mark.parametrize("axis", AXES)
def test_every_set_of_axes(axis, param_axis, float64):
    norm = AxisNormalization(axis, param_axis=param_axis, name="bn")
    model = lively(sequential(layers.Conv2D(5, 3), norm, shape=(8, 7, 3)))
    made = fold(model)

    kernel = {*axis, *(axis if param_axis is None else np.ravel(param_axis))} <= {3}
    assert made.layers[0].into == ("kernel" if kernel else "multiply-add")
    np.testing.assert_allclose(outputs(made.model, (8, 7, 3)), outputs(model, (8, 7, 3)), rtol=1e-9, atol=1e-12)
    # 6 x 5 x 5 values: x - mean, times scale, plus shift; then one multiplication and one addition, or none.
    assert made.operations == (3 * 150, 0 if kernel else 2 * 150)


@pytest.mark.parametrize(
    "norm",
    [
        lambda: layers.BatchNormalization(center=False, scale=False),
        lambda: AxisNormalization((1, 2), center=False),
        lambda: AxisNormalization((1, 2), scale=False, epsilon=0.1),
        lambda: AxisNormalization((1, 2), renorm=True),
        lambda: GhostNormalization(1),
        lambda: FrozenNormalization(-1),
        pytest.param(lambda: layers.BatchNormalization(renorm=True), marks=needs_renorm),
    ],
)
def test_every_kind_of_normalization(norm, float64):
    model = lively(sequential(layers.Conv2D(5, 3), norm()))
    np.testing.assert_allclose(
        outputs(fold(model).model, (12, 10, 3)), outputs(model, (12, 10, 3)), rtol=1e-9, atol=1e-12
    )


def test_channels_that_come_first():
    inputs = keras.Input((3, 12, 10))
    y = layers.Conv2D(4, 3, data_format="channels_first", name="conv")(inputs)
    model = lively(keras.Model(inputs, layers.BatchNormalization(axis=1)(y)))
    conv, made = model.get_layer("conv"), fold(model)
    taken, norm = made.model.get_layer("conv"), model.layers[-1]

    assert made.layers[0].into == "kernel"
    # A CPU cannot run it: scale and shift by hand.
    scale = norm.gamma.numpy() / np.sqrt(norm.moving_variance.numpy() + 1e-3)
    np.testing.assert_allclose(taken.kernel, conv.kernel.numpy() * scale, rtol=1e-6)
    np.testing.assert_allclose(
        taken.bias, (conv.bias.numpy() - norm.moving_mean.numpy()) * scale + norm.beta.numpy(), rtol=1e-5, atol=1e-6
    )


def one_of(build):
    inputs = keras.Input((8, 8, 3))
    return lively(keras.Model(inputs, build(inputs)))


def read_twice(x):
    y = layers.Conv2D(4, 3, name="conv")(x)
    return layers.Add()([layers.BatchNormalization()(y), y])


def given_out(x):
    y = layers.Conv2D(4, 3, name="conv")(x)
    return [layers.BatchNormalization()(y), y]


def called_twice(x):
    conv = layers.Conv2D(3, 3, padding="same", name="conv")
    return layers.BatchNormalization()(conv(conv(x)))


def normalized_twice(x):
    norm = layers.BatchNormalization()
    return norm(layers.Conv2D(4, 3)(norm(layers.Conv2D(4, 3)(x))))


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (read_twice, "others take what conv gives"),
        (given_out, "others take what conv gives"),
        (called_twice, "others take what conv gives, or it is called more than once"),
        (normalized_twice, "it is called 2 times"),
        (
            lambda x: layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu")(x)),
            "the activation of",
        ),
        (lambda x: layers.BatchNormalization()(layers.ReLU(name="relu")(layers.Conv2D(4, 3)(x))), "relu before it is"),
        (lambda x: layers.BatchNormalization()(x), "before it is no convolution"),
        (lambda x: layers.BatchNormalization(axis=1)(layers.Conv2D(4, 3)(x)), "it differs along height"),
    ],
)
def test_what_stands_between_leaves_a_multiply_add(build, why):
    model = one_of(build)
    made = fold(model)

    assert [one.into for one in made.layers] == ["multiply-add"]
    assert why in made.layers[0].by
    for got, wanted in zip(*(keras.tree.flatten(m(np.ones((2, 8, 8, 3)))) for m in (made.model, model)), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_nested_and_shared_models():
    model = functional()
    before = [np.array(variable) for variable in model.variables]
    made = fold(model)

    assert [(one.path, one.into) for one in made.layers] == [("inner/bn", "kernel"), ("shared", "multiply-add")]
    np.testing.assert_allclose(outputs(made.model, *SHAPES), outputs(model, *SHAPES), rtol=1e-4, atol=1e-5)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_a_size_of_one_does_not_stand_in_the_way():
    model = lively(sequential(layers.Conv2D(4, (12, 10)), AxisNormalization([1, 2, 3])))
    made = fold(model)

    assert made.layers[0].into == "kernel"
    np.testing.assert_allclose(outputs(made.model, (12, 10, 3)), outputs(model, (12, 10, 3)), rtol=1e-4, atol=1e-5)


def test_what_a_wrapper_holds_is_left():
    parts = [layers.TimeDistributed(layers.BatchNormalization(name="in")), layers.BatchNormalization(name="out")]
    model = lively(sequential(*parts, shape=(4, 6, 3)))
    made = fold(model)

    assert [one.into for one in made.layers] == ["left", "multiply-add"]
    np.testing.assert_allclose(outputs(made.model, (4, 6, 3)), outputs(model, (4, 6, 3)), rtol=1e-4, atol=1e-5)


def test_sizes_that_are_not_fixed_count_no_operations():
    model = lively(sequential(layers.Conv2D(4, 3), layers.BatchNormalization(), shape=(None, None, 3)))
    made = fold(model)

    assert made.operations is None
    np.testing.assert_allclose(outputs(made.model, (9, 7, 3)), outputs(model, (9, 7, 3)), rtol=1e-4, atol=1e-5)


def test_half_precision_stays_as_precise(monkeypatch):
    model = lively(sequential(layers.Conv2D(4, 3), AxisNormalization((1, 2), dtype="mixed_bfloat16")))
    made = fold(model).model

    assert made.layers[-1].compute_dtype == "bfloat16"
    np.testing.assert_allclose(
        *(np.asarray(keras.ops.cast(m(np.ones((2, 12, 10, 3))), "float32")) for m in (made, model)), rtol=1e-2
    )


def arithmetic(model):
    """Additions, subtractions and multiplications of an inference graph for one example, as TensorFlow counts them."""
    spec = tf.TensorSpec((1, *model.input_shape[1:]))
    step = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec)
    graph = convert_variables_to_constants_v2(step).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder(tf.compat.v1.profiler.ProfileOptionBuilder.float_operation())
    return tf.compat.v1.profiler.profile(graph, options=options.with_empty_output().build()).total_float_ops


@pytest.mark.parametrize("norm", [layers.BatchNormalization, AxisNormalization])
def test_the_operations_that_are_told_are_those_that_tensorflow_counts(norm):
    parts = [layers.Conv2D(4, 3, use_bias=False), norm(), layers.ReLU(), layers.MaxPooling2D(2), norm()]
    model = lively(sequential(*parts, shape=(40, 40, 3)))
    made = fold(model)
    before, after = made.operations
    # What is computed once for every channel and not for every value is not told.
    of_channels = arithmetic(model) - arithmetic(made.model) - (before - after)

    assert [one.into for one in made.layers] == ["kernel", "multiply-add"]
    assert 0 <= of_channels <= 2 * 4 * 6  # two layers of 4 channels, six operations each


def test_it_is_saved_and_read_and_has_no_more_to_normalize(tmp_path):
    parts = [layers.Conv2D(4, 3), AxisNormalization(), layers.Conv2D(4, 3), AxisNormalization((1, 2))]
    made = fold(lively(sequential(*parts))).model
    made.save(tmp_path / "made.keras")
    read = read_model(tmp_path / "made.keras")

    np.testing.assert_array_equal(outputs(read, (12, 10, 3)), outputs(made, (12, 10, 3)))
    assert isinstance(read.layers[-1], MultiplyAdd)
    assert not read.trainable_variables or all("multiply" not in v.path for v in read.trainable_variables)
    for refused in (audit, fold):
        with pytest.raises(UserError, match=r"Received: .*which has none"):
            refused(read)


def test_what_cannot_be_folded_is_said_with_the_reason():
    class Net(keras.Model):
        pass

    with pytest.raises(UserError, match=r"expected a sequential or functional model.*Received: a Net"):
        fold(Net())
    with pytest.raises(UserError, match=r"expected a built model: call it once\. Received: later"):
        fold(keras.Sequential([layers.Dense(3), layers.BatchNormalization()], name="later"))


# Kernels that take one in, and multiply-adds: in DenseNet what comes first, after joining, has none before it.
FOLDS = {
    "MobileNetV2": (52, 0),
    "ResNet50": (53, 0),
    "EfficientNetB0": (49, 0),
    "DenseNet121": (59, 62),
    "Xception": (40, 0),
}


@pytest.mark.parametrize("name", applications())
def test_models_of_keras_applications(name):
    size = 71 if name == "Xception" else 32
    model = application(name, size)
    made = fold(model)
    into = [one.into for one in made.layers]

    assert (into.count("kernel"), into.count("multiply-add")) == FOLDS[name]
    expected = outputs(model, (size, size, 3))
    np.testing.assert_allclose(outputs(made.model, (size, size, 3)), expected, atol=1e-3 * np.abs(expected).max())
