"""Hydra's own flags, done by Hydra: it prints a config and where it came from, and completes words in a shell."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import hydra
from omegaconf import DictConfig

from harness.cli import VERBS, Arguments
from harness.config import CONFIG_NAME, config_directory, hydra_session
from harness.grid import first_overrides


def print_hydra(arguments: Arguments) -> int:
    """Let Hydra print the config, its sources or its help, for the grid's first cell."""
    if "--hydra-help" in arguments.hydra_flags:
        _let_hydra(["--hydra-help"])
        return 0
    with hydra_session(arguments.config_dirs) as composer:
        overrides = first_overrides(composer, arguments.overrides)
        # Our own message and exit status for what does not compose; Hydra's are many lines and 1.
        composer.compose(overrides)
    if arguments.config_dirs:
        overrides.append(f"hydra.searchpath=[{','.join(f'file://{d.resolve()}' for d in arguments.config_dirs)}]")
    _let_hydra([*arguments.hydra_flags, *overrides])
    return 0


def complete(flags: Sequence[str]) -> int:
    """Install Hydra's shell completion, or answer what it asks when a user presses Tab.

    The line that is being typed is in the environment, verb and all; Hydra is shown it without the verb.
    """
    words = os.environ.get("COMP_LINE", "").split(" ")
    if len(words) == 2 and "query" in " ".join(flags):
        print(" ".join(verb for verb in VERBS if verb.startswith(words[1])))
        return 0
    if len(words) > 2 and words[1] in VERBS:
        os.environ["COMP_LINE"] = " ".join([words[0], *words[2:]])
    _let_hydra(flags)
    return 0


def _let_hydra(flags: Sequence[str]) -> None:
    sys.argv = ["harness", *flags]
    hydra.main(version_base=None, config_path=str(config_directory()), config_name=CONFIG_NAME)(_never)()


def _never(config: DictConfig) -> None:
    raise AssertionError("Hydra was asked to print, not to run")
