"""Who is at work on which cell: a locked file a cell, which the kernel releases when its holder dies.

Two runs in one folder share the work through these, and `status` reads from them what is running.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from harness.types import UserError


def locks_dir(results_dir: Path) -> Path:
    """Where the locks of a results folder lie."""
    return results_dir / "locks"


class Lock:
    """The right to run one cell, held until the `with` block or the process ends."""

    def __init__(self, file: IO[str], cell_id: str) -> None:
        self._file = file
        self._state: dict[str, Any] = {"id": cell_id, "pid": os.getpid(), "started": time.time(), "epoch": 0}
        self.report_epoch(0)

    def report_epoch(self, epoch: int) -> None:
        """Note for whoever watches that this many epochs are over."""
        self._state["epoch"] = epoch
        text = json.dumps(self._state)
        # One write of a line of fixed length: a reader never sees half of it.
        self._file.seek(0)
        self._file.write(f"{text:<200}\n")
        self._file.flush()


@contextmanager
def lock_cell(results_dir: Path, cell_id: str) -> Iterator[Lock | None]:
    """Lock a cell, or get None where another process has it.

    The lock is advisory and of the kernel (`flock`): it holds on one machine, and on a shared file system
    that supports it (NFS 4, Lustre mounted with `flock`).
    """
    directory = locks_dir(results_dir)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / cell_id
    while True:
        # Not "a+", which writes every report after the last one, nor "w+", which empties another's lock.
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            yield None
            return
        except OSError as error:
            file.close()
            raise UserError(
                f"results_dir: expected a file system with file locks ({error.strerror}). Received: {results_dir}"
            ) from error
        if _is_still(file, path):
            break
        # Its last holder removed it between our opening and our locking: that lock guards nothing.
        file.close()
    try:
        file.truncate(0)
        yield Lock(file, cell_id)
    finally:
        path.unlink(missing_ok=True)
        file.close()


def read_locks(results_dir: Path) -> list[dict[str, Any]]:
    """The locks that some process holds now, each with `id`, `pid`, `started` (seconds since 1970) and `epoch`."""
    found = []
    for path in sorted(locks_dir(results_dir).glob("*")):
        try:
            with path.open(encoding="utf-8") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    continue  # nobody holds it: its process died
                except BlockingIOError:
                    found.append(json.loads(file.readline()))
        except (OSError, json.JSONDecodeError):
            continue
    return found


def epoch_of(results_dir: Path, cell_id: str) -> int | None:
    """How many epochs of a cell are over, by its lock; None where there is none to be read."""
    try:
        return int(json.loads((locks_dir(results_dir) / cell_id).read_text(encoding="utf-8"))["epoch"])
    except (OSError, ValueError, KeyError):
        return None


def _is_still(file: IO[str], path: Path) -> bool:
    try:
        return os.fstat(file.fileno()).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False
