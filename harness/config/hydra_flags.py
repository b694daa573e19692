"""Hydra's own flags, done by Hydra: it prints a config and where it came from, and completes words in a shell."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from harness.config.composer import CONFIG_NAME, config_directory, hydra_session
from harness.config.grid import first_overrides
from harness.types import UserError
from harness.words import first_line


def print_hydra(flags: Sequence[str], overrides: Sequence[str], config_dirs: Sequence[Path]) -> int:
    """Let Hydra print the config, its sources or its help, for the grid's first cell."""
    if "--hydra-help" in flags:
        _let_hydra(["--hydra-help"])
        return 0
    with hydra_session(config_dirs) as composer:
        first = first_overrides(composer, overrides)
        # Our own message and exit status for what does not compose; Hydra's are many lines and 1.
        composer.note_files(composer.compose(first))
        for note in composer.notes:
            print(note, file=sys.stderr)  # the config on stdout is yaml for others to read
        _print(GlobalHydra.instance().hydra, flags, first)
    return 0


def _print(composing: Any, flags: Sequence[str], overrides: Sequence[str]) -> None:
    """Have Hydra print what the flags ask for, from the folders of this session and in their order."""
    values = dict(itertools.pairwise(flags))
    infos = [flag.partition("=")[2] for flag in flags if flag.startswith("--info=")]
    asked = values.get("--cfg") or values.get("-c")
    if asked and infos:
        raise UserError(f"expected --cfg or --info. Received: {' '.join(flags)}")
    if infos:
        composing.show_info(infos[-1], config_name=CONFIG_NAME, overrides=[*overrides])
        return
    package = values.get("--package") or values.get("-p")
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            composing.show_cfg(CONFIG_NAME, [*overrides], asked, package, resolve="--resolve" in flags)
    except SystemExit as error:
        raise UserError(f"--package: {complaint.getvalue().strip()}. Received: {package}") from error
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(f"--cfg: {first_line(error)}") from error


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
