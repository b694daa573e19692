"""What the harness is measured beside: for every architecture, peers in Keras and PyTorch of the same function."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import math
import sys
from typing import Any

import keras
import numpy as np
import pytest

from harness.axes import AxisStrategy
from harness.axes.norm import NormFactory
from harness.cell.model import build_model
from harness.commands.bench.data import contender_script
from harness.commands.bench.description import NoPeerError, describe_layers
from harness.commands.bench.least import count
from harness.commands.bench.workloads import find_workload, names_of
from harness.config.composer import hydra_session
from harness.config.grid import expand
from harness.layers.masked import MaskedConv1D
from harness.layers.normalization import AxisNormalization
from harness.types import TaskSpec

ARCHITECTURES = [name for name in names_of(None, []) if name != "grid"]
HAS_TORCH = importlib.util.find_spec("torch") is not None
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is not installed (extra `bench`)")
every_architecture = pytest.mark.parametrize("name", ARCHITECTURES)
IMAGES = TaskSpec("images", ("height", "width", "channel"), (12, 14, 2), 3)
KEPT = {"none": None, "channel": ("channel",), "spatial": ("height", "width"), "elementwise": IMAGES.axes}


@pytest.fixture(scope="module")
def contenders() -> Any:
    """The contenders' scripts as modules, as they find one another when they are run."""
    folder = str(contender_script("keras_fit").parent)
    sys.path.insert(0, folder)
    yield importlib
    sys.path.remove(folder)


@functools.cache
def workload(name: str) -> Any:
    return find_workload(name)


def model_of(name: str) -> Any:
    """The model of an architecture that the harness trains, its statistics and biases not as they begin."""
    found = description(name)
    spec = TaskSpec(workload(name).task, axes_of(name), tuple(found["shape"]), found["outputs"])
    with hydra_session() as composer:
        [config] = expand(composer, [*workload(name).overrides, "seed=0"])
    model = build_model(config["architecture"], spec, NormFactory(AxisStrategy(("channel",)), batch_size=8))
    return scattered(model)


def axes_of(name: str) -> tuple[str, ...]:
    units = {"images": IMAGES.axes, "patches": ("height", "width", "band"), "sequences": ("time", "feature")}
    return units[workload(name).unit]


def scattered(model: Any) -> Any:
    rng = np.random.default_rng(1)
    for weight in model.weights:
        noise = rng.uniform(0.5, 1.5, weight.shape) if "variance" in weight.path or "gamma" in weight.path else None
        weight.assign(0.3 * rng.normal(size=weight.shape) if noise is None else noise)
    return model


def description(name: str) -> dict[str, Any]:
    # As a contender gets it.
    found: dict[str, Any] = json.loads(json.dumps(workload(name).description))
    return found


def described(model: Any) -> dict[str, Any]:
    return {"name": "it", "layers": describe_layers(model)}


def weights_of(model: Any) -> dict[str, list[Any]]:
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def give(weights: dict[str, list[Any]], peer: Any) -> Any:
    for layer in peer.layers:
        if layer.weights:
            layer.set_weights([np.reshape(w, v.shape) for w, v in zip(weights[layer.name], layer.weights, strict=True)])
    return peer


def examples(shape: Any, count: int = 6) -> Any:
    return np.random.default_rng(0).normal(size=(count, *shape)).astype(np.float32)


def assert_same(theirs: Any, ours: Any) -> None:
    scale = float(np.abs(np.asarray(ours)).max())
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=2e-5 * max(scale, 1.0))


@every_architecture
def test_the_keras_peer_is_the_same_function_in_keras_own_layers(name: str, contenders: Any) -> None:
    ours = model_of(name)
    theirs = give(weights_of(ours), contenders.import_module("keras_fit").build(description(name)))
    x = examples(ours.input_shape[1:])

    assert all(type(layer).__module__.startswith("keras.src.") for layer in theirs.layers)
    assert [tuple(w.shape) for w in theirs.weights] == [tuple(w.shape) for w in ours.weights]
    assert_same(theirs(x), ours(x))
    assert_same(theirs(x, training=True), ours(x, training=True))
    # The averages have moved alike.
    assert_same(theirs(x), ours(x))


