"""The user's own config folders."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from harness.types import UserError


def check_config_dirs(config_dirs: Sequence[Path]) -> None:
    """Refuse a `--config-dir` that is no folder."""
    for directory in config_dirs:
        try:
            there = directory.is_dir()
        except OSError:  # a name that no file could have
            there = False
        if not there:
            raise UserError(f"--config-dir expects an existing directory. Received: {directory}")


def import_from(config_dirs: Sequence[Path]) -> None:
    """Let a `_target_` name modules in the current folder, as `python -m` does, and beside the config folders."""
    for folder in (Path.cwd(), *(directory.resolve().parent for directory in config_dirs)):
        if str(folder) not in sys.path and not (folder == Path.cwd() and "" in sys.path):
            sys.path.append(str(folder))
