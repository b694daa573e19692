"""usage: python -m harness reproduce CELL [results_dir=PATH] [task.data.path=PATH] [--config-dir DIR]

Trains a recorded cell again from its record's own config and compares everything bit for bit: initial and final
weights, order of batches, split, history and metrics. CELL is a cell's id, or as much of its beginning as names
one. Where the data lie elsewhere by now, task.data.path (labels_path, data_dir) says where, as architecture.path does
of a model in a file; they are checked to be the same. A cell of a task, architecture or strategy of your own needs
the --config-dir that it was run with: what a record asks to call is called only where a config that you trust names it.
Exit status: 0 if all is equal, 1 if something differs or the cell cannot be trained again.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.cell.cell import Cell
from harness.cell.run import run_cell
from harness.commands.arguments import Arguments, read_options
from harness.config.backend import check_backend
from harness.config.provenance import environment_difference
from harness.config.settings import check_settings
from harness.config.trust import check_trusted
from harness.records.store import FINISHED, find_record, read_records
from harness.types import UserError
from harness.words import choose_from, in_one_line

COMPARED = ("status", "hashes", "metrics", "history", "counts", "sites")
# Where things lie, which no cell's identity knows of.
PLACES = (
    "task.data.path",
    "task.data.labels_path",
    "task.data.spectra_path",
    "task.data.data_dir",
    "architecture.path",
)


def main(arguments: Arguments, console: Console) -> int:
    """Train again and compare."""
    places = dict.fromkeys(PLACES, "")
    options = read_options(arguments, takes_config_dirs=True, results_dir="results/runs", **places)
    if len(arguments.words) != 1:
        raise UserError(f"reproduce expects one cell's id. Received: {' '.join(arguments.words) or 'nothing'}")
    check_backend()
    record = _find(Path(options["results_dir"]), arguments.words[0])
    cell = _cell_of(record, {place: options[place] for place in PLACES}, arguments.config_dirs)
    if record["status"] not in FINISHED:
        reason = in_one_line(record.get("reason", ""))
        console.print(f"the recorded cell ended as {record['status']} ({reason})", soft_wrap=True)
    if record["stale"]:
        console.print("made by other code or versions than today's: a difference would be no surprise", style="yellow")
    if said := environment_difference(record):
        console.print(said, style="yellow", soft_wrap=True)
    console.print(f"training {record['id']} again", style="dim")
    again = run_cell(cell)
    if again["status"] not in FINISHED and again["status"] != record["status"]:
        return _say_failure(again, cell, console)
    differences = compare(record, again)
    for line in differences:
        console.print(line, soft_wrap=True)
    if differences:
        console.print(f"{len(differences)} values differ", style="red")
    else:
        console.print("equal bit for bit", style="green")
    return 1 if differences else 0


def _cell_of(record: Mapping[str, Any], places: Mapping[str, str], config_dirs: tuple[Path, ...]) -> Cell:
    """The cell of a record, its data where the user says that they lie.

    Raises:
        UserError: the record asks for what is not trusted, or is not complete; or its data have no such place.
    """
    config: dict[str, Any] = copy.deepcopy(record["config"])
    check_trusted(config, config_dirs)
    try:
        nodes = {"task.data": config["task"]["data"], "architecture": config["architecture"]}
        named = [config[part]["name"] for part in ("task", "architecture", "axis")]
        check_settings(config)
        seen = record["data"]
        missing = [key for key in ("digest", "axes", "shape", "outputs") if seen.get(key) is None]
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"expected a record with all of a cell's config. Received: none of {error}") from error
    if missing or not all(isinstance(name, str) for name in named):
        raise UserError(f"expected a record that says what its data were. Received: no {', '.join(missing) or 'names'}")
    there = [place for place in PLACES if place.rpartition(".")[2] in nodes[place.rpartition(".")[0]]]
    for place, value in places.items():
        if value and place not in there:
            raise UserError(f"the cell has no such place: {choose_from(place, there)}")
        if value:
            node, _, name = place.rpartition(".")
            nodes[node][name] = str(Path(value).expanduser())
    return Cell(record["id"], record["identity"], config, seen)


def _say_failure(again: Mapping[str, Any], cell: Cell, console: Console) -> int:
    """Why there is nothing to compare: one reason, and not every value that is missing for it."""
    reason = in_one_line(again["reason"], 1000)
    console.print(f"cannot be trained again: {again['status']}: {reason}", style="red", soft_wrap=True)
    nodes = {"task.data": cell.config["task"]["data"], "architecture": cell.config["architecture"]}
    split = [place.rpartition(".") for place in PLACES]
    if there := [f"{node}.{name}=PATH" for node, _, name in split if nodes[node].get(name)]:
        console.print(f"where files lie elsewhere by now: {', '.join(there)}", style="dim", soft_wrap=True)
    return 1


def compare(recorded: Mapping[str, Any], again: Mapping[str, Any]) -> list[str]:
    """One line for each value of the outcome in which two records of a cell differ; times are left out."""
    # Both go through the same encoding, so that NaN equals NaN.
    from harness.records.store import encode

    lines: list[str] = []
    for key in COMPARED:
        _differences(key, encode(recorded.get(key)), encode(again.get(key)), lines)
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
    known = {record["id"]: record for record in read_records(results_dir)}
    ids = list(known)
    matching = [identifier for identifier in ids if identifier.startswith(name)]
    if len(matching) == 1:
        return known[matching[0]]
    if matching:
        raise UserError(f"{name} begins the ids of {len(matching)} cells: {choose_from(name, matching[:8])}")
    if not ids:
        raise UserError(f"no records in {results_dir}. Received: {name}")
    raise UserError(f"no such cell: {choose_from(name, ids if len(ids) <= 12 else [*ids[:12], '...'])}")
