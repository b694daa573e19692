"""Who runs the cells: an engine takes planned cells, sees to it that each leaves a record, and reports as it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from harness.execute import Cell


@dataclass(frozen=True)
class Event:
    """Something that happened to a cell: it started, reached the end of an epoch, or finished with a status."""

    kind: Literal["started", "epoch", "finished"]
    cell: Cell
    epoch: int = 0
    status: str = ""
    reason: str = ""
    worker: int = 0


class Engine(Protocol):
    """What the command line needs of an engine."""

    def run(self, cells: Sequence[Cell], *, results_dir: Path, on_event: Callable[[Event], None]) -> None:
        """Run every cell; each ends with exactly one record in `results_dir`, whatever happens to it."""


def build_engine(config: Any) -> Engine:
    """The engine that a config's `engine` node names."""
    from hydra.utils import instantiate

    engine: Engine = instantiate({key: value for key, value in config.items() if key != "name"}, _convert_="all")
    return engine
