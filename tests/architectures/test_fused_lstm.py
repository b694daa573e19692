"""FusedLSTM against `keras.layers.LSTM`, which it has to be in everything but speed."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.layers import block_lstm as block_lstm_module
from harness.layers import fused_lstm
from harness.layers.block_lstm import block_lstm, plain_lstm
from harness.layers.fused_lstm import FusedLSTM
from tests.architectures.recurrent import FEATURES, UNITS, assert_same, normal, pair_of, run

ROUNDING = {"rtol": 2e-5, "atol": 2e-6}  # float32, sums in another order


@pytest.fixture
def kernel_calls(monkeypatch):
    """How often the block kernel was built into a graph or run."""
    calls = []
    monkeypatch.setattr(fused_lstm, "block_lstm", lambda *inputs: calls.append(1) or block_lstm(*inputs))
    return calls


def pair(**options):
    """The two layers with the same random weights, and an input."""
    return pair_of((keras.layers.LSTM, FusedLSTM), **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_sequences": True},
        {"return_state": True},
        {"return_sequences": True, "return_state": True},
        {"go_backwards": True},
        {"go_backwards": True, "return_sequences": True, "return_state": True},
        {"use_bias": False},
        {"batch": 1, "return_sequences": True},
        {"time": 1, "return_sequences": True, "return_state": True},
        {"batch": 1, "time": 1},
        {"dropout": 0.5, "recurrent_dropout": 0.5},  # inference: nothing is dropped
        {"implementation": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("wrap", [lambda function: function, tf.function], ids=["eager", "graph"])
def test_outputs_states_and_gradients_are_those_of_keras(options, wrap, kernel_calls):
    reference, fused, x = pair(**options)

    assert_same(wrap(lambda: run(reference, x))(), wrap(lambda: run(fused, x))())
    assert kernel_calls


def test_initial_state_and_its_gradient(kernel_calls):
    reference, fused, x = pair(return_sequences=True, return_state=True)
    states = [normal(3, UNITS, seed=8), normal(3, UNITS, seed=9)]

    assert_same(run(reference, x, initial_state=states), run(fused, x, initial_state=states))
    assert kernel_calls


@pytest.mark.parametrize("options", [{"return_sequences": True, "return_state": True}, {"time": 1}], ids=str)
@pytest.mark.parametrize("wrap", [lambda function: function, tf.function], ids=["eager", "graph"])
def test_large_layers_have_another_way_back_to_the_same_gradients(options, wrap, monkeypatch):
    reference, fused, x = pair(**options)
    states = [normal(3, UNITS, seed=8), normal(3, UNITS, seed=9)]
    monkeypatch.setattr(block_lstm_module, "LARGE", x.shape[1] * 3 * UNITS)
    monkeypatch.setattr(block_lstm_module, "_gradient", lambda *inputs: pytest.fail("took the way of small layers"))

    expected = wrap(lambda: run(reference, x, initial_state=states))()
    assert_same(expected, wrap(lambda: run(fused, x, initial_state=states))())


def test_stateful_carries_its_state_from_batch_to_batch():
    reference, fused, x = pair(stateful=True)

    for _ in range(2):
        assert_same(reference(x), fused(x))
    fresh = fused(x)
    fused.reset_state()
    assert np.abs(fused(x) - fresh).max() > 1e-3


def test_number_of_steps_unknown_while_tracing():
    reference, fused, x = pair(return_sequences=True)
    call = tf.function(fused, input_signature=[tf.TensorSpec([None, None, FEATURES])])

    assert_same(reference(x), call(x))
    assert_same(reference(x[:1, :2]), call(x[:1, :2]))


@pytest.mark.parametrize(
    ("options", "call"),
    [
        ({}, {"mask": np.arange(7) < np.array([[7], [3], [5]])}),
        ({"unroll": True}, {}),
        ({"activation": "relu"}, {}),
        ({"recurrent_activation": "hard_sigmoid"}, {}),
        ({"dtype": "float64"}, {}),
        ({"dropout": 0.5, "seed": 1}, {"training": True}),
        ({"recurrent_dropout": 0.5, "seed": 1}, {"training": True}),
    ],
    ids=str,
)
def test_what_the_kernel_does_not_compute_takes_the_path_of_keras(options, call, kernel_calls):
    reference, fused, x = pair(**options)
    x = tf.cast(x, reference.compute_dtype)

    np.testing.assert_array_equal(reference(x, **call), fused(x, **call))
    assert not kernel_calls


def test_a_function_compiled_by_xla_takes_the_path_of_keras(kernel_calls):
    reference, fused, x = pair()

    assert_same(reference(x), tf.function(tf.function(fused), jit_compile=True)(x))
    assert not kernel_calls


def test_keras_does_not_choose_xla_for_a_model_with_the_kernel():
    assert not FusedLSTM(UNITS).supports_jit
    assert FusedLSTM(UNITS, unroll=True).supports_jit


@pytest.mark.parametrize("wrap", [lambda function: function, tf.function], ids=["eager", "graph"])
def test_gradients_of_gradients_are_those_of_keras(wrap):
    def hessian_vector_product(layer, x):
        weights = [w.value for w in layer.trainable_variables]
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = tf.reduce_sum(tf.stack([tf.reduce_sum(y**2) for y in layer(x)]))
            first = inner.gradient(loss, [x, *weights])
            product = tf.add_n([tf.reduce_sum(g * normal(*g.shape, seed=i)) for i, g in enumerate(first)])
        return outer.gradient(product, [x, *weights])

    reference, fused, x = pair(return_sequences=True, return_state=True)
    expected = wrap(hessian_vector_product)(reference, x)

    for a, b in zip(expected, wrap(hessian_vector_product)(fused, x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(a).max())


def test_third_derivatives():
    inputs = [normal(3, 2, FEATURES), normal(2, UNITS), normal(2, UNITS)]
    inputs += [normal(FEATURES, 4 * UNITS) * 0.3, normal(UNITS, 4 * UNITS) * 0.3, normal(4 * UNITS)]

    def third(function):
        x = inputs[0]
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            value = tf.reduce_sum(function(*inputs)[0])
            for _ in range(2):
                value = tf.reduce_sum(tape.gradient(value, x) ** 2)
        return tape.gradient(value, x)

    expected = third(plain_lstm)
    np.testing.assert_allclose(expected, third(block_lstm), rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_forward_mode_raises_rather_than_being_wrong():
    reference, fused, x = pair()

    def directional(layer):
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
            y = layer(x)
        return accumulator.jvp(y)

    with pytest.raises(LookupError, match="BlockLSTMGrad"):
        directional(fused)
    fused.fused = False
    assert_same(directional(reference), directional(fused))


def test_the_gradient_that_tensorflow_registers_is_why_we_say_our_own():
    """If this fails, TensorFlow has mended it: `_forward` could then be the operation alone."""
    inputs = [normal(3, 2, 6), normal(2, UNITS), normal(2, UNITS), normal(6 + UNITS, 4 * UNITS), normal(4 * UNITS)]
    x, hidden, carry, weights, bias = inputs
    none = tf.zeros(UNITS)
    with tf.GradientTape() as tape:
        tape.watch(x)
        result = tf.raw_ops.BlockLSTMV2(
            seq_len_max=3, x=x, h_prev=hidden, cs_prev=carry, w=weights, b=bias, wci=none, wcf=none, wco=none
        )
    registered = tape.gradient(result.h, x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        ours, _ = block_lstm(x, hidden, carry, weights[:6], weights[6:], bias)

    np.testing.assert_allclose(result.h, ours, **ROUNDING)
    assert np.abs(registered - tape.gradient(ours, x)).max() > 0.1


def model_with(layer):
    return keras.Sequential([keras.Input((7, FEATURES)), layer(UNITS, return_sequences=True), layer(UNITS)])


@pytest.mark.parametrize(("saved_by", "loaded_by"), [(FusedLSTM, keras.layers.LSTM), (keras.layers.LSTM, FusedLSTM)])
def test_weight_files_fit_in_both_directions(saved_by, loaded_by, tmp_path):
    source, target, x = model_with(saved_by), model_with(loaded_by), normal(2, 7, FEATURES)
    source.save_weights(tmp_path / "m.weights.h5")
    target.load_weights(tmp_path / "m.weights.h5")

    assert_same(source(x), target(x))
    assert [w.name for w in source.weights] == [w.name for w in target.weights]


def test_a_saved_model_opens_as_one_of_keras_layers(tmp_path):
    model, x = model_with(FusedLSTM), normal(2, 7, FEATURES)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")

    assert [type(layer) for layer in loaded.layers] == [keras.layers.LSTM, keras.layers.LSTM]
    assert_same(model(x), loaded(x))


def test_config_round_trip_is_keras_own():
    layer = FusedLSTM(UNITS, return_sequences=True, go_backwards=True, name="one")

    assert (
        layer.get_config()
        == keras.layers.LSTM(UNITS, return_sequences=True, go_backwards=True, name="one").get_config()
    )
    assert type(FusedLSTM.from_config(layer.get_config())) is FusedLSTM


def test_training_twice_gives_the_same_bits():
    def train():
        layer = FusedLSTM(UNITS, return_sequences=True)
        x = normal(32, 20, FEATURES)
        layer.build(x.shape)
        layer.set_weights([normal(*w.shape, seed=i).numpy() * 0.3 for i, w in enumerate(layer.trainable_variables)])

        @tf.function
        def step():
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(layer(x) ** 2)
            weights = [w.value for w in layer.trainable_variables]
            for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
                weight.assign_sub(0.1 * gradient)

        for _ in range(10):
            step()
        return [w.numpy().tobytes() for w in layer.trainable_variables]

    assert train() == train()
