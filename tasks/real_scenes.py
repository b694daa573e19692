"""Real hyperspectral scenes from files: a cube with labels, or with abundances of endmembers.

Two layouts are understood: a cube `(row, column, band)`, or `(band, row, column)`, with labels `(row, column)`, 0 for
unlabelled pixels; and spectra `(band, pixel)` with abundances `(endmember, pixel)`, pixels column by column, with
`nRow` and `nCol` beside them where the scene is not square (Jasper Ridge, Samson and their kin). Arrays are found by
their shapes unless their keys are given.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.types import UserError
from tasks.checks import check_choice
from tasks.fill import drop_fill
from tasks.scene_files import MOST, SceneFile, read_file
from tasks.scenes import Scene


def read_scene(
    path: Path, *, labels_path: Path | None = None, cube_key: str | None = None, labels_key: str | None = None
) -> Scene:
    """The scene in a file, or in two, of any of the kinds that `tasks.scene_files.read_file` reads.

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
    file = read_file(path)
    others = file if labels_path is None else read_file(labels_path)
    cube, is_matrix = _find_cube(file, cube_key)
    found = _find_labels(others, labels_key, cube.shape, is_matrix=is_matrix, beside=cube_key)
    if is_matrix:
        if not np.isfinite(found).all():
            raise UserError(f"expected finite abundances in {others.path}. Received: NaN or infinity")
        rows, columns = file.sides() or (0, 0)
        # MATLAB stores a matrix column by column.
        cube = cube.T.reshape(columns, rows, -1).swapaxes(0, 1)
        labels = found.argmax(axis=0).reshape(columns, rows).T
    else:
        if found.shape != cube.shape[:2]:
            cube = np.moveaxis(cube, 0, -1)
        labels = found.astype(np.int64) - 1
    return _scaled(file, cube, labels)


def _scaled(file: SceneFile, cube: NDArray[Any], labels: NDArray[np.int64]) -> Scene:
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


def _find_cube(file: SceneFile, key: str | None) -> tuple[NDArray[Any], bool]:
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
            f"expected a cube (row, column, band), or spectra (band, pixel) of a square scene or with nRow and nCol, "
            f"in {file.path}. Received: {file.listing}"
        )
    # Abundances have one row an endmember, fewer than there are bands.
    most = max(len(file.arrays[name]) for name in spectra)
    return file.only([name for name in spectra if len(file.arrays[name]) == most], "cube_key"), True


def _is_pixels(file: SceneFile, array: NDArray[Any]) -> bool:
    """Whether `array` `(..., pixel)` has as many pixels as the scene."""
    sides = file.sides()
    return sides is not None and bool(array.shape[1] == sides[0] * sides[1])


def _find_labels(
    file: SceneFile, key: str | None, shape: tuple[int, ...], *, is_matrix: bool, beside: str | None
) -> NDArray[Any]:
    """Labels `(row, column)` for a cube of `shape`, or abundances `(endmember, pixel)` for spectra of `shape`.

    Where none fit a cube whose bands come last, they may fit one whose bands come first.
    """
    expected = f"abundances (endmember, {shape[1]})" if is_matrix else f"whole-number labels {shape[:2]} from 0"
    places = [shape[:2]] if is_matrix else [shape[:2], shape[1:]]

    def has_shape(array: NDArray[Any], place: tuple[int, ...]) -> bool:
        if is_matrix:
            return array.ndim == 2 and array.shape[1] == shape[1] and 1 < len(array) < shape[0]
        return array.shape == place

    def fitting(place: tuple[int, ...]) -> list[str]:
        return [
            name
            for name, array in file.arrays.items()
            if has_shape(array, place) and name != beside and (is_matrix or _are_labels(array))
        ]

    candidates = next(filter(None, map(fitting, places)), [])
    if key is not None:
        array = file.arrays[check_choice("task.data.labels_key", key, file.arrays)]
        if not any(key in fitting(place) for place in places):
            fits = any(has_shape(array, place) for place in places)
            received = f"from {array.min():g} to {array.max():g}" if fits else f"of shape {array.shape}"
            raise UserError(f"expected {expected} in {file.path}. Received: {key} {received}")
        return array
    if not candidates:
        raise UserError(f"expected {expected} in {file.path}. Received: {file.listing}")
    return file.only(candidates, "labels_key")


def _are_labels(array: NDArray[Any]) -> bool:
    return bool((array >= 0).all() and (array <= MOST).all() and (array == np.rint(array)).all())
