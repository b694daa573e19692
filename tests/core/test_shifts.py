"""A trained model under shifts, on cases whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tiny

from harness.architectures import mlp, seed_lstm
from harness.axes import AxisStrategy
from harness.axes.norm import NormFactory
from harness.cell import data as data_module
from harness.cell.data import check_data, prepare_split, standardizer
from harness.cell.initialization import noting_initializers
from harness.cell.run import run_cell
from harness.cell.shifts import ShiftProbe, build_other_length
from harness.cell.training import Trainer
from harness.records.frames import Cells
from harness.records.store import encode
from harness.statistics.comparison import comparisons
from harness.types import Metric, Split, TaskData, TaskSpec, UserError
from tasks.shifts import image_shifts

TRAIN = {
    "batch_size": 10,
    "optimizer": "adam",
    "optimizer_options": {},
    "learning_rate": 0.01,
    "precision": "float32",
}
CLASSES = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
SQUARES = keras.losses.MeanSquaredError()
SERIES = TaskSpec("series", ("time", "feature"), (10, 3), 1)


def built(architecture, spec, strategy):
    norm = NormFactory(strategy, batch_size=10)
    with noting_initializers():
        return architecture(spec, norm), norm


def fill(model, seed=0):
    """Weights and statistics that no initializer gives."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(rng.uniform(0.2, 1.0, size=weight.shape))


def probe_of(model, norm, spec, loss, *, architecture=None):
    trainer = Trainer(model, norm.layers, spec=spec, loss=loss, train=TRAIN)
    other = architecture and build_other_length(
        spec,
        model,
        norm.sites,
        build=lambda other: built(architecture, other, norm.strategy),
        loss=loss,
        batch_size=10,
    )
    return ShiftProbe(trainer, norm.layers, other), other


def images():
    """Forty images of two classes, empty but for their middle 4 x 4 pixels, and the shifts of an image task."""
    rng = np.random.default_rng(0)
    x = np.zeros((40, 12, 12, 1), np.float32)
    x[:, 4:8, 4:8] = rng.uniform(0.5, 1.0, size=(40, 4, 4, 1))
    y = rng.integers(2, size=40)
    return TaskData(
        name="images",
        source="generated",
        axes=("height", "width", "channel"),
        x=x,
        y=y,
        outputs=2,
        splitter=lambda rng: Split(np.arange(20), np.arange(20, 24), np.arange(24, 40)),
        metrics=(Metric("accuracy", "max", tiny.accuracy, high=1.0),),
        shifts=image_shifts(),
    )


def pooled(spec, norm):
    inputs = keras.Input(spec.shape)
    x = keras.layers.GlobalAveragePooling2D()(norm(inputs, axes=spec.axes, name="norm_1"))
    return keras.Model(inputs, keras.layers.Dense(2)(x))


def flattened(spec, norm):
    inputs = keras.Input(spec.shape)
    x = keras.layers.Flatten()(norm(inputs, axes=spec.axes, name="norm_1"))
    return keras.Model(inputs, keras.layers.Dense(2)(x))


@pytest.mark.parametrize(
    ("architecture", "stat_axes", "invariant"),
    [(pooled, ("channel",), True), (flattened, ("channel",), False), (pooled, ("height", "width"), False)],
)
def test_only_what_is_invariant_to_moves_by_construction_scores_the_same(architecture, stat_axes, invariant):
    data = images()
    model, norm = built(architecture, data.spec, AxisStrategy(stat_axes))
    fill(model)
    probe, _ = probe_of(model, norm, data.spec, CLASSES)
    split, parts = prepare_split(data, 0)
    plain = probe._trainer.evaluator.scores(parts["test"], data.metrics, 1.0)

    found, refusals = probe.measure(data, split, parts["test"])

    assert refusals == {}
    assert set(found) == {
        f"test_{metric}_{shift}" for metric in ("loss", "accuracy") for shift in (*data.shifts, "one_at_a_time")
    }
    for shift in data.shifts:
        assert (found[f"test_loss_{shift}"] == pytest.approx(plain["loss"], rel=1e-5)) == invariant
        if invariant:
            assert found[f"test_accuracy_{shift}"] == plain["accuracy"]


