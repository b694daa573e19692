"""Graphs that cells share: the bits of a fresh process, and nothing left of those that are no longer needed."""

from __future__ import annotations

import gc
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.cell.cell import Cell
from harness.cell.data import load_task, summarize
from harness.cell.program import PROGRAMS
from harness.cell.run import run_cell
from harness.config.composer import hydra_session
from harness.config.grid import expand
from harness.config.identity import cell_id, identify
from harness.records.store import encode

ROOT = Path(__file__).parents[2]
SHORT = ["task=mnist", "task.data.source=embedded", "task.data.limit=200", "train.epochs=2"]
OUTCOME = ("status", "metrics", "hashes", "counts", "sites")

# A whole process for one cell: it trains and prints what came out.
FRESH = """
import json, sys
from harness.cell.cell import Cell
from harness.cell.program import PROGRAMS
from harness.cell.run import run_cell
from harness.records.store import encode
record = run_cell(Cell(**json.load(sys.stdin)))
print(json.dumps(encode(record)))
"""


def cells(*overrides: str) -> list[Cell]:
    with hydra_session() as composer:
        configs = expand(composer, [*SHORT, *overrides])
    found = []
    for config in configs:
        data = summarize(load_task(config["task"]["data"]))
        identity = identify(config, data_source=data["source"], data_digest=data["digest"])
        found.append(Cell(cell_id(config, identity), identity, config, data))
    return found


def outcome(record: dict[str, Any]) -> dict[str, Any]:
    history = {name: column for name, column in record["history"].items() if name != "seconds"}
    return {**{key: record[key] for key in OUTCOME}, "history": history}


def in_a_fresh_process(cell: Cell) -> dict[str, Any]:
    content = {"id": cell.id, "identity": cell.identity, "config": cell.config, "data": cell.data}
    answer = subprocess.run(
        [sys.executable, "-c", FRESH],
        input=json.dumps(content),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=300,
    )
    record: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return record


@pytest.mark.slow
@pytest.mark.parametrize("axis", ["none", "channel", "elementwise"])
def test_a_graph_used_before_gives_the_bits_of_a_fresh_process(axis: str) -> None:
    PROGRAMS.forget()
    before, cell = cells(f"axis={axis}", "seed=0,1")
    other_rate = cells(f"axis={axis}", "seed=7", "train.learning_rate=0.01", "train.epochs=1")[0]
    run_cell(before)
    trainer = PROGRAMS.of(before).trainer
    run_cell(other_rate)
    record = encode(run_cell(cell))

    assert PROGRAMS.of(cell).trainer is trainer
    assert outcome(record) == outcome(in_a_fresh_process(cell))
    assert record["hashes"] != encode(run_cell(before))["hashes"]


@pytest.mark.slow
def test_graphs_that_are_built_anew_give_the_same_bits() -> None:
    PROGRAMS.forget()
    [channel], [none] = cells("axis=channel", "seed=3"), cells("axis=none", "seed=3")
    first = encode(run_cell(channel))
    run_cell(none)

    assert outcome(encode(run_cell(channel))) == outcome(first)


def test_nothing_is_left_of_a_graph_that_is_no_longer_needed(caplog: pytest.LogCaptureFixture) -> None:
    PROGRAMS.forget()
    strategies = cells("axis=channel,height", "seed=0", "architecture=mlp", "train.epochs=1")
    counts = []
    with caplog.at_level(logging.WARNING, logger="tensorflow"):
        for cell in [*strategies, *strategies, *strategies]:
            assert run_cell(cell)["status"] != "error"
            gc.collect()
            counts.append(sum(type(thing).__name__ == "FuncGraph" for thing in gc.get_objects()))

    assert counts[-2:] == counts[-4:-2]
    assert "retracing" not in caplog.text
