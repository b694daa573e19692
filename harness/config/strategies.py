"""Strategies by name without a task around them: from the yaml files in `conf/axis/`, ours and the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from harness.config.build import build_strategy, what_went_wrong
from harness.config.composer import config_directory
from harness.config.folders import check_config_dirs
from harness.config.looks import check_look
from harness.config.naming import name_of_changed
from harness.types import UserError
from harness.words import choose_from, first_line


def strategy_files(config_dirs: Sequence[Path] = ()) -> dict[str, Path]:
    """Each strategy's file by its name, in the order of names; a file of the user's goes before one of ours."""
    check_config_dirs(config_dirs)
    found: dict[str, Path] = {}
    for folder in (config_directory(), *reversed(config_dirs)):
        found |= {path.stem: path for path in (folder / "axis").glob("*.yaml")}
    return dict(sorted(found.items()))


def load_strategy(name: str, settings: Mapping[str, Any], config_dirs: Sequence[Path] = ()) -> Any:
    """The strategy called `name`, with other settings (`ghost`, `stat_axes`, ...) in the place of its file's own.

    Raises:
        UserError: there is no such strategy or setting, or it cannot be built.
    """
    files = strategy_files(config_dirs)
    if name not in files:
        raise UserError(f"axis: {choose_from(name, list(files))}")
    node = _read(files[name])
    try:
        called = name if name == "keep" else name_of_changed(name, node, {**node, **settings})
        return build_strategy({**node, "name": called, **settings})
    except UserError:
        raise
    except Exception as error:
        what = what_went_wrong(error, {**node, **settings})
        raise UserError(f"axis={name}: {what}. Received: {dict(settings) or name}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        node = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(
            f"expected a yaml file that describes a strategy ({first_line(error)}). Received: {path}"
        ) from error
    if not isinstance(node, dict) or not isinstance(node.get("_target_"), str):
        raise UserError(f"expected a yaml file with a _target_. Received: {path}")
    check_look(node.get("look", {}))
    return {str(key): value for key, value in node.items()}
