"""Weights come from a cell's seed by name: nothing else has a say in them."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from omegaconf import OmegaConf

from harness.axes.norm import NormFactory
from harness.axes.strategy import check_takes
from harness.cell.initialization import Initializer, digest_weights, noting_initializers
from harness.cell.model import build_model
from harness.config.build import build_strategy
from harness.config.composer import config_directory
from harness.types import TaskSpec, UserError
from tests.needs import KERAS_HAS_RENORM

IMAGES = TaskSpec("tiny", ("height", "width", "channel"), (6, 6, 1), 3)
SERIES = TaskSpec("tiny_series", ("time", "feature"), (8, 3), 1)
ARCHITECTURES = {
    "tiny": ({"_target_": "tiny_model.build", "dropout": 0.5}, IMAGES),
    "seed_cnn": ({"_target_": "harness.architectures.seed_cnn.build"}, IMAGES),
    "seed_lstm": ({"_target_": "harness.architectures.seed_lstm.build"}, SERIES),
}
STRATEGIES = sorted(path.stem for path in (config_directory() / "axis").glob("*.yaml"))


def strategy(name):
    return build_strategy({**OmegaConf.load(config_directory() / "axis" / f"{name}.yaml"), "name": name})


def built(architecture="tiny", axis="channel"):
    config, spec = ARCHITECTURES[architecture]
    norm = NormFactory(strategy(axis), batch_size=4)
    model = build_model(config, spec, norm)
    return model, Initializer(model, norm.layers), norm


def state(model):
    return {
        f"{index} {variable.path}": keras.ops.convert_to_numpy(variable)
        for index, variable in enumerate(model.variables)
    }


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.values(), b.values(), strict=True))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_seed_decides_every_weight(architecture):
    model, initializer, _ = built(architecture)
    initializer.reset(0)
    zero = state(model)
    initializer.reset(1)
    one = state(model)
    initializer.reset(0)

    assert same(state(model), zero)
    random_weights = [path for path in zero if path.endswith("kernel")]
    assert random_weights
    assert all(not np.array_equal(zero[path], one[path]) for path in random_weights)


@pytest.mark.parametrize("architecture", ["seed_cnn", "seed_lstm"])
def test_every_strategy_starts_from_the_same_shared_weights(architecture):
    digests = {}
    for name in STRATEGIES:
        try:
            _, initializer, norm = built(architecture, name)
            check_takes(norm.strategy, [resolved.site for resolved in norm.sites])
        except UserError:
            continue
        initializer.reset(5)
        digests[name] = initializer.shared_digest()

    kinds = {"none", "channel", "elementwise", "global", "layer", "group", "rms"}
    assert kinds | ({"renorm"} if KERAS_HAS_RENORM else set()) <= set(digests)
    assert len(set(digests.values())) == 1


def test_the_global_generators_have_no_say():
    states = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        tf.random.set_seed(seed)
        model, initializer, _ = built()
        initializer.reset(0)
        states.append(state(model))

    assert same(*states)


def test_a_model_that_was_trained_starts_over_as_a_fresh_one():
    model, initializer, _ = built("seed_lstm", "per_timestep")
    initializer.reset(0)
    fresh = state(model)
    for variable in model.variables:
        variable.assign(keras.ops.convert_to_numpy(variable) + 1)
    initializer.reset(0)

    assert same(state(model), fresh)
    assert all(np.all(fresh[path] == 1) for path in fresh if path.endswith(("gamma", "moving_variance")))
    assert all(np.all(fresh[path] == 0) for path in fresh if path.endswith(("beta", "moving_mean")))


def test_the_forget_gates_bias_is_still_one():
    model, initializer, _ = built("seed_lstm")
    initializer.reset(3)
    bias = keras.ops.convert_to_numpy(model.get_layer("lstm_1").cell.bias)

    # Gates in Keras's order: input, forget, cell, output.
    np.testing.assert_array_equal(bias, np.repeat([0.0, 1.0, 0.0, 0.0], 64))


def test_dropout_draws_the_same_masks_after_a_reset():
    model, initializer, _ = built()
    x = np.random.default_rng(0).normal(size=(8, 6, 6, 1)).astype("float32")
    initializer.reset(0)
    first = [keras.ops.convert_to_numpy(model(x, training=True)) for _ in range(2)]
    initializer.reset(0)
    again = [keras.ops.convert_to_numpy(model(x, training=True)) for _ in range(2)]

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[1])


def digest_after_reset(model):
    Initializer(model, []).reset(0)
    return digest_weights(model.weights)


class Plain(keras.layers.Layer):
    """A user's layer that keeps its initializers to itself."""

    def build(self, shape):
        self.a = self.add_weight(shape=(shape[-1], 2), name="a")
        self.b = self.add_weight(shape=(2,), name="b", initializer="random_normal")
        self.c = self.add_weight(shape=(2,), name="c", initializer=keras.initializers.RandomUniform(seed=3))

    def call(self, x):
        return x @ self.a + self.b * self.c


