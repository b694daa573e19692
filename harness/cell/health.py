"""Measures of stability from what training left, without TensorFlow: spikes of the loss, health of the statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SPIKE_WINDOW = 50
SPIKE_DEVIATIONS = 5.0
# Median absolute deviation of a normal distribution to its standard deviation.
MAD_TO_SD = 1.4826


def loss_spikes(losses: ArrayLike, *, window: int = SPIKE_WINDOW, deviations: float = SPIKE_DEVIATIONS) -> int:
    """How many steps' losses exceed the median of the `window` steps before by `deviations` robust deviations.

    A robust deviation is 1.4826 times the median absolute deviation of the same window. A loss that is not finite is
    a spike. The first `window` steps have nothing to be compared with and are none.

    Args:
        losses: `(step,)`.
    """
    every = np.asarray(losses, dtype=np.float64)
    finite = every[np.isfinite(every)]
    not_finite = len(every) - len(finite)
    if len(finite) <= window:
        return not_finite
    before = np.lib.stride_tricks.sliding_window_view(finite, window)[:-1]
    median = np.median(before, axis=1)
    deviation = MAD_TO_SD * np.median(np.abs(before - median[:, None]), axis=1)
    return not_finite + int((finite[window:] > median + deviations * deviation).sum())


def site_health(
    moving: tuple[NDArray[Any], NDArray[Any]], precise: tuple[NDArray[Any], NDArray[Any]], *, epsilon: float
) -> dict[str, float]:
    """How one site's moving statistics are doing.

    Args:
        moving: moving mean and variance, of the kept axes' shape.
        precise: mean and variance re-estimated with the weights as they are, of the same shape.
        epsilon: what the layer adds to a variance.

    Returns:
        `least_variance` and `median_variance` of the moving variances; `below_epsilon`, the share of them below
        epsilon; `largest_inverse_sd`, the largest 1 / sqrt(variance + epsilon), by which a deviation is multiplied;
        `mean_lag`, the median distance of moving and precise means in precise standard deviations; `variance_lag`,
        the median of |log(moving / precise variance)|, epsilon added to both.
    """
    mean, variance = (np.asarray(part, dtype=np.float64) for part in moving)
    precise_mean, precise_variance = (np.asarray(part, dtype=np.float64) for part in precise)
    deviation = np.sqrt(precise_variance + epsilon)
    return {
        "least_variance": float(variance.min()),
        "median_variance": float(np.median(variance)),
        "below_epsilon": float((variance < epsilon).mean()),
        "largest_inverse_sd": float((1.0 / np.sqrt(variance + epsilon)).max()),
        "mean_lag": float(np.median(np.abs(mean - precise_mean) / deviation)),
        "variance_lag": float(np.median(np.abs(np.log((variance + epsilon) / (precise_variance + epsilon))))),
    }


# Of several sites, the one that is worst off speaks for the cell.
WORST_SITE = {
    "least_variance": min,
    "median_variance": min,
    "below_epsilon": max,
    "largest_inverse_sd": max,
    "mean_lag": max,
    "variance_lag": max,
}


def worst_site(healths: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Each measure of `site_health` at the site where it is worst; empty where there is no site."""
    if not healths:
        return {}
    return {name: float(worst(health[name] for health in healths)) for name, worst in WORST_SITE.items()}
