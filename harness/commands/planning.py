"""What `run` and `plan` do alike: from a command line to configs, and Hydra's own ways to print one."""

from __future__ import annotations

import sys
from typing import Any

import hydra
from omegaconf import DictConfig

from harness.cli import Arguments
from harness.config import CONFIG_NAME, config_directory, hydra_session
from harness.grid import expand, first_overrides
from harness.types import UserError


def configs_of(arguments: Arguments) -> list[dict[str, Any]]:
    """The configs of the grid that a command line names.

    Raises:
        UserError: an override that does not parse, an unknown key, group or value, or a setting out of range.
    """
    if arguments.words:
        raise UserError(f"expected overrides such as task=mnist. Received: {' '.join(arguments.words)}")
    with hydra_session(arguments.config_dirs) as composer:
        return expand(composer, arguments.overrides)


def print_hydra(arguments: Arguments) -> int:
    """Let Hydra itself print the config, its sources or its help, for the grid's first cell."""
    with hydra_session(arguments.config_dirs) as composer:
        overrides = first_overrides(composer, arguments.overrides)
        # Our own message and exit status for what does not compose; Hydra's are many lines and 1.
        composer.compose(overrides)
    search_path = [f"hydra.searchpath=[{','.join(f'file://{d.resolve()}' for d in arguments.config_dirs)}]"]
    sys.argv = ["harness", *arguments.hydra_flags, *overrides, *(search_path if arguments.config_dirs else [])]
    hydra.main(version_base=None, config_path=str(config_directory()), config_name=CONFIG_NAME)(_never)()
    return 0


def _never(config: DictConfig) -> None:
    raise AssertionError("Hydra was asked to print, not to run")
