"""usage: python -m harness bench [quick=true] [only=cnn,lstm,grid] [rounds=N] [tries=N] [workers=N]
       [out=FILE]

Measures how fast the article's two models train, in turns and on the same data: `keras.fit` as a user writes it,
PyTorch where it is installed, the harness with one worker and with all; then a whole grid by one command beside a
script for each of its cells. Prints images or sequences a second, their ratios, what of a cell's time is not training
steps, and a step's time beside what the machine could do at best. It takes some eight minutes, quick=true two.

Figures are of this machine and this moment, and nothing else should run: a turn during which other programs took
more than a twentieth of the CPU is taken again, `tries` times at most. `out` keeps all figures as JSON.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.commands.arguments import Arguments, read_options, whole_number
from harness.config.backend import check_backend
from harness.records.places import check_file
from harness.types import UserError
from harness.words import choose_from

PARTS = ("cnn", "lstm", "grid")


def main(arguments: Arguments, console: Console) -> int:
    """Measure, print and, if asked to, keep the figures."""
    from harness.commands.bench.grid import measure_grid
    from harness.commands.bench.tables import grid_table, throughput_table
    from harness.commands.bench.throughput import measure_throughput
    from harness.commands.bench.turns import ContenderError
    from harness.commands.bench.workloads import WORKLOADS
    from harness.engines.machine import machine_lines, usable_cores

    if arguments.words:
        raise UserError(f"bench takes options such as quick=true. Received: {' '.join(arguments.words)}")
    options = read_options(arguments, quick="false", only=",".join(PARTS), rounds="", tries="", workers="", out="")
    quick = _flag("quick", options["quick"])
    parts = _parts(options["only"])
    rounds = _count("rounds", options["rounds"], default=3 if quick else 5)
    tries = _count("tries", options["tries"], default=2)
    workers = _count("workers", options["workers"], default=usable_cores())
    if options["out"]:
        check_file(Path(options["out"]), "out")
    check_backend()
    found: dict[str, Any] = {"machine": machine_lines(), "quick": quick, "throughput": [], "grid": {}}

    def say(line: str) -> None:
        console.print(line, style="dim")

    try:
        with tempfile.TemporaryDirectory() as folder:
            for name in parts:
                if name == "grid":
                    found["grid"] = measure_grid(
                        WORKLOADS["cnn"], passes=1 if quick else 2, quick=quick, folder=Path(folder), say=say
                    )
                    console.print(grid_table(found["grid"]))
                else:
                    result = measure_throughput(
                        WORKLOADS[name],
                        rounds=rounds,
                        tries=tries,
                        quick=quick,
                        workers=workers,
                        folder=Path(folder),
                        say=say,
                    )
                    found["throughput"].append(result)
                    console.print(throughput_table(result))
    except ContenderError as error:
        raise UserError(
            f"what was to be measured could not be run ({error}). Received: only={','.join(parts)}"
        ) from error
    if options["out"]:
        Path(options["out"]).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        console.print(f"wrote {options['out']}", style="dim")
    return 0


def _parts(text: str) -> list[str]:
    parts = text.split(",")
    for part in parts:
        if part not in PARTS:
            raise UserError(f"only: {choose_from(part, PARTS)}")
    return parts


def _flag(key: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise UserError(f"{key}: expected true or false. Received: {text}")
    return text.lower() == "true"


def _count(key: str, text: str, *, default: int) -> int:
    if not text:
        return default
    return whole_number(key, text, most=1000)
