"""Training in turns: `keras.fit`, PyTorch and the harness, on the same data, in one run."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from harness.commands.bench.data import contender_script, write_data, write_model
from harness.commands.bench.least import has_recurrence
from harness.commands.bench.turns import Answer, Contender, ContenderError, rates, ratios, typical
from harness.commands.bench.workloads import Workload

ONE, ONE_WIDE, ALL = "harness, 1 worker", "harness, all threads", "harness, all workers"
OURS = (ONE, ONE_WIDE, ALL)
KERAS, KERAS_STEPS, TORCH, TORCH_COMPILED = "keras.fit", "keras.fit, steps", "PyTorch", "PyTorch, compiled"
MACHINE = "machine"
STEPS_TOGETHER = 50
# What `against` compares: whoever has one core beside Keras with all of them, and all beside PyTorch.
HEADLINES = ((ONE, KERAS), (ALL, TORCH), (ALL, TORCH_COMPILED))

Say = Callable[[str], None]
Turns = list[list[Answer]]


@dataclass(frozen=True)
class _Entry:
    """Who takes a turn: a contender, and with how many of its processes."""

    contender: Contender
    processes: int = 1


def measure_throughput(
    workload: Workload, *, rounds: int, tries: int, quick: bool, workers: int, folder: Path, say: Say
) -> dict[str, Any]:
    """Let all contenders train in turns.

    Args:
        workload: what they train.
        rounds: how often each has its turn.
        tries: how often a turn is taken at most that other programs disturb.
        quick: leave out what takes long to start.
        workers: how many processes the harness has when it has all.
        folder: for the data, and for what contenders print to standard error.
        say: told in a line what happens.

    Returns:
        `task`, `batch_size`, `epochs` of a turn, `unit`, `workers`. `contenders`: label -> what it said when it was
        ready, `rates` (examples a second, `(round,)`) and `turns`: all that it said. `ratios`: `one / other` ->
        `(round,)`. `cell`: where the seconds of a warm cell go. `ceiling`: readings of one core, and a step's time by
        them; None where nobody knows what a step computes. `others`: the part of the machine that other programs used,
        `(turn,)`. `notes`: who could not take part and why.

    Raises:
        ContenderError: the harness itself could not take part.
    """
    notes: list[str] = []
    turns: dict[str, Turns] = {}
    with ExitStack() as stack:

        def start(label: str, command: Sequence[str], processes: int = 1) -> Contender:
            say(f"{workload.name}: starting {label}")
            log = folder / f"{workload.name}-{label.replace(' ', '_')}.log"
            return stack.enter_context(Contender([sys.executable, *command], processes=processes, log=log))

        harness = start("harness", ["-m", "harness.commands.bench.cells", *workload.command], workers)
        entries = {ONE: _Entry(harness), ALL: _Entry(harness, workers)}
        if workload.least is not None:
            floats = workload.batch_size * workload.least.activation
            entries[MACHINE] = _Entry(start(MACHINE, ["-m", "harness.commands.bench.ceiling", f"--floats={floats}"]))
        for label, command in _others(workload, folder, quick=quick, threads=workers, notes=notes).items():
            try:
                entries[label] = _Entry(start(label, command))
            except ContenderError as error:
                notes.append(f"{label} could not take part ({error})")
        for number in range(rounds):
            say(f"{workload.name}: round {number + 1} of {rounds}")
            for label in _rotated(list(entries), number):
                entry = entries[label]
                turns.setdefault(label, []).append(entry.contender.take_turn(entry.processes, tries=tries))
        setups = {label: entry.contender.setup for label, entry in entries.items() if label != MACHINE}
    measured = {label: rates(turns[label]) for label in setups}
    return {
        "task": workload.task,
        "batch_size": workload.batch_size,
        "epochs": workload.epochs,
        "unit": workload.unit,
        "workers": workers,
        "contenders": {
            label: {**setup, "rates": measured[label], "turns": turns[label]} for label, setup in setups.items()
        },
        "ratios": _ratios(measured),
        "cell": _cell(workload, setups[ONE], turns[ONE]),
        "ceiling": None if workload.least is None else _ceiling(workload, turns[ONE], turns[MACHINE]),
        "others": [float(answers[0]["others"]) for label in setups for answers in turns[label]],
        "notes": notes,
    }


def _others(workload: Workload, folder: Path, *, quick: bool, threads: int, notes: list[str]) -> dict[str, list[str]]:
    """Label -> command line of each contender but the harness's workers."""
    others: dict[str, list[str]] = {}
    if not quick and threads > 1:
        others[ONE_WIDE] = ["-m", "harness.commands.bench.cells", *workload.command, f"train.threads={threads}"]
    if workload.description is None:
        notes.append(workload.note)
        return others
    data = write_data(workload.overrides, folder / f"{workload.name}.npz", workload.config_dirs)
    model = write_model(workload, folder / f"{workload.name}.json")
    common = [f"--data={data}", f"--model={model}", f"--epochs={workload.epochs}"]
    common += [f"--batch-size={workload.batch_size}"]
    others[KERAS] = keras = [str(contender_script("keras_fit")), *common, "--serve"]
    if not quick:
        others[KERAS_STEPS] = [*keras, f"--steps-per-execution={STEPS_TOGETHER}"]
    if importlib.util.find_spec("torch") is None:
        notes.append("PyTorch is not installed: pip install 'bn-axis-harness[bench]'")
        return others
    others[TORCH] = torch = [str(contender_script("pytorch")), *common]
    # torch.compile leaves recurrences to the same kernels as before.
    if not quick and not has_recurrence(workload.description["layers"]):
        others[TORCH_COMPILED] = [*torch, "--compile"]
    return others


def _rotated(labels: list[str], number: int) -> list[str]:
    """The labels from another one on in each round: nobody is always the one that follows the slowest."""
    start = number % len(labels)
    return labels[start:] + labels[:start]


def _ratios(measured: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    ours, rivals = [[label for label in measured if (label in OURS) == own] for own in (True, False)]
    return {pair_of(one, other): ratios(measured[one], measured[other]) for one in ours for other in rivals}


def pair_of(one: str, other: str) -> str:
    """What the ratio of two contenders is called."""
    return f"{one} / {other}"


def _cell(workload: Workload, setup: Answer, turns: Turns) -> dict[str, float]:
    """Where the seconds of a warm cell go, and what comes before it."""
    whole, epochs, data, own = (
        typical(turns, key) for key in ("cell_seconds", "seconds", "data_seconds", "own_seconds")
    )
    validation = workload.epochs * typical(turns, "validation_seconds")
    return {
        "whole": whole,
        "steps": epochs - validation,
        "validation": validation,
        "evaluation": whole - epochs - data - own,
        "data": data,
        "own": own,
        "first_of_its_kind": setup["first_cell_seconds"],
        "import": setup["import_seconds"],
        "loading": setup["loading_seconds"],
        "planning": setup["planning_seconds"],
    }


def _ceiling(workload: Workload, turns: Turns, readings: Turns) -> dict[str, float]:
    """What one core can do, and the time of a step beside the least that this allows."""
    least = workload.least
    assert least is not None
    operations, moved = typical(readings, "operations"), typical(readings, "bytes")
    validation = workload.epochs * typical(turns, "validation_seconds")
    step = median((answer["seconds"] - validation) / answer["steps"] for answers in turns for answer in answers)
    return {
        "operations_per_second": operations,
        "bytes_per_second": moved,
        "products_seconds": workload.batch_size * least.operations / operations,
        "memory_seconds": (workload.batch_size * least.moved_bytes + least.weights_bytes) / moved,
        "step_seconds": step,
    }
