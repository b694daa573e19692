"""Whose code a record may call: ours, and what the user's own config folder of this command names; nobody else's.

A record comes from anywhere, and its config names what is called to compute it. Whoever runs it again means to train a
network, not to call `os.system`. So each `_target_` must stand in a yaml that came with this package or in one of
the folders that the user names, or be a loss of Keras; and nothing else in it may make Hydra, OmegaConf or Keras call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.types import UserError
from harness.words import in_one_line

# `task.loss._target_=keras.losses.Huber` is typed on a command line; what is written small there is no loss.
_KERAS_LOSS = re.compile(r"keras\.losses\.[A-Z][A-Za-z0-9]*")
_NAMED = re.compile(r"""_target_["']?\s*:\s*["']?([A-Za-z_][\w.]*)""")
_COMMENT = re.compile(r"(^|\s)#.*")
# By these Keras knows an object that is to be made from its config.
_KERAS_OBJECT = ("class_name", "registered_name")
_MOST_DEEP = 32


def check_trusted(config: Mapping[str, Any], config_dirs: Iterable[Path] = ()) -> None:
    """Refuse a record's config that would call anything but what is trusted.

    Args:
        config: of the record.
        config_dirs: the user's own config folders, given with this command.

    Raises:
        UserError: a `_target_` that nobody whom the user trusts has named, or a value that stands for a call.
    """
    trusted = named_targets(_shipped()) | named_targets(tuple(config_dirs))
    for place, value in _all_values(config, "", 0):
        key = place.rpartition(".")[2]
        if key == "_target_" and not (isinstance(value, str) and (value in trusted or _KERAS_LOSS.fullmatch(value))):
            raise UserError(
                f"the record asks for {in_one_line(place)}={in_one_line(str(value), 120)}, which no config of this "
                "package names; --config-dir DIR with a yaml that names it says that you trust it. "
                f"Received: {in_one_line(str(value), 120)}"
            )
        if key in _KERAS_OBJECT or (isinstance(value, str) and "${" in value):
            raise UserError(
                f"the record's {in_one_line(place)} stands for something that is to be made or looked up, as no "
                f"record's does that `run` has written. Received: {in_one_line(str(value), 120)}"
            )


@lru_cache(maxsize=16)
def named_targets(folders: tuple[Path, ...]) -> frozenset[str]:
    """Every `_target_` that a yaml in one of these folders names."""
    found: set[str] = set()
    for folder in folders:
        for path in sorted(folder.rglob("*.yaml")):
            found |= _targets_of(path)
    return frozenset(found)


def _targets_of(path: Path) -> set[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return set()
    # By the lines alone: a yaml of the user's may hold what only Hydra understands. What is commented out is not named.
    return {name for line in text.splitlines() for name in _NAMED.findall(_COMMENT.sub("", line))}


def _shipped() -> tuple[Path, ...]:
    from harness.config.composer import config_directory

    return (config_directory(),)


def _all_values(node: Any, place: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Each value of a config with its dotted place: mappings, lists and keys too."""
    if depth > _MOST_DEEP:
        raise UserError(f"expected a config that is nested at most {_MOST_DEEP} deep. Received: {in_one_line(place)}")
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield f"{place}.{key}".lstrip("."), value
            yield f"{place}.(key)".lstrip("."), str(key)
            yield from _all_values(value, f"{place}.{key}", depth + 1)
    elif isinstance(node, (list, tuple)):
        for number, value in enumerate(node):
            yield f"{place}[{number}]".lstrip("."), value
            yield from _all_values(value, f"{place}[{number}]", depth + 1)
