"""What batch renormalization (Ioffe 2017) adds: the correction of a batch's statistics towards the averages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras import ops

from harness.layers.plain import Normalized

CLIPPING = ("rmax", "rmin", "dmax")


def correct(
    normalized: Normalized, mean: Any, stddev: Any, *, epsilon: float, clipping: Mapping[str, float]
) -> tuple[Any, Any]:
    """r and d of algorithm 1, which no gradient passes through.

    Args:
        normalized: the batch, with its statistics.
        mean, stddev: the averages before they move, in the shape of the batch's.
        epsilon: added to the variance.
        clipping: bounds of r (`rmax`, `rmin`) and of the size of d (`dmax`), each of which may be missing.
    """
    # No smaller than a batch's can be, early in training.
    stddev = ops.maximum(stddev, epsilon**0.5)
    r = ops.sqrt(normalized.variance + epsilon) / stddev
    d = (normalized.mean - mean) / stddev
    high, low, far = (clipping.get(name) for name in CLIPPING)
    r = r if low is None else ops.maximum(r, low)
    r = r if high is None else ops.minimum(r, high)
    d = d if far is None else ops.clip(d, -far, far)
    return ops.stop_gradient(r), ops.stop_gradient(d)


def check_clipping(clipping: Mapping[str, float] | None) -> dict[str, float]:
    """The bounds as a dictionary.

    Raises:
        ValueError: one of another name, or bounds that no value can keep.
    """
    clipping = dict(clipping or {})
    if set(clipping) - set(CLIPPING):
        raise ValueError(
            f"renorm_clipping takes {', '.join(CLIPPING)}. Received invalid keys: renorm_clipping={clipping}"
        )
    high, low, far = (clipping.get(name) for name in CLIPPING)
    if high is not None and low is not None and high < low:
        raise ValueError(f"renorm_clipping: rmax should be rmin or more. Received: renorm_clipping={clipping}")
    if far is not None and far < 0:
        raise ValueError(f"renorm_clipping: dmax should be non-negative. Received: renorm_clipping={clipping}")
    return clipping
