"""Planned cells of the faulty task, and what a worker leaves of one, without a worker."""

from __future__ import annotations

from pathlib import Path

from harness.cell.cell import Cell
from harness.cell.data import load_task, summarize
from harness.cell.record import record_of
from harness.commands.arguments import configs_of, parse
from harness.config.identity import cell_id, identify
from harness.records.store import write_record
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
