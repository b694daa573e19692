"""Remaining useful life of engines from windows of their sensors: generated engines, or the real ones of C-MAPSS.

Windows are split by engine, never by window. Their last steps are more worn than their first, as in the real data, and
nothing else tells one time step from another: the dial `drift` makes mean and spread depend on the time step strongly,
and `random_offset` takes the alignment away again. The formulas are in `tasks.turbofans` and `tasks.windows`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.types import TaskData, UserError
from tasks import cmapss
from tasks.checks import check_choice, check_flag, check_integer, check_number
from tasks.metrics import REMAINING_LIFE
from tasks.shifts import sensor_shifts
from tasks.splits import GroupSplit
from tasks.turbofans import generate_engines
from tasks.windows import TARGET_SCALE, add_drift, check_windowing, cut_windows, scaled_life

SENSORS = 5


def load(
    *,
    path: str | None = None,
    subset: str = "FD001",
    sensors: Sequence[int] | None = None,
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
        subset, sensors: which of the C-MAPSS files and sensors; generated engines have 5 sensors of their own.
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
    """
    check_choice("task.data.subset", subset, cmapss.SUBSETS)
    check_integer("task.data.seed", seed, low=0)
    if path is not None:
        return cmapss.load(
            path=path,
            subset=subset,
            sensors=sensors,
            steps=steps,
            stride=stride,
            cap=cap,
            drift=drift,
            random_offset=random_offset,
            seed=seed,
            name="degradation",
        )
    if sensors is not None:
        raise UserError(f"task.data.sensors chooses among real sensors and needs task.data.path. Received: {sensors=}")
    check_integer("task.data.engines", engines, low=10)
    check_integer("task.data.regimes", regimes)
    check_number("task.data.noise", noise, low=0)
    check_windowing(steps=steps, stride=stride, cap=cap, drift=drift)
    check_flag("task.data.random_offset", random_offset)
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
