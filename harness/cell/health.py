"""Measures of a cell's stability, each declared once: how it is computed, what it means, how it is shown.

A new one is an entry in `MEASURES`: it is then recorded, in the frames, the table of stability and the figures. Without
TensorFlow, since whoever reads records knows the declarations too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.types import Quantity

SPIKE_WINDOW = 50
SPIKE_DEVIATIONS = 5.0
# Median absolute deviation of a normal distribution to its standard deviation.
MAD_TO_SD = 1.4826


@dataclass(frozen=True)
class SiteStatistics:
    """One site's statistics at a time, each of the kept axes' shape, float64.

    Attributes:
        mean, variance: the moving averages.
        precise_mean, precise_variance: re-estimated with the weights as they are.
        epsilon: what the layer adds to a variance.
    """

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    precise_mean: NDArray[np.float64]
    precise_variance: NDArray[np.float64]
    epsilon: float


@dataclass(frozen=True)
class Probed:
    """What a probe saw at several points along the gradient (`probes.STEP_FACTORS`).

    Attributes:
        losses: `(point,)`.
        changes: `(point,)`, 2-norm of the gradient there minus the gradient at the start.
        lengths: `(point,)`, how far each point lies from the start.
    """

    losses: NDArray[np.float64]
    changes: NDArray[np.float64]
    lengths: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class CellMeasure(Quantity):
    """A measure of stability.

    Attributes:
        kind: what it is computed from: `training` (the losses `(step,)` of all steps), `probe` (a `Probed`, at each
            probe), `site` (a `SiteStatistics`, at each site and epoch that is looked at). Of several probes the mean
            speaks for the cell, of several sites the one that is worst off.
        compute: makes it of that; None where it has another origin.
        heading: above its column in a table.
        title: above its panel in a figure.
        meaning: what it is, in a sentence.
        tabled: whether the table of stability has it.
    """

    kind: Literal["training", "probe", "site"]
    compute: Callable[[Any], float] | None
    heading: str
    title: str
    meaning: str
    tabled: bool = True


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


def _smoothness(seen: Probed) -> float:
    moved = bool((seen.lengths > 0).all())
    return float(np.max(seen.changes / seen.lengths)) if moved else float("nan")


def _variance_lag(site: SiteStatistics) -> float:
    ratio = (site.variance + site.epsilon) / (site.precise_variance + site.epsilon)
    return float(np.median(np.abs(np.log(ratio))))


MEASURES: tuple[CellMeasure, ...] = (
    CellMeasure(
        name="loss_spikes",
        kind="training",
        direction="min",
        unit="steps",
        compute=loss_spikes,
        heading="loss spikes",
        title="loss spikes",
        meaning=f"Steps whose loss exceeds the median of the {SPIKE_WINDOW} before by {SPIKE_DEVIATIONS:g} robust "
        "deviations.",
    ),
    CellMeasure(
        name="loss_variation",
        kind="probe",
        direction="min",
        compute=lambda seen: float(np.max(seen.losses) - np.min(seen.losses)),
        heading="loss variation",
        title="loss variation",
        meaning="Range of the loss along the gradient.",
    ),
    CellMeasure(
        name="gradient_predictiveness",
        kind="probe",
        direction="min",
        compute=lambda seen: float(np.max(seen.changes) - np.min(seen.changes)),
        heading="gradient predictiveness",
        title="gradient predictiveness",
        meaning="Range of the 2-norm of the gradient's change along it: the lower, the better the gradient predicts.",
    ),
    CellMeasure(
        name="beta_smoothness",
        kind="probe",
        direction="min",
        compute=_smoothness,
        heading="β-smoothness",
        title="effective β-smoothness",
        meaning="Largest ratio of the gradient's change to the distance along it.",
    ),
    CellMeasure(
        name="hessian_eigenvalue",
        kind="probe",
        direction="min",
        low=-float("inf"),
        compute=None,  # by power iteration, where it is asked for
        heading="Hessian eigenvalue",
        title="largest Hessian eigenvalue",
        meaning="Largest eigenvalue, in magnitude, of the loss's Hessian.",
        tabled=False,
    ),
    CellMeasure(
        name="least_variance",
        kind="site",
        direction="max",
        compute=lambda site: float(site.variance.min()),
        heading="least variance",
        title="least moving variance",
        meaning="The least of the moving variances.",
    ),
    CellMeasure(
        name="median_variance",
        kind="site",
        direction="max",
        compute=lambda site: float(np.median(site.variance)),
        heading="median variance",
        title="median moving variance",
        meaning="The median of the moving variances.",
        tabled=False,
    ),
    CellMeasure(
        name="below_epsilon",
        kind="site",
        direction="min",
        high=1.0,
        compute=lambda site: float((site.variance < site.epsilon).mean()),
        heading="below ε",
        title="share of variances below ε",
        meaning="Share of the moving variances below what the layer adds to them.",
    ),
    CellMeasure(
        name="largest_inverse_sd",
        kind="site",
        direction="min",
        compute=lambda site: float((1.0 / np.sqrt(site.variance + site.epsilon)).max()),
        heading="largest 1/SD",
        title="largest 1/√(variance + ε)",
        meaning="The largest factor that a deviation from the mean is multiplied by.",
    ),
    CellMeasure(
        name="mean_lag",
        kind="site",
        direction="min",
        unit="SD",
        compute=lambda site: float(
            np.median(np.abs(site.mean - site.precise_mean) / np.sqrt(site.precise_variance + site.epsilon))
        ),
        heading="mean lag",
        title="lag of the means (SDs)",
        meaning="Median distance of moving and precise means, in precise standard deviations.",
    ),
    CellMeasure(
        name="variance_lag",
        kind="site",
        direction="min",
        compute=_variance_lag,
        heading="variance lag",
        title="lag of the variances (|log ratio|)",
        meaning="Median of |log(moving / precise variance)|, ε added to both.",
    ),
)


def measures_of(kind: Literal["training", "probe", "site"]) -> dict[str, CellMeasure]:
    """The measures of a kind, by name."""
    return {measure.name: measure for measure in MEASURES if measure.kind == kind}


def compute_measures(kind: Literal["training", "probe", "site"], seen: Any) -> dict[str, float]:
    """Every measure of a kind from what was seen."""
    found = measures_of(kind).items()
    return {name: float(measure.compute(seen)) for name, measure in found if measure.compute is not None}


def worst_site(healths: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Each measure of kind `site` at the site where it is worst; empty where there is no site."""
    if not healths:
        return {}
    worst = {name: min if one.direction == "max" else max for name, one in measures_of("site").items()}
    return {name: float(find(health[name] for health in healths)) for name, find in worst.items()}
