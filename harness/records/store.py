"""The only module that writes or reads `results/`: one JSON file a cell, whole or not there at all."""

from __future__ import annotations

import itertools
import json
import math
import os
import shutil
import stat
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.config.provenance import is_stale
from harness.files import UnreadableError, lies_within, own_folder, read_bytes, write_text
from harness.records.archive import ARCHIVE, Archived, archive_lock, read_archive, write_archive
from harness.records.schema import EMPTY, decode_record
from harness.types import UserError
from harness.words import in_one_line

FINISHED = ("ok", "diverged")
# Of the files of a folder that are no records, so many are named.
MOST_NAMED = 5
# The folders that a run writes to: none may lead out of the results.
OWN = ("records", "grids", "locks", "logs", "checkpoints")


class NoRecord(UserWarning):
    """Files in a results folder that are not what lies in their place, and why; they count as not there."""


def prepare_results_dir(results_dir: Path) -> None:
    """Make the folders, or say in one line why nothing could be written there."""
    try:
        for name in OWN:
            if (results_dir / name).is_symlink():
                own_folder(results_dir, name)
        with tempfile.TemporaryFile(dir=own_folder(results_dir, "records")):
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
    own_folder(results_dir, "records")
    path = record_path(results_dir, record["id"])
    text = json.dumps(encode(record), allow_nan=False, indent=1, sort_keys=False)
    return write_text(path, text, before_replacing=lambda: _keep_superseded(results_dir, path))


def read_record(path: Path) -> dict[str, Any] | None:
    """One record, or None where the file is no whole record of a format that we know."""
    try:
        return _read_record(path)
    except (OSError, UnreadableError):
        return None


def _read_record(path: Path) -> dict[str, Any]:
    record = decode_record(read_bytes(path, within=path.parent.parent))
    # A copy under another cell's name must not pass for that cell's record.
    if record["id"] != path.stem:
        raise UnreadableError(f"the record of another cell, {in_one_line(record['id'])}")
    return record


def find_record(results_dir: Path, cell_id: str) -> dict[str, Any] | None:
    """The record of a cell, in a file of its own or in the archive, `stale` set, or None."""
    record = written_record(results_dir, cell_id)
    if record is None and not os.path.lexists(record_path(results_dir, cell_id)):
        try:
            copy = read_archive(results_dir, cell_id).get(cell_id)
            record = _judged(_of_archive(cell_id, copy)) if copy is not None else None
        except UnreadableError:
            return None
    return record


def written_record(results_dir: Path, cell_id: str) -> dict[str, Any] | None:
    """The record of a cell in a file of its own, `stale` set, or None: what a process that runs cells has to look at.

    Cells whose records stand in the archive alone are known to be done when a grid is planned.
    """
    if not lies_within(results_dir, results_dir / "records"):
        return None
    return _judged(read_record(record_path(results_dir, cell_id)))


def _judged(record: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if record is None else {**EMPTY, **record, "stale": is_stale(record)}


def read_records(results_dir: Path) -> list[dict[str, Any]]:
    """All records of a results folder in order of their ids, each with `stale` and `path` set, and every key there.

    A record counts once, whether it lies in a file of its own, in the archive, or in both. What is no record counts as
    not there and is told of in one `NoRecord` warning.
    """
    refused: dict[Path, str] = {}
    archived, is_stale = _archive_of(results_dir, refused), _Staleness()
    files = _files_of(results_dir, refused)
    records = []
    for name in sorted({*archived, *files}):
        path, copy = files.get(name), archived.get(name)
        where = path or results_dir / ARCHIVE
        try:
            if path is None or (copy is not None and copy.is_copy_of(path)):
                assert copy is not None
                record = _of_archive(name, copy)
            else:
                record = _read_record(path)
            records.append({**EMPTY, **record, "stale": is_stale(record), "path": str(where)})
        except UnreadableError as error:
            refused[where if path else where / name] = str(error)
        except FileNotFoundError:
            continue  # taken away since the folder was listed
        except OSError as error:
            refused[where] = error.strerror or type(error).__name__
    _tell(results_dir, refused)
    return records


def _files_of(results_dir: Path, refused: dict[Path, str]) -> dict[str, Path]:
    """Cell id -> the file of its name."""
    folder = results_dir / "records"
    if not lies_within(results_dir, folder):
        refused[folder] = "a link that leads out of the folder"
        return {}
    return {path.stem: path for path in sorted(folder.glob("*.json"))}


def archived_records(results_dir: Path) -> dict[str, Archived]:
    """`read_archive`, or nothing and a `NoRecord` warning where it cannot be read."""
    refused: dict[Path, str] = {}
    archived = _archive_of(results_dir, refused)
    _tell(results_dir, refused)
    return archived


def _archive_of(results_dir: Path, refused: dict[Path, str]) -> dict[str, Archived]:
    try:
        return read_archive(results_dir)
    except UnreadableError as error:
        refused[results_dir / ARCHIVE] = str(error)
        return {}


def _of_archive(name: str, copy: Archived) -> dict[str, Any]:
    record = decode_record(copy.text)
    if record["id"] != name:
        raise UnreadableError(f"the record of another cell, {in_one_line(record['id'])}")
    return record


def _tell(results_dir: Path, refused: Mapping[Path, str]) -> None:
    if not refused:
        return
    lines = [
        in_one_line(f"no record, counts as not there: {path.relative_to(results_dir)}: {why}")
        for path, why in itertools.islice(sorted(refused.items()), MOST_NAMED)
    ]
    if (more := len(refused) - MOST_NAMED) > 0:
        lines.append(f"and {more:,} more in {in_one_line(str(results_dir))} that are no records")
    warnings.warn("\n".join(lines), NoRecord, stacklevel=2)


class _Staleness:
    """`is_stale` of many records: what of them it depends on takes few values."""

    def __init__(self) -> None:
        self._known: dict[Any, bool] = {}

    def __call__(self, record: Mapping[str, Any]) -> bool:
        made_by = record.get("provenance") or {}
        said = [made_by.get(key) for key in ("source", "versions", "environment")]
        key = (tuple(_targets(record["config"], "")), repr(said))
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
        archived = archived_records(results_dir)
        for path in _files_of(results_dir, {}).values():
            known = archived.get(path.stem)
            try:
                if known is None or not known.is_copy_of(path):
                    copy = Archived.of(path)
                    if decode_record(copy.text)["id"] == path.stem:
                        archived[path.stem] = copy
            except (OSError, UnreadableError):
                continue
        return write_archive(results_dir, archived)


def is_done(record: Mapping[str, Any] | None) -> bool:
    """Whether a cell with this record (or none) needs no run: it finished, by today's code and versions."""
    return record is not None and record["status"] in FINISHED and not record["stale"]


def _keep_superseded(results_dir: Path, path: Path) -> None:
    if not os.path.lexists(path) or not stat.S_ISREG(path.lstat().st_mode):
        return
    attic = own_folder(results_dir, "records", "superseded")
    number = next(n for n in itertools.count() if not os.path.lexists(attic / f"{path.stem}.{n}.json"))
    kept = attic / f"{path.stem}.{number}.json"
    # A hard link, not a move: at no moment is the cell without a record.
    try:
        os.link(path, kept, follow_symlinks=False)
    except (OSError, NotImplementedError):
        # exFAT and some network file systems have no links.
        shutil.copy2(path, kept, follow_symlinks=False)


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
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()  # a path may hold bytes that no JSON can
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value
