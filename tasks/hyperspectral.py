"""Which material a pixel shows, from the patch of spectra around it: a generated scene, or a real one from a file.

Scenes are divided into square blocks and whole blocks go to training, validation or test. A patch is used only if it
lies within its block, so that patches of different blocks share no pixel: random splits by pixel share most of them
and overstate accuracy. Two dials, 0 by default, make the axes differ:

    band_scale      x[i, j, b] *= exp(band_scale * n_b),  n_b ~ N(0, 1)                     favours statistics by band
    illumination    x[i, j, b] *= exp(illumination * (u_i + v_j) / 2),  u, v from -1 to 1   favours statistics by place
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from harness.types import TaskData, UserError
from tasks.checks import check_choice, check_integer, check_number, check_path, list_some
from tasks.memory import check_memory
from tasks.metrics import HYPERSPECTRAL
from tasks.real_scenes import read_scene
from tasks.scenes import Scene, generate_scene
from tasks.shifts import band_shifts
from tasks.spectra import Library, read_measured, read_table
from tasks.splits import GroupSplit


def load(
    *,
    path: str | None = None,
    labels_path: str | None = None,
    cube_key: str | None = None,
    labels_key: str | None = None,
    patch: int = 5,
    block: int = 20,
    size: int = 100,
    bands: int | None = 32,
    endmembers: int = 5,
    spectra: str | None = None,
    spectra_path: str | None = None,
    smoothness: float = 4.0,
    alpha: float = 0.4,
    gain: float = 0.2,
    snr: float = 25.0,
    striped_bands: int = 3,
    dead_bands: int = 2,
    band_scale: float = 0.0,
    illumination: float = 0.0,
    seed: int = 0,
) -> TaskData:
    """Patches of a hyperspectral scene.

    Args:
        path, labels_path, cube_key, labels_key: a real scene, see `tasks.real_scenes.read_scene`. The options from
            `size` to `dead_bands` but for `bands` describe a generated scene and do not apply to it.
        patch: side of a patch, pixels, odd.
        block: side of a block, pixels, at least `patch`.
        size, endmembers, smoothness, alpha, gain, snr, striped_bands, dead_bands: see `tasks.scenes.generate_scene`.
        spectra: of the endmembers of a generated scene: `measured`, by the package earthlib; `None`: drawn.
        spectra_path: a CSV file of measured ones, see `tasks.spectra.read_table`.
        bands: bands of the generated scene; of a real one so many are kept, evenly spaced, or all with `None`.
        band_scale: spread of the bands' scales, standard deviation of their logarithm.
        illumination: strength of the shading that has the same place in every patch, half its range in logarithm.
        seed: of the generated scene and of the bands' scales.

    Returns:
        Axes (height, width, band). Of the blocks 20 % validate and 25 % test, so that every class is on all sides
        where that is possible.

    Raises:
        UserError: an option that makes no sense, or a file that does not hold what it should.
        MemoryError: more patches than memory can hold.
    """
    _check_patch(patch, block)
    check_number("task.data.band_scale", band_scale, low=0, high=10)
    check_number("task.data.illumination", illumination, low=0, high=10)
    scene_rng, band_rng, spectra_rng = np.random.default_rng(check_integer("task.data.seed", seed, low=0)).spawn(3)
    library = _library(spectra, spectra_path, path)
    drawn: NDArray[np.float64] | None = None
    materials: tuple[str, ...] = ()
    if path is not None:
        file = check_path("task.data.path", path)
        labels_file = None if labels_path is None else check_path("task.data.labels_path", labels_path)
        scene = read_scene(file, labels_path=labels_file, cube_key=cube_key, labels_key=labels_key)
        scene = _keep_bands(scene, bands)
    else:
        _check_file_options(labels_path=labels_path, cube_key=cube_key, labels_key=labels_key)
        _check_scene(size=size, bands=bands, endmembers=endmembers, striped_bands=striped_bands, dead_bands=dead_bands)
        _check_memory((size, size, bands or 0), patch=patch, block=block, endmembers=endmembers)
        if library is not None:
            drawn, materials = library.draw(endmembers, bands or 0, spectra_rng)
        scene = generate_scene(
            size=size,
            bands=bands or 0,
            endmembers=endmembers,
            # A field that is smoother than the scene is wide is all one value.
            smoothness=check_number("task.data.smoothness", smoothness, low=0, high=size),
            alpha=check_number("task.data.alpha", alpha, low=0.05, high=100),
            gain=check_number("task.data.gain", gain, low=0, high=2),
            snr=check_number("task.data.snr", snr, low=0, high=100),
            striped_bands=striped_bands,
            dead_bands=dead_bands,
            spectra=drawn,
            rng=scene_rng,
        )
    _check_memory(scene.cube.shape, patch=patch, block=block, labelled=float((scene.labels >= 0).mean()))
    x, labels, blocks = cut_patches(scene, patch=patch, block=block)
    if len(np.unique(blocks)) < 4:
        raise UserError(
            f"expected at least 4 blocks with labelled patches to split; make task.data.block smaller. "
            f"Received: block={block} for a scene of {scene.labels.shape} pixels"
        )
    scales = np.exp(band_scale * band_rng.standard_normal(x.shape[-1]))
    # In place: the patches are by far the largest array there is.
    x *= shading(patch, illumination)[..., None]
    x *= scales.astype(np.float32)
    note = "" if path is None else _note(file, scene, len(x))
    if library is not None:
        note = f"measured spectra of {list_some(materials)} ({library.where})"
    return TaskData(
        name="hyperspectral",
        source="scene" if path is not None else "generated" if library is None else "measured",
        axes=("height", "width", "band"),
        x=x,
        y=labels,
        outputs=scene.classes,
        splitter=GroupSplit(blocks, validation=0.2, test=0.25, labels=labels),
        metrics=HYPERSPECTRAL,
        shifts=band_shifts(x),
        # One mean and deviation for everything: standardising by band or place would take away what is under study.
        standardize_axes=(),
        note=note,
    )


def cut_patches(
    scene: Scene, *, patch: int, block: int
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """The patches that lie within one block, have a labelled centre and hold nothing but measurements.

    Returns:
        Patches `(example, height, width, band)`, the labels of their centres `(example,)`, their blocks `(example,)`.
    """
    rows, columns = scene.labels.shape
    radius = patch // 2
    row, column = np.nonzero(scene.labels >= 0)
    inside = (_room(row, rows, block) >= radius) & (_room(column, columns, block) >= radius)
    row, column = row[inside], column[inside]
    if scene.sound is not None:
        whole = ndimage.minimum_filter(scene.sound, size=patch, mode="constant")[row, column]
        row, column = row[whole], column[whole]
    reach = np.arange(-radius, radius + 1)
    x = scene.cube[(row[:, None] + reach)[:, :, None], (column[:, None] + reach)[:, None, :]]
    blocks = row // block * -(-columns // block) + column // block
    return x, scene.labels[row, column], blocks


def shading(patch: int, illumination: float) -> NDArray[np.float32]:
    """Factors `(height, width)` of a shading that every patch shares: dark at the first corner, light at the last."""
    ramp = np.linspace(-1.0, 1.0, patch) if patch > 1 else np.zeros(1)
    return np.exp(illumination * (ramp[:, None] + ramp) / 2).astype(np.float32)


def _room(position: NDArray[np.int64], size: int, block: int) -> NDArray[np.int64]:
    """Pixels between each position and the nearer edge of its block `(example,)`; the scene may cut a block short."""
    last = np.minimum(position // block * block + block, size) - 1
    return np.minimum(position % block, last - position)


def _library(spectra: Any, spectra_path: Any, path: str | None) -> Library | None:
    """Where the spectra of a generated scene come from; None where they are drawn."""
    if spectra is None and spectra_path is None:
        return None
    if path is not None:
        name = "spectra" if spectra is not None else "spectra_path"
        raise UserError(
            f"task.data.{name} is about generated scenes and does not go together with task.data.path. "
            f"Received: path={path!r}"
        )
    if spectra is not None:
        check_choice("task.data.spectra", spectra, ["measured"])
    return read_measured() if spectra_path is None else read_table(check_path("task.data.spectra_path", spectra_path))


def _keep_bands(scene: Scene, bands: int | None) -> Scene:
    """The scene with `bands` evenly spaced bands, the first and the last among them; all with `None`."""
    if bands is None:
        return scene
    available = scene.cube.shape[-1]
    kept = np.linspace(0, available - 1, check_integer("task.data.bands", bands, high=available)).round().astype(int)
    return replace(scene, cube=scene.cube[..., kept])


def _note(file: Path, scene: Scene, patches: int) -> str:
    found = f"{file.name}: {scene.classes} classes, {patches} patches"
    return f"{found}; {scene.note}" if scene.note else found


def _check_patch(patch: Any, block: Any) -> None:
    if check_integer("task.data.patch", patch) % 2 == 0:
        raise UserError(f"task.data.patch must be odd, so that a patch has a centre. Received: patch={patch}")
    check_integer("task.data.block", block, low=patch)


def _check_memory(
    shape: tuple[int, ...], *, patch: int, block: int, labelled: float = 1.0, endmembers: int | None = None
) -> None:
    """Raise `MemoryError` where the patches of a scene `(row, column, band)` cannot be held, the scene among them.

    The share `labelled` of its pixels has labels; a scene that is to be generated has `endmembers`.
    """
    rows, columns, bands = shape
    centres = [size * max(block - patch + 1, 0) / block for size in (rows, columns)]
    patches = math.prod(centres) * labelled * patch**2 * bands
    # Signal, noise, abundances and their fields, in float64.
    scene = 0 if endmembers is None else 2 * rows * columns * (bands + endmembers)
    check_memory(
        patches + scene,
        what=f"patches of {patch} x {patch} pixels and {bands:,} bands from a scene of {rows:,} x {columns:,} pixels",
        smaller="a smaller task.data.bands or task.data.patch" + ("" if endmembers is None else " or task.data.size"),
    )


def _check_scene(*, size: Any, bands: Any, endmembers: Any, striped_bands: Any, dead_bands: Any) -> None:
    check_integer("task.data.size", size, low=8, high=10**6)
    check_integer("task.data.bands", bands, low=2, high=10**5)
    check_integer("task.data.endmembers", endmembers, low=2, high=1000)
    check_integer("task.data.striped_bands", striped_bands, low=0)
    check_integer("task.data.dead_bands", dead_bands, low=0)
    if striped_bands + dead_bands >= bands:
        raise UserError(
            f"task.data.striped_bands and task.data.dead_bands must leave a sound one of {bands} bands. "
            f"Received: striped_bands={striped_bands}, dead_bands={dead_bands}"
        )


def _check_file_options(**options: str | None) -> None:
    for name, value in options.items():
        if value is not None:
            raise UserError(f"task.data.{name} describes a file and needs task.data.path. Received: {name}={value!r}")
