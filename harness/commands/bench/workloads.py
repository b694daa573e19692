"""What is measured: each architecture on a task that it takes, as described for all contenders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.commands.bench.least import Least, count
from harness.commands.check import TRIED_ON
from harness.config.composer import Composer, hydra_session
from harness.config.grid import expand
from harness.types import UserError
from harness.words import choose_from

GRID = "grid"
GRID_OF = "seed_cnn"  # whose cells the grid has
SHORT = {"cnn": "seed_cnn", "lstm": "seed_lstm"}
# Nothing without a file.
_NOT_OURS = ("from_file",)
_WITHOUT_NETWORK = {"mnist": ("task.data.source=embedded", "task.data.test=0.1")}
_UNITS = {
    ("height", "width", "channel"): "images",
    ("height", "width", "band"): "patches",
    ("time", "feature"): "sequences",
}


@dataclass(frozen=True)
class Workload:
    """One architecture on one task, trained alike by every contender.

    Attributes:
        name: of the architecture.
        task: its name.
        overrides: what makes the harness train it.
        config_dirs: the user's own config folders.
        unit: what an example is called.
        epochs: how many make a turn.
        batch_size: examples in a step.
        description: the model in plain values (`harness.commands.bench.description`); None where it has no peers.
        note: why it has none, empty where it has.
    """

    name: str
    task: str
    overrides: tuple[str, ...]
    config_dirs: tuple[Path, ...]
    unit: str
    epochs: int
    batch_size: int
    description: dict[str, Any] | None = None
    note: str = ""

    @cached_property
    def least(self) -> Least | None:
        """What a step must compute and move at the least, for one example; None where nobody knows its layers."""
        return None if self.description is None else count(self.description["layers"])

    @property
    def command(self) -> list[str]:
        """The words of a command line that name it: overrides and config folders."""
        return [*self.overrides, *(f"--config-dir={folder}" for folder in self.config_dirs)]


def names_of(text: str | None, config_dirs: Sequence[Path]) -> list[str]:
    """The parts that `only` names, each once: architectures and `grid`; all of them where it is None.

    Raises:
        UserError: there is no such architecture.
    """
    with hydra_session(config_dirs) as composer:
        there = [name for name in composer.options("architecture") if name not in _NOT_OURS]
    parts = [*there, GRID]
    chosen = []
    for word in parts if text is None else text.split(","):
        name = SHORT.get(word, word)
        if name not in parts:
            raise UserError(f"only: {choose_from(word, [*parts, *SHORT])}")
        chosen.append(name)
    return list(dict.fromkeys(chosen))


def find_workload(
    name: str, *, config_dirs: Sequence[Path] = (), batch_size: int | None = None, quick: bool = False
) -> Workload:
    """An architecture on its own task: the one whose default it is, else the first whose axes it takes. Imports Keras.

    Args:
        name: of the architecture.
        config_dirs: the user's own config folders, whose tasks come first.
        batch_size: that of the task's recipe where it is None.
        quick: a turn is one epoch in the place of as many as the recipe has.

    Raises:
        UserError: it takes no task that needs neither a file nor a network.
    """
    own = sorted({path.stem for folder in config_dirs for path in (folder / "task").glob("*.yaml")})
    tasks = list(dict.fromkeys([*own, *TRIED_ON]))
    with hydra_session(config_dirs) as composer:
        tasks.sort(key=lambda task: _default_of(composer, task) != name)
    problem: UserError | None = None
    for task in tasks:
        overrides = (f"task={task}", *_WITHOUT_NETWORK.get(task, ()), f"architecture={name}", "axis=channel")
        overrides += (f"train.batch_size={batch_size}",) if batch_size else ()
        overrides += ("train.epochs=1",) if quick else ()
        try:
            return _described(name, task, overrides, tuple(config_dirs))
        except UserError as error:
            problem = problem or error
    assert problem is not None
    raise problem


def with_axis(workload: Workload, axis: str) -> Workload:
    """The same under another strategy."""
    overrides = tuple(text for text in workload.overrides if not text.startswith("axis="))
    return _described(workload.name, workload.task, (*overrides, f"axis={axis}"), workload.config_dirs)


def _default_of(composer: Composer, task: str) -> str:
    """The architecture that a task's `comparison` names; empty where it names none."""
    try:
        with_any = composer.compose([f"task={task}", "architecture=mlp", "axis=none"])
        return str(with_any.config.task.comparison.architecture)
    except Exception:  # of whatever kind: it is found again, and told, where the task is tried
        return ""


def _described(name: str, task: str, overrides: tuple[str, ...], config_dirs: tuple[Path, ...]) -> Workload:
    from harness.cell.data import load_task
    from harness.cell.sites import find_sites
    from harness.commands.bench.description import NoPeerError, describe

    with hydra_session(config_dirs) as composer:
        [config] = expand(composer, [*overrides, "seed=0"])
    spec = load_task(config["task"]["data"]).data.spec
    find_sites(config, spec)
    description, note = None, ""
    try:
        description = describe(config, spec)
    except NoPeerError as error:
        note = f"{name} has no peers: {error}"
    train = config["train"]
    unit = _UNITS.get(tuple(spec.axes), "examples")
    return Workload(name, task, overrides, config_dirs, unit, train["epochs"], train["batch_size"], description, note)
