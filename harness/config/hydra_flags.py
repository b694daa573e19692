"""Hydra's own flags, done by Hydra: it prints a config and where it came from, and completes words in a shell."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import hydra
from omegaconf import DictConfig

from harness.config.composer import CONFIG_NAME, config_directory, hydra_session
from harness.config.grid import first_overrides


def print_hydra(flags: Sequence[str], overrides: Sequence[str], config_dirs: Sequence[Path]) -> int:
    """Let Hydra print the config, its sources or its help, for the grid's first cell."""
    if "--hydra-help" in flags:
        _let_hydra(["--hydra-help"])
        return 0
    with hydra_session(config_dirs) as composer:
        first = first_overrides(composer, overrides)
        # Our own message and exit status for what does not compose; Hydra's are many lines and 1.
        composer.compose(first)
    if config_dirs:
        first.append(f"hydra.searchpath=[{','.join(f'file://{d.resolve()}' for d in config_dirs)}]")
    _let_hydra([*flags, *first])
    return 0


def complete(flags: Sequence[str], verbs: Collection[str]) -> int:
    """Install Hydra's shell completion, or answer what it asks when a user presses Tab.

    The line that is being typed is in the environment, verb and all; Hydra is shown it without the verb.
    """
    words = os.environ.get("COMP_LINE", "").split(" ")
    if len(words) == 2 and "query" in " ".join(flags):
        print(" ".join(verb for verb in verbs if verb.startswith(words[1])))
        return 0
    if len(words) > 2 and words[1] in verbs:
        os.environ["COMP_LINE"] = " ".join([words[0], *words[2:]])
    _let_hydra(flags)
    return 0


def _let_hydra(flags: Sequence[str]) -> None:
    sys.argv = ["harness", *flags]
    hydra.main(version_base=None, config_path=str(config_directory()), config_name=CONFIG_NAME)(_never)()


def _never(config: DictConfig) -> None:
    raise AssertionError("Hydra was asked to print, not to run")
