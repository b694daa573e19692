"""What the normalization layers of a model do, and what is wrong or worth knowing of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.axes.explained import Explanation, explain, explain_axes
from harness.axes.findings import Finding, worst_first
from harness.axes.resolved import ResolvedSite
from harness.axes.strategy import AxisStrategy
from harness.models.findings import Trained, findings_of_layer, scale_moved
from harness.models.graph import Found, find_normalizations, kind_of
from harness.types import Site, UserError


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
    trained = Trained(steps, any(scale_moved(one.layer) for one in found))
    layers = tuple(_audited(one, batch_size, trained) for one in found)
    gap = None
    if data is not None:
        from harness.models.gap import measure_gap

        gap = measure_gap(model, data, batch_size=batch_size)
    return Audit(name or model.name, batch_size, layers, gap)


def _audited(found: Found, batch_size: int, trained: Trained) -> AuditedLayer:
    if found.shape is None:
        unbuilt = Finding("note", "not-built", "it is not built, so that its shape is not known", "call the model once")
        return AuditedLayer(found, None, (unbuilt,))
    one = _explained(found, found.shape[0] or batch_size)
    return AuditedLayer(found, one, findings_of_layer(found, one, trained))


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


def _axes(axis: int | Sequence[int]) -> tuple[int, ...]:
    return (axis,) if isinstance(axis, int) else tuple(axis)
