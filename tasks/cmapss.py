"""Remaining useful life of real data: the C-MAPSS turbofan engines of NASA (Saxena & Goebel 2008).

Training engines are run to failure; test engines are cut off, and a file says how many cycles each had left.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.types import TaskData, UserError
from tasks.checks import check_choice, check_file, check_flag, check_integer
from tasks.metrics import REMAINING_LIFE
from tasks.shifts import sensor_shifts
from tasks.splits import FixedTestSplit
from tasks.windows import TARGET_SCALE, Series, Windows, add_drift, check_windowing, cut_windows, scaled_life

SUBSETS = ("FD001", "FD002", "FD003", "FD004")
COLUMNS = 26
"""Unit, cycle, 3 operating settings, 21 sensors."""
FIRST_SENSOR = 5
SENSORS = 21
DEFAULT_SENSORS = (4, 7, 11, 12, 15)
"""The five whose readings follow the remaining life of FD001 most closely (|correlation| 0.64 to 0.70)."""
ROWS = {"train_FD001.txt": 20631, "test_FD001.txt": 13096}
"""Published sizes, to tell a truncated file from a complete one."""


def load(
    *,
    path: str | None = None,
    subset: str = "FD001",
    sensors: Sequence[int] | None = None,
    steps: int = 100,
    stride: int = 1,
    cap: int | None = 125,
    cap_test: bool = True,
    validation_engines: int = 20,
    drift: float = 0.0,
    random_offset: bool = False,
    seed: int = 0,
    name: str = "cmapss",
) -> TaskData:
    """Windows of the C-MAPSS engines.

    Args:
        path: directory with `train_<subset>.txt`, `test_<subset>.txt` and `RUL_<subset>.txt`.
        subset: `FD001` ... `FD004`.
        sensors: numbers of the sensors to keep, 1 to 21; default 4, 7, 11, 12, 15.
        steps: length of a window, cycles; shorter engines repeat their first row at the front.
        stride: cycles between the ends of neighbouring training windows.
        cap: remaining life counts as at most so many cycles; `None`: uncapped.
        cap_test: whether the cap holds for the test engines too, as in the figures most papers quote.
        validation_engines: number of training engines that each seed puts aside to validate on.
        drift, random_offset: see `tasks.windows.add_drift`; 0 leaves the data as they are.
        seed: of the random offsets.
        name: the task's name.

    Returns:
        Axes (time, feature); targets in units of 125 cycles. The test set is the last window of each test engine.

    Raises:
        UserError: a file that is absent, truncated or malformed, an unknown sensor, an option that makes no sense.
    """
    if path is None:
        raise UserError(
            f"task={name} needs task.data.path=DIR, the directory of the C-MAPSS text files. Received: path=None"
        )
    check_choice("task.data.subset", subset, SUBSETS)
    check_windowing(steps=steps, stride=stride, cap=cap, drift=drift)
    check_flag("task.data.cap_test", cap_test)
    columns = [FIRST_SENSOR + number - 1 for number in check_sensors(sensors)]
    train, test = read_engines(Path(path), subset, columns)
    engines = len(np.unique(train.engine))
    check_integer("task.data.validation_engines", validation_engines, high=engines - 1)
    windows = _join(cut_windows(train, steps=steps, stride=stride), cut_windows(test, steps=steps, last_only=True))
    is_test = windows.engine >= engines
    rng = np.random.default_rng(seed)
    check_flag("task.data.random_offset", random_offset)
    x = add_drift(windows.x, drift=drift, random_offset=random_offset, rng=rng).astype(np.float32)
    uncapped = is_test & (not cap_test)
    return TaskData(
        name=name,
        source="cmapss",
        axes=("time", "feature"),
        x=x,
        y=np.where(uncapped, scaled_life(windows.remaining, None), scaled_life(windows.remaining, cap)),
        outputs=1,
        splitter=FixedTestSplit(windows.engine, is_test, validation_engines),
        metrics=REMAINING_LIFE,
        target_scale=TARGET_SCALE,
        standardize_axes=("feature",),
        shifts=sensor_shifts(x),
        note=f"C-MAPSS {subset}: {engines} training and {int(is_test.sum())} test engines",
    )


def check_sensors(sensors: Sequence[int] | None) -> list[int]:
    """Sensor numbers, the default ones for `None`.

    Raises:
        UserError: an empty list, a number that is not 1 to 21, a sensor twice.
    """
    chosen: Any = DEFAULT_SENSORS if sensors is None else sensors
    # One number alone is a list of one; a text is not the list of its letters.
    listed = list(chosen) if isinstance(chosen, Iterable) and not isinstance(chosen, str) else [chosen]
    numbers = [check_integer("task.data.sensors", number, low=1, high=SENSORS) for number in listed]
    if not numbers or len(set(numbers)) < len(numbers):
        raise UserError(f"task.data.sensors must list different sensors, at least one. Received: sensors={numbers}")
    return numbers


def read_engines(directory: Path, subset: str, columns: Sequence[int]) -> tuple[Series, Series]:
    """Training and test engines, the test engines numbered on from the training engines.

    Args:
        directory: where the three text files are.
        subset: `FD001` ... `FD004`.
        columns: columns of the files to keep as features.

    Raises:
        UserError: a file that is absent, truncated or malformed.
    """
    train = _read_table(directory / f"train_{subset}.txt", COLUMNS)
    test = _read_table(directory / f"test_{subset}.txt", COLUMNS)
    left = _read_table(directory / f"RUL_{subset}.txt", 1)[:, 0].astype(np.int64)
    train_engine, train_to_come = _engines(train, directory / f"train_{subset}.txt")
    test_engine, test_to_come = _engines(test, directory / f"test_{subset}.txt")
    if test_engine[-1] + 1 != len(left):
        raise UserError(
            f"expected one remaining life in RUL_{subset}.txt for each of the {test_engine[-1] + 1} engines in "
            f"test_{subset}.txt. Received: {len(left)} lives in {directory}"
        )
    return (
        Series(train[:, columns], train_engine, train_to_come),
        Series(test[:, columns], test_engine + train_engine[-1] + 1, test_to_come + left[test_engine]),
    )


def _read_table(path: Path, columns: int) -> NDArray[np.float64]:
    """The numbers of a text file `(row, column)`."""
    check_file(path, what="a C-MAPSS file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an empty file, which is an error below
            table = np.loadtxt(path, ndmin=2)
    except (ValueError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split("; use")[0].split())
        raise UserError(f"expected rows of {columns} numbers in {path}. Received: {reason}") from error
    if table.shape[1] != columns or not len(table):
        raise UserError(f"expected rows of {columns} numbers in {path}. Received: a table of shape {table.shape}")
    if not np.isfinite(table).all():
        row = int(np.flatnonzero(~np.isfinite(table).all(axis=1))[0])
        raise UserError(f"expected finite numbers in {path}. Received: NaN or infinity in row {row + 1}")
    expected = ROWS.get(path.name, len(table))
    if len(table) != expected:
        raise UserError(f"expected {expected} rows in {path}, as published. Received: {len(table)} rows")
    return table


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


def _join(first: Windows, second: Windows) -> Windows:
    return Windows(
        np.concatenate([first.x, second.x]),
        np.concatenate([first.engine, second.engine]),
        np.concatenate([first.remaining, second.remaining]),
    )
