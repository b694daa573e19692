"""Who runs the cells: an engine takes planned cells, sees to it that each leaves a record, and reports as it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from harness.cell.cell import Cell
from harness.types import Site, TaskSpec, UserError


@dataclass(frozen=True)
class Event:
    """What happened to a cell: it started, ended an epoch, was given back after its worker died, or finished."""

    kind: Literal["started", "epoch", "retried", "finished"]
    cell: Cell
    epoch: int = 0
    status: str = ""
    reason: str = ""
    worker: int = 0


class EngineError(UserError):
    """What keeps an engine from running anything, whatever the cell."""


class Engine(Protocol):
    """What the command line needs of an engine; it is a context manager that leaves no process behind."""

    workers: int

    def __enter__(self) -> Engine:
        """Get ready, without starting anything that costs time."""

    def __exit__(self, *exception: object) -> None:
        """Stop what still runs."""

    def find_sites(self, config: Mapping[str, Any], spec: TaskSpec) -> Sequence[Site]:
        """`harness.cell.sites.find_sites`, done where TensorFlow may be imported."""

    def run(self, cells: Sequence[Cell], *, results_dir: Path, on_event: Callable[[Event], None]) -> None:
        """Run every cell; each ends with exactly one record in `results_dir`, whatever happens to it."""


def build_engine(config: Mapping[str, Any]) -> Engine:
    """The engine that a config's `engine` node describes."""
    from harness.config.build import build

    engine: Engine = build(config)
    return engine
