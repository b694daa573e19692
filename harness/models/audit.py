"""What the normalization layers of a model do, and what is wrong or worth knowing of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from harness.axes.explained import Explanation, explain, explain_axes
from harness.axes.findings import Finding, worst_first
from harness.axes.resolved import ResolvedSite
from harness.axes.strategy import AxisStrategy
from harness.models.graph import Found, find_normalizations, kind_of
from harness.types import Site, UserError

# The part of their initial values that moving averages may still hold: what is more is told, and is an error from half.
_LITTLE, _HALF = 0.01, 0.5
_KERNELS = ("BaseConv", "BaseDepthwiseConv", "BaseSeparableConv", "BaseConvTranspose", "Dense", "EinsumDense")


@dataclass(frozen=True)
class AuditedLayer:
    """One normalization layer: where it is, what it does there, and what is to be said of it."""

    found: Found
    explanation: Explanation | None
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Nothing but JSON types."""
        layer, one = self.found.layer, self.explanation
        entry: dict[str, Any] = {
            "layer": self.found.path,
            "class": type(layer).__name__,
            "axes": list(self.found.named.axes),
            "axes_named_by": self.found.named.source or None,
            "shape": None if self.found.shape is None else list(self.found.shape[1:]),
            "uses": self.found.uses,
            "trainable": bool(layer.trainable),
            "epsilon": float(layer.epsilon),
            "momentum": float(layer.momentum) if hasattr(layer, "momentum") else None,
        }
        if one is None:
            return entry
        r = one.resolved
        return entry | {
            "axis": list(r.axis),
            "param_axis": list(r.param_axis),
            "keeps": list(r.stat_axes),
            "statistics": r.statistics,
            "parameters": r.parameters,
            "samples_per_statistic": r.samples_per_statistic,
            "sentence": one.sentence,
        }


