"""Real hyperspectral scenes from MATLAB files: a cube with labels, or with abundances of endmembers.

Two layouts are understood: a cube `(row, column, band)` with labels `(row, column)`, 0 for unlabelled pixels; and
spectra `(band, pixel)` with abundances `(endmember, pixel)`, pixels column by column, with `nRow` and `nCol` beside
them (Jasper Ridge and its kin). Arrays are found by their shapes unless their keys are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import io

from harness.types import UserError
from tasks.checks import check_choice, check_file
from tasks.fill import drop_fill
from tasks.scenes import Scene

MOST = 1e9
"""No label, and no side of a scene, is more."""


@dataclass(frozen=True)
class MatFile:
    """What a MATLAB file holds.

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


def read_scene(
    path: Path, *, labels_path: Path | None = None, cube_key: str | None = None, labels_key: str | None = None
) -> Scene:
    """The scene in a `.mat` file (version 7 or older).

    Args:
        path: file with the cube, or with the spectra.
        labels_path: file with the labels or abundances, where they are in a file of their own.
        cube_key: name of the cube, or of the spectra; default: the one array that has the shape.
        labels_key: name of the labels, or of the abundances; default: the one array that fits the cube.

    Returns:
        Reflectances divided by the file's `maxValue`, or by the largest of them where there is none; with abundances,
        a pixel's label is its dominant endmember. Pixels that hold a fill value are neither labelled nor `sound`.

    Raises:
        UserError: a file that cannot be read, arrays that are absent or ambiguous or do not fit, values of no scene.
    """
    file = _read(path)
    others = file if labels_path is None else _read(labels_path)
    cube, is_matrix = _find_cube(file, cube_key)
    found = _find_labels(others, labels_key, cube.shape, is_matrix=is_matrix, beside=cube_key)
    if is_matrix:
        if not np.isfinite(found).all():
            raise UserError(f"expected finite abundances in {others.path}. Received: NaN or infinity")
        rows, columns = int(file.number("nRow")), int(file.number("nCol"))
        # MATLAB stores a matrix column by column.
        cube = cube.T.reshape(columns, rows, -1).swapaxes(0, 1)
        labels = found.argmax(axis=0).reshape(columns, rows).T
    else:
        labels = found.astype(np.int64) - 1
    return _scaled(file, cube, labels)


def _scaled(file: MatFile, cube: NDArray[Any], labels: NDArray[np.int64]) -> Scene:
    """The scene, its fill values left out, its reflectances scaled, its classes numbered from 0 without gaps."""
    sound, note = drop_fill(cube, labels, file.path)
    labels = np.where(sound, labels, -1)
    largest = cube[sound].max(initial=0)
    if largest <= 0:
        raise UserError(f"expected reflectances, some of them positive, in {file.path}. Received: none above 0")
    scale = file.number("maxValue", whole=False) if file.says("maxValue") else float(largest)
    with np.errstate(over="ignore", invalid="ignore"):  # infinity, where maxValue is next to 0: told of all tasks alike
        scaled = (cube / scale).astype(np.float32)
    scaled[~sound] = 0
    present = np.unique(labels[labels >= 0])
    if len(present) < 2:
        raise UserError(
            f"expected labelled pixels of two classes or more in {file.path}. "
            f"Received: {int((labels >= 0).sum())} labelled pixels of {len(present)} class{'es' * (not len(present))}"
        )
    numbered = np.where(labels >= 0, np.searchsorted(present, labels), -1)
    return Scene(scaled, numbered, len(present), None if sound.all() else sound, note)


