"""One cell after another in this process: the simplest engine, and the one that others are compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from harness.cell.cell import Cell
from harness.cell.run import run_cell
from harness.cell.sites import find_sites
from harness.engines import Event
from harness.engines.dispatch import setup_of
from harness.records.store import write_record
from harness.types import Site, TaskSpec, UserError


class SerialEngine:
    """Runs the cells in this process in the order given. All must agree on device and threads."""

    workers = 1

    def __enter__(self) -> SerialEngine:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def find_sites(self, config: Mapping[str, Any], spec: TaskSpec) -> Sequence[Site]:
        """The sites of a config's architecture, found in this process."""
        return find_sites(config, spec)

    def check(self, configs: Sequence[Mapping[str, Any]]) -> None:
        """Refuse a grid that wants this process set up in several ways.

        Raises:
            UserError: it does.
        """
        setups = sorted({setup_of(config) for config in configs}, key=str)
        if len(setups) > 1:
            raise UserError(
                "engine=serial has one process, and so one device, number of threads and determinism for the whole "
                f"grid; engine=local takes several. Received: {setups}"
            )

    def run(self, cells: Sequence[Cell], *, results_dir: Path, on_event: Callable[[Event], None]) -> None:
        """Run the cells; a record is written as soon as its cell ends.

        Raises:
            UserError: the cells want this process set up in several ways.
        """
        self.check([cell.config for cell in cells])
        for cell in cells:
            on_event(Event("started", cell))
            record = run_cell(cell, on_epoch=partial(_report_epoch, on_event, cell))
            write_record(results_dir, record)
            on_event(Event("finished", cell, status=record["status"], reason=record["reason"]))


def _report_epoch(on_event: Callable[[Event], None], cell: Cell, epoch: int) -> None:
    on_event(Event("epoch", cell, epoch=epoch))
