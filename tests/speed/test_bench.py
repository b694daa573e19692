"""What the benchmark measures with: turns, ratios, the contenders' models, what a step must compute at the least."""

from __future__ import annotations

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

from harness.commands import bench
from harness.commands.arguments import Arguments
from harness.commands.bench.cpu import CpuWatch
from harness.commands.bench.data import contender_script, write_data, write_model
from harness.commands.bench.tables import (
    describe_ceiling,
    describe_cell,
    describe_others,
    grid_table,
    summary_table,
    throughput_table,
)
from harness.commands.bench.throughput import ALL, KERAS, ONE, TORCH, TORCH_COMPILED, _ratios, _rotated
from harness.commands.bench.turns import ENVIRONMENT, Contender, ContenderError, rates, ratios, typical
from harness.commands.bench.workloads import find_workload, names_of, with_axis
from harness.types import UserError

OWN_CONF = Path(__file__).parents[1] / "core" / "own" / "conf"
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


def test_contenders_have_the_users_environment_and_not_what_workers_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import json, os; print(json.dumps({'contender': os.environ.get('TF_ENABLE_ONEDNN_OPTS', 'as it comes')}))"
    path = tmp_path / "asking.py"
    path.write_text(code, **TEXT)
    before = ENVIRONMENT.get("TF_ENABLE_ONEDNN_OPTS", "as it comes")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "set by import_tensorflow")
    with Contender([sys.executable, str(path)], log=tmp_path / "log") as contender:
        assert contender.setup == {"contender": before}


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
    assert ratios([6.0, 3.0, 3.0], [2.0, 1.0, 1.0]) == [3.0, 3.0, 3.0]
    found = _ratios({ONE: [4.0, 4.0], ALL: [8.0, 6.0], KERAS: [2.0, 2.0]})
    assert found == {f"{ONE} / {KERAS}": [2.0, 2.0], f"{ALL} / {KERAS}": [4.0, 3.0]}


def test_everybody_begins_a_round_in_turn() -> None:
    assert [_rotated(["a", "b", "c"], number)[0] for number in range(4)] == ["a", "b", "c", "a"]
    assert _rotated(["a", "b", "c"], 1) == ["b", "c", "a"]


def test_architectures_are_measured_by_their_own_and_by_short_names() -> None:
    everything = names_of(None, [])

    assert everything[-1] == "grid"
    assert {"seed_cnn", "gru", "hyper_cnn3d"} < {*everything}
    assert "from_file" not in everything
    assert names_of("lstm,grid,cnn,seed_lstm", []) == ["seed_lstm", "grid", "seed_cnn"]


@pytest.mark.parametrize(
    ("name", "task", "unit", "batch_size", "epochs"),
    [
        ("seed_lstm", "degradation", "sequences", 16, 4),  # the default of `adding` too, which comes later
        ("mlp", "mnist", "images", 32, 5),  # no default of a task that needs no file; takes any axes
        ("hyper_cnn1d", "hyperspectral", "patches", 32, 6),
    ],
)
def test_an_architecture_is_measured_on_its_task(name: str, task: str, unit: str, batch_size: int, epochs: int) -> None:
    found = find_workload(name)

    assert (found.task, found.unit, found.batch_size, found.epochs) == (task, unit, batch_size, epochs)
    assert found.description is not None
    assert found.description["layers"][-1]["name"] == "output"
    assert found.description["optimizer"]["class_name"] == "Adam"


def test_the_batch_size_and_the_strategy_can_be_others() -> None:
    found = with_axis(find_workload("seed_cnn", batch_size=128, quick=True), "spatial")

    assert (found.batch_size, found.epochs) == (128, 1)
    norms = [call for call in found.description["layers"] if call["kind"] == "BatchNormalization"]
    assert [call["config"]["axis"] for call in norms] == [[1, 2]]
    assert "train.batch_size=128" in found.command


def test_an_architecture_of_ones_own_joins_by_its_yaml() -> None:
    assert "tiny" in names_of(None, [OWN_CONF])
    found = find_workload("tiny", config_dirs=(OWN_CONF,))

    assert found.task == "tiny"
    assert found.command[-1] == f"--config-dir={OWN_CONF}"
    assert found.least is not None
    assert found.least.operations > 0


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


CELL = {
    "whole": 2.0,
    "steps": 1.5,
    "validation": 0.2,
    "evaluation": 0.25,
    "data": 0.03,
    "own": 0.02,
    "loading": 0.1,
    "planning": 0.32,
    "first_of_its_kind": 4.0,
}
CEILING = {
    "bytes_per_second": 2e10,
    "operations_per_second": 1e11,
    "memory_seconds": 0.003,
    "products_seconds": 0.002,
    "step_seconds": 0.01,
}
FOUND = {
    "task": "mnist",
    "batch_size": 32,
    "workers": 2,
    "unit": "images",
    "contenders": {
        ONE: {"contender": "harness", "rates": [4000.0, 6000.0, 5000.0]},
        ALL: {"contender": "harness", "rates": [8000.0, 12000.0, 10000.0]},
        KERAS: {"contender": "3.15.1 jit_compile", "rates": [2000.0, 2000.0, 2000.0]},
        TORCH: {"contender": "2.15.0 channels_last, 2 threads", "rates": [1000.0, 1000.0, 1000.0]},
        TORCH_COMPILED: {"contender": "2.15.0 contiguous, 2 threads", "rates": [1250.0, 1250.0, 1250.0]},
    },
    "cell": CELL,
    "ceiling": CEILING,
    "others": [0.01, 0.02],
    "notes": ["somebody could not take part"],
}
FOUND["ratios"] = _ratios({label: one["rates"] for label, one in FOUND["contenders"].items()})


