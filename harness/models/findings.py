"""What is wrong or worth knowing of one normalization layer of a model: its axes, its averages, its neighbours."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from harness.axes.explained import Explanation
from harness.axes.findings import Finding, worst_first
from harness.models.graph import Found, axes_of, kind_of

# The part of their initial values that moving averages may still hold: what is more is told, and is an error from half.
_LITTLE, _HALF = 0.01, 0.5
_KERNELS = ("BaseConv", "BaseDepthwiseConv", "BaseSeparableConv", "BaseConvTranspose", "Dense", "EinsumDense")


@dataclass(frozen=True)
class Trained:
    """What is known of how a model was trained: the steps, and whether any scale or shift moved."""

    steps: int | None
    scales_moved: bool


def findings_of_layer(found: Found, one: Explanation, trained: Trained) -> tuple[Finding, ...]:
    """All of them, the worst first."""
    return tuple(worst_first([*_of_axes(found, one), *_of_statistics(found.layer, trained), *_of_neighbours(found)]))


def scale_moved(layer: Any) -> bool:
    """Whether a layer's scale or shift is no longer what it begins as."""
    gamma, beta = getattr(layer, "gamma", None), getattr(layer, "beta", None)
    values = [(gamma, 1.0), (beta, 0.0)]
    return any(
        v is not None and bool((np.asarray(keras.ops.convert_to_numpy(v)) != start).any()) for v, start in values
    )


def _of_axes(found: Found, one: Explanation) -> Iterator[Finding]:
    r, names = one.resolved, found.named
    told = {finding.kind: finding for finding in one.findings}
    if one.over_batch and len(r.axis) == 1 and len(names.axes) > 1 and 0 not in r.axis:
        last = next((k for k, axis in enumerate(names.axes, 1) if axis in ("channel", "feature")), len(names.axes))
        if r.axis[0] != last:
            told.pop("rows", None)
            told.pop("pools-features", None)
            yield _not_where_channels_are(found, one, last)
    if _moved(found.layer):
        told.pop("constant-places", None)  # how small they are is seen
    if "folds" in told and found.before and not _is_linear(found.before[0]):
        told["folds"] = Finding(
            "note",
            "no-fold",
            "what is right before it is no convolution or dense layer without an activation, so that a multiply-add "
            "stays in inference",
        )
    yield from told.values()


def _not_where_channels_are(found: Found, one: Explanation, last: int) -> Finding:
    r, names = one.resolved, found.named
    kept, channels = names.axes[r.axis[0] - 1], names.axes[last - 1]
    by = f"as {names.source} gives them" if names.source else "going by the rank, as no layer before it says"
    sequence = kept == "time"
    level = "error" if names.source and "BatchNormalization" in kind_of(found.layer) and not sequence else "warning"
    reason = f"axis={r.axis[0]} keeps {kept}, and the {channels}s are axis {last} of ({', '.join(one.names)}), {by}"
    if sequence:
        reason += f": all {channels}s of a time step are pooled, which is not per-time-step normalization"
    return Finding(
        level,  # type: ignore[arg-type]
        "not-the-channels",
        reason,
        f"axis={-1 if last == len(names.axes) else last}"
        + ("; for each step and feature AxisNormalization(axis=[1, 2])" if sequence else ""),
    )


def _of_statistics(layer: Any, trained: Trained) -> Iterator[Finding]:
    if not layer.trainable:
        yield Finding(
            "note", "frozen", "trainable=False: it uses its moving averages in training too, and does not move them"
        )
    if getattr(layer, "moving_mean", None) is None:
        return
    mean, variance = _averages(layer)
    if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
        yield Finding(
            "error",
            "not-finite",
            "moving averages hold NaN or infinity, and so will every output in inference",
            "harness.models.recalibrate(model, x), if the weights are finite",
        )
    elif not _moved(layer):
        yield _never_moved(trained)
    else:
        yield from _of_variances(layer, variance)
        yield from _of_momentum(layer, trained.steps)


