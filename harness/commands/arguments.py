"""A verb's command line taken apart: words, overrides, options, config folders and Hydra's flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.types import UserError
from harness.words import choose_from

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


def read_options(arguments: Arguments, **defaults: str) -> dict[str, str]:
    """The options given, over their defaults.

    Raises:
        UserError: an option that the verb does not have.
    """
    options = dict(defaults)
    for text in arguments.overrides:
        key, _, value = text.partition("=")
        if key not in defaults:
            raise UserError(f"no such option: {choose_from(key, list(defaults))}")
        options[key] = value
    return options


def configs_of(arguments: Arguments) -> list[dict[str, Any]]:
    """The configs of the grid that a command line names.

    Raises:
        UserError: an override that does not parse, an unknown key, group or value, or a setting out of range.
    """
    from harness.config.composer import hydra_session
    from harness.config.grid import expand

    if arguments.words:
        raise UserError(f"expected overrides such as task=mnist. Received: {' '.join(arguments.words)}")
    with hydra_session(arguments.config_dirs) as composer:
        return expand(composer, arguments.overrides)
