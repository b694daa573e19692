"""Many records in one Parquet file: read in a second where ten thousand small files take many.

The archive is a copy. Where a record's own file exists and is not the one that was copied (its size or time
differs), the file counts; where it does not exist, the archive's copy does.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from harness.files import UnreadableError, lies_within, open_shared, own_folder, read_bytes, replacing
from harness.words import in_one_line

ARCHIVE = "records.parquet"
_COLUMNS = ("id", "text", "size", "mtime_ns")
# What a file of a few bytes may ask for: Parquet compresses without a bound.
_MOST_ROWS = 5_000_000
_MOST_BYTES = 16 * 2**30


@dataclass(frozen=True)
class Archived:
    """The text of one record's file, and the size and time (ns) by which the file is known again."""

    text: str
    size: int
    mtime_ns: int

    def is_copy_of(self, path: Path) -> bool:
        """Whether `path` is the file that was copied, unchanged since."""
        status = path.lstat()
        return stat.S_ISREG(status.st_mode) and status.st_size == self.size and status.st_mtime_ns == self.mtime_ns

    @staticmethod
    def of(path: Path) -> Archived:
        """A copy of a file."""
        status = path.stat()
        try:
            text = read_bytes(path, within=path.parent.parent).decode()
        except UnicodeDecodeError as error:
            raise UnreadableError("no text") from error
        return Archived(text, status.st_size, status.st_mtime_ns)


def read_archive(results_dir: Path, only: str | None = None) -> dict[str, Archived]:
    """Cell id -> the archived record, of all or of one; empty where there is no archive.

    Raises:
        UnreadableError: it is no archive of records; their own files are still there, and the next archive replaces it.
    """
    path = results_dir / ARCHIVE
    if not os.path.lexists(path):
        return {}
    try:
        _check_archive(results_dir, path)
        table = pq.read_table(
            path, columns=list(_COLUMNS), filters=None if only is None else [("id", "==", only)], partitioning=None
        )
        columns = [table.column(name).to_pylist() for name in _COLUMNS]
    except (OSError, pa.ArrowException, KeyError, UnicodeDecodeError, OverflowError) as error:
        raise UnreadableError(f"no archive of records ({in_one_line(str(error), 120)})") from error
    rows = zip(*columns, strict=True)
    return {name: Archived(text, size, time) for name, text, size, time in rows if None not in (name, text, size, time)}


def _check_archive(results_dir: Path, path: Path) -> None:
    """Refuse what is no archive before any of it is unpacked."""
    if not lies_within(results_dir, path):
        raise UnreadableError("a link that leads out of the folder")
    if not stat.S_ISREG(path.stat().st_mode):
        raise UnreadableError("no regular file")
    meta = pq.read_metadata(path)
    unpacked = sum(meta.row_group(number).total_byte_size for number in range(meta.num_row_groups))
    if meta.num_rows > _MOST_ROWS or unpacked > _MOST_BYTES:
        raise UnreadableError(
            f"expected at most {_MOST_ROWS:,} records. Received: {meta.num_rows:,}, {unpacked:,} bytes"
        )
    schema = meta.schema.to_arrow_schema()
    for name in _COLUMNS:
        places = schema.get_all_field_indices(name)
        wanted = _is_text if name in ("id", "text") else pa.types.is_integer
        if len(places) != 1 or not wanted(schema.field(places[0]).type):
            raise UnreadableError(f"no archive of records: expected one column {name} of its type")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def write_archive(results_dir: Path, archived: dict[str, Archived]) -> Path:
    """Write the archive anew, whole or not at all."""
    names = sorted(archived)
    table = pa.table(
        {
            "id": names,
            "text": [archived[name].text for name in names],
            "size": [archived[name].size for name in names],
            "mtime_ns": [archived[name].mtime_ns for name in names],
        }
    )
    with replacing(results_dir / ARCHIVE) as file:
        pq.write_table(table, file, compression="zstd")
    return results_dir / ARCHIVE


@contextmanager
def archive_lock(results_dir: Path) -> Iterator[None]:
    """Keep other processes from writing the archive meanwhile; readers need no lock."""
    with os.fdopen(open_shared(own_folder(results_dir) / ".archive.lock"), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
