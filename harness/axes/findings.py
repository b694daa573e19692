"""What is worth knowing of a choice of axes before it is used: each with its reason and what would do. Pure Python."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from harness.axes.resolved import ResolvedSite
from harness.axes.strategy import OVER_BATCH

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")
# Samples behind one statistic, below which a mean is off by more than a sixth of a standard deviation.
FEW_SAMPLES = 32
# Keras's own epsilon.
EPSILON = 1e-3
# Axes whose indexes are things and not places.
_NOT_PLACES = ("channel", "feature", "band", "batch")


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing.

    Attributes:
        level: `error` (it does not do what it is for), `warning` (it may not), `note`.
        kind: which one, as a word for programs.
        reason: what is so, and why it matters.
        remedy: what would do; empty where nothing need be done.
    """

    level: Level
    kind: str
    reason: str
    remedy: str = ""


def findings_of(resolved: ResolvedSite, batch_size: int) -> list[Finding]:
    """The findings of a strategy at one site, the worst first."""
    if resolved.kind == "none":
        return []
    if found := [*_of_batch(resolved, batch_size)]:
        return found  # which is to be mended before anything else
    found = [*_of_samples(resolved, batch_size), *_of_places(resolved), *_of_names(resolved), *_of_inference(resolved)]
    return worst_first(found)


def worst_first(found: list[Finding]) -> list[Finding]:
    """The findings by level, in their order within each."""
    return sorted(found, key=lambda one: LEVELS.index(one.level))


def _of_batch(r: ResolvedSite, batch_size: int) -> Iterator[Finding]:
    if r.kind in OVER_BATCH and 0 in r.axis:
        rest = [k for k in r.axis if k]
        yield Finding(
            "error",
            "batch-kept",
            f"the batch axis is kept: every example is normalized by itself in training, in inference by averages "
            f"of whatever stood at its place in earlier batches, and the weights are tied to a batch of {batch_size}",
            f"leave 0 out: axis={_typed(rest or [-1])}; for one example there are layer and group normalization",
        )


def _of_samples(r: ResolvedSite, batch_size: int) -> Iterator[Finding]:
    samples = r.samples_per_statistic
    sizes = (batch_size, *r.site.shape)
    if samples is None:
        names = [name for name, size in zip(r.site.axes, r.site.shape, strict=True) if size is None]
        yield Finding(
            "warning",
            "variable-length",
            f"{' and '.join(names)} has no fixed size and is averaged over: m′ differs from batch to batch, and what "
            "fills short examples up counts as data",
            "a mask (keras.layers.Masking) leaves the filling out; batches of like lengths",
        )
    elif samples == 1:
        yield Finding(
            "error",
            "one-sample",
            "m′ is 1: a value is its own mean, so that the output is the shift, whatever the input",
            "keep fewer axes, or a larger batch" if 0 not in r.axis else "keep fewer axes",
        )
    elif samples < FEW_SAMPLES and r.kind in OVER_BATCH:
        others = samples // (r.ghost if r.ghost and r.ghost < batch_size else batch_size) or 1
        larger = f"a batch of {math.ceil(FEW_SAMPLES / others)} or more"
        if r.ghost and r.ghost < batch_size:
            larger = f"axis.ghost={math.ceil(FEW_SAMPLES / others)} or more"
        yield Finding(
            "warning",
            "few-samples",
            f"m′ is {samples}, under {FEW_SAMPLES}: from batch to batch a mean is off by about "
            f"{100 / math.sqrt(samples):.0f} % of a standard deviation (1/√m′), and so is what inference expects",
            f"{larger}; fewer kept axes; or axis=layer or axis=group, which do not rest on the batch",
        )
    ones = [name for k, name in enumerate(r.site.axes, 1) if sizes[k] == 1 and k not in r.axis]
    if ones and r.kind in OVER_BATCH:
        yield Finding("note", "size-one", f"{' and '.join(ones)} has size 1: keeping it as well would change nothing")


def _of_places(r: ResolvedSite) -> Iterator[Finding]:
    places = [k for k in r.axis if k and r.site.axes[k - 1] not in _NOT_PLACES and (r.site.shape[k - 1] or 2) > 1]
    if not places or r.kind not in OVER_BATCH:
        return
    names = " × ".join(r.site.axes[k - 1] for k in places)
    sizes = " × ".join(str(r.site.shape[k - 1]) for k in places)
    yield Finding(
        "warning",
        "constant-places",
        f"a place ({names}) that hardly changes in training, as an empty border, has a variance near 0: what differs "
        f"there in inference is multiplied by up to 1/√ε = {1 / math.sqrt(EPSILON):.0f} (ε = {EPSILON:g})",
        "look at the smallest variances after training (python -m harness audit), or take a larger epsilon",
    )
    yield Finding(
        "note",
        "moved-inputs",
        f"statistics belong to places: inputs that are moved, late or cropped meet those of other places, and {names} "
        f"must stay {sizes}",
        "average over the places where inputs move; probe.shifts of run measures what it costs",
    )


def _of_names(r: ResolvedSite) -> Iterator[Finding]:
    kept = tuple(r.site.axes[k - 1] for k in r.axis if k)
    if r.kind not in OVER_BATCH or r.axis != (1,) or len(r.site.axes) < 2:
        return
    if kept == ("time",):
        yield Finding(
            "note",
            "pools-features",
            "all features of a time step are pooled, which is what Keras's axis=1 does to a sequence; the per-step "
            "normalization of the literature keeps time and feature",
            "axis=per_timestep, where that is meant",
        )
    elif kept == ("height",):
        yield Finding(
            "warning",
            "rows",
            "axis=1 keeps rows here, as channels are last; in channels_first it would keep channels",
            "axis=-1 for channels; axes=[channel,height,width] where they come first",
        )


def _of_inference(r: ResolvedSite) -> Iterator[Finding]:
    last = (len(r.site.axes),)
    if r.kind not in OVER_BATCH:
        yield Finding("note", "no-fold", "statistics are computed in inference too, so that nothing folds away")
    elif r.axis == r.param_axis == last:
        yield Finding(
            "note", "folds", "in inference it folds into a convolution or dense layer right before it, at no cost"
        )
    else:
        factors = math.prod(r.site.shape[k - 1] or 1 for k in {*r.axis, *r.param_axis} if k)
        several = "one scale and one shift" if factors == 1 else f"{factors:,} scales and shifts"
        if not {*r.axis, *r.param_axis}:
            yield Finding("note", "folds", f"in inference it is {several}, which fold into the layer before it")
        else:
            yield Finding(
                "note",
                "no-fold",
                f"in inference it is a multiply-add with {several}, which does not fold into a convolution before it",
            )


def _typed(axis: list[int]) -> str:
    return str(axis[0]) if len(axis) == 1 else f"[{','.join(map(str, axis))}]"