@needs_torch
@every_architecture
def test_the_pytorch_peer_is_the_same_function(name: str, contenders: Any) -> None:
    import torch

    ours = model_of(name)
    theirs = contenders.import_module("torch_model").Peer(description(name))
    theirs.load(weights_of(ours))
    x = examples(ours.input_shape[1:])
    inputs = theirs.examples(torch.from_numpy(x))

    with torch.no_grad():
        assert_same(theirs.eval()(inputs).numpy(), ours(x))
        assert_same(theirs.train()(inputs).numpy(), ours(x, training=True))


@needs_torch
@every_architecture
def test_the_pytorch_peer_has_as_many_parameters(name: str, contenders: Any) -> None:
    theirs = contenders.import_module("torch_model").Peer(description(name))
    ours = sum(int(np.prod(w.shape)) for w in model_of(name).trainable_weights)
    # PyTorch's LSTM has two biases where Keras's has one.
    lstms = [call for call in description(name)["layers"] if call["kind"] == "LSTM"]

    assert sum(p.numel() for p in theirs.parameters()) == ours + sum(4 * call["config"]["units"] for call in lstms)


def odd_images() -> Any:
    """Strides, even kernels, uneven padding, an order of features that differs, a shortcut."""
    x = inputs = keras.Input((7, 10, 3))
    x = keras.layers.ZeroPadding2D(((1, 0), (2, 1)))(x)
    x = keras.layers.Conv2D(4, (2, 3), strides=2, padding="same", activation="elu")(x)
    y = keras.layers.Conv2D(4, 3, dilation_rate=2, padding="same", use_bias=False)(x)
    x = keras.layers.Add()([x, keras.layers.BatchNormalization(epsilon=0.01)(y)])
    x = keras.layers.MaxPooling2D(2, padding="same")(x)
    x = keras.layers.Cropping2D(((0, 1), (1, 0)))(x)
    x = keras.layers.BatchNormalization(scale=False, center=False)(keras.layers.Flatten()(x))
    x = keras.layers.Dropout(0.5)(keras.layers.ReLU()(x))
    return keras.Model(inputs, keras.layers.Dense(2)(x))


def odd_series() -> Any:
    """Convolutions and recurrences in turns, a layer that is called twice, dense layers along time."""
    x = inputs = keras.Input((9, 4))
    shared = keras.layers.Dense(4, activation="tanh")
    x = shared(shared(x))
    x = keras.layers.Conv1D(6, 4, padding="same", activation="relu")(x)
    x = keras.layers.GRU(5, return_sequences=True)(x)
    x = keras.layers.MaxPooling1D(3, strides=2, padding="same")(x)
    x = keras.layers.Reshape((5, 5, 1))(x)
    x = keras.layers.Conv2D(3, 2)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(1)(x))


@needs_torch
@pytest.mark.parametrize("build", [odd_images, odd_series], ids=lambda build: build.__name__)
def test_other_settings_of_known_layers_have_pytorch_peers(build: Any, contenders: Any) -> None:
    import torch

    ours = scattered(build())
    theirs = contenders.import_module("torch_model").Peer(described(ours)).eval()
    theirs.load(weights_of(ours))
    x = examples(ours.input_shape[1:])

    with torch.no_grad():
        assert_same(theirs(theirs.examples(torch.from_numpy(x))).numpy(), ours(x))


@pytest.mark.parametrize("axis", list(KEPT))
def test_the_keras_peer_keeps_other_axes_by_a_reshape(axis: str, contenders: Any) -> None:
    kept = KEPT[axis]
    norm = NormFactory(AxisStrategy(kind="none") if kept is None else AxisStrategy(kept), batch_size=6)
    with hydra_session() as composer:
        [config] = expand(composer, ["task=mnist", "architecture=seed_cnn", "axis=none", "seed=0"])
    ours = scattered(build_model(config["architecture"], IMAGES, norm))
    theirs = give(weights_of(ours), contenders.import_module("keras_fit").build(described(ours)))
    x = examples(IMAGES.shape)

    assert_same(theirs(x, training=True), ours(x, training=True))
    assert_same(theirs(x), ours(x))


