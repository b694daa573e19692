"""The text files of C-MAPSS: read, and held to what NASA published or to what the form of the files promises."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.types import UserError
from tasks.checks import check_file
from tasks.windows import Series

COLUMNS = 26
"""Unit, cycle, 3 operating settings, 21 sensors."""
SETTINGS = slice(2, 5)
FIRST_SENSOR = 5
# No reading and no life comes near these; what is beyond them is a damaged file, or another column.
LARGEST_READING = 1e12
LONGEST_LIFE = 1e6


class Size(NamedTuple):
    """Of a published file: its rows, and the engines that they are of."""

    rows: int
    engines: int


PUBLISHED = {
    "train_FD001": Size(20631, 100),
    "train_FD002": Size(53759, 260),
    "train_FD003": Size(24720, 100),
    "train_FD004": Size(61249, 249),
    "test_FD001": Size(13096, 100),
    "test_FD002": Size(33991, 259),
    "test_FD003": Size(16596, 100),
    "test_FD004": Size(41214, 248),
}
"""All that tells a file which was cut off between two rows from a whole one."""


class Engines(NamedTuple):
    """Engines of one file: their readings, and their settings `(row, setting)`."""

    series: Series
    settings: NDArray[np.float64]


def read_engines(
    directory: Path, subset: str, columns: Sequence[int], *, published: bool = True
) -> tuple[Engines, Engines]:
    """Training and test engines, the test engines numbered on from the training engines.

    Args:
        directory: where the three text files are.
        subset: `FD001` ... `FD004`.
        columns: columns of the files to keep as features.
        published: whether the files must be as large as those that NASA published.

    Raises:
        UserError: a file that is absent, truncated or malformed.
    """
    train, train_engine, train_to_come = _read_runs(directory / f"train_{subset}.txt", published=published)
    test, test_engine, test_to_come = _read_runs(directory / f"test_{subset}.txt", published=published)
    left = _read_lives(directory / f"RUL_{subset}.txt", engines=int(test_engine[-1]) + 1)
    first_test = train_engine[-1] + 1
    return (
        Engines(Series(train[:, columns], train_engine, train_to_come), train[:, SETTINGS]),
        Engines(
            Series(test[:, columns], test_engine + first_test, test_to_come + left[test_engine]), test[:, SETTINGS]
        ),
    )


def _read_runs(path: Path, *, published: bool) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """A file's table `(row, column)`, and `_engines` of it."""
    table = _read_table(path, COLUMNS)
    _check_range(table, path, low=-LARGEST_READING, high=LARGEST_READING, what="readings")
    engine, to_come = _engines(table, path)
    size = Size(len(table), int(engine[-1]) + 1)
    expected = PUBLISHED[path.stem]
    if published and size != expected:
        raise UserError(
            f"expected {expected.rows} rows of {expected.engines} engines in {path}, as published; a file of your own "
            f"in this form needs task.data.published=false. Received: {size.rows} rows of {size.engines} engines"
        )
    return table, engine, to_come


def _read_lives(path: Path, *, engines: int) -> NDArray[np.int64]:
    """Cycles that each test engine has left `(engine,)`."""
    lives = _read_table(path, 1)
    _check_range(lives, path, low=0, high=LONGEST_LIFE, what="remaining lives")
    fractions = np.flatnonzero(lives[:, 0] != np.rint(lives[:, 0]))
    if len(fractions):
        row = fractions[0]
        raise UserError(
            f"expected remaining lives in whole cycles in {path}. Received: {lives[row, 0]:g} in row {row + 1}"
        )
    if len(lives) != engines:
        raise UserError(
            f"expected one remaining life in {path} for each of the {engines} engines in "
            f"{path.name.replace('RUL', 'test')}. Received: {len(lives)} lives"
        )
    return lives[:, 0].astype(np.int64)


def _read_table(path: Path, columns: int) -> NDArray[np.float64]:
    """The numbers of a text file `(row, column)`."""
    check_file(path, what="a C-MAPSS file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an empty file, which is an error below
            table = np.loadtxt(path, ndmin=2)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split("; use")[0].split())
        raise UserError(f"expected rows of {columns} numbers in {path}. Received: {reason}") from error
    if table.shape[1] != columns or not len(table):
        raise UserError(f"expected rows of {columns} numbers in {path}. Received: a table of shape {table.shape}")
    if not np.isfinite(table).all():
        row = int(np.flatnonzero(~np.isfinite(table).all(axis=1))[0])
        raise UserError(f"expected finite numbers in {path}. Received: NaN or infinity in row {row + 1}")
    return table


def _check_range(table: NDArray[np.float64], path: Path, *, low: float, high: float, what: str) -> None:
    outside = np.argwhere((table < low) | (table > high))
    if len(outside):
        row, column = outside[0]
        raise UserError(
            f"expected {what} between {low:g} and {high:g} in {path}. "
            f"Received: {table[row, column]:g} in row {row + 1}, column {column + 1}"
        )


def _engines(table: NDArray[np.float64], path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Engine of each row, from 0, and the rows of that engine still to come, both `(row,)`."""
    unit, cycle = table[:, 0], table[:, 1]
    starts = np.r_[True, np.diff(unit) != 0]
    engine = np.cumsum(starts) - 1
    first = np.flatnonzero(starts)
    expected = np.arange(len(table)) - first[engine] + 1
    if (unit != engine + 1).any() or (cycle != expected).any():
        row = int(np.flatnonzero((unit != engine + 1) | (cycle != expected))[0])
        raise UserError(
            f"expected engines 1, 2, ... with cycles 1, 2, ... in {path}. "
            f"Received: unit {unit[row]:g}, cycle {cycle[row]:g} in row {row + 1}"
        )
    stops = np.r_[first[1:], len(table)]
    return engine, stops[engine] - 1 - np.arange(len(table))
