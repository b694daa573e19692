"""Which grids were asked for in a results folder: the ids of their cells, so that what is missing can be told."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from harness.files import UnreadableError, lies_within, own_folder, read_bytes, write_text
from harness.records.schema import decode_grid
from harness.records.store import MOST_NAMED, NoRecord
from harness.words import in_one_line


@dataclass(frozen=True)
class Grid:
    """A grid that `run` was asked for.

    Attributes:
        command: its overrides.
        cells: the ids of its cells.
        begun: when it was last begun (UTC, ISO 8601).
        same: id of a cell -> names of other strategies that were asked for and compute the same.
    """

    command: str
    cells: tuple[str, ...]
    begun: str
    same: Mapping[str, Sequence[str]] = field(default_factory=dict)


def write_grid(
    results_dir: Path, command: str, cells: Sequence[str], same: Mapping[str, Sequence[str]] | None = None
) -> Path:
    """Note a grid; the same cells asked for again are the same grid."""
    digest = hashlib.sha256("\n".join(sorted(cells)).encode()).hexdigest()
    begun = datetime.now(timezone.utc).isoformat(timespec="milliseconds")  # two may begin in one second
    path = own_folder(results_dir, "grids") / f"{digest[:12]}.json"
    content = {"command": command, "begun": begun, "cells": list(cells), **({"same": same} if same else {})}
    return write_text(path, json.dumps(content))


def read_grids(results_dir: Path) -> list[Grid]:
    """The grids of a results folder, the last begun one first; what is none is told of in one `NoRecord` warning."""
    grids, refused = [], []
    folder = results_dir / "grids"
    for path in sorted(folder.glob("*.json")) if lies_within(results_dir, folder) else ():
        try:
            content = decode_grid(read_bytes(path, within=results_dir))
            grids.append(Grid(content["command"], tuple(content["cells"]), content["begun"], content.get("same", {})))
        except FileNotFoundError:
            refused.append((path, "a link that leads nowhere"))
        except (OSError, UnreadableError) as error:
            refused.append((path, str(error)))
    if refused:
        lines = [in_one_line(f"no grid, counts as not there: grids/{path.name}: {why}") for path, why in refused]
        more = [f"and {len(lines) - MOST_NAMED:,} more that are no grids"] if len(lines) > MOST_NAMED else []
        warnings.warn("\n".join([*lines[:MOST_NAMED], *more]), NoRecord, stacklevel=2)
    return sorted(grids, key=lambda grid: grid.begun, reverse=True)
