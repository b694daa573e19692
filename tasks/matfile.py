"""Real hyperspectral scenes from MATLAB files: a cube with labels, or with abundances of endmembers.

Two layouts are understood: a cube `(row, column, band)` with labels `(row, column)`, 0 for unlabelled pixels; and
spectra `(band, pixel)` with abundances `(endmember, pixel)`, pixels column by column, with `nRow` and `nCol` beside
them (Jasper Ridge and its kin). Arrays are found by their shapes unless their keys are given.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import io

from harness.types import UserError
from tasks.checks import check_choice, check_file
from tasks.scenes import Scene

Arrays = dict[str, NDArray[Any]]


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
        a pixel's label is its dominant endmember.

    Raises:
        UserError: a file that cannot be read, arrays that are absent, ambiguous or do not fit, values not finite.
    """
    arrays = _read(path)
    others = arrays if labels_path is None else _read(labels_path)
    cube, is_matrix = _find_cube(arrays, path, cube_key)
    if not np.isfinite(cube).all() or cube.max() <= 0:
        raise UserError(
            f"expected finite reflectances, some of them positive, in {path}. Received: NaN, infinity or 0s"
        )
    scale = float(arrays["maxValue"].flat[0]) if "maxValue" in arrays else float(cube.max())
    found = _find_labels(others, labels_path or path, labels_key, cube.shape, is_matrix=is_matrix, beside=cube_key)
    if not is_matrix:
        return _labelled((cube / scale).astype(np.float32), found.astype(np.int64) - 1)
    if not np.isfinite(found).all():
        raise UserError(f"expected finite abundances in {labels_path or path}. Received: NaN or infinity")
    rows, columns = (int(arrays[key].flat[0]) for key in ("nRow", "nCol"))
    # MATLAB stores a matrix column by column.
    image = cube.T.reshape(columns, rows, -1).swapaxes(0, 1)
    return _labelled((image / scale).astype(np.float32), found.argmax(axis=0).reshape(columns, rows).T)


def _read(path: Path) -> Arrays:
    """The numeric arrays of a MATLAB file by name."""
    check_file(path, what="a MATLAB file")
    try:
        content = io.loadmat(path)
    except NotImplementedError as error:
        raise UserError(f"{path} is a MATLAB 7.3 file; save it as version 7. Received: path={str(path)!r}") from error
    except Exception as error:  # scipy raises whatever a damaged file leads it to
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"expected a complete MATLAB file at {path}. Received: {reason}") from error
    return {k: v for k, v in content.items() if isinstance(v, np.ndarray) and v.dtype.kind in "buif" and v.size}


def _find_cube(arrays: Arrays, path: Path, key: str | None) -> tuple[NDArray[Any], bool]:
    """The cube `(row, column, band)`, or the spectra `(band, pixel)` and `True`."""
    if key is not None:
        cube = arrays[check_choice("task.data.cube_key", key, arrays)]
        is_matrix = cube.ndim == 2 and _is_pixels(arrays, cube)
        if cube.ndim != 3 and not is_matrix:
            raise UserError(f"expected a cube (row, column, band) in {path}. Received: {key} of shape {cube.shape}")
        return cube, is_matrix
    cubes = [name for name, array in arrays.items() if array.ndim == 3 and min(array.shape) > 1]
    if cubes:
        return arrays[_only(cubes, "cube_key", path)], False
    spectra = [name for name, array in arrays.items() if array.ndim == 2 and _is_pixels(arrays, array)]
    if not spectra:
        raise UserError(
            f"expected a cube (row, column, band), or spectra (band, pixel) with nRow and nCol, in {path}. "
            f"Received: {_shapes(arrays)}"
        )
    # Abundances have one row an endmember, fewer than there are bands.
    most = max(len(arrays[name]) for name in spectra)
    return arrays[_only([name for name in spectra if len(arrays[name]) == most], "cube_key", path)], True


def _is_pixels(arrays: Arrays, array: NDArray[Any]) -> bool:
    """Whether `array` `(..., pixel)` has as many pixels as `nRow` and `nCol` say."""
    if not {"nRow", "nCol"} <= arrays.keys():
        return False
    return bool(array.shape[1] == int(arrays["nRow"].flat[0]) * int(arrays["nCol"].flat[0]))


def _find_labels(
    arrays: Arrays, path: Path, key: str | None, shape: tuple[int, ...], *, is_matrix: bool, beside: str | None
) -> NDArray[Any]:
    """Labels `(row, column)` for a cube of `shape`, or abundances `(endmember, pixel)` for spectra of `shape`."""
    expected = f"abundances (endmember, {shape[1]})" if is_matrix else f"whole-number labels {shape[:2]}"

    def fits(name: str) -> bool:
        array = arrays[name]
        if array.ndim != 2 or name == beside:
            return False
        if is_matrix:
            return array.shape[1] == shape[1] and 1 < len(array) < shape[0]
        return array.shape == shape[:2] and bool((array >= 0).all() and (array == np.rint(array)).all())

    if key is not None:
        if not fits(check_choice("task.data.labels_key", key, arrays)):
            raise UserError(f"expected {expected} in {path}. Received: {key} of shape {arrays[key].shape}")
        return arrays[key]
    candidates = [name for name in arrays if fits(name)]
    if not candidates:
        raise UserError(f"expected {expected} in {path}. Received: {_shapes(arrays)}")
    return arrays[_only(candidates, "labels_key", path)]


def _labelled(cube: NDArray[np.float32], labels: NDArray[np.int64]) -> Scene:
    """A scene whose classes are numbered from 0 without gaps."""
    present = np.unique(labels[labels >= 0])
    numbered = np.where(labels >= 0, np.searchsorted(present, labels), -1)
    return Scene(cube, numbered, len(present))


def _only(names: list[str], option: str, path: Path) -> str:
    if len(names) > 1:
        raise UserError(f"several arrays in {path} fit; choose one with task.data.{option}. Received: {sorted(names)}")
    return names[0]


def _shapes(arrays: Arrays) -> str:
    return ", ".join(f"{name} {array.shape}" for name, array in sorted(arrays.items())) or "no numeric arrays"
