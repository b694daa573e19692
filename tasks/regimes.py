"""The operating regimes of C-MAPSS, told by the three settings: altitude, Mach number, throttle.

The engines of FD002 and FD004 fly at six points (Saxena et al. 2008, section V), drawn anew each cycle, and those of
FD001 and FD003 at one of them. A sensor reads by far the most of its variance off the point and not off the wear.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.types import UserError

POINTS = np.array([(0, 0, 100), (10, 0.25, 100), (20, 0.7, 100), (25, 0.62, 60), (35, 0.84, 100), (42, 0.84, 100)])
"""The operating points `(regime, setting)`: altitude in 1000 feet, Mach number, throttle in per cent."""
TOLERANCE = np.array([0.5, 0.02, 0.5])
"""How far a row's settings may lie from its point; the files scatter by a hundredth of the points' distances."""
SEVERAL = ("FD002", "FD004")
"""The subsets with more than one regime."""


def find_regimes(settings: NDArray[np.float64]) -> NDArray[np.int64]:
    """Regime `(row,)`, the index in `POINTS`, of settings `(row, setting)`.

    They are constants of the simulation: finding them takes nothing from the data, so nothing of the test engines.

    Raises:
        UserError: settings that are at none of the points.
    """
    near = (np.abs(settings[:, None] - POINTS) <= TOLERANCE).all(axis=-1)
    lost = np.flatnonzero(~near.any(axis=-1))
    if len(lost):
        points = ", ".join(f"{altitude:g}/{mach:g}/{throttle:g}" for altitude, mach, throttle in POINTS)
        received = "/".join(f"{value:g}" for value in settings[lost[0]])
        raise UserError(
            f"task.data.normalize=regime expects settings at one of the operating points {points}; "
            f"task.data.normalize=none does without. Received: {received}, and {len(lost)} such rows"
        )
    regimes: NDArray[np.int64] = near.argmax(axis=-1)
    return regimes
