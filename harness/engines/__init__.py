"""Who runs the cells: an engine takes planned cells, sees to it that each leaves a record, and reports as it goes."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from harness.cell.cell import Cell
from harness.types import Site, TaskSpec, UserError
from harness.words import choose_from


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
    """The engine that a config's `engine` node describes.

    Raises:
        UserError: there is no such engine, or it has no such option or value.
    """
    from harness.config.build import build, what_went_wrong

    target = config.get("_target_")
    try:
        engine: Engine = build(config)
    except UserError:
        raise
    except Exception as error:
        options = _options_of(str(target))
        if unknown := [key for key in config if options and key != "_target_" and key not in options]:
            raise UserError(f"no such option: engine.{unknown[0]}: {choose_from(unknown[0], options)}") from error
        raise UserError(f"engine: {what_went_wrong(error, config)}. Received: _target_={target}") from error
    if not all(hasattr(engine, name) for name in ("__enter__", "__exit__", "find_sites", "run")):
        raise UserError(f"engine: expected a harness.engines.Engine. Received: _target_={target}")
    return engine


def check_grid(engine: Engine, configs: Sequence[Mapping[str, Any]]) -> None:
    """Ask an engine that has something to refuse in a grid (a method `check`) before anything is written for it."""
    check = getattr(engine, "check", None)
    if check is not None:
        check(configs)


def _options_of(target: str) -> list[str]:
    """What an engine takes, where it is a dataclass as ours are."""
    module, _, name = target.rpartition(".")
    found = getattr(sys.modules.get(module), name, None)
    return [field.name for field in dataclasses.fields(found) if field.init] if dataclasses.is_dataclass(found) else []