def _never_moved(trained: Trained) -> Finding:
    began = "moving averages are as they began (mean 0, variance 1)"
    if not trained.scales_moved:
        why = "the model is not trained, or was in inference mode"
        return Finding("warning", "never-moved", f"{began}: {why}")
    return Finding(
        "error",
        "never-moved",
        f"{began}, though the model is trained: inference normalizes by nothing",
        "harness.models.recalibrate(model, x); train with training=True",
    )


def _of_variances(layer: Any, variance: NDArray[np.float64]) -> Iterator[Finding]:
    small = int((variance < layer.epsilon).sum())
    if small:
        gain = 1 / math.sqrt(variance.min() + layer.epsilon)
        yield Finding(
            "warning",
            "small-variance",
            f"{small:,} of {variance.size:,} variances are below ε = {layer.epsilon:g}, the smallest "
            f"{variance.min():.1e}: what differs there is multiplied by up to {gain:,.0f}",
            "a larger epsilon, or axes that average over what is constant",
        )


def _of_momentum(layer: Any, steps: int | None) -> Iterator[Finding]:
    if steps is None or not hasattr(layer, "momentum") or "FrozenNormalization" in kind_of(layer):
        return
    left = layer.momentum**steps
    if left > _LITTLE:
        enough = math.floor(1000 * _LITTLE ** (1 / max(steps, 1))) / 1000
        yield Finding(
            "error" if left > _HALF else "warning",
            "slow-momentum",
            f"after {steps:,} steps at momentum {layer.momentum:g} the moving averages still are {100 * left:.0f} % of "
            "what they began as",
            f"momentum {enough:g} or less, more steps, or harness.models.recalibrate(model, x)",
        )


def _of_neighbours(found: Found) -> Iterator[Finding]:
    layer = found.layer
    if found.uses > 1 and getattr(layer, "moving_mean", None) is not None:
        yield Finding(
            "warning",
            "shared",
            f"it is called {found.uses} times in one pass: its moving averages mix what these inputs are like",
            "a layer for each, unless the inputs are alike",
        )
    nearest = found.before[0] if found.before else None
    if nearest is not None and _is_linear(nearest) and getattr(nearest, "use_bias", False) and _takes_means(found):
        yield Finding(
            "note",
            "idle-bias",
            f"the bias of {nearest.name} right before it is taken out with the mean",
            "use_bias=False there",
        )
    if found.after_dropout and getattr(layer, "moving_mean", None) is not None:
        yield Finding(
            "warning",
            "after-dropout",
            "dropout comes right before it: variances in training are larger than in inference, which the moving "
            "averages do not know",
            "dropout after the normalization",
        )
    if found.masked:
        yield Finding(
            "note", "masked", "a mask reaches it: what is masked counts in no statistic, so that m′ is smaller"
        )


def _is_linear(layer: Any) -> bool:
    """Whether a layer is a convolution or a dense one and nothing else."""
    return bool(kind_of(layer) & {*_KERNELS}) and getattr(layer, "activation", None) in (None, keras.activations.linear)


def _takes_means(found: Found) -> bool:
    """Whether the layer keeps a mean for each thing that has a bias before it: the last axis."""
    assert found.shape is not None
    axis, _ = axes_of(found.layer, len(found.shape))
    return getattr(found.layer, "moving_mean", None) is not None and len(found.shape) - 1 in axis


def _moved(layer: Any) -> bool:
    """Whether a layer's moving averages are no longer what they begin as."""
    if getattr(layer, "moving_mean", None) is None:
        return False
    mean, variance = _averages(layer)
    return bool((mean != 0).any() or (variance != 1).any())


def _averages(layer: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean, variance = (keras.ops.convert_to_numpy(v) for v in (layer.moving_mean, layer.moving_variance))
    return np.asarray(mean, np.float64), np.asarray(variance, np.float64)