def test_what_is_shifted_is_standardised_by_the_training_examples_statistics():
    doubled = replace(tiny.load_series(), shifts={"doubled": lambda x: 2 * x, "same": lambda x: x})
    model, norm = built(seed_lstm.build, doubled.spec, AxisStrategy(("feature",)))
    fill(model)
    probe, _ = probe_of(model, norm, doubled.spec, SQUARES)
    split, parts = prepare_split(doubled, 0)

    found, _ = probe.measure(doubled, split, parts["test"])

    train = doubled.x[split.train].astype(np.float64)
    x = (2 * doubled.x[split.test] - train.mean(axis=(0, 1))) / train.std(axis=(0, 1))
    output = model(x.astype(np.float32), training=False).numpy().astype(np.float64)
    expected = tiny.rmse(10 * doubled.y[split.test].astype(np.float64), 10 * output)
    assert found["test_rmse_doubled"] == pytest.approx(expected, rel=1e-4)
    assert found["test_rmse_same"] == probe._trainer.evaluator.scores(parts["test"], doubled.metrics, 10.0)["rmse"]
    assert np.array_equal(standardizer(doubled, split.train)(doubled.x)[split.test], parts["test"].x)


@pytest.mark.parametrize("stat_axes", [("channel",), ("height", "width", "channel"), ("height",), ()])
def test_with_moving_averages_one_at_a_time_is_what_a_batch_gives(stat_axes):
    data = images()
    model, norm = built(flattened, data.spec, AxisStrategy(stat_axes))
    fill(model)
    evaluator = probe_of(model, norm, data.spec, CLASSES)[0]._trainer.evaluator

    together = evaluator.outputs(data.x)
    alone = np.concatenate([evaluator.outputs(data.x[i : i + 1]) for i in range(len(data.x))])

    np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-5)


def test_a_layer_left_in_training_mode_normalizes_each_example_by_itself():
    data = images()
    model, norm = built(flattened, data.spec, AxisStrategy(("channel",)))
    fill(model)
    probe, _ = probe_of(model, norm, data.spec, CLASSES)
    split, parts = prepare_split(data, 0)
    before = [keras.ops.convert_to_numpy(variable).tobytes() for variable in model.variables]

    found, _ = probe.measure(data, split, parts["test"])

    x = data.x[split.test].astype(np.float64)
    layer = norm.layers[0]
    normalized = (x - x.mean(axis=(1, 2, 3), keepdims=True)) / np.sqrt(x.var(axis=(1, 2, 3), keepdims=True) + 1e-3)
    flat = (normalized * layer.gamma.numpy() + layer.beta.numpy()).reshape(len(x), -1)
    kernel, bias = model.layers[-1].get_weights()
    loss = float(CLASSES(data.y[split.test], flat @ kernel + bias))
    assert found["test_loss_one_at_a_time"] == pytest.approx(loss, rel=1e-4)
    assert found["test_loss_one_at_a_time"] != pytest.approx(
        probe._trainer.evaluator.scores(parts["test"], (), 1.0)["loss"]
    )
    assert [keras.ops.convert_to_numpy(variable).tobytes() for variable in model.variables] == before


def test_elementwise_statistics_of_one_example_leave_nothing_of_it():
    # Its own mean is taken from every value, so that all examples come out as one.
    data = images()
    model, norm = built(flattened, data.spec, AxisStrategy(("height", "width", "channel")))
    fill(model)
    probe, _ = probe_of(model, norm, data.spec, CLASSES)
    _, parts = prepare_split(data, 0)
    outputs = probe._alone.outputs(parts["test"].x, statistics="batch")
    np.testing.assert_allclose(outputs, np.tile(outputs[0], (16, 1)), rtol=1e-5)


