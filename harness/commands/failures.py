"""Every failure of a grid, gathered by cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from harness.worker import log_path


def print_failures(
    failed: Sequence[Mapping[str, Any]], missing: Sequence[str], results_dir: Path, console: Console
) -> None:
    """List the cells that failed, those of one cause together, and those that left no record at all."""
    causes: dict[str, list[str]] = {}
    for record in failed:
        causes.setdefault(f"{record['status']}: {record['reason']}", []).append(record["id"])
    if missing:
        causes["no record"] = list(missing)
    if not causes:
        return
    console.print(f"[red]{len(failed) + len(missing)} cells failed[/]", soft_wrap=True)
    for cause, cells in causes.items():
        console.print(f"  {escape(cause)} [dim]({len(cells)})[/]", soft_wrap=True)
        for cell in cells:
            log = log_path(results_dir, cell)
            console.print(f"    {cell}" + (f"  [dim]{log}[/]" if log.exists() else ""), soft_wrap=True)
