"""Run the faulty task's grid as a user would, and hold what it left to what must hold after any fault."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from harness.records.store import read_records

ROOT = Path(__file__).resolve().parents[2]
PROJECT = Path(__file__).resolve().parent / "project"
CELLS = 8


def command(results_dir: Path, markers: Path, *overrides: str, verb: str = "run") -> list[str]:
    where = ["--config-dir", str(PROJECT), "task=faulty", f"task.data.markers={markers}", f"results_dir={results_dir}"]
    return [sys.executable, "-m", "harness", verb, *where, *overrides]


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), str(PROJECT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path}


def run(results_dir: Path, markers: Path, *overrides: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run the grid to its end."""
    return subprocess.run(
        command(results_dir, markers, *overrides),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=PROJECT,
    )


def start(results_dir: Path, markers: Path, *overrides: str) -> subprocess.Popen[str]:
    """Start the grid in a process group of its own, and come back at once."""
    return subprocess.Popen(
        command(results_dir, markers, *overrides),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=PROJECT,
        start_new_session=True,
    )


def outcome(results_dir: Path) -> dict[str, Any]:
    """What each finished cell came to, without times: two runs of a grid must agree in this to the bit."""
    found: dict[str, Any] = {}
    for record in read_records(results_dir):
        history = {name: values for name, values in record["history"].items() if name != "seconds"}
        # The data's address is the one setting in which the runs differ, and is no part of the cell's identity.
        cell = (record["axis"], record["seed"], record["config"]["architecture"]["fault"])
        assert str(cell) not in found, f"two rows for {cell}"
        found[str(cell)] = (record["status"], record["hashes"], record["metrics"], history)
    return found


def leftovers(results_dir: Path) -> list[Path]:
    """Temporary files that something interrupted; they are no records, and nothing may take them for one."""
    return [path for path in (results_dir / "records").iterdir() if path.suffix != ".json" and path.is_file()]
