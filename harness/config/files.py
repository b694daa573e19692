"""The yaml files of a config folder, read with care: a mistake in one is told by its file and line.

Hydra loads a file with OmegaConf, which writes aliases out (a few lines may become billions), says neither file nor
line of most mistakes, and takes what is no mapping further than it should.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.sources_registry import SourcesRegistry
from hydra.plugins.config_source import ConfigResult

from harness.types import UserError
from harness.words import first_line

SCHEME = "checked"
MOST_NODES = 10_000
MOST_BYTES = 2**20
DEEPEST = 64
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class CheckedFiles(FileConfigSource):
    """Hydra's folder of yaml files, each checked before it is loaded."""

    @staticmethod
    def scheme() -> str:
        """The word that a search path names this kind of folder by."""
        return SCHEME

    def file_of(self, config_path: str) -> Path:
        """Where a config of this folder lies."""
        return Path(self.path) / self._normalize_file_name(config_path)

    def load_config(self, config_path: str) -> ConfigResult:
        """Load one file.

        Raises:
            UserError: it is no yaml that a config could be, with file and, where it is known, line.
        """
        path = self.file_of(config_path)
        check_yaml(path)
        try:
            loaded: ConfigResult = super().load_config(config_path)
        except yaml.YAMLError as error:
            raise UserError(f"{_place(path, error)}: {_problem(error)}") from error
        except Exception as error:
            raise UserError(f"{path}: {first_line(error) or type(error).__name__}") from error
        return loaded


def register_files() -> None:
    """Let Hydra's search paths name folders of `CheckedFiles`."""
    SourcesRegistry.instance().register(CheckedFiles)


def check_yaml(path: Path) -> None:
    """Hold a file to what a config may be: one mapping (or nothing), in UTF-8, each key once, of a sane size.

    Raises:
        UserError: it is not so, with file and line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > MOST_BYTES:
        raise UserError(f"{path}: expected a config of at most {MOST_BYTES:,} bytes. Received: {len(content):,}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"{path}, line {line}: expected UTF-8. Received: {content[error.start : error.end]!r}"
        ) from error
    try:
        _check_events(path, yaml.parse(text, Loader=_LOADER))
    except yaml.YAMLError as error:
        raise UserError(f"{_place(path, error)}: {_problem(error)}") from error


@dataclass
class _Open:
    """A mapping or list that is being read."""

    is_mapping: bool
    anchor: str | None
    size: int = 1
    keys: set[str] = field(default_factory=set)
    at_key: bool = True


def _check_events(path: Path, events: Iterator[Any]) -> None:
    """Read a file as events, which costs what the text is long, and count what it would be written out."""
    stack: list[_Open] = []
    sizes: dict[str, int] = {}
    documents = 0

    def fail(event: Any, problem: str) -> None:
        raise UserError(f"{path}, line {event.start_mark.line + 1}: {problem}")

    def take(event: Any, size: int, key: str | None) -> None:
        if not stack:
            if key is None or key not in ("", "null", "~"):
                fail(event, f"expected keys and values, as in `epochs: 3`. Received: {key or 'a list'}")
            return
        parent = stack[-1]
        parent.size += size
        if parent.size > MOST_NODES:
            fail(event, f"expected at most {MOST_NODES:,} values, aliases written out. Received: more")
        if parent.is_mapping:
            if parent.at_key and key is None:
                fail(event, "expected a word as the key. Received: a list or a mapping")
            if parent.at_key and key in parent.keys and key != "<<":
                fail(event, f"expected each key once. Received: {key} again")
            if parent.at_key:
                parent.keys.add(str(key))
            parent.at_key = not parent.at_key

    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                fail(event, "expected one document. Received: another, after ---")
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            is_mapping = isinstance(event, yaml.MappingStartEvent)
            if not stack and not is_mapping:
                fail(event, "expected keys and values, as in `epochs: 3`. Received: a list")
            if len(stack) >= DEEPEST:
                fail(event, f"expected at most {DEEPEST} levels. Received: more")
            if stack and stack[-1].is_mapping and stack[-1].at_key:
                fail(event, "expected a word as the key. Received: a list or a mapping")
            stack.append(_Open(is_mapping, event.anchor))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            ended = stack.pop()
            if ended.anchor:
                sizes[ended.anchor] = ended.size
            if stack:
                take(event, ended.size, None)
        elif isinstance(event, yaml.ScalarEvent):
            if event.anchor:
                sizes[event.anchor] = 1
            take(event, 1, event.value)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                fail(
                    event, f"expected an anchor &{event.anchor} that ends before it is used. Received: *{event.anchor}"
                )
            take(event, sizes[event.anchor], f"*{event.anchor}")


def _place(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{path}, line {mark.line + 1}" if mark is not None else str(path)


def _problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or first_line(error) or "expected yaml")
