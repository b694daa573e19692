"""Remaining useful life of real data: the C-MAPSS turbofan engines of NASA (Saxena & Goebel 2008).

Training engines are run to failure; test engines are cut off, and a file says how many cycles each had left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.types import TaskData, UserError
from tasks.checks import check_choice, check_flag, check_integer, check_path
from tasks.cmapss_files import FIRST_SENSOR, Engines, read_engines
from tasks.memory import check_memory
from tasks.metrics import REMAINING_LIFE
from tasks.regimes import SEVERAL, find_regimes
from tasks.shifts import sensor_shifts
from tasks.splits import FixedTestSplit
from tasks.windows import TARGET_SCALE, Windows, add_drift, check_windowing, cut_windows, scaled_life

SUBSETS = ("FD001", "FD002", "FD003", "FD004")
SENSORS = 21
DEFAULT_SENSORS = (4, 7, 11, 12, 15)
"""The five whose readings follow the remaining life of FD001 most closely (|correlation| 0.64 to 0.70)."""
NORMALIZATIONS = ("none", "regime")


def load(
    *,
    path: str | None = None,
    subset: str = "FD001",
    sensors: Sequence[int] | None = None,
    normalize: str = "none",
    published: bool = True,
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
        normalize: `regime` standardises each sensor by the training windows' readings at the same operating point
            (see `tasks.regimes`), `none` by all of them.
        published: whether the files are NASA's, and so must be as large as these are.
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
        MemoryError: more windows than memory can hold.
    """
    if path is None:
        raise UserError(
            f"task={name} needs task.data.path=DIR, the directory of the C-MAPSS text files. Received: path=None"
        )
    check_choice("task.data.subset", subset, SUBSETS)
    check_windowing(steps=steps, stride=stride, cap=cap, drift=drift, random_offset=random_offset)
    check_flag("task.data.cap_test", cap_test)
    check_flag("task.data.published", published)
    by_regime = _check_normalize(normalize, drift)
    rng = np.random.default_rng(check_integer("task.data.seed", seed, low=0))
    columns = [FIRST_SENSOR + number - 1 for number in check_sensors(sensors)]
    train, test = read_engines(check_path("task.data.path", path), subset, columns, published=published)
    engines = len(np.unique(train.series.engine))
    _check_validation(validation_engines, engines)
    windows, settings = _cut(train, test, steps=steps, stride=stride)
    is_test = windows.engine >= engines
    x = add_drift(windows.x, drift=drift, random_offset=random_offset, rng=rng).astype(np.float32)
    regimes = find_regimes(settings)[windows.rows] if by_regime else None
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
        standardize_groups=regimes,
        shifts=sensor_shifts(x, regimes),
        note=f"C-MAPSS {subset}: {engines} training and {int(is_test.sum())} test engines"
        + _note_of_regimes(subset, by_regime=by_regime),
    )


def _cut(train: Engines, test: Engines, *, steps: int, stride: int) -> tuple[Windows, NDArray[np.float64]]:
    """The windows of training and test engines, and the settings of all rows `(row, setting)` that they are cut from.

    Raises:
        MemoryError: there are too many of them.
    """
    rows, features = train.series.values.shape
    # At most one window every `stride` rows; each engine's last row ends one whatever its length.
    windows = rows // stride + int(test.series.engine[-1]) + 1
    options = "a smaller task.data.steps or a larger task.data.stride"
    check_memory(windows * steps * features, what=f"windows of {steps:,} cycles", smaller=options)
    first = cut_windows(train.series, steps=steps, stride=stride)
    last = cut_windows(test.series, steps=steps, last_only=True)
    joined = Windows(
        np.concatenate([first.x, last.x]),
        np.concatenate([first.engine, last.engine]),
        np.concatenate([first.remaining, last.remaining]),
        np.concatenate([first.rows, last.rows + rows]),
    )
    return joined, np.concatenate([train.settings, test.settings])


def _check_normalize(normalize: Any, drift: float) -> bool:
    """Whether sensors are standardised by regime.

    Raises:
        UserError: it is no way to do it, or does not go together with the drift.
    """
    by_regime = check_choice("task.data.normalize", normalize, NORMALIZATIONS) == "regime"
    if by_regime and drift:
        raise UserError(
            "task.data.drift is measured in deviations over all regimes and needs task.data.normalize=none. "
            f"Received: normalize=regime, drift={drift:g}"
        )
    return by_regime


def _check_validation(validation_engines: Any, engines: int) -> None:
    if engines < 2:
        raise UserError(f"expected two training engines or more, one of them to validate on. Received: {engines}")
    check_integer("task.data.validation_engines", validation_engines, high=engines - 1)


def _note_of_regimes(subset: str, *, by_regime: bool) -> str:
    if by_regime:
        return ", sensors standardised by operating regime"
    if subset in SEVERAL:
        return (
            "; they fly in six operating regimes, which nearly all of each sensor's variance is: "
            "task.data.normalize=regime takes it out"
        )
    return ""


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
