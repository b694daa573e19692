"""usage: python -m harness bench [quick=true] [only=NAME,NAME,grid] [rounds=N]
       [tries=N] [workers=N] [batch_size=N] [out=FILE] [against=FILE]
       [file=FILE] [--config-dir DIR]

Measures how fast each architecture trains on its task, in turns and on the same data: the same model in Keras's own
layers by `keras.fit` (plain or jit_compile=True, whichever is faster) and in PyTorch where it is installed (eager and
compiled, in the better layout of memory), the harness with one worker and with all; then a whole grid by one command
beside a script for each of its cells. Prints examples a second, ratios with their quartiles over rounds, what of a
cell's time is not training steps, and a step's time beside what the machine could do at best. Architectures of your
own join by their yaml. It takes some minutes an architecture, and fewer with quick=true.

`out` keeps all figures as JSON, `against` compares the ratios with such a file's: exit status 1 where one is slower
beyond noise. `file` shows such a file, and measures nothing.

  python -m harness bench only=cnn,gru        cnn is short for seed_cnn
  python -m harness bench out=now.json against=before.json
  python -m harness bench file=now.json against=before.json

Figures are of this machine and this moment, and nothing else should run: a turn during which other programs took
more than a twentieth of the CPU is taken again, `tries` times at most.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.commands.arguments import Arguments, read_options, whole_number
from harness.config.backend import check_backend
from harness.records.places import check_file
from harness.types import UserError

_MEASURING = ("quick", "only", "rounds", "tries", "workers", "batch_size", "out")


def main(arguments: Arguments, console: Console) -> int:
    """Measure or read, print, and where asked to compare and keep the figures."""
    from harness.commands.bench.against import compare, read_benchmark
    from harness.commands.bench.tables import against_table

    if arguments.words:
        raise UserError(f"bench takes options such as quick=true. Received: {' '.join(arguments.words)}")
    none = dict.fromkeys((*_MEASURING, "against", "file"), "")
    options = read_options(arguments, takes_config_dirs=True, **none)
    before = read_benchmark("against", Path(options["against"])) if options["against"] else None
    if options["file"]:
        for key in _MEASURING:
            if options[key]:
                raise UserError(f"{key}: nothing is measured with file=FILE. Received: {key}={options[key]}")
        found = read_benchmark("file", Path(options["file"]))
        if before is None:
            _show(found, options["file"], console)
    else:
        given = {text.partition("=")[0] for text in arguments.overrides}
        found = _measure(options, arguments.config_dirs, console, only=options["only"] if "only" in given else None)
    if before is None:
        return 0
    compared = compare(found, before)
    console.print(against_table(compared))
    return 1 if compared.slower else 0


def _show(found: dict[str, Any], path: str, console: Console) -> None:
    from harness.commands.bench.tables import all_tables

    try:
        tables = list(all_tables(found))
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise UserError(
            f"file: expected all that bench out=FILE has written ({type(error).__name__}: {error}). Received: {path}"
        ) from error
    for table in tables:
        console.print(table)


def _measure(
    options: dict[str, str], config_dirs: Sequence[Path], console: Console, *, only: str | None
) -> dict[str, Any]:
    from harness.commands.bench.turns import ContenderError
    from harness.commands.bench.workloads import names_of
    from harness.engines.machine import machine_lines, usable_cores

    quick = _flag("quick", options["quick"] or "false")
    rounds = _count("rounds", options["rounds"], default=3 if quick else 5)
    tries = _count("tries", options["tries"], default=2)
    workers = _count("workers", options["workers"], default=usable_cores())
    batch_size = _count("batch_size", options["batch_size"], default=None)
    if options["out"]:
        check_file(Path(options["out"]), "out")
    check_backend()
    parts = names_of(only, config_dirs)
    found: dict[str, Any] = {"machine": machine_lines(), "quick": quick, "architectures": {}, "grid": {}}
    settings = {"rounds": rounds, "tries": tries, "workers": workers, "quick": quick}
    try:
        with tempfile.TemporaryDirectory() as folder:
            _measure_parts(found, parts, Path(folder), config_dirs, console, batch_size=batch_size, **settings)
    except ContenderError as error:
        raise UserError(
            f"what was to be measured could not be run ({error}). Received: only={','.join(parts)}"
        ) from error
    finally:
        # What was measured before it was interrupted is kept too.
        if options["out"] and (found["architectures"] or found["grid"]):
            Path(options["out"]).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            console.print(f"wrote {options['out']}", style="dim")
    return found


def _measure_parts(
    found: dict[str, Any],
    parts: Sequence[str],
    folder: Path,
    config_dirs: Sequence[Path],
    console: Console,
    *,
    batch_size: int | None,
    quick: bool,
    **settings: int,
) -> None:
    """Measure part by part into `found`, and print each when it is there."""
    from harness.cell.device import import_tensorflow
    from harness.commands.bench.grid import measure_grid
    from harness.commands.bench.tables import grid_table, summary_table, throughput_table
    from harness.commands.bench.throughput import measure_throughput
    from harness.commands.bench.workloads import GRID, GRID_OF, find_workload

    def say(line: str) -> None:
        console.print(line, style="dim")

    import_tensorflow()
    # All of them first: what does not fit together is told before anything is measured.
    names = dict.fromkeys(GRID_OF if part == GRID else part for part in parts)
    workloads = {
        name: find_workload(name, config_dirs=config_dirs, batch_size=batch_size, quick=quick) for name in names
    }
    for part in parts:
        if part != GRID:
            one = measure_throughput(workloads[part], quick=quick, folder=folder, say=say, **settings)
            found["architectures"][part] = one
            console.print(throughput_table(part, one))
            continue
        passes = 1 if quick else 2
        found["grid"] = measure_grid(workloads[GRID_OF], passes=passes, quick=quick, folder=folder, say=say)
        console.print(grid_table(found["grid"]))
    if len(found["architectures"]) > 1:
        console.print(summary_table(found["architectures"]))


def _flag(key: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise UserError(f"{key}: expected true or false. Received: {text}")
    return text.lower() == "true"


def _count(key: str, text: str, *, default: Any) -> Any:
    if not text:
        return default
    return whole_number(key, text, most=1000)
