"""usage: python -m harness status [results_dir=PATH|[PATH,PATH]] [watch=true]

Says how far the grids of a results folder are: cells done, diverged, failed, running and left, what is running
and at which epoch, and why cells failed. It only reads, and can be asked from another terminal while a grid runs;
watch=true says it again every few seconds until nothing runs there any more.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from harness.commands.arguments import Arguments, folders_of, read_options
from harness.commands.shown import say_environments
from harness.engines.worker import log_path
from harness.records.grids import Grid
from harness.records.locks import read_locks
from harness.records.store import FINISHED
from harness.types import UserError
from harness.words import describe_seconds, in_one_line

SECONDS_BETWEEN_LOOKS = 5.0
# A worker between two cells holds no lock for a moment.
IDLE_LOOKS = 3
STATES = ("ok", "diverged", "failed", "stale", "running", "left")


def main(arguments: Arguments, console: Console) -> int:
    """Print the state of every grid of a folder, once or until nothing runs there any more."""
    options = read_options(arguments, results_dir="results/runs", watch="false")
    folders = folders_of(options["results_dir"])
    if arguments.words:
        raise UserError(f"status takes results_dir=PATH and watch=true. Received: {' '.join(arguments.words)}")
    if options["watch"] not in ("true", "false"):
        raise UserError(f"watch: expected true or false. Received: {options['watch']}")
    if options["watch"] == "false":
        _print_state(folders, console)
        return 0
    idle = 0
    while idle < IDLE_LOOKS:
        if console.is_terminal:
            console.clear()
        at_work = _print_state(folders, console)
        idle = 0 if at_work else idle + 1
        if idle < IDLE_LOOKS:
            time.sleep(SECONDS_BETWEEN_LOOKS)
    console.print("nothing runs there any more")
    return 0


def _print_state(folders: Sequence[Path], console: Console) -> bool:
    """Print what there is to say of a folder now, and return whether anything runs."""
    from harness.report.study import Study

    study = Study.open(folders)
    records = {record["id"]: record for record in study.records}
    locks = {lock["id"]: lock for folder in folders for lock in read_locks(folder)}
    for grid in study.grids:
        _print_grid(grid, count_cells(grid, records, locks), console)
    if not study.grids:
        console.print("no grid has been run into this folder")
    for cell_id, lock in locks.items():
        since = describe_seconds(time.time() - lock["started"])
        console.print(f"running {cell_id}: {lock['epoch']} epochs in {since}, process {lock['pid']}", soft_wrap=True)
    say_environments(records.values(), console)
    if study.doubles:
        console.print(f"{study.doubles:,} records left out, as another folder has one of the same cell", style="yellow")
    print_failures([r for r in records.values() if r["status"] not in FINISHED], [], folders[0], console)
    return bool(locks)


def _print_grid(grid: Grid, counts: Mapping[str, int], console: Console) -> None:
    begun = in_one_line(grid.begun[:19].replace("T", " "))
    console.print(Text.assemble(("run ", "dim"), in_one_line(grid.command, 2000)), soft_wrap=True)
    states = ", ".join(f"{counts[key]} {key}" for key in STATES if counts[key])
    cells = f"{counts['cells']:,} cell{'' if counts['cells'] == 1 else 's'}"
    console.print(f"  {cells}: {states}; begun {begun} UTC", soft_wrap=True)


def count_cells(grid: Grid, records: Mapping[str, Any], locks: Mapping[str, Any]) -> Counter[str]:
    """How many cells of a grid are in which state; every cell is in exactly one of them."""
    counts: Counter[str] = Counter(cells=len(grid.cells))
    for cell_id in grid.cells:
        record = records.get(cell_id)
        if cell_id in locks:
            counts["running"] += 1
        elif record is None:
            counts["left"] += 1
        elif record["stale"]:
            counts["stale"] += 1
        else:
            counts[record["status"] if record["status"] in FINISHED else "failed"] += 1
    return counts


def print_failures(
    failed: Sequence[Mapping[str, Any]], missing: Sequence[str], results_dir: Path, console: Console
) -> None:
    """List the cells that failed, those of one cause together, and those that left no record at all."""
    causes: dict[str, list[str]] = {}
    for record in failed:
        causes.setdefault(f"{record['status']}: {in_one_line(record['reason'], 1000)}", []).append(record["id"])
    if missing:
        causes["no record"] = list(missing)
    if not causes:
        return
    console.print(f"{len(failed) + len(missing)} cells failed", style="red", soft_wrap=True)
    for cause, cells in causes.items():
        console.print(Text.assemble(f"  {cause} ", (f"({len(cells)})", "dim")), soft_wrap=True)
        for cell in cells:
            log = log_path(results_dir, cell)
            where = f"  {log!s}" if log.exists() else ""
            console.print(Text.assemble(f"    {cell}", (where, "dim")), soft_wrap=True)
