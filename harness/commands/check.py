"""usage: python -m harness check [task=NAME] [architecture=NAME] [axis=NAME] [--config-dir DIR]

Holds tasks, architectures and strategies of your own to what they promise, with a line on each promise: a loader
that gives the same data again, a split that hangs on its seed alone, metrics within their range; a model whose
names and first weights are the same each time, a training step with a finite gradient for every weight, a file that
opens again with the same outputs. Nothing is trained and nothing is written.

  python -m harness check --config-dir conf     everything in that folder, each with what fits it
  python -m harness check task=mnist axis=keep axis.keep=[height]     one cell's task, architecture and strategy

Exit status: 0 if all promises are kept, 1 if one is not, 2 for bad input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from harness.cell.cell import Cell
from harness.commands.arguments import Arguments, configs_of, refuse_words
from harness.config.build import what_went_wrong
from harness.engines.plan import build_plan
from harness.types import UserError
from harness.words import visible

# Of ours, those that need no file and no network: on one of them an architecture or a strategy can be tried.
TRIED_ON = ("mnist", "degradation", "hyperspectral", "adding")


def main(arguments: Arguments, console: Console) -> int:
    """Check what is asked for, or all that is in the config folders."""
    refuse_words(arguments)
    if arguments.hydra_flags:
        raise UserError(f"check takes no flags of Hydra's. Received: {' '.join(arguments.hydra_flags)}")
    if not arguments.overrides and not arguments.config_dirs:
        raise UserError(
            "expected --config-dir DIR with tasks, architectures or strategies of your own, or task=NAME, "
            "architecture=NAME, axis=NAME. Received: neither"
        )
    kept = [_check(title, overrides, arguments, console) for title, overrides in _wanted(arguments)]
    good = sum(kept)
    console.print(f"{good} of {len(kept)} keep what they promise", style="green" if good == len(kept) else "red")
    return 0 if good == len(kept) else 1


def _wanted(arguments: Arguments) -> list[tuple[str, list[list[str]]]]:
    """What is checked: a title, and the overrides to try it with, of which the first that fits is taken."""
    if arguments.overrides:
        return [(" ".join(arguments.overrides), [list(arguments.overrides)])]
    own = {group: _names(arguments.config_dirs, group) for group in ("task", "architecture", "axis")}
    if not any(own.values()):
        folders = ", ".join(map(str, arguments.config_dirs))
        raise UserError(f"expected a yaml in task/, architecture/ or axis/ of --config-dir. Received: {folders}")
    tasks = [*own["task"], *TRIED_ON]
    wanted = [(f"task={name}", [[f"task={name}"], *_with_any(f"task={name}", own)]) for name in own["task"]]
    wanted += [
        (f"architecture={name}", [[f"task={task}", f"architecture={name}", "axis=channel"] for task in tasks])
        for name in own["architecture"]
    ]
    wanted += [
        (f"axis={name}", [[f"task={task}", *_suggested(task, own), f"axis={name}"] for task in tasks])
        for name in own["axis"]
    ]
    return wanted


def _with_any(task: str, own: dict[str, list[str]]) -> list[list[str]]:
    """For a task that suggests no comparison of its own."""
    ours = ("seed_cnn", "seed_lstm", "hyper_cnn2d", "mlp")
    return [[task, f"architecture={name}", "axis=channel"] for name in (*own["architecture"], *ours)]


def _suggested(task: str, own: dict[str, list[str]]) -> list[str]:
    return [] if task not in own["task"] or not own["architecture"] else [f"architecture={own['architecture'][0]}"]


def _names(folders: Sequence[Path], group: str) -> list[str]:
    return sorted({path.stem for folder in folders for path in (folder / group).glob("*.yaml")})


def _check(title: str, tried: Sequence[Sequence[str]], arguments: Arguments, console: Console) -> bool:
    from harness.cell.device import import_tensorflow

    import_tensorflow()
    console.print(Text(visible(title), style="bold"), soft_wrap=True)
    try:
        cell = _first_fitting(tried, arguments.config_dirs)
        said = cell.config
        console.print(
            f"  with task={said['task']['name']} architecture={said['architecture']['name']} "
            f"axis={said['axis']['name']}",
            style="dim",
            soft_wrap=True,
        )
        for line in _promises(cell, whole=not title.startswith(("architecture=", "axis="))):
            console.print(Text.assemble(("  kept    ", "green"), visible(line)), soft_wrap=True)
    except UserError as error:
        console.print(Text.assemble(("  broken  ", "red"), visible(" ".join(str(error).split()))), soft_wrap=True)
        return False
    return True


def _promises(cell: Cell, *, whole: bool) -> Iterator[str]:
    from harness.cell.contract import check_model, check_task

    if whole:
        yield from _told(check_task, cell, "task")
    yield from _told(check_model, cell, "architecture")


def _told(check: Callable[[Cell], Iterator[str]], cell: Cell, group: str) -> Iterator[str]:
    try:
        yield from check(cell)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # of any kind, of the user's own code
        raise UserError(what_went_wrong(error, cell.config[group])) from error


def _first_fitting(tried: Sequence[Sequence[str]], config_dirs: Sequence[Path]) -> Cell:
    """The first cell that can be planned; where none can be, what was wrong with the first."""
    from harness.cell.sites import find_sites

    problem: UserError | None = None
    for overrides in tried:
        try:
            configs = configs_of(Arguments(overrides=tuple(overrides), config_dirs=tuple(config_dirs)))
            plan = build_plan(configs[:1], Path(configs[0]["results_dir"]), find_sites)
            if not plan.invalid:
                return plan.cells[0].cell
            raise UserError(plan.invalid[0].invalid)
        except UserError as error:
            problem = problem or error
    assert problem is not None
    raise problem
