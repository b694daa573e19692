"""A verb's command line taken apart: words, overrides, options, config folders and Hydra's flags."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from harness.config.folders import check_config_dirs
from harness.config.paths import at_home
from harness.types import UserError
from harness.words import choose_from

if TYPE_CHECKING:
    from harness.config.composer import Composer
    from harness.statistics.rules import Prediction

HYDRA_FLAGS_WITH_VALUE = ("--cfg", "-c", "--package", "-p")
HYDRA_FLAGS = ("--resolve", "--hydra-help")
HYDRA_CONFIGS = ("job", "hydra", "all")
HYDRA_INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")


# Options of verbs that hold a path.
PATH_OPTIONS = ("results_dir", "out", "against", "file")


@dataclass(frozen=True)
class Arguments:
    """A verb's command line taken apart.

    Attributes:
        words: what is neither an override nor an option (a cell's id, say).
        overrides: Hydra's overrides, `key=value`.
        config_dirs: the user's own config folders (`--config-dir`).
        hydra_flags: flags of Hydra's that print something and run nothing, with their values.
        multirun: whether `--multirun` was given, which makes no difference to a grid.
    """

    words: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    config_dirs: tuple[Path, ...] = ()
    hydra_flags: tuple[str, ...] = ()
    multirun: bool = field(default=False, compare=False)


def parse(argv: Sequence[str]) -> Arguments:
    """Tell overrides, words, config folders and Hydra's flags apart.

    Raises:
        UserError: an option or a value of one that does not exist, or one that lacks its value.
    """
    words, overrides, config_dirs, flags = [], [], [], []
    rest = list(argv)
    multirun = False

    def value_of(name: str, argument: str) -> str:
        value = argument.partition("=")[2]
        if value:
            return value
        if not rest or "=" in argument:
            raise UserError(f"{name} expects a value after it. Received: nothing")
        return rest.pop(0)

    while rest:
        argument = rest.pop(0)
        name, _, inline = argument.partition("=")
        if name in ("--config-dir", "-cd"):
            config_dirs.append(Path(at_home(value_of(name, argument))))
        elif name in HYDRA_FLAGS_WITH_VALUE:
            value = value_of(name, argument)
            if name in ("--cfg", "-c") and value not in HYDRA_CONFIGS:
                raise UserError(f"{name}: {choose_from(value, HYDRA_CONFIGS)}")
            flags += [name, value]
        elif name in ("--info", "-i"):
            asked = inline or (rest.pop(0) if rest and rest[0] in HYDRA_INFO else "all")
            if asked not in HYDRA_INFO:
                raise UserError(f"{name}: {choose_from(asked, HYDRA_INFO)}")
            flags.append(f"--info={asked}")
        elif name in HYDRA_FLAGS:
            flags.append(argument)
        elif name in ("--multirun", "-m"):
            multirun = True  # Hydra's users type it; several values make a grid without it
        elif argument.startswith("-"):
            raise UserError(f"no such option; python -m harness --help lists what there is. Received: {argument}")
        elif "=" in argument or argument.startswith("~"):
            overrides.append(argument)
        else:
            words.append(argument)
    if {"--resolve", "--package", "-p"} & {*flags} and not {"--cfg", "-c"} & {*flags}:
        raise UserError(f"expected --cfg job with it. Received: {' '.join(flags)}")
    return Arguments(tuple(words), tuple(overrides), tuple(config_dirs), tuple(flags), multirun)


def read_options(arguments: Arguments, *, takes_config_dirs: bool = False, **defaults: str) -> dict[str, str]:
    """The options given, over their defaults; a `~` in a path is the user's home.

    Raises:
        UserError: an option or a flag that the verb does not have.
    """
    refuse_flags(arguments, config_dirs=not takes_config_dirs)
    options = dict(defaults)
    for text in arguments.overrides:
        key, _, value = text.partition("=")
        if not defaults:
            raise UserError(f"no such option: this verb has none, and --help says what it takes. Received: {text}")
        if key not in defaults:
            raise UserError(f"no such option: {choose_from(key, list(defaults))}")
        if key in PATH_OPTIONS and not value.strip():
            raise UserError(f"{key}: expected a path. Received: {text}")
        options[key] = at_home(value) if key in PATH_OPTIONS else value
    return options


def folders_of(text: str) -> list[Path]:
    """The results folders that an option names: `results/runs`, or several as `[A,B]`.

    Raises:
        UserError: an empty list, or one with an empty name.
    """
    if not (text.startswith("[") and text.endswith("]")):
        return [Path(text)]
    names = [name.strip().strip("'\"") for name in text[1:-1].split(",")]
    if not all(names):
        raise UserError(f"results_dir: expected folders, as in results_dir=[A,B]. Received: {text}")
    return [Path(at_home(name)) for name in dict.fromkeys(names)]


def refuse_flags(arguments: Arguments, *, config_dirs: bool = False) -> None:
    """Refuse the flags of a grid where there is none: they would be ignored.

    Raises:
        UserError: one was given, or with `config_dirs` a config folder.
    """
    given = [*arguments.hydra_flags, *(["--multirun"] if arguments.multirun else [])]
    if config_dirs:
        given += [f"--config-dir {folder}" for folder in arguments.config_dirs]
    if given:
        raise UserError(f"no such option of this verb; VERB --help lists what there is. Received: {given[0]}")
    check_config_dirs(arguments.config_dirs)


def whole_number(key: str, text: str, *, most: int = 100_000) -> int:
    """An option's value as a whole number of at least 1, in plain digits.

    Raises:
        UserError: it is none, or more than `most`.
    """
    if not re.fullmatch(r"[0-9]+", text) or not text.strip("0"):
        raise UserError(f"{key}: expected a whole number of at least 1. Received: {text}")
    if len(text.lstrip("0")) > len(str(most)) or int(text) > most:
        raise UserError(f"{key}: expected at most {most:,}. Received: {text}")
    return int(text)


def positive_number(key: str, text: str) -> float | None:
    """An option's value as a number above 0, in the metric's own unit; None where none was given.

    Raises:
        UserError: it is none.
    """
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value > 0 or math.isinf(value):
        raise UserError(f"{key}: expected a number above 0, in the metric's own unit. Received: {key}={text}")
    return value


def refuse_words(arguments: Arguments) -> None:
    """Refuse what is no override where overrides are taken.

    Raises:
        UserError: there is such a word.
    """
    if arguments.words:
        raise UserError(f"expected overrides such as task=mnist. Received: {' '.join(arguments.words)}")


def configs_of(arguments: Arguments, console: Console | None = None) -> list[dict[str, Any]]:
    """The configs of the grid that a command line names; on `console`, which of several files of one name were taken.

    Raises:
        UserError: an override that does not parse, an unknown key, group or value, or a setting out of range.
    """
    from harness.config.backend import check_backend
    from harness.config.composer import hydra_session
    from harness.config.grid import expand

    refuse_words(arguments)
    check_backend()
    with hydra_session(arguments.config_dirs) as composer:
        try:
            configs = expand(composer, arguments.overrides)
            for study in sorted({config["study"] for config in configs if config.get("study")}):
                predictions_of(composer, study)
            return configs
        finally:
            # Also where something is wrong with them.
            if console is not None:
                for note in composer.notes:
                    console.print(note, style="yellow", soft_wrap=True)


def predictions_of(composer: Composer, study: str) -> tuple[Prediction, ...]:
    """What a study's file says that its records are to show.

    Raises:
        UserError: a rule is misspelt.
    """
    from harness.config.grid import study_predictions
    from harness.statistics.rules import Vocabulary, read_predictions

    content, settings = study_predictions(composer, study)
    return read_predictions(content, Vocabulary(composer.options("axis"), settings), study=study)