@pytest.mark.parametrize(
    ("strategy", "refusal"),
    [
        (AxisStrategy(("feature",)), ""),
        (AxisStrategy(()), ""),
        (AxisStrategy(kind="layer"), ""),
        (AxisStrategy(kind="none"), ""),
        (
            AxisStrategy(("time", "feature")),
            "the statistics of site norm_1 keep the time axis: expected 10 steps. Received: 8",
        ),
        (AxisStrategy(("time",)), "the statistics of site norm_1 keep the time axis: expected 10 steps. Received: 8"),
        (
            AxisStrategy(("feature",), ("time", "feature")),
            "the scale and shift of site norm_1 keep the time axis: expected 10 steps. Received: 8",
        ),
    ],
)
def test_another_length_is_refused_where_a_strategy_keeps_the_time_steps(strategy, refusal):
    model, norm = built(seed_lstm.build, SERIES, strategy)
    _, other = probe_of(model, norm, SERIES, SQUARES, architecture=seed_lstm.build)
    assert (other.steps, other.refusal) == (8, refusal)
    assert (other.evaluator is None) == bool(refusal)


def test_another_length_is_refused_where_the_architecture_depends_on_it():
    model, norm = built(mlp.build, SERIES, AxisStrategy(("feature",)))
    _, other = probe_of(model, norm, SERIES, SQUARES, architecture=mlp.build)
    assert other.refusal == (
        "the architecture's weights dense_1/kernel depend on the length: "
        "expected the shape (30, 100). Received: (24, 100)"
    )


def test_an_architecture_that_cannot_be_built_at_another_length_is_refused_and_not_an_error():
    def picky(spec, norm):
        if spec.shape[0] < 10:
            raise UserError(f"needs 10 steps. Received: {spec.shape[0]}")
        return seed_lstm.build(spec, norm)

    model, norm = built(picky, SERIES, AxisStrategy(("feature",)))
    _, other = probe_of(model, norm, SERIES, SQUARES, architecture=picky)
    assert other.refusal == "the architecture cannot be built for 8 steps: needs 10 steps. Received: 8"


@pytest.mark.parametrize(("axes", "shape"), [(("height", "width"), (10, 3)), (("time", "feature"), (1, 3))])
def test_there_is_no_other_length_without_time_or_without_a_step_to_leave_out(axes, shape):
    spec = TaskSpec("series", axes, shape, 1)
    model, norm = built(mlp.build, spec, AxisStrategy(("feature",)))
    assert probe_of(model, norm, spec, SQUARES, architecture=mlp.build)[1] is None


def test_the_shorter_model_is_the_trained_layers_on_the_last_steps():
    data = tiny.load_series()
    model, norm = built(seed_lstm.build, data.spec, AxisStrategy(("feature",)))
    fill(model)
    probe, other = probe_of(model, norm, data.spec, SQUARES, architecture=seed_lstm.build)
    split, parts = prepare_split(data, 0)

    found, refusals = probe.measure(data, split, parts["test"])

    x = parts["test"].x[:, -6:]  # 80 % of 8 steps, rounded down
    for name in ("lstm_1", "norm_1", "lstm_2", "output"):
        x = model.get_layer(name)(x)
    expected = tiny.rmse(10 * data.y[split.test].astype(np.float64), 10 * x.numpy().astype(np.float64))
    assert (other.steps, refusals) == (6, {})
    assert found["test_rmse_length_80"] == pytest.approx(expected, rel=1e-5)
    fill(model, seed=1)  # a graph is shared by cells: weights are those at the time
    assert probe.measure(data, split, parts["test"])[0]["test_rmse_length_80"] != found["test_rmse_length_80"]


@pytest.fixture
def shifted_series(monkeypatch):
    plain = tiny.load_series
    shifts = {"raised": lambda x: x + np.float32(1)}
    monkeypatch.setattr(tiny, "load_series", lambda **options: replace(plain(**options), shifts=shifts))
    monkeypatch.setattr(data_module, "_loaded", {})


