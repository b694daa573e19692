"""What `run` and `plan` do alike: from a command line to a plan, and Hydra's own ways to print a config."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig

from harness.cli import Arguments
from harness.config import CONFIG_NAME, config_directory, hydra_session
from harness.grid import expand, first_overrides
from harness.inspection import find_sites
from harness.plan import Plan, build_plan
from harness.types import UserError


def plan_of(arguments: Arguments) -> tuple[list[dict[str, Any]], Plan]:
    """The configs of the grid that a command line names, and the plan for them.

    Raises:
        UserError: anything that would keep a cell from being run, apart from strategies that fit no site:
            those stand in the plan with the reason.
    """
    if arguments.words:
        raise UserError(f"expected overrides such as task=mnist. Received: {' '.join(arguments.words)}")
    with hydra_session(arguments.config_dirs) as composer:
        configs = expand(composer, arguments.overrides)
    return configs, build_plan(configs, Path(configs[0]["results_dir"]), find_sites)


def print_hydra(arguments: Arguments) -> int:
    """Let Hydra itself print the config, its sources or its help, for the grid's first cell."""
    with hydra_session(arguments.config_dirs) as composer:
        overrides = first_overrides(composer, arguments.overrides)
    search_path = [f"hydra.searchpath=[{','.join(f'file://{d.resolve()}' for d in arguments.config_dirs)}]"]
    sys.argv = ["harness", *arguments.hydra_flags, *overrides, *(search_path if arguments.config_dirs else [])]
    hydra.main(version_base=None, config_path=str(config_directory()), config_name=CONFIG_NAME)(_never)()
    return 0


def _never(config: DictConfig) -> None:
    raise AssertionError("Hydra was asked to print, not to run")
