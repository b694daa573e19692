"""Image data sets of tensorflow-datasets: read them where they are prepared, fetch them only where that can work.

Without a network, `tfds.load` retries for minutes and leaves half a download behind. So it is asked first whether the
data set is there, and if it is not, a request for the data set's own file is tried for a few seconds.
"""

from __future__ import annotations

import logging
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PROBE_SECONDS = 6.0
"""How long a data set's host may take to answer before it counts as out of reach."""

Probe = Callable[[str, int | None], bool]


@dataclass(frozen=True)
class Images:
    """Training and test examples: `x` `(example, height, width, channel)` uint8, `y` `(example,)` int64."""

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]


def find_images(dataset: str, *, data_dir: str | None = None, probe: Probe | None = None) -> Images | None:
    """The data set `dataset` as prepared by tensorflow-datasets, fetched if need be; `None` if it cannot be had.

    Args:
        dataset: a name of tensorflow-datasets with the splits `train` and `test`.
        data_dir: where it is, or is to be, prepared; default: where tensorflow-datasets keeps its data.
        probe: says within seconds whether a URL (with an expected size in bytes, or `None`) can be fetched;
            default `reachable`.
    """
    # Slow to import, and of no use to the other tasks.
    import tensorflow_datasets as tfds

    with _quiet():
        builder = tfds.builder(dataset, data_dir=data_dir)
        if not builder.is_prepared():
            url, info = next(iter(builder.url_infos.items()))
            if not (probe or reachable)(url, info.size and int(info.size)) or not _download(builder):
                return None
            builder = tfds.builder(dataset, data_dir=data_dir)
        train, test = (_read(builder, split) for split in ("train", "test"))
    return Images(*train, *test)


def reachable(url: str, size: int | None = None) -> bool:
    """Whether `url` answers a HEAD request within `PROBE_SECONDS`, with `size` bytes if it says how many.

    The size tells a data set's host from a login page that answers every request.
    """
    answers: list[bool] = []

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=PROBE_SECONDS) as response:
                length = response.headers.get("Content-Length")
                answers.append(size is None or length is None or int(length) == size)
        except (OSError, ValueError):
            answers.append(False)

    # A socket's timeout does not cover the look-up of the host's name, which can hang for much longer.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return bool(answers) and answers[0]


def _download(builder: Any) -> bool:
    """Whether tensorflow-datasets could fetch and prepare the data set."""
    try:
        builder.download_and_prepare()
    except Exception as error:  # whatever it is, the caller goes on without the data set and says so
        logging.getLogger(__name__).warning("tensorflow-datasets could not prepare %s: %s", builder.name, error)
        return False
    return True


def _read(builder: Any, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images and labels of one split in the order in which they are stored."""
    import tensorflow_datasets as tfds

    if builder.info.file_format.value == "array_record":
        rows = list(builder.as_data_source(split=split))
        return np.stack([row["image"] for row in rows]), np.array([row["label"] for row in rows], np.int64)
    columns = tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1, shuffle_files=False))
    return np.asarray(columns["image"], np.uint8), np.asarray(columns["label"], np.int64)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without absl's warnings that a data set which was only asked for is not there."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def default_directory() -> Path:
    """Where tensorflow-datasets keeps its data unless told otherwise."""
    import tensorflow_datasets as tfds

    return Path(tfds.core.constants.DATA_DIR)
