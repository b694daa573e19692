"""What a trained model costs where it is used: hand-worked numbers."""

from __future__ import annotations

import keras
import pytest

from harness.cell import costs
from harness.cell.clock import Clock
from harness.cell.costs import UnknownCostError, forget_peak, multiplications_of, peak_memory
from harness.layers.convolution import Conv2D
from harness.layers.folding import Calls
from harness.layers.normalization import AxisNormalization
from harness.models.fold import fold

L = keras.layers


def model_of(shape, *layers):
    return keras.Sequential([keras.Input(shape), *layers])


@pytest.mark.parametrize(
    ("shape", "layer", "expected"),
    [
        ((3,), lambda: L.Dense(4), 3 * 4),
        ((5, 3), lambda: L.Dense(4), 5 * 3 * 4),
        ((8, 3), lambda: L.Conv1D(4, 3), 6 * 3 * 3 * 4),
        ((8, 8, 2), lambda: L.Conv2D(4, 3, strides=2, padding="same"), 16 * 9 * 2 * 4),
        ((8, 8, 4), lambda: L.Conv2D(4, 3, groups=2), 36 * 9 * 2 * 4),
        ((4, 4, 4, 1), lambda: L.Conv3D(2, 3), 8 * 27 * 2),
        ((8, 8, 2), lambda: L.DepthwiseConv2D(3, depth_multiplier=3), 36 * 9 * 2 * 3),
        ((8, 8, 2), lambda: L.SeparableConv2D(5, 3), 36 * (9 * 2 + 2 * 5)),
        ((4, 4, 2), lambda: L.Conv2DTranspose(3, 2, strides=2), 16 * 4 * 2 * 3),
        ((7, 3), lambda: L.LSTM(4), 7 * 4 * (3 * 4 + 4 * 4)),
        ((7, 3), lambda: L.GRU(4), 7 * 3 * (3 * 4 + 4 * 4)),
        ((7, 3), lambda: L.Bidirectional(L.SimpleRNN(4)), 2 * 7 * (3 * 4 + 4 * 4)),
        ((7, 3), lambda: L.BatchNormalization(), 21),
        ((7, 3), lambda: L.BatchNormalization(center=False, scale=False), 21),
        ((7, 3), lambda: AxisNormalization(axis=(1, 2)), 21),
        ((7, 3), lambda: L.LayerNormalization(), 42),
        ((7, 3), lambda: L.Dropout(0.5, seed=0), 0),
        ((8, 8, 2), lambda: L.MaxPooling2D(), 0),
    ],
)
def test_multiplications_by_hand(shape, layer, expected):
    assert multiplications_of(model_of(shape, layer())) == expected


def test_multiplications_count_each_call_of_a_shared_layer_and_of_a_model_within():
    inner = model_of((3,), L.Dense(3))
    inputs = keras.Input((3,))
    outputs = inner(inner(inputs))

    assert multiplications_of(keras.Model(inputs, outputs)) == 2 * 9


class Own(L.Dense):
    """Somebody's own, which may do anything."""


@pytest.mark.parametrize("layer", [lambda: Own(2, name="mine"), lambda: L.TimeDistributed(L.Dense(2), name="mine")])
def test_multiplications_of_an_unknown_layer_are_unknown(layer):
    with pytest.raises(UnknownCostError, match="mine is a layer of an unknown kind"):
        multiplications_of(model_of((4, 3), layer()))


def test_multiplications_of_an_open_length_are_unknown():
    with pytest.raises(UnknownCostError, match="size before lstm_open is not fixed"):
        multiplications_of(model_of((None, 3), L.LSTM(2, name="lstm_open")))


@pytest.mark.parametrize("convolution", [L.Conv2D, Conv2D])
@pytest.mark.parametrize(("axis", "activation"), [((3,), None), ((), None), ((1,), None), ((3,), "relu")], ids=str)
def test_a_site_folds_where_fold_puts_it_into_a_kernel(convolution, axis, activation):
    layer = AxisNormalization(axis=axis, name="norm")
    model = model_of((6, 6, 2), convolution(3, 3, activation=activation), layer)
    [folded] = fold(model).layers

    assert Calls(model).folds(layer) == (folded.into == "kernel") == (axis in ((3,), ()) and activation is None)


def test_a_folded_convolution_of_the_house_gives_the_same():
    model = model_of((6, 6, 2), Conv2D(3, 3), AxisNormalization(axis=(3,), name="norm"))
    model.layers[-1].moving_mean.assign([0.5, -1.0, 2.0])
    model.layers[-1].moving_variance.assign([0.5, 2.0, 4.0])
    x = keras.random.normal((4, 6, 6, 2), seed=1)

    found, expected = (keras.ops.convert_to_numpy(one(x, training=False)) for one in (fold(model).model, model))
    assert found == pytest.approx(expected, abs=1e-5)


def test_normalization_within_an_example_does_not_fold():
    layer = L.LayerNormalization()
    assert not Calls(model_of((3,), L.Dense(3), layer)).folds(layer)


def test_peak_memory_is_of_what_came_after():
    if not forget_peak():
        pytest.skip("the system does not set its peak back")
    before = peak_memory()
    held = bytearray(b"x") * (64 * 2**20)
    assert peak_memory() - before > 60
    del held
    forget_peak()
    assert peak_memory() - before < 30


def test_peak_memory_is_unknown_where_the_system_says_none(monkeypatch, tmp_path):
    monkeypatch.setattr(costs, "_PROCESS", tmp_path / "none")
    assert not forget_peak()
    assert peak_memory() is None


def test_what_is_aside_is_in_no_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    clock = Clock()
    with clock.during("train"):
        now[0] = 2.0
    with clock.aside():
        now[0] = 5.0
    assert clock.read() == {"train": 2.0, "total": 2.0}
