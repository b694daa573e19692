"""FusedGRU against `keras.layers.GRU`, which it has to be in everything but speed."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.layers import fused_gru
from harness.layers.compiled_gru import compiled_gru, plain_gru
from harness.layers.fused_gru import FusedGRU
from tests.architectures.recurrent import FEATURES, UNITS, assert_same, normal, pair_of, run


@pytest.fixture
def loop_calls(monkeypatch):
    """How often the compiled loop was built into a graph or run."""
    calls = []
    monkeypatch.setattr(fused_gru, "compiled_gru", lambda *inputs: calls.append(1) or compiled_gru(*inputs))
    return calls


def pair(**options):
    """The two layers with the same random weights, and an input."""
    return pair_of((keras.layers.GRU, FusedGRU), **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_sequences": True},
        {"return_sequences": True, "return_state": True},
        {"go_backwards": True, "return_sequences": True, "return_state": True},
        {"use_bias": False},
        {"batch": 1, "time": 1, "return_sequences": True},
        {"dropout": 0.5, "recurrent_dropout": 0.5, "seed": 0},  # inference: nothing is dropped
    ],
    ids=str,
)
@pytest.mark.parametrize("wrap", [lambda function: function, tf.function], ids=["eager", "graph"])
def test_outputs_states_and_gradients_are_those_of_keras(options, wrap, loop_calls):
    keras_gru, ours, x = pair(**options)
    assert_same(wrap(lambda: run(ours, x))(), run(keras_gru, x))
    assert loop_calls


def test_the_loop_against_float64_numpy():
    """Cho et al. (2014), with the reset gate after the product; gates in the order update, reset, candidate."""
    rng = np.random.default_rng(1)
    given, hidden = rng.normal(size=(6, 2, 3 * UNITS)), rng.normal(size=(2, UNITS))
    kernel, bias = rng.normal(size=(UNITS, 3 * UNITS)), rng.normal(size=3 * UNITS)

    def sigmoid(value):
        return 1 / (1 + np.exp(-value))

    state, expected = hidden, []
    for step in given:
        from_input, from_state = np.split(step, 3, axis=-1), np.split(state @ kernel + bias, 3, axis=-1)
        update, reset = (sigmoid(from_input[k] + from_state[k]) for k in (0, 1))
        state = update * state + (1 - update) * np.tanh(from_input[2] + reset * from_state[2])
        expected.append(state)

    inputs = [tf.constant(value, tf.float32) for value in (given, hidden, kernel, bias)]
    np.testing.assert_allclose(compiled_gru(*inputs), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(plain_gru(*inputs), expected, rtol=1e-5, atol=1e-6)


def test_initial_state_and_its_gradient(loop_calls):
    keras_gru, ours, x = pair(return_sequences=True)
    state = normal(3, UNITS, seed=5)
    assert_same(run(ours, x, initial_state=state), run(keras_gru, x, initial_state=state))
    assert loop_calls


def test_any_size_of_batch_in_one_graph():
    keras_gru, ours, _ = pair(return_sequences=True)
    graph = tf.function(lambda x: ours(x), input_signature=[tf.TensorSpec([None, 7, FEATURES])])
    for batch in (1, 3, 5):
        x = normal(batch, 7, FEATURES, seed=batch)
        assert_same(graph(x), keras_gru(x))


@pytest.mark.parametrize(
    ("options", "call"),
    [
        ({"unroll": True}, {}),
        ({"reset_after": False}, {}),
        ({"activation": "relu"}, {}),
        ({"recurrent_activation": "hard_sigmoid"}, {}),
        ({"dtype": "float64"}, {}),
        ({}, {"mask": [[True] * 7, [True] * 4 + [False] * 3, [True] * 7]}),
        ({"dropout": 0.5, "seed": 0}, {"training": True}),
    ],
    ids=["unroll", "reset_after", "activation", "recurrent_activation", "float64", "mask", "dropout"],
)
def test_what_the_loop_does_not_compute_takes_the_path_of_keras(options, call, loop_calls):
    keras_gru, ours, x = pair(**options)
    x = tf.cast(x, ours.compute_dtype)
    call = {key: tf.constant(value) if key == "mask" else value for key, value in call.items()}
    assert_same(ours(x, **call), keras_gru(x, **call))
    assert not loop_calls


def test_a_function_compiled_by_xla_takes_the_path_of_keras(loop_calls):
    keras_gru, ours, x = pair()
    assert_same(tf.function(lambda: ours(x), jit_compile=True)(), keras_gru(x))
    assert not loop_calls


@pytest.mark.parametrize("wrap", [lambda function: function, tf.function], ids=["eager", "graph"])
def test_gradients_of_gradients_are_those_of_keras(wrap):
    *layers, x = pair(return_sequences=True)

    def twice(layer):
        weights = [variable.value for variable in layer.trainable_variables]
        with tf.GradientTape() as outer:
            outer.watch([x, *weights])
            with tf.GradientTape() as inner:
                inner.watch([x, *weights])
                loss = tf.reduce_sum(tf.sin(layer(x)))
            first = inner.gradient(loss, [x, *weights])
            along = tf.add_n([tf.reduce_sum(tf.cos(part)) for part in first])
        return outer.gradient(along, [x, *weights])

    one, other = (wrap(lambda layer=layer: twice(layer))() for layer in layers)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize(("saved_by", "loaded_by"), [(keras.layers.GRU, FusedGRU), (FusedGRU, keras.layers.GRU)])
def test_weight_files_fit_in_both_directions(saved_by, loaded_by, tmp_path):
    def model_of(layer):
        return keras.Sequential([keras.Input((7, FEATURES)), layer(UNITS, name="gru")])

    saved, loaded = model_of(saved_by), model_of(loaded_by)
    saved.save_weights(tmp_path / "one.weights.h5")
    loaded.load_weights(tmp_path / "one.weights.h5")
    x = normal(2, 7, FEATURES)
    assert_same(loaded(x), saved(x))


def test_a_saved_model_opens_as_one_of_keras_layers(tmp_path):
    model = keras.Sequential([keras.Input((7, FEATURES)), FusedGRU(UNITS)])
    model.save(tmp_path / "one.keras")
    opened = keras.saving.load_model(tmp_path / "one.keras")
    assert type(opened.layers[0]) is keras.layers.GRU
    x = normal(2, 7, FEATURES)
    assert_same(opened(x), model(x))


def test_training_twice_gives_the_same_bits():
    def trained():
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((7, FEATURES)), FusedGRU(UNITS), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(normal(16, 7, FEATURES), normal(16, 1), epochs=2, batch_size=4, verbose=0)
        return model.get_weights()

    for one, other in zip(trained(), trained(), strict=True):
        np.testing.assert_array_equal(one, other)
