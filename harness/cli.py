"""The command line: verbs, Hydra's overrides and flags, and what a mistake looks like.

Exit status: 0 all well, 1 some cell failed or differs, 2 bad input, 130 interrupted.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from harness.types import UserError

# Each verb is a module harness.commands.<verb>, whose docstring is its help and whose `main` does it.
VERBS = {
    "run": "run the grid that the overrides describe, skip what is done, print the comparison",
    "plan": "say what run would do: done, to run, the same as another, invalid and why; trains nothing",
    "status": "say how far the grids of a results folder are, also while they run",
    "report": "write a page, tables and figures from the records",
    "power": "say how many seeds would tell the strategies apart, going by the records of a pilot",
    "reproduce": "train one recorded cell again and compare it bit for bit",
    "bench": "measure how fast cells train, beside keras.fit and PyTorch",
    "publish": "make the committed records, tables, figures and notebooks again",
    "browse": "open the notebooks, or the published results as one page",
}
HYDRA_FLAGS_WITH_VALUE = ("--cfg", "-c", "--package", "-p")
HYDRA_FLAGS = ("--resolve", "--hydra-help")
HYDRA_INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")


@dataclass(frozen=True)
class Arguments:
    """A verb's command line taken apart.

    Attributes:
        words: what is neither an override nor an option (a cell's id, say).
        overrides: Hydra's overrides, `key=value`.
        config_dirs: the user's own config folders (`--config-dir`).
        hydra_flags: flags of Hydra's that print something and run nothing, with their values.
    """

    words: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    config_dirs: tuple[Path, ...] = ()
    hydra_flags: tuple[str, ...] = ()


def main(argv: Sequence[str]) -> int:
    """Do what one command line says and return the exit status."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_help())
        return 0 if argv else 2
    try:
        if argv[0] in ("-sc", "--shell-completion"):
            return _complete(argv)
        command = _command(argv[0])
        if any(flag in ("-h", "--help") for flag in argv[1:]):
            print(inspect.cleandoc(command.__doc__ or ""))
            return 0
        status: int = command.main(parse(argv[1:]), console())
        return status
    except UserError as error:
        print(f"harness: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("harness: interrupted; what is done is kept, and the same command goes on from there", file=sys.stderr)
        return 130


def script() -> None:
    """The installed command `harness`: the same as `python -m harness`."""
    sys.exit(main(sys.argv[1:]))


def console() -> Console:
    """The terminal; where there is none, lines as long as a wide terminal's, so that tables keep their columns."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=120)


def parse(argv: Sequence[str]) -> Arguments:
    """Tell overrides, words, config folders and Hydra's flags apart.

    Raises:
        UserError: an option that does not exist, or one that lacks its value.
    """
    words, overrides, config_dirs, flags = [], [], [], []
    rest = list(argv)

    def value_of(name: str, inline: str) -> str:
        if inline:
            return inline
        if not rest:
            raise UserError(f"{name} expects a value after it. Received: nothing")
        return rest.pop(0)

    while rest:
        argument = rest.pop(0)
        name, _, inline = argument.partition("=")
        if name in ("--config-dir", "-cd"):
            config_dirs.append(Path(value_of(name, inline)))
        elif name in HYDRA_FLAGS_WITH_VALUE:
            flags += [name, value_of(name, inline)]
        elif name in ("--info", "-i"):
            asked = inline or (rest.pop(0) if rest and rest[0] in HYDRA_INFO else "all")
            flags.append(f"--info={asked}")
        elif name in HYDRA_FLAGS:
            flags.append(argument)
        elif name in ("--multirun", "-m"):
            continue  # Hydra's users type it; several values make a grid without it
        elif argument.startswith("-"):
            raise UserError(f"no such option; python -m harness --help lists what there is. Received: {argument}")
        elif "=" in argument or argument.startswith("~"):
            overrides.append(argument)
        else:
            words.append(argument)
    return Arguments(tuple(words), tuple(overrides), tuple(config_dirs), tuple(flags))


def _command(name: str):  # type: ignore[no-untyped-def]  # a module with `main`
    from harness.words import choose_from

    if name not in VERBS:
        raise UserError(f"no such verb: {choose_from(name, list(VERBS))}")
    return importlib.import_module(f"harness.commands.{name}")


def _complete(argv: Sequence[str]) -> int:
    from harness.commands.hydra_flags import complete

    return complete(argv)


def _help() -> str:
    width = max(map(len, VERBS))
    return "\n".join(
        [
            "Which axes should my batch normalization keep, and what happens if I choose others?",
            "",
            "usage: python -m harness VERB [key=value ...]",
            "",
            *(f"  {name:<{width}}  {summary}" for name, summary in VERBS.items()),
            "",
            "Overrides are Hydra's: axis=none,channel seed=range(10) train.epochs=3. Several values make a grid.",
            "python -m harness VERB --help says more.",
            'For completion by the shell: eval "$(harness -sc install=bash)"',
        ]
    )
