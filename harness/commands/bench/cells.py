"""The harness as a contender: a worker's way through one cell after another that differ in their seed.

python -m harness.commands.bench.cells task=mnist axis=channel train.batch_size=128
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import IO, Any

from harness.cell.cell import Cell
from harness.cell.data import load_task, prepare_split
from harness.cell.device import configure
from harness.cell.sites import find_sites
from harness.config.composer import hydra_session
from harness.config.folders import import_from
from harness.config.grid import expand
from harness.engines.plan import build_plan
from harness.engines.worker import work
from harness.records.store import FINISHED, prepare_results_dir, written_record

# Workers that take turns together run cells of seeds of their own.
SEEDS_A_WORKER = 10_000


def main(arguments: Sequence[str]) -> None:
    """Run a cell at every line of standard input and say how long its parts took."""
    started = time.perf_counter()
    parser = argparse.ArgumentParser()
    parser.add_argument("--number", type=int, default=0)
    parser.add_argument("--config-dir", type=Path, action="append", default=[])
    options, overrides = parser.parse_known_args(arguments)
    import_from(options.config_dir)
    with _answers() as answers, tempfile.TemporaryDirectory() as folder:
        results_dir = Path(folder)
        prepare_results_dir(results_dir)
        with hydra_session(options.config_dir) as composer:
            [config] = expand(composer, [*overrides, "seed=0"])
        configure(config["train"])
        imported = time.perf_counter()
        # Kept by the process: planning and the cells find it there.
        load_task(config["task"]["data"])
        loaded = time.perf_counter()
        cell = plan_grid(overrides, results_dir, options.config_dir)
        planned = time.perf_counter()
        seed = options.number * SEEDS_A_WORKER
        first = run(cell, seed, results_dir)
        answers.say(
            contender="harness",
            setup_seconds=time.perf_counter() - started,
            import_seconds=imported - started,
            loading_seconds=loaded - imported,
            planning_seconds=planned - loaded,
            first_cell_seconds=first["cell_seconds"],
        )
        for _ in sys.stdin:
            seed += 1
            answers.say(**run(cell, seed, results_dir), validation_seconds=measure_validation(cell))


def plan_grid(overrides: Sequence[str], results_dir: Path, config_dirs: Sequence[Path] = ()) -> Cell:
    """Plan a grid of sixteen cells as `run` does, and return the first."""
    with hydra_session(config_dirs) as composer:
        configs = expand(composer, [*overrides, "seed=range(16)"])
    return build_plan(configs, results_dir, find_sites).cells[0].cell


def run(cell: Cell, seed: int, results_dir: Path) -> dict[str, float]:
    """Run a cell under another seed as a worker does, and take its time apart."""
    config = {**cell.config, "seed": seed}
    cell = replace(cell, id=f"{cell.id}-{seed}", config=config)
    started = time.perf_counter()
    finished = work(cell, results_dir)
    taken = time.perf_counter() - started
    record = written_record(results_dir, cell.id)
    if record is None or finished.status not in FINISHED:
        raise RuntimeError(f"the cell ended as {finished.status}: {finished.reason}")
    parts = record["seconds"]
    return {
        "examples": record["counts"]["steps"] * config["train"]["batch_size"],
        "steps": record["counts"]["steps"],
        "seconds": sum(record["history"]["seconds"]),
        "cell_seconds": taken,
        "data_seconds": parts["data"],
        "own_seconds": taken - sum(parts[part] for part in ("data", "build", "train", "evaluate")),
    }


def measure_validation(cell: Cell) -> float:
    """Seconds that one epoch spends on the validation examples."""
    from harness.cell.program import PROGRAMS

    data = load_task(cell.config["task"]["data"]).data
    _, parts = prepare_split(data, 0)
    evaluator = PROGRAMS.of(cell).trainer.evaluator
    times = []
    for _ in range(5):
        started = time.perf_counter()
        evaluator.scores(parts["validation"], data.metrics, data.target_scale)
        times.append(time.perf_counter() - started)
    return median(times)


class _Answers:
    """Lines of JSON on what was standard output when the process began."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def say(self, **answer: Any) -> None:
        print(json.dumps(answer), file=self._file, flush=True)


@contextmanager
def _answers() -> Iterator[_Answers]:
    """A channel of its own for answers: whatever else is printed, by C++ libraries too, goes to standard error."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as file:
        os.dup2(2, 1)
        yield _Answers(file)


if __name__ == "__main__":
    main(sys.argv[1:])
