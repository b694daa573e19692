"""How the tasks' examples may differ once a model is deployed: functions of examples `(example, *axes)`.

Their sizes are fixed here and documented in docs/tasks.md. They act on the examples as a task loads them, before these
are standardised.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.types import Shift

GAIN = 0.1
"""Of the bands: 1 - GAIN at the first band to 1 + GAIN at the last."""
OFFSET = 0.2
"""Of the bands, in standard deviations of all readings: so much at the first band, falling to 0 at the last."""
DRIFT = 0.5
"""Of the sensors, in standard deviations of each: 0 at the first step, so much at the last."""
PIXELS = (1, 2, 3, 4)
# (height, width) of one step right, down, left, up.
_DIRECTIONS = ((0, 1), (1, 0), (0, -1), (-1, 0))


@dataclass(frozen=True)
class Moved:
    """Images `(example, height, width, channel)` moved by `pixels`; what comes in from outside is 0.

    Example i moves right, down, left or up as i mod 4 is 0, 1, 2 or 3: a score is over all four directions, so that
    statistics by row are treated as those by column are.
    """

    pixels: int

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """The moved images, of the same shape."""
        k = self.pixels
        height, width = x.shape[1:3]
        around = np.pad(x, ((0, 0), (k, k), (k, k), (0, 0)))
        moved = np.empty_like(x)
        for i, (down, right) in enumerate(_DIRECTIONS):
            rows, columns = k - k * down, k - k * right
            moved[i::4] = around[i::4, rows : rows + height, columns : columns + width]
        return moved


def band_gain(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Spectra `(example, ..., band)` of a sensor whose calibration tilted: multiplied by 0.9 to 1.1 along the bands."""
    factor = 1.0 + GAIN * np.linspace(-1.0, 1.0, x.shape[-1])
    return (x * factor).astype(np.float32)


@dataclass(frozen=True)
class BandOffset:
    """Spectra `(example, ..., band)` with scattered light on top, most of it in the first bands.

    Attributes:
        deviation: standard deviation of all readings, of which `OFFSET` is added at the first band and 0 at the last.
    """

    deviation: float

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """The spectra with the offset, of the same shape."""
        offset = OFFSET * self.deviation * np.linspace(1.0, 0.0, x.shape[-1])
        return (x + offset).astype(np.float32)


@dataclass(frozen=True)
class SensorDrift:
    """Windows `(example, time, feature)` whose readings creep up from their first step to their last.

    Attributes:
        deviations: standard deviation of each feature, of which 0 is added at the first step and `DRIFT` at the last.
    """

    deviations: tuple[float, ...]

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """The windows with the drift, of the same shape."""
        ramp = np.linspace(0.0, DRIFT, x.shape[1])
        drift = ramp[:, None] * np.array(self.deviations, np.float64)
        return (x + drift).astype(np.float32)


def image_shifts() -> dict[str, Shift]:
    """`moved_1` to `moved_4`."""
    meaning = "Images are moved by so many pixels."
    return {f"moved_{pixels}": Shift(Moved(pixels), meaning, unit="pixels") for pixels in PIXELS}


def band_shifts(x: NDArray[np.float32]) -> dict[str, Shift]:
    """`band_gain` and `band_offset`, in the units of the spectra `x (example, ..., band)`."""
    offset = BandOffset(float(x.std(dtype=np.float64)))
    return {
        "band_gain": Shift(band_gain, "Each spectral band is scaled by a factor of its own."),
        "band_offset": Shift(offset, "Each spectral band is raised by an amount of its own."),
    }


def sensor_shifts(x: NDArray[np.float32], groups: NDArray[np.int64] | None = None) -> dict[str, Shift]:
    """`sensor_drift`, in the units of the windows `x (example, time, feature)`.

    With `groups` `(example, time)`, the operating regime of each reading, a sensor's deviation is that within them.
    """
    deviations = x.std(axis=(0, 1), dtype=np.float64) if groups is None else _within(x, groups)
    drift = SensorDrift(tuple(map(float, deviations)))
    return {"sensor_drift": Shift(drift, "Each sensor drifts away as time goes by.")}


def _within(x: NDArray[np.float32], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Standard deviation of each feature `(feature,)` around the means of its groups."""
    readings = [x[groups == group].astype(np.float64) for group in np.unique(groups)]
    squares = [np.square(part - part.mean(axis=0)).sum(axis=0) for part in readings]
    deviations: NDArray[np.float64] = np.sqrt(np.sum(squares, axis=0) / groups.size)
    return deviations
