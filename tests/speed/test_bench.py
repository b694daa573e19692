"""What the benchmark measures with: turns, ratios, the contenders' models, what a step must compute at the least."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from harness.architectures import seed_cnn, seed_lstm
from harness.axes import AxisStrategy
from harness.axes.norm import NormFactory
from harness.commands import bench
from harness.commands.arguments import Arguments
from harness.commands.bench.cpu import CpuWatch
from harness.commands.bench.data import contender_script, write_data
from harness.commands.bench.tables import describe_ceiling, describe_cell, describe_others, grid_table, throughput_table
from harness.commands.bench.throughput import ALL, KERAS, ONE, _ratios, _rotated
from harness.commands.bench.turns import Contender, ContenderError, rates, ratio, typical
from harness.commands.bench.workloads import WORKLOADS
from harness.types import TaskSpec, UserError

IMAGES = TaskSpec("mnist", ("height", "width", "channel"), (28, 28, 1), 10)
SERIES = TaskSpec("degradation", ("time", "feature"), (100, 5), 1)
KEPT = {"none": None, "channel": ("channel",), "spatial": ("height", "width"), "elementwise": IMAGES.axes}
TEXT = {"encoding": "utf-8"}

COUNTER = """
import json, sys
print(json.dumps({"contender": "counter", "arguments": sys.argv[1:]}), flush=True)
for number, _ in enumerate(sys.stdin, start=1):
    print(json.dumps({"examples": 10 * number, "seconds": 2.0}), flush=True)
"""


@pytest.fixture
def counter(tmp_path: Path) -> list[str]:
    path = tmp_path / "counter.py"
    path.write_text(COUNTER, **TEXT)
    return [sys.executable, str(path)]


@pytest.fixture(scope="module")
def contenders() -> Any:
    """The contenders' scripts as modules, as they find one another when they are run."""
    folder = str(contender_script("keras_fit").parent)
    sys.path.insert(0, folder)
    yield importlib
    sys.path.remove(folder)


def test_contenders_answer_turn_by_turn_and_then_end(counter: list[str], tmp_path: Path) -> None:
    with Contender(counter, processes=2, log=tmp_path / "log") as contender:
        turns = [contender.take_turn(), contender.take_turn(2), contender.take_turn(2)]
        processes = contender._processes

    assert contender.setup == {"contender": "counter", "arguments": ["--number=0"]}
    assert [[answer["examples"] for answer in answers] for answers in turns] == [[10], [20, 10], [30, 20]]
    assert all(0 <= answer["others"] <= 1 for answers in turns for answer in answers)
    assert rates(turns) == [5.0, 15.0, 25.0]
    assert typical(turns, "examples") == 20.0
    assert [process.poll() for process in processes] == [0, 0]


