"""What `run` and `plan` do alike: from a command line to configs."""

from __future__ import annotations

from typing import Any

from harness.cli import Arguments
from harness.config import hydra_session
from harness.grid import expand
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
