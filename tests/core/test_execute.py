"""One cell from config to record."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tiny
import tiny_model

from harness.cell import data as data_module
from harness.cell.cell import structure_key
from harness.cell.evaluation import Evaluator
from harness.cell.program import PROGRAMS
from harness.cell.record import record_of
from harness.cell.run import run_cell
from harness.cell.training import Trainer
from harness.commands.reproduce import compare
from harness.records.store import encode, prepare_results_dir, read_record, write_record
from harness.types import Split
from tests.core.conftest import cell_of
from tests.needs import needs_renorm


@pytest.fixture(scope="module")
def tiny_cell(cell):
    return cell("axis=rows", "seed=3")


@pytest.fixture(scope="module")
def recorded(tiny_cell):
    return run_cell(tiny_cell)


@pytest.fixture(scope="module")
def unnormalized(cell, recorded):
    """Records of `axis=none` by seed, on other graphs than `recorded`, which came before."""
    return {seed: run_cell(cell("axis=none", f"seed={seed}")) for seed in (3, 4)}


def test_a_record_holds_what_its_documentation_says(recorded, tiny_cell, tmp_path):
    assert set(recorded) >= {
        *("format", "id", "identity", "task", "architecture", "axis", "seed", "status", "reason", "traceback"),
        *("config", "data", "measures", "sites", "metrics", "history", "counts", "hashes", "seconds", "provenance"),
    }
    assert (recorded["status"], recorded["reason"], recorded["traceback"]) == ("ok", "", "")
    assert (recorded["task"], recorded["architecture"], recorded["axis"], recorded["seed"]) == (
        "tiny",
        "tiny",
        "rows",
        3,
    )
    assert (recorded["id"], recorded["identity"], recorded["config"]) == (
        tiny_cell.id,
        tiny_cell.identity,
        tiny_cell.config,
    )
    assert recorded["data"]["sizes"] == {"train": 120, "validation": 40, "test": 40}
    assert [measure["name"] for measure in recorded["measures"]] == ["accuracy"]
    scores = {
        f"{part}_{name}{suffix}"
        for part in ("validation", "test")
        for name in ("loss", "accuracy")
        for suffix in ("", "_precise", "_batch")
    }
    assert scores <= set(recorded["metrics"])
    assert all(np.isfinite(recorded["metrics"][name]) for name in scores)
    assert recorded["history"]["epoch"] == [1.0, 2.0]
    assert {"weights", "order", "split", "final_weights"} <= set(recorded["hashes"])
    assert {"total", "data", "build", "train", "evaluate"} <= set(recorded["seconds"])
    assert {"source", "versions", "python", "device", "deterministic", "finished"} <= set(recorded["provenance"])
    prepare_results_dir(tmp_path)
    assert read_record(write_record(tmp_path, recorded)) == encode(recorded)


def test_sites_and_counts_are_those_of_the_model(recorded):
    first, second = recorded["sites"]
    assert (first["name"], first["stat_axes"], first["param_axes"]) == ("norm_1", ["height"], ["channel"])
    assert (first["samples_per_statistic"], first["fell_back"]) == (20 * 4 * 3, False)
    assert (second["name"], second["stat_axes"], second["fell_back"]) == ("norm_2", ["feature"], True)
    # Convolution 3 x 3 x 1 x 3, dense 48 x 5 and 5 x 3, their biases, and scale and shift of 3 and of 5.
    assert recorded["counts"]["parameters"] == 27 + 3 + 48 * 5 + 5 + 5 * 3 + 3 + 2 * (3 + 5)
    assert recorded["counts"]["normalization_parameters"] == 2 * (3 + 5)
    assert recorded["counts"]["statistics"] == 4 + 5
    assert recorded["counts"]["steps"] == 2 * (120 // 20)


def test_the_last_epochs_validation_is_the_records(recorded):
    assert recorded["history"]["validation_loss"][-1] == recorded["metrics"]["validation_loss"]
    assert recorded["history"]["validation_accuracy"][-1] == recorded["metrics"]["validation_accuracy"]


@pytest.mark.usefixtures("unnormalized")
def test_a_cell_run_again_is_equal_bit_for_bit(recorded, tiny_cell, cell):
    # On graphs that are built anew, since others came between, and that served another seed and rate before.
    other = run_cell(cell("axis=rows", "seed=4", "train.learning_rate=0.5"))

    assert compare(recorded, run_cell(tiny_cell)) == []
    assert other["hashes"]["weights"] != recorded["hashes"]["weights"]
    differing = compare(recorded, other)
    assert any(line.startswith("hashes.final_weights: recorded ") for line in differing)
    assert any(line.startswith("history.train_loss: ") for line in differing)


@pytest.mark.parametrize(
    ("raised", "status", "reason"),
    [
        (RuntimeError("the first line\nand more"), "error", "RuntimeError: the first line"),
        (MemoryError("8 GiB"), "oom", "out of memory: 8 GiB"),
        (type("ResourceExhaustedError", (Exception,), {})("OOM when allocating"), "oom", "ResourceExhaustedError: OOM"),
        (ValueError(), "error", "ValueError: "),
    ],
)
def test_whatever_goes_wrong_inside_a_cell_becomes_its_status(tiny_cell, monkeypatch, raised, status, reason):
    def fail(epoch):
        raise raised

    record = run_cell(tiny_cell, on_epoch=fail)

    assert record["status"] == status
    assert record["reason"].startswith(reason)
    assert "\n" not in record["reason"]
    if status == "error":
        assert "in fail" in record["traceback"]
        assert type(raised).__name__ in record["traceback"]
    assert record["config"] == tiny_cell.config
    assert (record["metrics"], record["sites"], record["history"]) == ({}, [], {})
    assert record["seconds"]["total"] > 0


def test_an_interrupted_cell_leaves_no_record(tiny_cell):
    def interrupt(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_cell(tiny_cell, on_epoch=interrupt)


def test_strategies_under_one_seed_share_weights_order_and_split(recorded, unnormalized):
    none, other_seed = unnormalized[3], unnormalized[4]

    for name in ("weights", "order", "split"):
        assert none["hashes"][name] == recorded["hashes"][name] != other_seed["hashes"][name]
    assert none["hashes"]["final_weights"] != recorded["hashes"]["final_weights"]


def test_without_statistics_the_three_ways_of_inference_are_one(unnormalized):
    metrics = unnormalized[3]["metrics"]

    for name in ("test_loss", "test_accuracy", "validation_loss"):
        assert metrics[name] == metrics[f"{name}_precise"] == metrics[f"{name}_batch"]


def test_the_test_examples_are_looked_at_at_the_end_alone(tiny_cell, monkeypatch):
    data = tiny.load_images()
    test = data.x[data_module.draw_split(data, 3).test]
    in_training, afterwards, epochs = [], [], []
    plain_epoch, plain_outputs = Trainer._run_epoch, Evaluator.outputs

    def epoch_spy(self, x, y, order, held_out, batches):
        tf.py_function(lambda held_out: in_training.append(np.array_equal(held_out, test)), [held_out], [])
        return plain_epoch(self, x, y, order, held_out, batches)

    def outputs_spy(self, x, **options):
        afterwards.append((len(epochs), np.array_equal(x, test)))
        return plain_outputs(self, x, **options)

    monkeypatch.setattr(Trainer, "_run_epoch", epoch_spy)
    monkeypatch.setattr(Evaluator, "outputs", outputs_spy)
    # Graphs that were traced with a spy in them are to be nobody else's, nor those without one this test's.
    PROGRAMS.forget()
    run_cell(tiny_cell, on_epoch=epochs.append)
    PROGRAMS.forget()

    assert epochs == [1, 2]
    assert in_training == [False, False]
    assert {after for after, _ in afterwards} == {2}
    assert sum(is_test for _, is_test in afterwards) == 3  # moving averages, precise, batch statistics


def test_the_sizes_recorded_are_of_the_seeds_own_split(cell, monkeypatch):
    def splitter(rng):
        order = rng.permutation(200)
        cut = int(rng.integers(90, 110))
        return Split(order[:cut], order[cut:150], order[150:])

    plain = tiny.load_images
    monkeypatch.setattr(tiny, "load_images", lambda **options: replace(plain(**options), splitter=splitter))
    monkeypatch.setattr(data_module, "_loaded", {})
    records = [run_cell(cell("axis=none", f"seed={seed}", "train.epochs=1")) for seed in (0, 1)]

    loaded = data_module.load_task(records[0]["config"]["task"]["data"])
    expected = [data_module.sizes_of(data_module.draw_split(loaded.data, seed)) for seed in (0, 1)]
    assert [record["data"]["sizes"] for record in records] == expected
    assert expected[0] != expected[1]


def test_a_batch_larger_than_the_seeds_own_training_part_is_an_error(cell, monkeypatch):
    planned = cell("axis=none", "seed=0", "train.batch_size=100")
    few = tiny.load_images()
    split = Split(np.arange(50), np.arange(50, 100), np.arange(100, 200))
    loaded = data_module.LoadedTask(replace(few, splitter=lambda rng: split), planned.data["digest"])
    monkeypatch.setattr("harness.cell.data.load_task", lambda config: loaded)
    record = run_cell(planned)

    assert record["status"] == "error"
    assert "expected at most the 50 training examples. Received: 100" in record["reason"]


def test_data_that_changed_since_planning_are_refused(tiny_cell):
    planned = replace(tiny_cell, data={**tiny_cell.data, "digest": "0" * 64})
    record = run_cell(planned)

    assert record["status"] == "error"
    assert "the data of task tiny changed between planning and running" in record["reason"]
    assert "expected the digest 000000000000. Received: " + tiny_cell.data["digest"][:12] in record["reason"]
    assert record["metrics"] == {}


def test_an_architecture_that_breaks_is_an_error_with_its_traceback(cell, monkeypatch):
    planned = cell("axis=none", "seed=0", "architecture.dropout=0.25")

    def build(task, norm, *, dropout):
        raise ZeroDivisionError("the user's own")

    monkeypatch.setattr(tiny_model, "build", build)
    record = run_cell(planned)

    assert (record["status"], record["reason"]) == ("error", "ZeroDivisionError: the user's own")
    assert "in build" in record["traceback"]


def test_a_diverged_cell_is_measured_all_the_same(cell):
    record = run_cell(cell("axis=none", "seed=0", "train.learning_rate=1e6", "train.optimizer=sgd"))

    assert record["status"] == "diverged"
    assert record["reason"]
    assert record["counts"]["steps"] > 0
    assert "test_accuracy" in record["metrics"]


def test_a_cell_that_a_worker_could_not_finish_has_a_whole_record(tiny_cell):
    record = record_of(tiny_cell, {"status": "timeout", "reason": "took longer than 3 seconds"})

    assert (record["status"], record["reason"], record["traceback"]) == ("timeout", "took longer than 3 seconds", "")
    assert record["data"] == tiny_cell.data
    assert record["provenance"]["versions"]


def test_cells_share_graphs_unless_something_is_baked_into_them(configs):
    def key(**changes):
        overrides = {"axis": "none", "seed": 0} | {name.replace("__", "."): value for name, value in changes.items()}
        [config] = configs(*(f"{name}={value}" for name, value in overrides.items()))
        return structure_key(cell_of(config))

    plain = key()
    alike = ({"seed": 5}, {"train__learning_rate": 0.5}, {"train__epochs": 9}, {"task__data__seed": 4})
    apart = ({"axis": "rows"}, {"train__batch_size": 10}, {"train__optimizer": "sgd"}, {"norm__momentum": 0.5})
    assert {key(**changes) for changes in alike} == {plain}
    assert len({plain, *(key(**changes) for changes in apart)}) == 5


def test_the_shape_of_the_data_is_baked_into_the_graphs(configs):
    [config] = configs("axis=none", "seed=0")
    cell = cell_of(config)
    wider = replace(cell, data={**cell.data, "shape": [7, *cell.data["shape"][1:]]})

    assert structure_key(cell) != structure_key(wider)


@pytest.mark.parametrize(
    "axis",
    [
        pytest.param("renorm", marks=needs_renorm),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("elementwise", "global", "layer", "group")),
    ],
)
def test_every_kind_of_strategy_runs_to_its_end(cell, axis):
    record = run_cell(cell(f"axis={axis}", "seed=0", "train.epochs=1"))

    assert record["status"] in ("ok", "diverged"), record["traceback"]
    assert record["counts"]["steps"] == 6


def test_compare_counts_nan_as_equal_and_leaves_times_out():
    keys = {"status": "ok", "hashes": {}, "counts": {}, "sites": []}
    record = {**keys, "metrics": {"test_loss": float("nan")}, "history": {"seconds": [1.0], "epoch": [1.0]}}
    again = {**keys, "metrics": {"test_loss": "NaN"}, "history": {"seconds": [2.0], "epoch": [1.0]}}

    assert compare(record, again) == []
    assert compare(record, {**again, "metrics": {}}) == ["metrics.test_loss: recorded NaN, now None"]


def test_a_cell_is_not_changed_by_running_it(recorded, tiny_cell, cell):
    assert tiny_cell == cell("axis=rows", "seed=3")
