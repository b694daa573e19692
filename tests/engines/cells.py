"""Planned cells of the faulty task, and what a worker leaves of one, without a worker."""

from __future__ import annotations

from pathlib import Path

from harness.cli import parse
from harness.commands.planning import configs_of
from harness.data import load_task, summarize
from harness.execute import Cell, record_of
from harness.identity import cell_id, identify
from harness.records import write_record
from tests.faults.grid import PROJECT


def plan(*overrides: str) -> list[Cell]:
    """The cells that the overrides name, in order; nothing is built for it."""
    where = ["--config-dir", str(PROJECT), "task=faulty", "task.data.markers=none"]
    cells = []
    for config in configs_of(parse([*where, *overrides])):
        data = summarize(load_task(config["task"]["data"]))
        identity = identify(config, data_source=data["source"], data_digest=data["digest"])
        cells.append(Cell(cell_id(config, identity), identity, config, data))
    return cells


def finish(cell: Cell, results_dir: Path) -> None:
    """Leave a record that stands."""
    write_record(results_dir, record_of(cell, {"status": "ok"}))
