"""A task from recordings of a user's own, or of the UCR and UEA archives, of equal or unequal lengths: `.ts` files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.types import TaskData, UserError
from tasks.checks import check_path, list_directory, list_some
from tasks.given import Given, make_task
from tasks.memory import check_memory
from tasks.ts_files import read_ts

TRAIN, TEST = "_TRAIN.ts", "_TEST.ts"


def load(
    *,
    path: str | None = None,
    standardize_axes: Sequence[str] | str | None = "auto",
    validation: float = 0.1,
    test: float = 0.3,
) -> TaskData:
    """Recordings to classify, or to predict a value from.

    Args:
        path: a directory with one `<name>_TRAIN.ts`, and `<name>_TEST.ts` where there is a fixed test set; or a `.ts`
            file, with its test set beside it if its name ends in `_TRAIN.ts`.
        standardize_axes, validation, test: see `tasks.given.make_task`.

    Returns:
        Axes (time, feature). Shorter recordings are padded at their end, and masked.

    Raises:
        UserError: no such files, or files that are damaged or do not fit together.
        MemoryError: more recordings than memory can hold.
    """
    if path is None:
        raise UserError("task=time_series needs task.data.path=DIR or FILE.ts. Received: path=None")
    files = find_files(check_path("task.data.path", path))
    parts = [read_ts(file) for file in files]
    if len({part.labels.dtype.kind for part in parts}) > 1 or len({part.series[0].shape[1] for part in parts}) > 1:
        raise UserError(
            f"expected features and labels of one kind in {files[0]} and {files[1].name}. "
            f"Received: {' and '.join(f'{p.series[0].shape[1]} features, {p.labels.dtype}' for p in parts)}"
        )
    series = [one for part in parts for one in part.series]
    lengths = np.array([len(one) for one in series])
    steps, features = int(lengths.max()), series[0].shape[1]
    check_memory(len(series) * steps * features, what=f"recordings of {steps:,} steps", smaller="shorter recordings")
    x = np.zeros((len(series), steps, features), np.float32)
    for row, one in zip(x, series, strict=True):
        row[: len(one)] = one
    given = Given(
        files[0].name,
        x,
        np.concatenate([part.labels for part in parts]),
        side=np.repeat([0, 2], [len(part.series) for part in parts]) if len(parts) == 2 else None,
        lengths=lengths if lengths.min() < steps else None,
    )
    return make_task(
        "time_series",
        given,
        axes=["time", "feature"],
        kind="auto",
        standardize_axes=standardize_axes,
        validation=validation,
        test=test,
    )


def find_files(path: Path) -> list[Path]:
    """The file to train on, and the one to test on if there is one.

    Raises:
        UserError: there is none, or several data sets.
    """
    if path.is_dir():
        names = list_directory(path, what="a file ending in _TRAIN.ts")
        found = [name for name in names if name.endswith(TRAIN)]
        if len(found) != 1:
            raise UserError(
                f"expected one file ending in {TRAIN} in {path}; task.data.path=FILE.ts chooses one. "
                f"Received: {list_some(found or names)}"
            )
        path = path / found[0]
    beside = path.with_name(path.name.removesuffix(TRAIN) + TEST)
    return [path, beside] if path.name.endswith(TRAIN) and beside.is_file() else [path]