def head(x: Any) -> Any:
    return keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(x))


def masked(x: Any) -> Any:
    return head(keras.layers.Masking(name="gaps")(x))


def own_kind(x: Any) -> Any:
    return head(MaskedConv1D(3, 3, padding="same")(x))


def two_sets(x: Any) -> Any:
    return head(AxisNormalization([1, 2], param_axis=-1, name="apart")(x))


def lambdas(x: Any) -> Any:
    return head(keras.ops.tanh(x))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (masked, r"layer gaps \(Masking\) hides steps"),
        (own_kind, "layer masked_conv1d.* is a MaskedConv1D, which Keras has not"),
        (two_sets, "layer apart is a AxisNormalization, which Keras has not"),
        (lambdas, "layer tanh.* is a Tanh, which Keras has not"),
    ],
)
def test_a_layer_that_keras_has_not_is_named(build: Any, message: str) -> None:
    inputs = keras.Input((6, 4))
    with pytest.raises(NoPeerError, match=message):
        describe_layers(keras.Model(inputs, build(inputs)))


@needs_torch
@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: keras.layers.UnitNormalization(name="unit"), r"^layer unit \(UnitNormalization\) has no peer in Py"),
        (
            lambda: keras.layers.LSTM(3, dropout=0.1, return_sequences=True, name="rec"),
            r"^layer rec \(LSTM\) has dropout",
        ),
        (lambda: keras.layers.Conv1D(3, 3, padding="causal", name="conv"), "^layer conv has padding=causal"),
        (lambda: keras.layers.BatchNormalization(axis=1, name="norm"), r"^layer norm keeps the axes \[1\]"),
    ],
    ids=["kind", "dropout", "causal", "axis"],
)
def test_a_layer_without_a_pytorch_peer_is_named(layer: Any, message: str, contenders: Any) -> None:
    inputs = keras.Input((6, 4))
    model = keras.Model(inputs, head(layer()(inputs)))
    with pytest.raises(SystemExit, match=message):
        contenders.import_module("torch_model").Peer(described(model))


def test_the_least_of_the_articles_image_model_by_hand() -> None:
    least = workload("seed_cnn").least
    positions, channels, kernel = 26 * 26, 32, 9
    largest, pooled, images = positions * channels, positions // 4 * channels, 28 * 28
    # The convolution goes back by its weights alone, as nothing is handed on to the images.
    assert least.operations == 2 * (2 * largest * kernel + 3 * pooled * 10)
    # The convolution reads images and writes; back, its gradient and the images again. The normalization reads twice
    # and writes maxima and their places; back it reads both twice and writes once. The rest is little.
    convolution, norm = 2 * images + 2 * largest, 5 * largest + 3 * pooled * 1.25
    dense = 3 * pooled + 2 * 10
    assert least.moved_bytes == round(4 * (convolution + norm + dense))
    assert least.activation == largest
    # Kernels and biases, and four of each channel.
    assert least.weights_bytes == 4 * 10 * (54_410 + 4 * channels)


def test_the_least_of_the_articles_sequence_model_by_hand() -> None:
    least = workload("seed_lstm").least
    first, second = 64 * 4 * (5 + 64), 32 * 4 * (64 + 32)
    # Nothing is handed on from the first LSTM to the data.
    assert least.operations == 2 * (100 * (2 * first + 3 * second) + 3 * 32)
    assert least.activation == 100 * 64
    norm, dense = 8 * 100 * 64, 3 * 32 + 2
    assert least.moved_bytes == 4 * (norm + dense)


@every_architecture
def test_the_least_has_every_product(name: str) -> None:
    least, calls = workload(name).least, description(name)["layers"]
    kernels = [shape for call in calls if call["kind"] != "BatchNormalization" for shape in call["weights"]]

    # Each kernel is used once at least in a forward pass and one or two ways back.
    assert least.operations >= 4 * sum(math.prod(shape) for shape in kernels if len(shape) > 1)
    assert least.moved_bytes > 0
    assert count(calls) == least
