"""Files in folders that somebody else may have filled: what is read leads nowhere else, and so does what is written.

A results folder comes from a colleague, an archive, a clone. A link in it may lead to any file of whoever opens it, and
a name that can be guessed may be taken by one; so scratch files have random names and are opened exclusively, files are
replaced by renaming, which takes a link's place and leaves what it leads to alone, and nothing is opened through one.
The results folder itself may be a link: that one its owner has made.
"""

from __future__ import annotations

import errno
import os
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from harness.types import UserError

# No record, grid or lock is a thousandth of this, whatever was trained.
MOST_BYTES = 64 * 2**20
# A pipe must not keep its reader waiting, nor a terminal become the one of this process.
_CAREFULLY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class UnreadableError(ValueError):
    """Why a file is not what lies in its place, in a line."""


def lies_within(root: Path, path: Path) -> bool:
    """Whether `path`, all links followed, lies under `root`, which may be a link itself."""
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # links in a circle
        return False


def read_bytes(path: Path, *, within: Path, most: int = MOST_BYTES) -> bytes:
    """The content of a regular file, read through no link that leads out of the folder `within`.

    Raises:
        UnreadableError: it is none, leads out or is larger than `most`.
        OSError: it cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | _CAREFULLY)
    except OSError as error:
        if not path.is_symlink():
            raise
        if not lies_within(within, path):
            raise UnreadableError("a link that leads out of the folder") from error
        handle = os.open(path.resolve(), os.O_RDONLY | _CAREFULLY)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("no regular file")
        if status.st_size > most:
            raise UnreadableError(f"expected at most {most:,} bytes. Received: {status.st_size:,}")
        return _read(handle, status.st_size, most)
    finally:
        os.close(handle)


def _read(handle: int, size: int, most: int) -> bytes:
    # One byte more than there were: a file that grows meanwhile is noticed, and most are read in one call.
    content = os.read(handle, size + 1)
    while len(content) <= most and (more := os.read(handle, 2**20)):
        content += more
    if len(content) > most:
        raise UnreadableError(f"expected at most {most:,} bytes")
    return content


def own_folder(root: Path, *names: str) -> Path:
    """The folder `names` under `root`, made where it is missing; `root` itself may be a link.

    Raises:
        UserError: something on the way is a link that leads out of `root`.
        OSError: it cannot be made.
    """
    root.mkdir(parents=True, exist_ok=True)
    folder = root
    for name in names:
        folder = folder / name
        if folder.is_symlink() and not lies_within(root, folder):
            raise UserError(
                f"expected a folder, or a link to one within {root}. Received: {folder}, which leads out of it"
            )
        folder.mkdir(exist_ok=True)
    return folder


def open_shared(path: Path) -> int:
    """A file that several processes open, made where it is missing, for reading and writing; returns its handle.

    Raises:
        UserError: it is a link, or anything else that writing to would change another file.
        OSError: it cannot be opened.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | _CAREFULLY, 0o666)
    except OSError as error:
        if error.errno == errno.ENXIO or path.is_symlink():
            raise UserError(_no_own_file(path)) from error
        raise
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(handle)
        raise UserError(_no_own_file(path))
    return handle


def _no_own_file(path: Path) -> str:
    return f"expected a file of the results' own. Received: {path}, which is a link or no file; remove it"


def open_anew(path: Path) -> int:
    """An empty file in the place of whatever was there, for writing; returns its handle."""
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _CAREFULLY, 0o666)


@contextmanager
def replacing(
    path: Path, *, synced: bool = True, before_replacing: Callable[[], None] = lambda: None
) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` at the end of the `with` block, whole or not at all.

    Args:
        path: what is to be written; a link there is replaced and not followed.
        synced: whether it must have reached the disk before it counts.
        before_replacing: called when all is written.
    """
    # Not by tempfile, which lets nobody else read: a folder shared by a group must allow it.
    temporary = path.parent / f".{uuid.uuid4().hex}.tmp"
    handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | _CAREFULLY, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if synced:
                os.fsync(file.fileno())
        before_replacing()
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if synced:
        _sync_folder(path.parent)


def write_text(
    path: Path, text: str, *, synced: bool = True, before_replacing: Callable[[], None] = lambda: None
) -> Path:
    """Write a file so that, whatever happens, it has its old content or all of the new one; see `replacing`."""
    with replacing(path, synced=synced, before_replacing=before_replacing) as file:
        file.write(text.encode("utf-8", "backslashreplace"))  # a path may hold bytes that are no UTF-8
    return path


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