@dataclass(frozen=True)
class Audit:
    """All normalization layers of a model.

    Attributes:
        name: of the model, or its file.
        batch_size: that was asked about.
        layers: in the order in which the model holds them.
        gap: what inference statistics cost on data that were given, as `harness.models.gap.Gap`; else None.
    """

    name: str
    batch_size: int
    layers: tuple[AuditedLayer, ...]
    gap: Any = None

    @property
    def findings(self) -> list[tuple[str, Finding]]:
        """The layers' paths and what is found of them, the worst first."""
        found = [(layer.found.path, finding) for layer in self.layers for finding in layer.findings]
        if self.gap is not None:
            found += [("", finding) for finding in self.gap.findings]
        order = {id(finding): place for place, finding in enumerate(worst_first([finding for _, finding in found]))}
        return sorted(found, key=lambda one: order[id(one[1])])

    @property
    def failed(self) -> bool:
        """Whether there is an error among them."""
        return any(finding.level == "error" for _, finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """`layers` and `findings`, nothing but JSON types."""
        findings = [
            {"level": one.level, "kind": one.kind, "layer": path or None, "reason": one.reason, "remedy": one.remedy}
            for path, one in self.findings
        ]
        document = {"model": self.name, "batch_size": self.batch_size}
        document |= {"layers": [layer.to_dict() for layer in self.layers], "findings": findings}
        return document if self.gap is None else document | {"gap": self.gap.to_dict()}


@dataclass
class _Trained:
    """What is known of how the model was trained."""

    steps: int | None
    scales_moved: bool = field(default=False)


def audit(
    model: Any, *, batch_size: int = 32, steps: int | None = None, data: Any = None, name: str | None = None
) -> Audit:
    """Look at every normalization layer of a model.

    Args:
        model: a built Keras model, also a subclassed one.
        batch_size: of its training, for m'.
        steps: for which it was trained, where that is known: whether the averages had the time to arrive.
        data: a mapping of arrays with `x` `(example, *axes)`, and maybe `y` `(example,)` and `x_train`: what inference
            statistics cost this model is measured on them.
        name: for the title; the model's own unless said.

    Raises:
        UserError: it has no normalization layer, or the data do not fit it.
    """
    found = find_normalizations(model)
    if not found:
        raise UserError(
            "expected a model with a normalization layer of Keras's or of this project's. "
            f"Received: {name or model.name}, which has none"
        )
    trained = _Trained(steps, any(_scale_moved(one.layer) for one in found))
    layers = tuple(_audited(one, batch_size, trained) for one in found)
    gap = None
    if data is not None:
        from harness.models.gap import measure_gap

        gap = measure_gap(model, data, batch_size=batch_size)
    return Audit(name or model.name, batch_size, layers, gap)


def _audited(found: Found, batch_size: int, trained: _Trained) -> AuditedLayer:
    if found.shape is None:
        unbuilt = Finding("note", "not-built", "it is not built, so that its shape is not known", "call the model once")
        return AuditedLayer(found, None, (unbuilt,))
    one = _explained(found, found.shape[0] or batch_size)
    findings = [*_of_axes(found, one), *_of_statistics(found.layer, trained), *_of_neighbours(found)]
    return AuditedLayer(found, one, tuple(worst_first(findings)))


def _explained(found: Found, batch_size: int) -> Explanation:
    layer, shape = found.layer, found.shape
    assert shape is not None
    site = Site(found.path, found.named.axes, shape[1:])
    kinds, rank = kind_of(layer), len(shape)
    if "AxisNormalization" in kinds:
        kind = "ghost" if hasattr(layer, "ghost") else "frozen" if "FrozenNormalization" in kinds else "batch"
        kind = "renorm" if getattr(layer, "renorm", False) else kind
        ghost = getattr(layer, "ghost", 8)
        strategy = AxisStrategy(_axes(layer.axis), None if layer.param_axis is None else _axes(layer.param_axis), kind)  # type: ignore[arg-type]
        # A batch that is no multiple of the ghosts' size has a smaller one at its end.
        return explain(
            replace(strategy, ghost=ghost), site, max(batch_size // ghost, 1) * ghost if kind == "ghost" else batch_size
        )
    if "BatchNormalization" in kinds:
        one = explain_axes(tuple(sorted(k % rank for k in _axes(layer.axis))), site, batch_size)
        renorm = getattr(layer, "renorm", False)
        return replace(one, resolved=replace(one.resolved, kind="renorm")) if renorm else one
    return Explanation(_within_example(layer, site, rank, batch_size), batch_size)


def _within_example(layer: Any, site: Site, rank: int, batch_size: int) -> ResolvedSite:
    axes = tuple(sorted(k % rank for k in _axes(getattr(layer, "axis", -1))))
    names = ("batch", *site.axes)
    parameters = sum(math.prod(weight.shape) for weight in layer.trainable_weights)
    if "GroupNormalization" in kind_of(layer):
        groups = layer.groups if layer.groups > 0 else site.shape[axes[0] - 1] or 1
        inner = [size for size in site.shape if size is not None]
        samples = math.prod(inner) // groups if None not in site.shape else None
        kept: tuple[int, ...] = (0, *axes)
        kind = "group"
    else:
        groups, kept = None, tuple(k for k in range(rank) if k not in axes)
        sizes = [site.shape[k - 1] for k in axes]
        samples = None if None in sizes else math.prod(size or 1 for size in sizes)
        kind = "rms" if "RMSNormalization" in kind_of(layer) else "layer"
    return ResolvedSite(
        site,
        kind,
        tuple(names[k] for k in kept),
        tuple(names[k] for k in axes),
        kept,
        axes,
        parameters=parameters,
        samples_per_statistic=samples,
        groups=groups,
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


def _of_statistics(layer: Any, trained: _Trained) -> Iterator[Finding]:
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


def _never_moved(trained: _Trained) -> Finding:
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
    axes = tuple(k % len(found.shape) for k in _axes(getattr(found.layer, "axis", -1)))
    return getattr(found.layer, "moving_mean", None) is not None and len(found.shape) - 1 in axes


def _moved(layer: Any) -> bool:
    """Whether a layer's moving averages are no longer what they begin as."""
    if getattr(layer, "moving_mean", None) is None:
        return False
    mean, variance = _averages(layer)
    return bool((mean != 0).any() or (variance != 1).any())


def _averages(layer: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean, variance = (keras.ops.convert_to_numpy(v) for v in (layer.moving_mean, layer.moving_variance))
    return np.asarray(mean, np.float64), np.asarray(variance, np.float64)


def _scale_moved(layer: Any) -> bool:
    gamma, beta = getattr(layer, "gamma", None), getattr(layer, "beta", None)
    values = [(gamma, 1.0), (beta, 0.0)]
    return any(
        v is not None and bool((np.asarray(keras.ops.convert_to_numpy(v)) != start).any()) for v, start in values
    )


def _axes(axis: int | Sequence[int]) -> tuple[int, ...]:
    return (axis,) if isinstance(axis, int) else tuple(axis)