@pytest.mark.usefixtures("shifted_series")
def test_a_cell_with_shifts_ends_in_the_bits_of_one_without(cell):
    options = ("task=tiny_series", "architecture=seed_lstm", "axis=channel", "seed=1", "train.epochs=1")
    plain, probed = (run_cell(cell(*options, f"probe.shifts={value}")) for value in ("false", "true"))
    assert (plain["status"], plain["reason"], plain["refusals"]) == ("ok", "", {})
    assert (probed["status"], probed["reason"], probed["refusals"]) == ("ok", "", {})
    assert plain["hashes"] == probed["hashes"]
    assert {name: probed["metrics"][name] for name in plain["metrics"]} == plain["metrics"]
    new = {f"test_{name}_{shift}" for name in ("loss", "rmse") for shift in ("raised", "one_at_a_time", "length_80")}
    assert set(probed["metrics"]) - set(plain["metrics"]) == new
    assert all(np.isfinite(probed["metrics"][name]) for name in new)
    again = run_cell(cell(*options, "probe.shifts=true"))  # on the same graphs
    assert again["metrics"] == probed["metrics"]


def test_a_refusal_stands_in_the_record_and_its_metric_is_missing_in_the_frame(cell):
    record = run_cell(
        cell("task=tiny_series", "architecture=seed_lstm", "axis=per_timestep", "train.epochs=3", "probe.shifts=true")
    )
    assert record["status"] == "ok"
    assert record["refusals"] == {
        "length_80": "the statistics of site norm_1 keep the time axis: expected 8 steps. Received: 6"
    }
    written = encode(record)
    assert written["metrics"]["test_rmse_length_80"] == "NaN"
    [comparison] = comparisons(Cells.of([written]))
    assert np.isnan(comparison.cells["test_rmse_length_80"]).all()
    assert np.isfinite(comparison.cells["test_rmse_one_at_a_time"]).all()
    column, quantity = comparison.metric("test_rmse_one_at_a_time")
    assert (column, quantity.name, quantity.unit) == ("test_rmse_one_at_a_time", "rmse", "unit")
    with pytest.raises(UserError, match="Received: metric='test_rmse_upside_down'"):
        comparison.metric("test_rmse_upside_down")


def test_of_two_metrics_the_longer_name_is_meant():
    record = {"task": "t", "metrics": {"test_rmse_log_moved_1": 1.0}, "measures": []}
    names = ("rmse", "rmse_log")
    record["measures"] = [{"name": n, "direction": "min", "unit": "", "low": 0.0, "high": 1.0} for n in names]
    [comparison] = comparisons(Cells.of([record | {"architecture": "a", "axis": "channel", "seed": 0, "status": "ok"}]))
    assert comparison.metric("test_rmse_log_moved_1")[1].name == "rmse_log"


@pytest.mark.parametrize(
    ("name", "shift", "message"),
    [
        ("batch", lambda x: x, "a shift called 'batch'"),
        ("length_9", lambda x: x, "a shift called 'length_9'"),
        ("not-a-name", lambda x: x, "a shift called 'not-a-name'"),
        ("cut", lambda x: x[:, 1:], r"the shift cut from float32 \(2, 6, 6, 1\) to float32 \(2, 5, 6, 1\)"),
        ("wide", lambda x: x.astype(np.float64), "to float64"),
        ("broken", lambda x: x * np.float32("nan"), "or not finite"),
    ],
)
def test_a_tasks_shifts_are_held_to_what_they_promise(name, shift, message):
    with pytest.raises(UserError, match=f"task tiny: .* Received: .*{message}"):
        check_data(replace(tiny.load_images(), shifts={name: shift}))


def test_the_switch_is_true_or_false(configs):
    with pytest.raises(UserError, match=r"probe\.shifts: expected true or false\. Received: 1"):
        configs("axis=none", "probe.shifts=1")
