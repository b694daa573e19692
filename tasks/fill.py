"""Pixels of a scene that hold no measurement but a value which says so, such as -9999, or 65535 in 16 bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.types import UserError

# How far below, and above, the labelled pixels' readings an unlabelled one may lie, in widths of their range: what
# reflects is never far below 0, and a cloud or a roof may be a good deal brighter than all that is labelled.
BELOW, ABOVE = 1.0, 10.0
FEWEST_BANDS = 3
"""Bands that a spectrum must have for a single value in all of them to be no chance."""


def drop_fill(cube: NDArray[Any], labels: NDArray[np.int64], path: Path) -> tuple[NDArray[np.bool_], str]:
    """Which pixels `(row, column)` hold measurements, and a note where some do not.

    A pixel holds a fill value where all its bands have one value, and, if it is unlabelled, where a band is not finite
    or far out of the labelled pixels' range.

    Args:
        cube: `(row, column, band)`.
        labels: `(row, column)`; -1: unlabelled.
        path: the file, for the message.

    Raises:
        UserError: a labelled pixel is not finite.
    """
    labelled = labels >= 0
    finite: NDArray[np.bool_] = np.isfinite(cube).all(axis=-1)
    if not finite[labelled].all():
        count = int((labelled & ~finite).sum())
        raise UserError(
            f"expected finite reflectances of labelled pixels in {path}. Received: NaN or infinity in {count} of them"
        )
    sound = finite.copy()
    if cube.shape[-1] >= FEWEST_BANDS:
        sound[(cube == cube[..., :1]).all(axis=-1)] = False
    if (sound & labelled).any():
        sound[~labelled & ~_in_range(cube, cube[sound & labelled])] = False
    fill = int((~sound).sum())
    if not fill:
        return sound, ""
    examples = ", ".join(f"{value:g}" for value in np.unique(cube[~sound][:, 0])[:3])
    of_them = int((labelled & ~sound).sum())
    labels_lost = f", {of_them} of them labelled" if of_them else ""
    return sound, f"{fill} of {sound.size} pixels hold a fill value ({examples}) and are left out{labels_lost}"


def _in_range(cube: NDArray[Any], readings: NDArray[Any]) -> NDArray[np.bool_]:
    """Which pixels `(row, column)` are not far out of the range of `readings` in any band."""
    low, high = float(readings.min()), float(readings.max())
    width = high - low
    with np.errstate(invalid="ignore"):
        within = (cube >= low - BELOW * width) & (cube <= high + ABOVE * width)
    inside: NDArray[np.bool_] = np.all(within, axis=-1)
    return inside