def _read(path: Path) -> MatFile:
    """What a MATLAB file holds."""
    check_file(path, what="a MATLAB file")
    try:
        with path.open("rb") as stream:
            is_newer = stream.read(4) == b"\x89HDF"
        content = {} if is_newer else io.loadmat(path)
    except NotImplementedError:
        is_newer = True
    except Exception as error:  # scipy raises whatever a damaged file leads it to
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"expected a complete MATLAB file at {path}. Received: {reason}") from error
    if is_newer:
        raise UserError(f"{path} is a MATLAB 7.3 file; save it as version 7. Received: path={str(path)!r}")
    named = {name: value for name, value in content.items() if not name.startswith("__")}
    arrays = {name: value for name, value in named.items() if _is_numeric(value)}
    others = (f"{name} {_kind(value)}" for name, value in sorted(named.items()) if name not in arrays)
    return MatFile(path, arrays, tuple(others))


def _is_numeric(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "buif" and value.size > 0


def _kind(value: Any) -> str:
    if not isinstance(value, np.ndarray):
        return f"of type {type(value).__name__}"
    kinds = {"c": "of complex numbers", "U": "of text", "S": "of text"}
    return f"{value.shape} {kinds.get(value.dtype.kind, 'without numbers') if value.size else 'without values'}"


def _find_cube(file: MatFile, key: str | None) -> tuple[NDArray[Any], bool]:
    """The cube `(row, column, band)`, or the spectra `(band, pixel)` and `True`."""
    if key is not None:
        cube = file.arrays[check_choice("task.data.cube_key", key, file.arrays)]
        is_matrix = cube.ndim == 2 and _is_pixels(file, cube)
        if cube.ndim != 3 and not is_matrix:
            raise UserError(
                f"expected a cube (row, column, band) in {file.path}. Received: {key} of shape {cube.shape}"
            )
        return cube, is_matrix
    cubes = [name for name, array in file.arrays.items() if array.ndim == 3 and min(array.shape) > 1]
    if cubes:
        return file.only(cubes, "cube_key"), False
    spectra = [name for name, array in file.arrays.items() if array.ndim == 2 and _is_pixels(file, array)]
    if not spectra:
        raise UserError(
            f"expected a cube (row, column, band), or spectra (band, pixel) with nRow and nCol, in {file.path}. "
            f"Received: {file.listing}"
        )
    # Abundances have one row an endmember, fewer than there are bands.
    most = max(len(file.arrays[name]) for name in spectra)
    return file.only([name for name in spectra if len(file.arrays[name]) == most], "cube_key"), True


def _is_pixels(file: MatFile, array: NDArray[Any]) -> bool:
    """Whether `array` `(..., pixel)` has as many pixels as `nRow` and `nCol` say."""
    if not (file.says("nRow") and file.says("nCol")):
        return False
    return bool(array.shape[1] == file.number("nRow") * file.number("nCol"))


def _find_labels(
    file: MatFile, key: str | None, shape: tuple[int, ...], *, is_matrix: bool, beside: str | None
) -> NDArray[Any]:
    """Labels `(row, column)` for a cube of `shape`, or abundances `(endmember, pixel)` for spectra of `shape`."""
    expected = f"abundances (endmember, {shape[1]})" if is_matrix else f"whole-number labels {shape[:2]} from 0"

    def has_shape(array: NDArray[Any]) -> bool:
        if is_matrix:
            return array.ndim == 2 and array.shape[1] == shape[1] and 1 < len(array) < shape[0]
        return array.shape == shape[:2]

    def fits(name: str) -> bool:
        array = file.arrays[name]
        return has_shape(array) and name != beside and (is_matrix or _are_labels(array))

    if key is not None:
        if not fits(check_choice("task.data.labels_key", key, file.arrays)):
            array = file.arrays[key]
            received = f"from {array.min():g} to {array.max():g}" if has_shape(array) else f"of shape {array.shape}"
            raise UserError(f"expected {expected} in {file.path}. Received: {key} {received}")
        return file.arrays[key]
    candidates = [name for name in file.arrays if fits(name)]
    if not candidates:
        raise UserError(f"expected {expected} in {file.path}. Received: {file.listing}")
    return file.only(candidates, "labels_key")


def _are_labels(array: NDArray[Any]) -> bool:
    return bool((array >= 0).all() and (array <= MOST).all() and (array == np.rint(array)).all())
