"""Many records in one Parquet file: read in a second where ten thousand small files take many.

The archive is a copy. Where a record's own file exists and is not the one that was copied (its size or time
differs), the file counts; where it does not exist, the archive's copy does.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ARCHIVE = "records.parquet"


@dataclass(frozen=True)
class Archived:
    """The text of one record's file, and the size and time (ns) by which the file is known again."""

    text: str
    size: int
    mtime_ns: int

    def is_copy_of(self, path: Path) -> bool:
        """Whether `path` is the file that was copied, unchanged since."""
        status = path.stat()
        return status.st_size == self.size and status.st_mtime_ns == self.mtime_ns

    @staticmethod
    def of(path: Path) -> Archived:
        """A copy of a file."""
        status = path.stat()
        return Archived(path.read_text(encoding="utf-8"), status.st_size, status.st_mtime_ns)


def read_archive(results_dir: Path, only: str | None = None) -> dict[str, Archived]:
    """Cell id -> the archived record, of all or of one; empty where there is no archive, or none that can be read."""
    path = results_dir / ARCHIVE
    if not path.exists():
        return {}
    try:
        table = pq.read_table(path, filters=None if only is None else [("id", "==", only)])
        columns = [table.column(name).to_pylist() for name in ("id", "text", "size", "mtime_ns")]
    except (OSError, pa.ArrowException, KeyError):
        # Damaged: the records' own files are still there, and the next archive replaces it.
        return {}
    return {name: Archived(text, size, time) for name, text, size, time in zip(*columns, strict=True)}


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
    handle, temporary = tempfile.mkstemp(dir=results_dir, prefix=".", suffix=".tmp")
    os.close(handle)
    try:
        pq.write_table(table, temporary, compression="zstd")
        with Path(temporary).open("rb") as file:
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(results_dir / ARCHIVE)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return results_dir / ARCHIVE


@contextmanager
def archive_lock(results_dir: Path) -> Iterator[None]:
    """Keep other processes from writing the archive meanwhile; readers need no lock."""
    with (results_dir / ".archive.lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
