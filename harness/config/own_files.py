"""Which file of the user's own, and which line of it, a complaint about a setting is about."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

GLOBAL = re.compile(r"^#\s*@package\s+_global_\s*$", re.MULTILINE)
_COMPLAINT = re.compile(r"(?:no such setting: )?(?P<key>[A-Za-z_]\w*(?:\.\w+)*)(?P<chosen>=[^\s:]+)?[: ]")
_REFERENCE = re.compile(r"\$\{([A-Za-z_]\w*(?:\.\w+)*)\}")
_COMPARED = "task.comparison"
_SWEPT = "hydra.sweeper.params"
_DEEPEST = 10  # of references to references


@dataclass(frozen=True)
class ConfigFile:
    """A yaml file that a config was made of.

    Attributes:
        group: the group that it is of, empty for the config itself.
        path: where it lies.
        own: whether it is in a config folder of the user's.
    """

    group: str
    path: Path
    own: bool


def with_place(message: str, files: Sequence[ConfigFile], typed: Collection[str]) -> str:
    """The message, behind the file and line that it is about where a file of the user's own said it.

    Args:
        message: a complaint that begins with the name of a setting.
        files: what the config was made of.
        typed: the settings and groups that the command line named, which no file is to be blamed for.
    """
    found = _COMPLAINT.match(message)
    if found is None:
        return message
    key = found["key"]
    if found["chosen"]:
        place = next((str(file.path) for file in files if file.own and file.group == key), "")
    elif any(f"{one}.".startswith(f"{key}.") or (f"{key}.".startswith(f"{one}.") and "." in one) for one in typed):
        return message
    else:
        # Of what a file says of a grid, too, and of what is not there the file that it belongs to.
        places = (_place_of(name, files) for name in (f"{_SWEPT}.{key}", key, f"{_COMPARED}.{key}"))
        group = key.partition(".")[0]
        missing = "Received: none" in message
        belongs = (str(file.path) for file in files if file.own and missing and "." in key and file.group == group)
        place = next((one for one in (*places, *belongs) if one), "")
    return f"{place}: {message}" if place else message


def _place_of(key: str, files: Sequence[ConfigFile], depth: int = 0) -> str:
    """`FILE, line N` where the user's own file sets a key, by itself or by what the key refers to; else empty."""
    for file in files:
        for line, value in _lines_of(key, file):
            if (referred := _REFERENCE.fullmatch(value)) and depth < _DEEPEST:
                return _place_of(referred[1], files, depth + 1)
            return f"{file.path}, line {line}" if file.own else ""
    return ""


def _lines_of(key: str, file: ConfigFile) -> Iterator[tuple[int, str]]:
    try:
        text = file.path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, ValueError, yaml.YAMLError):
        return  # of which something else complains
    inside = "" if not file.group or GLOBAL.search(text) else f"{file.group}."
    if node is not None and key.startswith(inside):
        yield from _in_node(key[len(inside) :], node)


def _in_node(key: str, node: yaml.Node) -> Iterator[tuple[int, str]]:
    """The line of a dotted key below a node, and its value where that is a word; parts may be one key, dots and all."""
    if not isinstance(node, yaml.MappingNode):
        return
    for name, value in node.value:
        if name.value == key:
            yield name.start_mark.line + 1, value.value if isinstance(value, yaml.ScalarNode) else ""
        elif key.startswith(f"{name.value}."):
            yield from _in_node(key[len(name.value) + 1 :], value)
