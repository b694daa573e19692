"""Which grids were asked for in a results folder: the ids of their cells, so that what is missing can be told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from harness.records.store import write_text_atomically


@dataclass(frozen=True)
class Grid:
    """A grid that `run` was asked for: its overrides, its cells' ids, and when it was last begun (UTC, ISO 8601)."""

    command: str
    cells: tuple[str, ...]
    begun: str


def write_grid(results_dir: Path, command: str, cells: Sequence[str]) -> Path:
    """Note a grid; the same cells asked for again are the same grid."""
    digest = hashlib.sha256("\n".join(sorted(cells)).encode()).hexdigest()
    begun = datetime.now(timezone.utc).isoformat(timespec="seconds")
    directory = results_dir / "grids"
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{digest[:12]}.json"
    write_text_atomically(path, json.dumps({"command": command, "begun": begun, "cells": list(cells)}))
    return path


def read_grids(results_dir: Path) -> list[Grid]:
    """The grids of a results folder, the last begun one first."""
    grids = []
    for path in (results_dir / "grids").glob("*.json"):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            grids.append(Grid(content["command"], tuple(content["cells"]), content["begun"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(grids, key=lambda grid: grid.begun, reverse=True)
