"""The files that hyperspectral scenes come in, as named arrays: MATLAB's, old and new, NumPy's, and ENVI's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import io

from harness.types import UserError
from tasks import npy
from tasks.checks import check_file
from tasks.memory import check_memory

MOST = 1e9
"""No label, and no side of a scene, is more."""


@dataclass(frozen=True)
class SceneFile:
    """What a file holds.

    Attributes:
        path: the file.
        arrays: its real numeric arrays by name, none of them empty.
        others: in words, what else there is, which no scene can be read from.
    """

    path: Path
    arrays: dict[str, NDArray[Any]]
    others: tuple[str, ...]

    @property
    def listing(self) -> str:
        """All its arrays with their shapes."""
        sound = (f"{name} {array.shape}" for name, array in sorted(self.arrays.items()))
        return ", ".join([*sound, *self.others]) or "no arrays"

    def only(self, names: list[str], option: str) -> NDArray[Any]:
        """The one array of `names`.

        Raises:
            UserError: there are several, of which the option `option` can choose.
        """
        if len(names) > 1:
            raise UserError(
                f"several arrays in {self.path} fit; choose one with task.data.{option}. Received: {sorted(names)}"
            )
        return self.arrays[names[0]]

    def number(self, name: str, *, whole: bool = True) -> float:
        """A number above 0 that the file says of its scene.

        Raises:
            UserError: it says something else.
        """
        values = self.arrays.get(name, np.zeros(0))
        value = float(values.flat[0]) if values.size == 1 else np.nan
        if not 0 < value < np.inf or (whole and not (value <= MOST and value.is_integer())):
            received = values.ravel().tolist() if name in self.arrays else "nothing of the kind"
            kind = "a whole number" if whole else "a number"
            raise UserError(f"expected {name} to be {kind} above 0 in {self.path}. Received: {name}={received}")
        return value

    def says(self, name: str) -> bool:
        """Whether there is anything of this name, a number or not."""
        return name in self.arrays or any(other.split()[0] == name for other in self.others)

    def sides(self) -> tuple[int, int] | None:
        """Rows and columns of a scene whose pixels are stored one after another.

        They are `nRow` and `nCol`, or, where nothing is said, the sides of a square of as many pixels as the longest
        matrix has columns; None where that is no square, or there are no more pixels than bands.

        Raises:
            UserError: the file says something that is no size.
        """
        if self.says("nRow") and self.says("nCol"):
            return int(self.number("nRow")), int(self.number("nCol"))
        matrices = [array.shape for array in self.arrays.values() if array.ndim == 2]
        bands, pixels = max(matrices, key=lambda shape: shape[1], default=(0, 0))
        side = math.isqrt(pixels)
        return (side, side) if side**2 == pixels > bands else None


def read_file(path: Path) -> SceneFile:
    """The arrays in a file: MATLAB (`.mat`), NumPy (`.npy`, `.npz`), ENVI (`.hdr`, its image beside it).

    Raises:
        UserError: it is of another kind, or damaged.
        MemoryError: its arrays are larger than memory.
    """
    readers = {".npy": _read_numpy, ".npz": _read_numpy, ".hdr": _read_envi}
    reader = readers.get(path.suffix.lower(), _read_matlab)
    check_file(path, what={_read_numpy: "a NumPy file", _read_envi: "an ENVI header"}.get(reader, "a MATLAB file"))
    named = reader(path)
    arrays = {name: value for name, value in named.items() if _is_numeric(value)}
    others = (f"{name} {_kind(value)}" for name, value in sorted(named.items()) if name not in arrays)
    return SceneFile(path, arrays, tuple(others))


def _read_numpy(path: Path) -> dict[str, Any]:
    headers = npy.read_headers(path)
    for name, header in headers.items():
        _check_size(path, name, header.shape)
    sound = {name for name, header in headers.items() if not header.dtype.hasobject}
    return {name: npy.read_array(path, name) if name in sound else object() for name in headers}


def _read_matlab(path: Path) -> dict[str, Any]:
    """What a MATLAB file holds, of either format; a file of the newer one is an HDF5 file."""
    try:
        with path.open("rb") as stream:
            start = stream.read(128)
        is_newer = start.startswith((b"\x89HDF", b"MATLAB 7.3"))
        content = _read_hdf5(path) if is_newer else io.loadmat(path)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # scipy and h5py raise whatever a damaged file leads them to
        raise UserError(f"expected a complete MATLAB file at {path}. Received: {_reason(error)}") from error
    return {name: value for name, value in content.items() if not name.startswith("__")}


def _read_hdf5(path: Path) -> dict[str, Any]:
    """The arrays at the top of an HDF5 file, by name; MATLAB writes its own with their axes reversed.

    What lies in other files is left out: a link or a reference to one is nothing that a scene needs.
    """
    import h5py

    content: dict[str, Any] = {}
    with h5py.File(path, "r") as file:
        for name in file:
            if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                continue
            node = file[name]
            if isinstance(node, h5py.Dataset) and not node.external and not node.is_virtual:
                _check_size(path, name, node.shape or (0,))
                content[name] = _read_dataset(node)
            elif not name.startswith("#"):
                content[name] = object()
    return content


def _read_dataset(node: Any) -> Any:
    matlab = node.attrs.get("MATLAB_class", b"")
    if node.dtype.kind not in "buif" or node.shape is None or "MATLAB_empty" in node.attrs or matlab == b"char":
        return object()
    array = node[()]
    return np.asarray(array).T if matlab else np.asarray(array)


def _read_envi(path: Path) -> dict[str, Any]:
    """The image of an ENVI header, `(row, column, band)` whichever way it is interleaved; one band is a matrix."""
    try:
        from spectral.io import envi
    except ImportError as error:
        raise UserError(
            "an ENVI scene needs the package spectral: pip install 'bn-axis-harness[envi]'. "
            f"Received: path={str(path)!r}"
        ) from error
    try:
        image = envi.open(str(path))
        _check_size(path, path.stem, tuple(image.shape))
        cube = np.asarray(image.load())
    except MemoryError:
        raise
    except Exception as error:  # spectral raises whatever a damaged file leads it to
        raise UserError(
            f"expected a complete ENVI image, header and data, at {path}. Received: {_reason(error)}"
        ) from error
    return {path.stem: cube[:, :, 0] if cube.ndim == 3 and cube.shape[2] == 1 else cube}


def _check_size(path: Path, name: str, shape: tuple[int, ...]) -> None:
    check_memory(math.prod(shape), what=f"the array {name} in {path}", smaller="another file")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _is_numeric(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "buif" and value.size > 0


def _kind(value: Any) -> str:
    if not isinstance(value, np.ndarray):
        return "without numbers" if type(value) is object else f"of type {type(value).__name__}"
    kinds = {"c": "of complex numbers", "U": "of text", "S": "of text"}
    return f"{value.shape} {kinds.get(value.dtype.kind, 'without numbers') if value.size else 'without values'}"
