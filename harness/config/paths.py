"""Paths as users write them: `~` is their home, which no shell puts in after a `=` or in quotes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.types import UserError

PATHS = (
    "results_dir",
    "data_root",
    *(f"task.data.{key}" for key in ("path", "labels_path", "spectra_path", "data_dir")),
    "architecture.path",
)


def is_path(key: str) -> bool:
    """Whether a setting holds a path."""
    return key.lstrip("+") in PATHS


def at_home(text: str) -> str:
    """A path with a leading `~` or `~name` as that home; one that names nobody's home stays as it is."""
    try:
        return str(Path(text).expanduser()) if text.startswith("~") else text
    except RuntimeError:
        return text


def expand_home(override: str) -> str:
    """An override (`results_dir=~/runs`) with the home in its path put in."""
    key, equals, value = override.partition("=")
    return f"{key}={at_home(value)}" if equals and is_path(key) else override


def expand_paths(config: Mapping[str, Any]) -> None:
    """The same for the paths of a config, in place: a yaml may hold them too.

    Raises:
        UserError: what is to be a path is none.
    """
    for dotted in PATHS:
        *parents, leaf = dotted.split(".")
        node: Any = config
        for parent in parents:
            node = node.get(parent) if isinstance(node, dict) else None
        if not isinstance(node, dict) or node.get(leaf) is None:
            continue
        if not isinstance(node[leaf], str):
            raise UserError(f"{dotted}: expected a path. Received: {node[leaf]}")
        node[leaf] = at_home(node[leaf])
