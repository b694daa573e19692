"""usage: python -m harness reproduce CELL [results_dir=PATH]

Trains a recorded cell again from its record's own config and compares everything bit for bit: initial and final
weights, order of batches, split, history and metrics. CELL is a cell's id, or as much of its beginning as names
one. Exit status: 0 if all is equal, 1 if something differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.cell.cell import Cell
from harness.cell.run import run_cell
from harness.commands.arguments import Arguments, read_options
from harness.config.backend import check_backend
from harness.records.store import FINISHED, find_record, read_records
from harness.types import UserError
from harness.words import choose_from

COMPARED = ("status", "hashes", "metrics", "history", "counts", "sites")


def main(arguments: Arguments, console: Console) -> int:
    """Train again and compare."""
    options = read_options(arguments, takes_config_dirs=True, results_dir="results/runs")
    if len(arguments.words) != 1:
        raise UserError(f"reproduce expects one cell's id. Received: {' '.join(arguments.words) or 'nothing'}")
    check_backend()
    record = _find(Path(options["results_dir"]), arguments.words[0])
    if record["status"] not in FINISHED:
        console.print(f"the recorded cell ended as {record['status']} ({record['reason']})", soft_wrap=True)
    if record["stale"]:
        console.print("made by other code or versions than today's: a difference would be no surprise", style="yellow")
    cell = Cell(record["id"], record["identity"], record["config"], record["data"])
    console.print(f"training {record['id']} again", style="dim")
    differences = compare(record, run_cell(cell))
    for line in differences:
        console.print(line, soft_wrap=True)
    if differences:
        console.print(f"{len(differences)} values differ", style="red")
    else:
        console.print("equal bit for bit", style="green")
    return 1 if differences else 0


def compare(recorded: Mapping[str, Any], again: Mapping[str, Any]) -> list[str]:
    """One line for each value of the outcome in which two records of a cell differ; times are left out."""
    # Both go through the same encoding, so that NaN equals NaN.
    from harness.records.store import encode

    lines: list[str] = []
    for key in COMPARED:
        _differences(key, encode(recorded[key]), encode(again[key]), lines)
    return lines


def _differences(name: str, old: Any, new: Any, lines: list[str]) -> None:
    if name == "history.seconds":
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            _differences(f"{name}.{key}", old.get(key), new.get(key), lines)
    elif old != new:
        lines.append(f"{name}: recorded {_short(old)}, now {_short(new)}")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _find(results_dir: Path, name: str) -> dict[str, Any]:
    exact = find_record(results_dir, Path(name).stem)
    if exact is not None:
        return exact
    ids = [record["id"] for record in read_records(results_dir)]
    matching = [identifier for identifier in ids if identifier.startswith(name)]
    if len(matching) == 1:
        found = find_record(results_dir, matching[0])
        assert found is not None
        return found
    if matching:
        raise UserError(f"{name} begins the ids of {len(matching)} cells: {choose_from(name, matching[:8])}")
    if not ids:
        raise UserError(f"no records in {results_dir}. Received: {name}")
    raise UserError(f"no such cell: {choose_from(name, ids if len(ids) <= 12 else [*ids[:12], '...'])}")