def test_a_disturbed_turn_is_taken_again_and_the_quietest_counts(
    counter: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = iter([0.5, 0.2, 0.3, 0.4, 0.01])
    monkeypatch.setattr(CpuWatch, "others", lambda self: next(seen))
    with Contender(counter, log=tmp_path / "log") as contender:
        loud, quiet = contender.take_turn(tries=3), contender.take_turn(tries=3)

    assert (loud[0]["examples"], loud[0]["others"]) == (20, 0.2)
    assert (quiet[0]["examples"], quiet[0]["others"]) == (50, 0.01)


def test_a_contender_that_dies_says_why(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("raise SystemExit('no such device')", **TEXT)
    with pytest.raises(ContenderError, match="exit status 1: no such device"):
        Contender([sys.executable, str(path)], log=tmp_path / "log")


def test_others_are_seen_and_ones_own_processes_are_not() -> None:
    burn = [sys.executable, "-c", "while True: pass"]
    process = subprocess.Popen(burn)
    try:
        apart, together = CpuWatch([]), CpuWatch([process.pid])
        time.sleep(1.0)
        without, with_it = apart.others(), together.others()
    finally:
        process.kill()
        process.wait()

    # It had some part of one core, which the first watch lays to others and the second does not.
    assert without > with_it
    assert without - with_it <= 1 / (os.cpu_count() or 1) + 0.1


def test_ratios_are_taken_within_a_round() -> None:
    # The machine was half as fast in the last rounds: 3.0 throughout, although the medians' ratio would be 1.5.
    assert ratio([6.0, 3.0, 3.0], [2.0, 1.0, 1.0]) == 3.0
    found = _ratios({ONE: [4.0, 4.0], ALL: [8.0, 6.0], KERAS: [2.0, 2.0]})
    assert found == {f"{ONE} / {KERAS}": 2.0, f"{ALL} / {KERAS}": 3.5}


def test_everybody_begins_a_round_in_turn() -> None:
    assert [_rotated(["a", "b", "c"], number)[0] for number in range(4)] == ["a", "b", "c", "a"]
    assert _rotated(["a", "b", "c"], 1) == ["b", "c", "a"]


def built(axis: str) -> Any:
    kept = KEPT[axis]
    strategy = AxisStrategy(kind="none") if kept is None else AxisStrategy(kept)
    return seed_cnn.build(IMAGES, NormFactory(strategy, batch_size=128))


@pytest.mark.parametrize("axis", list(KEPT))
def test_what_keras_fit_trains_is_what_the_harness_trains(axis: str, contenders: Any) -> None:
    theirs, ours = contenders.import_module("keras_fit").build_cnn(axis), built(axis)
    for weight, value in zip(theirs.weights, ours.get_weights(), strict=True):
        weight.assign(np.reshape(value, weight.shape))
    x = np.random.default_rng(0).uniform(size=(16, 28, 28, 1)).astype(np.float32)

    np.testing.assert_allclose(theirs(x, training=True), ours(x, training=True), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(theirs(x), ours(x), rtol=1e-4, atol=1e-4)


def test_the_lstms_have_the_same_weights(contenders: Any) -> None:
    ours = seed_lstm.build(SERIES, NormFactory(AxisStrategy(("feature",)), batch_size=128))
    theirs = contenders.import_module("keras_fit").build_lstm("channel")

    assert [tuple(w.shape) for w in theirs.weights] == [tuple(w.shape) for w in ours.weights]


def test_what_pytorch_trains_has_as_many_parameters(contenders: Any) -> None:
    pytest.importorskip("torch")
    module = contenders.import_module("pytorch")
    lstm = seed_lstm.build(SERIES, NormFactory(AxisStrategy(("feature",)), batch_size=128))
    count = {
        name: sum(p.numel() for p in model.parameters())
        for name, model in {"cnn": module.build_cnn(), "lstm": module.SequenceModel()}.items()
    }

    assert count["cnn"] == sum(int(np.prod(w.shape)) for w in built("channel").trainable_weights)
    # PyTorch's LSTM has two biases where Keras has one.
    assert count["lstm"] - 4 * (64 + 32) == sum(int(np.prod(w.shape)) for w in lstm.trainable_weights)


def test_the_least_that_a_step_computes_is_that_of_the_models_layers() -> None:
    cnn, lstm = WORKLOADS["cnn"], WORKLOADS["lstm"]
    model = built("channel")
    conv, dense = model.get_layer("conv_1"), model.get_layer("output")
    outputs = int(np.prod(conv.output.shape[1:]))
    kernel = int(np.prod(conv.kernel.shape[:3]))

    assert cnn.activation == outputs
    assert cnn.operations == 2 * (2 * outputs * kernel + 3 * int(np.prod(dense.kernel.shape)))
    layers = [layer for layer in seed_lstm.build(SERIES, lambda x, **_: x).layers if layer.name.startswith("lstm")]
    weights = sum(int(np.prod(w.shape)) for layer in layers for w in (layer.cell.kernel, layer.cell.recurrent_kernel))
    assert lstm.operations == 2 * 3 * 100 * weights
    assert lstm.activation == int(np.prod(layers[0].output.shape[1:]))


def test_contenders_get_the_examples_that_a_cell_sees(tmp_path: Path) -> None:
    overrides = ("task=mnist", "task.data.source=embedded", "task.data.limit=100", "architecture=seed_cnn", "axis=none")
    found = np.load(write_data(overrides, tmp_path / "data.npz"))

    assert {name: found[name].shape for name in ("x_train", "x_validation", "y_test")} == {
        "x_train": (100, 28, 28, 1),
        "x_validation": (500, 28, 28, 1),
        "y_test": (1500,),
    }
    assert found["x_train"].dtype == np.float32
    assert found["y_train"].dtype == np.int32


def text_of(thing: Any) -> str:
    console = Console(width=160, record=True, file=Path(os.devnull).open("w"))  # noqa: SIM115
    console.print(thing)
    return " ".join(console.export_text().split())


def test_tables_say_who_is_how_many_times_as_fast() -> None:
    cell = {
        "whole": 2.0,
        "steps": 1.5,
        "validation": 0.2,
        "evaluation": 0.25,
        "data": 0.03,
        "own": 0.02,
        "loading": 0.1,
        "planning": 0.32,
    }
    ceiling = {"bytes_per_second": 2e10, "operations_per_second": 1e11, "least_step_seconds": 0.005}
    found = {
        "workload": "cnn",
        "unit": "images",
        "contenders": {
            ONE: {"name": "harness", "setup_seconds": 9.0, "rates": [4.0, 6.0, 5.0]},
            KERAS: {"name": "keras.fit 3", "setup_seconds": 7.0, "rates": [2.0, 2.0, 2.0]},
        },
        "ratios": {f"{ONE} / {KERAS}": 2.5},
        "cell": {**cell, "first_of_its_kind": 4.0},
        "ceiling": {**ceiling, "step_seconds": 0.01},
        "others": [0.01, 0.02],
        "notes": ["PyTorch is not installed"],
    }
    text = text_of(throughput_table(found))

    assert f"{ONE} 5 4 to 6 9 s" in text
    assert f"{KERAS} (keras.fit 3) 2 2 to 2 7 s 2.50 ×" in text
    assert "PyTorch is not installed" in text
    # 0.5 of 2 s; and 0.32 + 16 x 0.02 of 0.32 + 16 x 2.
    assert "25% of it are not training steps" in describe_cell(found["cell"])
    assert describe_cell(found["cell"]).endswith("planning and bookkeeping are 2.0%.")
    assert "10.0 ms, 2.0 times as long" in describe_ceiling(found["ceiling"])
    assert describe_others([0.0, 0.3]).endswith("are not to be relied on.")
    grid = {"cells": 4, "script_seconds": [[10.0, 12.0]], "command_seconds": [20.0], "ratio": 2.2, "peak_gib": 0.9}
    assert "2.2 times the cells an hour" in text_of(
        grid_table({**grid, "cells_per_hour": {"command": 720.0, "scripts": 327.0}})
    )


def test_without_a_checkout_bench_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("harness.commands.bench.data.CONTENDERS", tmp_path)
    with pytest.raises(UserError, match=r"^bench needs the scripts of .* Received: .*keras_fit\.py$"):
        contender_script("keras_fit")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("only=cnn,gru",), r"^only: .*Received: gru$"),
        (("quick=maybe",), r"^quick: expected true or false\. Received: maybe$"),
        (("rounds=0",), r"^rounds: expected a whole number of at least 1\. Received: 0$"),
        (("speed=9",), r"^no such option: .*Received: speed$"),
    ],
)
def test_bad_options_are_refused_before_anything_is_measured(options: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        bench.main(Arguments(overrides=options), Console())


@pytest.mark.slow
def test_a_turn_of_the_harness_is_a_whole_cell_taken_apart(tmp_path: Path) -> None:
    overrides = ["task=mnist", "task.data.source=embedded", "task.data.limit=256", "architecture=mlp", "axis=channel"]
    command = [
        sys.executable,
        "-m",
        "harness.commands.bench.cells",
        *overrides,
        "train.epochs=2",
        "train.batch_size=64",
    ]
    with Contender(command, processes=2, log=tmp_path / "log") as contender:
        first, second = contender.take_turn(2)

    for answer in (first, second):
        assert (answer["steps"], answer["examples"]) == (2 * 4, 2 * 4 * 64)
        assert 0 < answer["seconds"] + answer["own_seconds"] < answer["cell_seconds"]
        assert 2 * answer["validation_seconds"] < answer["cell_seconds"]


@pytest.mark.slow
def test_the_users_script_trains_and_evaluates(tmp_path: Path) -> None:
    overrides = ("task=mnist", "task.data.source=embedded", "task.data.limit=512", "architecture=seed_cnn", "axis=none")
    data = write_data(overrides, tmp_path / "data.npz")
    command = [sys.executable, str(contender_script("keras_fit")), f"--data={data}", "--model=cnn", "--axis=spatial"]
    answer = subprocess.run([*command, "--epochs=3"], capture_output=True, text=True, check=True, timeout=300)
    loss, accuracy = json.loads(answer.stdout.splitlines()[-1])

    assert loss < np.log(10)
    assert accuracy > 0.3
