"""NumPy's files: what an `.npz` file, a directory of `.npy` files or one such file holds, told before it is read."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from harness.types import UserError
from tasks.checks import check_file, list_directory

# What NumPy and zipfile raise of a file that is cut off, changed or of another kind.
_DAMAGES = (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)


class Header(NamedTuple):
    """What an array is before it is read."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def read_headers(path: Path) -> dict[str, Header]:
    """The arrays at `path` by name: members of a `.npz` file, `.npy` files of a directory, or the one that it is.

    Raises:
        UserError: there is nothing of the kind, or it is damaged.
    """
    headers = {}
    place = path
    try:
        if path.is_dir():
            for name in list_directory(path, what=".npy files"):
                if name.endswith(".npy"):
                    place = path / name
                    with place.open("rb") as stream:
                        headers[name[:-4]] = _header_of(stream)
        elif check_file(path, what="a NumPy file").suffix == ".npy":
            with path.open("rb") as stream:
                headers[path.stem] = _header_of(stream)
        else:
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if name.endswith(".npy"):
                        with archive.open(name) as stream:
                            headers[name[:-4]] = _header_of(stream)
    except UserError:
        raise
    except _DAMAGES as error:
        raise _damaged(place, error) from error
    return headers


def read_array(path: Path, name: str) -> NDArray[Any]:
    """The array `name` of those at `path`, which may not hold Python objects.

    Raises:
        UserError: it is damaged.
    """
    file = path / f"{name}.npy" if path.is_dir() else path
    try:
        found = np.load(file, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        with found as archive:
            member: NDArray[Any] = archive[name]
            return member
    except _DAMAGES as error:
        raise _damaged(file, error) from error


def _header_of(stream: IO[bytes]) -> Header:
    """What an `.npy` file says of its array before the values follow."""
    read = npy.read_array_header_1_0 if npy.read_magic(stream) == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(stream)
    return Header(shape, dtype)


def _damaged(path: Path, error: Exception) -> UserError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return UserError(f"expected complete NumPy arrays at {path}. Received: {' '.join(reason.split())}")
