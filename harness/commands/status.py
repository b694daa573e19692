"""usage: python -m harness status [results_dir=PATH]

Says how far the grids of a results folder are: cells done, diverged, failed, running and left, what is running
and at which epoch, and why cells failed. It only reads, and can be asked from another terminal while a grid runs.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.commands.arguments import Arguments, read_options
from harness.commands.shown import say_environments
from harness.engines.worker import log_path
from harness.records.grids import Grid
from harness.records.locks import read_locks
from harness.records.store import FINISHED
from harness.types import UserError
from harness.words import describe_seconds, in_one_line

COLUMNS = ("cells", "ok", "diverged", "failed", "stale", "running", "left")


def main(arguments: Arguments, console: Console) -> int:
    """Print the state of every grid of a folder."""
    from harness.report.study import Study

    results_dir = Path(read_options(arguments, results_dir="results/runs")["results_dir"])
    if arguments.words:
        raise UserError(f"status takes results_dir=PATH and nothing else. Received: {' '.join(arguments.words)}")
    study = Study.open(results_dir)
    records = {record["id"]: record for record in study.records}
    locks = {lock["id"]: lock for lock in read_locks(results_dir)}
    table = Table(box=box.SIMPLE_HEAD)
    for heading in COLUMNS:
        table.add_column(heading, justify="right")
    table.add_column("begun (UTC)")
    table.add_column("grid", overflow="fold")
    for grid in study.grids:
        counts = count_cells(grid, records, locks)
        table.add_row(*(str(counts[key]) for key in COLUMNS), *_of_grid(grid))
    console.print(table if table.row_count else "no grid has been run into this folder")
    for cell_id, lock in locks.items():
        since = describe_seconds(time.time() - lock["started"])
        console.print(f"running {cell_id}: {lock['epoch']} epochs in {since}, process {lock['pid']}", soft_wrap=True)
    say_environments(records.values(), console)
    print_failures([r for r in records.values() if r["status"] not in FINISHED], [], results_dir, console)
    return 0


def _of_grid(grid: Grid) -> tuple[str, str]:
    return in_one_line(grid.begun[:19].replace("T", " ")), in_one_line(grid.command, 2000)


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