def test_tables_say_who_is_how_many_times_as_fast() -> None:
    text = text_of(throughput_table("seed_cnn", FOUND))

    assert "seed_cnn on mnist, batches of 32: images a second" in text
    assert f"{ONE} 5,000 10%" in text
    assert f"{KERAS} 2,000 0% 2.50 [2.25, 2.75] 5.00 [4.50, 5.50]" in text
    assert "keras.fit 3.15.1 jit_compile; PyTorch 2.15.0 channels_last, 2 threads" in text
    assert "somebody could not take part" in text
    # 0.5 of 2 s; and 0.32 + 16 x 0.02 of 0.32 + 16 x 2.
    assert "25% of it are not training steps" in describe_cell(CELL)
    assert describe_cell(CELL).endswith("planning and bookkeeping are 2.0%.")
    assert "5.00 ms (3.00 of it memory), and takes one worker 10.00 ms, 2.0 times" in describe_ceiling(CEILING)
    assert describe_others([0.0, 0.3]).endswith("are not to be relied on.")
    grid = {"cells": 4, "script_seconds": [[10.0, 12.0]], "command_seconds": [20.0], "ratio": 2.2, "peak_gib": 0.9}
    assert "2.2 times the cells an hour" in text_of(
        grid_table({**grid, "cells_per_hour": {"command": 720.0, "scripts": 327.0}})
    )


def test_the_summary_takes_the_faster_of_pytorchs_ways() -> None:
    alone = {
        **FOUND,
        "contenders": {label: FOUND["contenders"][label] for label in (ONE, ALL)},
        "ratios": {},
        "ceiling": None,
    }
    text = text_of(summary_table({"seed_cnn": FOUND, "odd": alone}))

    # 2.5 times keras.fit; 10,000 of 1,250 a second compiled; 10 ms in the place of 5, of which 3 are memory.
    assert "seed_cnn 2.50 [2.25, 2.75] 8.00 [7.20, 8.80] 2.0 memory" in text
    assert "odd How many times as fast" in text


def test_a_stored_benchmark_is_shown_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    machine = {"processor": "some", "cores": 2, "versions": {}}
    found = {"machine": machine, "quick": False, "architectures": {"gru": FOUND, "seed_cnn": FOUND}, "grid": {}}
    (tmp_path / "found.json").write_text(json.dumps(found), **TEXT)

    assert bench.main(Arguments(overrides=(f"file={tmp_path / 'found.json'}",)), Console(width=100)) == 0
    said = capsys.readouterr().out
    assert "seed_cnn on mnist, batches of 32: images a second" in said
    assert said.index("gru on mnist") < said.index("1 worker / keras.fit")


def test_tables_of_one_architecture_fit_a_narrow_terminal() -> None:
    console = Console(width=80, record=True, file=Path(os.devnull).open("w"))  # noqa: SIM115
    slowest = {label: {**one, "rates": [98765.0, 111111.0]} for label, one in FOUND["contenders"].items()}
    ratios = {pair: [11.1, 33.3] for pair in FOUND["ratios"]}
    console.print(throughput_table("hyper_cnn3d", {**FOUND, "contenders": slowest, "ratios": ratios}))
    rows = [line for line in console.export_text().splitlines() if "104,938" in line]

    # Each in a line of its own, none broken.
    assert [row.split("  ")[0].strip() for row in rows] == [
        ONE,
        "harness, 2 workers",
        KERAS,
        TORCH,
        TORCH_COMPILED,
    ]
    assert [row.count("]") for row in rows] == [0, 0, 2, 2, 2]


def test_without_a_checkout_bench_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("harness.commands.bench.data.CONTENDERS", tmp_path)
    with pytest.raises(UserError, match=r"^bench needs the scripts of .* Received: .*keras_fit\.py$"):
        contender_script("keras_fit")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("only=cnn,gur",), r"^only: .*the nearest is gru\. Received: gur$"),
        (("batch_size=0",), r"^batch_size: expected a whole number of at least 1\. Received: 0$"),
        (("file=x.json", "rounds=3"), r"^rounds: nothing is measured with file=FILE\. Received: rounds=3$"),
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
    workload = with_axis(find_workload("seed_cnn"), "spatial")
    data = write_data([*workload.overrides, "task.data.limit=512"], tmp_path / "data.npz")
    model = write_model(workload, tmp_path / "model.json")
    command = [sys.executable, str(contender_script("keras_fit")), f"--data={data}", f"--model={model}", "--epochs=3"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    loss, accuracy = json.loads(answer.stdout.splitlines()[-1])

    assert loss < np.log(10)
    assert accuracy > 0.3
