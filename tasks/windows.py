"""Windows over the sensor series of engines, and the dial that makes them non-stationary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.checks import check_flag, check_integer, check_number

TARGET_SCALE = 125.0
"""Cycles: remaining life is divided by it, so that a network's targets are of the order of 1."""
LONGEST = 10**6
"""Cycles: no window, stride or life is longer."""


@dataclass(frozen=True)
class Series:
    """Sensor readings of several engines, one below the other.

    Attributes:
        values: `(row, feature)` float64; an engine's rows are consecutive and in the order of time.
        engine: engine of each row `(row,)`.
        remaining: cycles left until failure `(row,)`.
    """

    values: NDArray[np.float64]
    engine: NDArray[np.int64]
    remaining: NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """Windows cut from series.

    Attributes:
        x: `(window, time, feature)` float64.
        engine: engine of each window `(window,)`.
        remaining: cycles left at each window's last step `(window,)`.
        rows: row of the series that each step is `(window, time)`.
    """

    x: NDArray[np.float64]
    engine: NDArray[np.int64]
    remaining: NDArray[np.int64]
    rows: NDArray[np.int64]


def cut_windows(series: Series, *, steps: int, stride: int = 1, last_only: bool = False) -> Windows:
    """Windows of `steps` cycles, counted back from each engine's last row every `stride` cycles.

    An engine with fewer rows than `steps` gives one window, which repeats its first row at the front.

    Args:
        series: rows of engines.
        steps: length of a window, cycles.
        stride: cycles between the ends of neighbouring windows.
        last_only: only the window that ends with each engine's last row.
    """
    rows = np.arange(len(series.engine))
    changes = np.flatnonzero(np.diff(series.engine)) + 1
    starts, stops = np.r_[0, changes], np.r_[changes, len(rows)]
    start, to_come = np.repeat(starts, stops - starts), np.repeat(stops, stops - starts) - 1 - rows
    is_end = (to_come % stride == 0) & (rows - start >= steps - 1)
    is_end = (to_come == 0) | (is_end & (not last_only))
    ends = rows[is_end]
    # Rows before the engine's first become its first.
    index = np.maximum(ends[:, None] + np.arange(1 - steps, 1), start[ends][:, None])
    return Windows(series.values[index], series.engine[ends], series.remaining[ends], index)


def add_drift(
    x: NDArray[np.float64],
    *,
    drift: float,
    random_offset: bool,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Windows whose mean and spread change with the time step, as far as the dial `drift` says.

    With z the reading of feature f standardised over all windows and steps, and tau = (t + o) / T the phase of step t,

        z'(t) = exp(drift / 2 * cos(2 pi (tau + f / F))) * z(t) + drift * sin(2 pi (tau + f / F)).

    The offset o is 0, so that all windows drift alike and statistics per time step can take it out; or, with
    `random_offset`, one of 0 ... T - 1 at random for each window, so that the same drift is there but no time step
    differs from another on average.

    Args:
        x: `(window, time, feature)`.
        drift: strength, in standard deviations of a feature; 0 leaves `x` as it is.
        random_offset: whether each window starts at a phase of its own.
        rng: draws the offsets.

    Returns:
        `(window, time, feature)`, in the units of `x`.
    """
    if drift == 0:
        return x
    windows, steps, features = x.shape
    offset = rng.integers(steps if random_offset else 1, size=(windows, 1))
    tau = (np.arange(steps) + offset) / steps
    angle = 2 * np.pi * (tau[:, :, None] + np.arange(features) / features)
    mean, deviation = x.mean(axis=(0, 1)), x.std(axis=(0, 1))
    standardised = (x - mean) / np.where(deviation > 0, deviation, 1.0)
    drifted: NDArray[np.float64] = np.exp(drift / 2 * np.cos(angle)) * standardised + drift * np.sin(angle)
    in_units: NDArray[np.float64] = mean + deviation * drifted
    return in_units


def scaled_life(remaining: NDArray[np.int64], cap: int | None) -> NDArray[np.float32]:
    """Remaining life `(example,)` in units of `TARGET_SCALE` cycles, at most `cap` cycles (`None`: uncapped)."""
    capped = remaining if cap is None else np.minimum(remaining, cap)
    return (capped / TARGET_SCALE).astype(np.float32)


def check_windowing(*, steps: Any, stride: Any, cap: Any, drift: Any, random_offset: Any) -> None:
    """Raise `UserError` unless the options that all degradation tasks share make sense."""
    check_integer("task.data.steps", steps, low=2, high=LONGEST)
    check_integer("task.data.stride", stride, high=LONGEST)
    if cap is not None:
        check_integer("task.data.cap", cap, high=LONGEST)
    check_number("task.data.drift", drift, low=0, high=10)
    check_flag("task.data.random_offset", random_offset)
