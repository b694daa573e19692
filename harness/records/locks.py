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

from harness.files import UnreadableError, lies_within, open_shared, own_folder, read_bytes
from harness.records.schema import LockFile, decode_lock
from harness.types import UserError

_MOST_BYTES = 4096


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
    path = own_folder(results_dir, "locks") / cell_id
    while True:
        # Not "a+", which writes every report after the last one, nor "w+", which empties another's lock.
        file = os.fdopen(open_shared(path), "r+", encoding="utf-8")
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


def read_locks(results_dir: Path) -> list[LockFile]:
    """The locks that some process holds now, each with `id`, `pid`, `started` (seconds since 1970) and `epoch`."""
    found = []
    folder = locks_dir(results_dir)
    for path in sorted(folder.glob("*")) if lies_within(results_dir, folder) else ():
        try:
            if _is_held(path):
                found.append(decode_lock(read_bytes(path, within=folder, most=_MOST_BYTES)))
        except (OSError, UnreadableError):
            continue
    return found


def epoch_of(results_dir: Path, cell_id: str) -> int | None:
    """How many epochs of a cell are over, by its lock; None where there is none to be read."""
    folder = locks_dir(results_dir)
    try:
        return decode_lock(read_bytes(folder / cell_id, within=folder, most=_MOST_BYTES))["epoch"]
    except (OSError, UnreadableError):
        return None


def _is_held(path: Path) -> bool:
    """Whether some process holds this lock; one that died has released it."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _is_still(file: IO[str], path: Path) -> bool:
    try:
        return os.fstat(file.fileno()).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False
