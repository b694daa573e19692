"""What a trained model costs where it is used: hand-worked numbers."""

from __future__ import annotations

import keras
import pytest
from synthetic import comparison_of, make_study

from harness.cell import costs, run
from harness.cell.clock import Clock
from harness.cell.costs import CELL_COSTS, UnknownCostError, forget_peak, multiplications_of, peak_memory
from harness.cell.run import run_cell
from harness.layers.convolution import Conv2D
from harness.layers.folding import Calls
from harness.layers.normalization import AxisNormalization
from harness.models.fold import fold
from harness.report.answers import cost
from harness.report.sheet import to_markdown

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


@pytest.fixture(scope="module")
def small():
    """Settings of a cell of few steps with one site."""
    return ("task=tiny", "architecture=tiny", "seed=1", "train.epochs=1")


@pytest.mark.parametrize(("axis", "sites"), [("channel", 0), ("none", None)])
def test_a_record_says_what_its_model_costs(cell, small, axis, sites):
    record = run_cell(cell(*small, f"axis={axis}"))

    assert set(record["costs"]) == {cost.name for cost in CELL_COSTS}
    assert record["costs"]["folded_sites"] == sites
    assert ("folded_sites" in record["costs_unknown"]) is (sites is None)
    assert 0 < record["costs"]["latency_one"] < 10_000
    assert 0 < record["costs"]["latency_batch"] < 10_000
    assert record["costs"]["multiplications"] > 0


def test_measuring_costs_changes_no_bit_of_a_cell(cell, small, monkeypatch):
    measured = run_cell(cell(*small, "axis=channel"))
    again = run_cell(cell(*small, "axis=channel"))
    monkeypatch.setattr(run, "costs_of", lambda *_: {})
    plain = run_cell(cell(*small, "axis=channel"))

    for record in (again, plain):
        assert (record["hashes"], record["metrics"]) == (measured["hashes"], measured["metrics"])


def test_the_table_names_each_cost_and_says_nothing_of_records_without():
    old = make_study({"none": 0.85, "channel": 0.9}, seeds=2)
    assert all(one.table is None for one in cost.of_comparison(comparison_of(old), "channel"))

    records = make_study({"none": 0.85, "channel": 0.9}, seeds=2)
    for number, record in enumerate(records):
        folded = None if record["config"]["axis"]["name"] == "none" else 1
        record["costs"] = {"latency_one": 1.0 + number, "multiplications": 248_768, "folded_sites": folded}
    [answer] = cost.of_comparison(comparison_of(records), "channel")
    text = to_markdown(answer.table.sheet)
    assert "| multiply-adds |" in text
    assert "| 248,768 |" in text
    assert "peak MiB" not in text  # no record has one
    [channel, none] = [line for line in text.splitlines() if line.startswith(("| channel", "| none"))]
    assert channel.endswith("| 1/2 |")
    assert none.endswith("| – |")
