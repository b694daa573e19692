"""A task from image files of a user's own: one folder a class, read and resized by Keras."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.types import TaskData, UserError
from tasks.checks import check_choice, check_integer, check_path, list_directory, list_some
from tasks.given import Given, make_task
from tasks.memory import check_memory

CHANNELS = {"rgb": 3, "grayscale": 1, "rgba": 4}
FORMATS = (".jpg", ".jpeg", ".png", ".bmp", ".gif")
_BATCH = 256
_HELD_OUT = {"validation": 1, "val": 1, "test": 2}


def load(
    *,
    path: str | None = None,
    size: Sequence[int] = (32, 32),
    color: str = "rgb",
    standardize_axes: Sequence[str] | str | None = "auto",
    validation: float = 0.1,
    test: float = 0.3,
) -> TaskData:
    """A user's own images, pixels in [0, 1].

    Args:
        path: a directory with a folder for each class; or with the folders `train` and `test`, and perhaps `validation`
            or `val`, each of which has one for each class.
        size: height and width to which images are resized, by Keras's bilinear interpolation.
        color: `rgb`, `grayscale` or `rgba`.
        standardize_axes, validation, test: see `tasks.given.make_task`.

    Returns:
        Axes (height, width, channel); classes in the order of their folders' names.

    Raises:
        UserError: no images, folders that do not fit together, a damaged image, an option that makes no sense.
        MemoryError: more images than memory can hold.
    """
    if path is None:
        raise UserError(
            "task=image_folder needs task.data.path=DIR, a directory with a folder for each class. Received: path=None"
        )
    directory = check_path("task.data.path", path)
    height, width = _check_size(size)
    check_choice("task.data.color", color, CHANNELS)
    sides = _sides_in(directory)
    folders = [directory / name for name in sides] or [directory]
    classes = _classes_of(folders)
    images = sum(len(_images_in(folder / name)) for folder in folders for name in classes)
    check_memory(
        images * height * width * CHANNELS[color], what=f"{images:,} images", smaller="a smaller task.data.size"
    )
    parts = [_read(folder, (height, width), color, classes) for folder in folders]
    side = np.repeat(list(sides.values()), [len(y) for _, y in parts]) if sides else None
    x, y = (np.concatenate([part[i] for part in parts]) for i in range(2))
    given = Given(directory.resolve().name, x, y, None, side, classes=tuple(classes))
    return make_task(
        "image_folder",
        given,
        axes=["height", "width", "channel"],
        kind="classification",
        standardize_axes=standardize_axes,
        validation=validation,
        test=test,
    )


def _check_size(size: Any) -> tuple[int, int]:
    if not isinstance(size, list | tuple) or len(size) != 2:
        raise UserError(f"task.data.size must be [height,width] in pixels. Received: size={size!r}")
    height, width = (check_integer("task.data.size", side, low=1, high=4096) for side in size)
    return height, width


def _sides_in(directory: Path) -> dict[str, int]:
    """The folders that are sides of a split, by name; none where the folders are classes."""
    names = [name for name in list_directory(directory, what="a folder for each class") if (directory / name).is_dir()]
    if not names:
        raise UserError(f"expected a folder for each class in {directory}. Received: no folder")
    if not {"train", "test"} <= set(names):
        return {}
    known = {"train": 0, **_HELD_OUT}
    if others := [name for name in names if name not in known]:
        raise UserError(
            f"expected folders of classes, or train, validation and test, in {directory}. Received: {list_some(names)}"
            f", of which {others[0]} is none beside train and test"
        )
    if {"val", "validation"} <= set(names):
        raise UserError(f"expected one folder to validate on in {directory}. Received: val and validation")
    return {name: known[name] for name in sorted(names, key=known.__getitem__)}


def _classes_of(folders: Sequence[Path]) -> list[str]:
    """Names of the classes, the same in each folder, all with images."""
    found = {}
    for folder in folders:
        names = [name for name in list_directory(folder, what="a folder for each class") if (folder / name).is_dir()]
        found[folder] = [name for name in names if not name.startswith(".")]
        for name in found[folder]:
            if not _images_in(folder / name):
                raise UserError(f"expected images ({', '.join(FORMATS)}) in {folder / name}. Received: none")
    (first, classes), *others = found.items()
    for folder, names in others:
        if names != classes:
            differs = sorted(set(names) ^ set(classes))
            raise UserError(
                f"expected the same classes in {first} and {folder}. Received: {list_some(differs)} in one alone"
            )
    if len(classes) < 2:
        raise UserError(f"expected folders of two classes or more in {first}. Received: {list_some(classes)}")
    return classes


def _images_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix.lower() in FORMATS]


def _read(
    folder: Path, size: tuple[int, int], color: str, classes: list[str]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Pixels in [0, 1] and classes of the images in a folder."""
    # Slow to import, and of no use to the other tasks.
    import keras
    import tensorflow as tf

    try:
        batches = keras.utils.image_dataset_from_directory(
            str(folder),
            class_names=classes,
            color_mode=color,
            image_size=size,
            batch_size=_BATCH,
            shuffle=False,
            verbose=False,
        )
        parts = [(x.numpy() / np.float32(255), y.numpy()) for x, y in batches]
    except (ValueError, OSError, tf.errors.OpError) as error:
        name = _damaged_of(folder, classes)
        reason = " ".join(str(error).split())
        raise UserError(f"expected images that Keras can read in {folder}. Received: {name or reason[:300]}") from error
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts]).astype(np.int64)


def _damaged_of(folder: Path, classes: list[str]) -> str:
    """The first image that cannot be decoded, which the error of a whole batch does not name."""
    import tensorflow as tf

    for name in classes:
        for path in sorted(_images_in(folder / name)):
            try:
                tf.io.decode_image(path.read_bytes(), expand_animations=False)
            except (OSError, tf.errors.OpError):
                return f"{path}, which is damaged or of another kind"
    return ""
