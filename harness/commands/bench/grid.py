"""A whole grid by one command, beside a script of the user's own for each of its cells."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from harness.commands.bench.data import contender_script, write_data, write_model
from harness.commands.bench.turns import ENVIRONMENT, ContenderError
from harness.commands.bench.workloads import Workload, with_axis

STRATEGIES = ("none", "channel", "spatial", "elementwise")
SEEDS = 4


def measure_grid(
    workload: Workload, *, passes: int, quick: bool, folder: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """Time `run` on a grid of strategies by seeds, and a script for each strategy, in turns.

    A script takes as long under one seed as under another, so that a pass runs one seed's.

    Args:
        workload: what is trained.
        passes: how often both are timed.
        quick: a grid of two strategies and two seeds.
        folder: for data and results.
        say: told in a line what happens.

    Returns:
        `cells`, `command_seconds` `(pass,)`, `script_seconds` `(pass, strategy)`, `cells_per_hour` of `command` and
        `scripts`, their `ratio`, and `peak_gib`, the largest memory of a process of the command.
    """
    strategies, seeds = (STRATEGIES[:2], 2) if quick else (STRATEGIES, SEEDS)
    data = write_data(workload.overrides, folder / "grid.npz", workload.config_dirs)
    script = [sys.executable, str(contender_script("keras_fit")), f"--data={data}"]
    script += [f"--epochs={workload.epochs}", f"--batch-size={workload.batch_size}"]
    models = [write_model(with_axis(workload, axis), folder / f"grid-{axis}.json") for axis in strategies]
    words = [text for text in workload.command if not text.startswith("axis=")]
    grid = [*words, f"axis={','.join(strategies)}", f"seed=range({seeds})"]
    commands, scripts, peaks = [], [], []
    for number in range(passes):
        say(f"grid: pass {number + 1} of {passes}, scripts")
        scripts.append([_run([*script, f"--model={model}", f"--seed={number}"], folder)[0] for model in models])
        say(f"grid: pass {number + 1} of {passes}, {len(strategies) * seeds} cells by one command")
        results = f"results_dir={folder / f'results-{number}'}"
        seconds, peak = _run([sys.executable, "-m", "harness", "run", *grid, results], folder)
        commands.append(seconds)
        peaks.append(peak)
    per_hour = {
        "command": 3600 * len(strategies) * seeds / median(commands),
        "scripts": 3600 / median(sum(row) / len(row) for row in scripts),
    }
    return {
        "cells": len(strategies) * seeds,
        "command_seconds": commands,
        "script_seconds": scripts,
        "cells_per_hour": per_hour,
        "ratio": per_hour["command"] / per_hour["scripts"],
        "peak_gib": max(peaks),
    }


def _run(command: Sequence[str], folder: Path) -> tuple[float, float]:
    """Seconds that a command takes, and the most memory (GiB) that it or a process it waited for had at once."""
    log = folder / "commands.log"
    started = time.perf_counter()
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=ENVIRONMENT)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise ContenderError(f"exit status {process.returncode}: {lines[-1] if lines else 'no message'}")
    # Linux counts in KiB, macOS in bytes.
    return seconds, usage.ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
