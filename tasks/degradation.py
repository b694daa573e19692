"""Remaining useful life of engines from windows of their sensors: generated engines, or the real ones of C-MAPSS.

Windows are split by engine, never by window. Their last steps are more worn than their first, as in the real data, and
nothing else tells one time step from another: the dial `drift` makes mean and spread depend on the time step strongly,
and `random_offset` takes the alignment away again. The formulas are in `tasks.turbofans` and `tasks.windows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.types import TaskData, UserError
from tasks import cmapss
from tasks.checks import check_choice, check_integer, check_number
from tasks.memory import check_memory
from tasks.metrics import REMAINING_LIFE
from tasks.shifts import sensor_shifts
from tasks.splits import GroupSplit
from tasks.turbofans import MEAN_LIFE, generate_engines
from tasks.windows import TARGET_SCALE, add_drift, check_windowing, cut_windows, scaled_life

SENSORS = 5


def load(
    *,
    path: str | None = None,
    subset: str = "FD001",
    sensors: Sequence[int] | None = None,
    normalize: str = "none",
    published: bool = True,
    engines: int = 100,
    regimes: int = 3,
    noise: float = 0.3,
    steps: int = 100,
    stride: int = 5,
    cap: int | None = 125,
    drift: float = 0.0,
    random_offset: bool = False,
    seed: int = 0,
) -> TaskData:
    """Windows of engines that wear out.

    Args:
        path: directory of the C-MAPSS files; with it the real engines are loaded (see `tasks.cmapss.load`) and
            `engines`, `regimes` and `noise`, which describe generated ones, do not apply.
        subset, sensors, normalize, published: of the C-MAPSS files; generated engines have 5 sensors of their own.
        engines: number of generated engines, at least 10.
        regimes: number of operating regimes.
        noise: standard deviation of a reading; the wear of a whole life moves it by 2 to 3.
        steps: length of a window, cycles.
        stride: cycles between the ends of neighbouring windows.
        cap: remaining life counts as at most so many cycles; `None`: uncapped.
        drift, random_offset: see `tasks.windows.add_drift`.
        seed: of the generated data and of the random offsets.

    Returns:
        Axes (time, feature); targets in units of 125 cycles. Of the generated engines 15 % validate and 15 % test.

    Raises:
        UserError: an option that makes no sense, or files that do not hold what they should.
        MemoryError: more windows than memory can hold.
    """
    check_choice("task.data.subset", subset, cmapss.SUBSETS)
    check_integer("task.data.seed", seed, low=0)
    if path is not None:
        return cmapss.load(
            path=path,
            subset=subset,
            sensors=sensors,
            normalize=normalize,
            published=published,
            steps=steps,
            stride=stride,
            cap=cap,
            drift=drift,
            random_offset=random_offset,
            seed=seed,
            name="degradation",
        )
    _check_file_options(sensors=sensors, subset=subset, normalize=normalize, published=published)
    _check_engines(engines=engines, regimes=regimes, noise=noise)
    check_windowing(steps=steps, stride=stride, cap=cap, drift=drift, random_offset=random_offset)
    _check_memory(engines=engines, steps=steps, stride=stride)
    series_rng, offset_rng = np.random.default_rng(seed).spawn(2)
    series = generate_engines(engines=engines, sensors=SENSORS, regimes=regimes, noise=noise, rng=series_rng)
    windows = cut_windows(series, steps=steps, stride=stride)
    x = add_drift(windows.x, drift=drift, random_offset=random_offset, rng=offset_rng).astype(np.float32)
    return TaskData(
        name="degradation",
        source="generated",
        axes=("time", "feature"),
        x=x,
        y=scaled_life(windows.remaining, cap),
        outputs=1,
        splitter=GroupSplit(windows.engine, validation=0.15, test=0.15),
        metrics=REMAINING_LIFE,
        target_scale=TARGET_SCALE,
        standardize_axes=("feature",),
        shifts=sensor_shifts(x),
    )


def _check_file_options(**options: Any) -> None:
    """Raise `UserError` for an option of real engines: taken without a word, it would name another cell of the same."""
    defaults = {"sensors": None, "subset": "FD001", "normalize": "none", "published": True}
    for name, value in options.items():
        if value != defaults[name]:
            raise UserError(
                f"task.data.{name} is about real engines and needs task.data.path. Received: {name}={value!r}"
            )


def _check_engines(*, engines: Any, regimes: Any, noise: Any) -> None:
    check_integer("task.data.engines", engines, low=10, high=10**7)
    check_integer("task.data.regimes", regimes, high=1000)
    check_number("task.data.noise", noise, low=0, high=1e6)


def _check_memory(*, engines: int, steps: int, stride: int) -> None:
    cycles = engines * MEAN_LIFE
    # A series has about as much beside its sensors, in float64: wear, levels, trend, noise.
    values = max(cycles // stride, engines) * steps * SENSORS + 4 * cycles * SENSORS
    options = "fewer task.data.engines, a smaller task.data.steps or a larger task.data.stride"
    check_memory(values, what=f"windows of {engines:,} engines", smaller=options)
