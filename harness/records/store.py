"""The only module that writes or reads `results/`: one JSON file a cell, whole or not there at all."""

from __future__ import annotations

import itertools
import json
import math
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.config.provenance import is_stale
from harness.records.archive import ARCHIVE, Archived, archive_lock, read_archive, write_archive
from harness.types import UserError

FORMAT = 1
STATUSES = ("ok", "diverged", "error", "timeout", "oom")
FINISHED = ("ok", "diverged")
REQUIRED = ("format", "id", "identity", "task", "architecture", "axis", "seed", "status", "config")


def prepare_results_dir(results_dir: Path) -> None:
    """Make the folders, or say in one line why nothing could be written there."""
    try:
        (results_dir / "records").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=results_dir / "records"):
            pass
    except OSError as error:
        raise UserError(
            f"results_dir: expected a folder that can be written to ({error.strerror}). Received: {results_dir}"
        ) from error


def record_path(results_dir: Path, cell_id: str) -> Path:
    """Where a cell's record lies."""
    return results_dir / "records" / f"{cell_id}.json"


def write_record(results_dir: Path, record: Mapping[str, Any]) -> Path:
    """Write a record atomically: readers see the whole of it or nothing.

    A record that was there before (of a failed try, or made by other code) is kept under `records/superseded/`.
    """
    path = record_path(results_dir, record["id"])
    text = json.dumps(encode(record), allow_nan=False, indent=1, sort_keys=False)
    write_text_atomically(path, text, before_replacing=lambda: _keep_superseded(path))
    return path


def write_text_atomically(path: Path, text: str, before_replacing: Callable[[], None] = lambda: None) -> None:
    """Write a file so that, whatever happens, it has its old content or all of the new one, also on the disk."""
    # Not by tempfile, which lets nobody else read: a folder shared by a group must allow it.
    temporary = path.parent / f".{uuid.uuid4().hex}.tmp"
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        before_replacing()
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _fsync_directory(path.parent)


def read_record(path: Path) -> dict[str, Any] | None:
    """One record, or None where the file is no whole record of a format that we know."""
    try:
        record = parse_record(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    # A copy under another cell's name must not pass for that cell's record.
    return record if record is not None and record["id"] == path.stem else None


def parse_record(text: str) -> dict[str, Any] | None:
    """The record that a text holds, or None where it is no whole record of a format that we know."""
    try:
        content = json.loads(text)
    except ValueError:
        return None
    if not isinstance(content, dict) or any(key not in content for key in REQUIRED) or content["format"] != FORMAT:
        return None
    return content if content["status"] in STATUSES and isinstance(content["config"], dict) else None


def find_record(results_dir: Path, cell_id: str) -> dict[str, Any] | None:
    """The record of a cell, in a file of its own or in the archive, `stale` set, or None."""
    record = written_record(results_dir, cell_id)
    if record is None and not record_path(results_dir, cell_id).exists():
        copy = read_archive(results_dir, cell_id).get(cell_id)
        record = _judged(parse_record(copy.text)) if copy is not None else None
    return record


def written_record(results_dir: Path, cell_id: str) -> dict[str, Any] | None:
    """The record of a cell in a file of its own, `stale` set, or None: what a process that runs cells has to look at.

    Cells whose records stand in the archive alone are known to be done when a grid is planned.
    """
    return _judged(read_record(record_path(results_dir, cell_id)))


def _judged(record: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if record is None else {**record, "stale": is_stale(record)}


def read_records(results_dir: Path) -> list[dict[str, Any]]:
    """All records of a results folder in order of their ids, each with `stale` and `path` set.

    A record counts once, whether it lies in a file of its own, in the archive, or in both.
    """
    archived, is_stale = read_archive(results_dir), _Staleness()
    files = {path.stem: path for path in (results_dir / "records").glob("*.json")}
    records = []
    for name in sorted({*archived, *files}):
        path, copy = files.get(name), archived.get(name)
        if path is None or (copy is not None and copy.is_copy_of(path)):
            assert copy is not None
            record = parse_record(copy.text)
        else:
            record = read_record(path)
        if record is not None:
            where = path or results_dir / ARCHIVE
            records.append({**record, "stale": is_stale(record), "path": str(where)})
    return records


class _Staleness:
    """`is_stale` of many records: what of them it depends on takes few values."""

    def __init__(self) -> None:
        self._known: dict[Any, bool] = {}

    def __call__(self, record: Mapping[str, Any]) -> bool:
        made_by = record.get("provenance") or {}
        key = (tuple(_targets(record["config"], "")), made_by.get("source"), repr(made_by.get("versions")))
        if key not in self._known:
            self._known[key] = is_stale(record)
        return self._known[key]


def _targets(node: Mapping[str, Any], place: str) -> Iterator[tuple[str, Any]]:
    """What a config calls, and where."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _targets(value, f"{place}.{key}")
        elif key == "_target_" or isinstance(value, list):  # a list may hold what is called, too
            yield f"{place}.{key}", str(value)


def compact(results_dir: Path) -> Path:
    """Copy all whole records into the archive, which reads faster; their own files stay as they are."""
    with archive_lock(results_dir):
        archived = read_archive(results_dir)
        for path in (results_dir / "records").glob("*.json"):
            known = archived.get(path.stem)
            if known is None or not known.is_copy_of(path):
                copy = Archived.of(path)
                if parse_record(copy.text) is not None:
                    archived[path.stem] = copy
        return write_archive(results_dir, archived)


def unreadable_records(results_dir: Path) -> list[Path]:
    """Files that lie where records do and are none: truncated, of a future format, or not ours."""
    return [path for path in sorted((results_dir / "records").glob("*.json")) if read_record(path) is None]


def is_done(record: Mapping[str, Any] | None) -> bool:
    """Whether a cell with this record (or none) needs no run: it finished, by today's code and versions."""
    return record is not None and record["status"] in FINISHED and not record["stale"]


def _keep_superseded(path: Path) -> None:
    if not path.exists():
        return
    attic = path.parent / "superseded"
    attic.mkdir(exist_ok=True)
    number = next(n for n in itertools.count() if not (attic / f"{path.stem}.{n}.json").exists())
    kept = attic / f"{path.stem}.{number}.json"
    # A hard link, not a move: at no moment is the cell without a record.
    try:
        os.link(path, kept)
    except OSError:
        # exFAT and some network file systems have no links.
        shutil.copy2(path, kept)


def _fsync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def encode(value: Any) -> Any:
    """Plain JSON values; numbers that JSON lacks become the strings that Python's float() reads."""
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, Iterator)):
        return [encode(item) for item in value]
    if isinstance(value, np.ndarray):
        return encode(value.tolist())
    if isinstance(value, np.generic):
        return encode(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value