LAYERS = {
    "plain": lambda: Plain(),
    "depthwise": lambda: keras.layers.DepthwiseConv1D(2),
    "separable": lambda: keras.layers.SeparableConv1D(4, 2),
    "bidirectional": lambda: keras.layers.Bidirectional(keras.layers.GRU(3)),
    "time_distributed": lambda: keras.layers.TimeDistributed(keras.layers.Dense(2)),
    "recurrent_dropout": lambda: keras.layers.LSTM(3, recurrent_dropout=0.5),
    "random_scale": lambda: keras.layers.GroupNormalization(1, gamma_initializer="random_normal"),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_whatever_layer_a_user_takes_its_weights_come_from_the_seed(layer):
    digests = []
    for seed in (1, 2):
        # What a worker does before it builds: the names of unnamed layers start anew.
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((8, 3))
        with noting_initializers():
            model = keras.Model(inputs, LAYERS[layer]()(inputs))
        digests.append(digest_after_reset(model))

    assert digests[0] == digests[1]


def test_attention_weights_come_from_the_seed():
    digests = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((8, 3))
        with noting_initializers():
            attention = keras.layers.MultiHeadAttention(2, 3, name="attention")
            model = keras.Model(inputs, attention(inputs, inputs))
        digests.append(digest_after_reset(model))

    assert digests[0] == digests[1]


class Hidden(keras.layers.Layer):
    def build(self, shape):
        self.w = keras.Variable("glorot_uniform", shape=(shape[-1], 2), name="w")

    def call(self, x):
        return x @ self.w


def test_a_weight_that_nobody_can_seed_is_refused():
    inputs = keras.Input((3,))
    with noting_initializers():
        model = keras.Model(inputs, Hidden(name="hidden")(inputs))

    with pytest.raises(UserError, match=r"made by its layer's add_weight.*Received: .*w"):
        Initializer(model, [])


def test_keras_is_left_as_it_was():
    before = keras.Layer.add_weight
    with pytest.raises(ZeroDivisionError), noting_initializers():
        _ = 1 / 0

    assert keras.Layer.add_weight is before


@pytest.mark.slow
def test_another_process_starts_from_the_same_bits():
    code = (
        "import json, sys; sys.path[:0] = ['.', 'tests/core/own']\n"
        "from tests.core.test_initialization import built, digest_weights\n"
        "found = {}\n"
        "for name in ('tiny', 'seed_lstm'):\n"
        "    model, initializer, _ = built(name); initializer.reset(9); found[name] = digest_weights(model.weights)\n"
        "print(json.dumps(found))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)

    here = {}
    for name in ("tiny", "seed_lstm"):
        model, initializer, _ = built(name)
        initializer.reset(9)
        here[name] = digest_weights(model.weights)
    assert json.loads(printed.stdout.splitlines()[-1]) == here
