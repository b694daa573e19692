"""The lines of code that do what a strategy does to one tensor `x`: in Keras 3, with this project's layer, in PyTorch.

Each snippet takes `x`, laid out as the site says, and leaves the result in `y`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.axes.resolved import ResolvedSite
from harness.axes.strategy import OVER_BATCH

FRAMEWORKS = ("Keras 3", "this project", "PyTorch")
MOMENTUM, EPSILON = 0.99, 1e-3
# What PyTorch calls momentum is the other part. Its own defaults are 0.1 and 1e-5.
_TORCH = f"eps={EPSILON:g}, momentum={1 - MOMENTUM:.2f}"


def code_of(resolved: ResolvedSite) -> dict[str, str]:
    """The lines for each of `FRAMEWORKS`; a comment with the reason where there are none."""
    if resolved.kind == "none":
        return dict.fromkeys(FRAMEWORKS, "y = x")
    if resolved.kind in OVER_BATCH and 0 in resolved.axis:
        return dict.fromkeys(FRAMEWORKS, "# the batch axis is not to be kept: see the error above")
    return dict(zip(FRAMEWORKS, (_keras(resolved), _ours(resolved), _torch(resolved)), strict=True))


def _keras(r: ResolvedSite) -> str:
    if r.kind not in OVER_BATCH:
        return _keras_within(r)
    if r.kind in ("ghost", "frozen"):
        return f"# Keras 3 has no {r.kind} batch normalization"
    if r.axis != r.param_axis:
        return "# Keras 3 ties scale and shift to the axes of the statistics: no layer of its own does this"
    renorm = ", renorm=True" if r.kind == "renorm" else ""
    rank = len(r.site.axes) + 1
    if len(r.axis) == 1:
        axis = -1 if r.axis[0] == rank - 1 else r.axis[0]
        arguments = ", ".join(part for part in (f"axis={axis}" if axis != -1 else "", renorm[2:]) if part)
        return f"y = keras.layers.BatchNormalization({arguments})(x)"
    if r.site.shape.count(None) > 1:
        return "# Keras 3 keeps one axis; a Reshape around it needs sizes that are known"
    # Its layer keeps one axis: bring those that are kept together, make one of them, and undo both.
    order = [*r.axis, *(k for k in range(1, rank) if k not in r.axis)]
    together = order != sorted(order)
    sizes = [r.site.shape[k - 1] for k in order]
    kept, averaged = sizes[: len(r.axis)], sizes[len(r.axis) :]
    merged = [math.prod(size or 1 for size in kept), *(-1 if size is None else size for size in averaged)]
    axis = 1
    if not r.axis:  # one statistic: of an axis that is put there for it
        merged, axis = [-1, 1], -1
    lines = [f"y = keras.layers.Permute({_tuple(order)})(y)"] if together else []
    lines += [
        f"y = keras.layers.Reshape({_tuple(merged)})(y)",
        f"y = keras.layers.BatchNormalization(axis={axis}{renorm})(y)",
        f"y = keras.layers.Reshape({_tuple([-1 if size is None else size for size in sizes])})(y)",
    ]
    if together:
        lines.append(f"y = keras.layers.Permute({_tuple([order.index(k) + 1 for k in range(1, rank)])})(y)")
    lines[0] = f"{lines[0][:-3]}(x)"
    return "\n".join(lines)


def _keras_within(r: ResolvedSite) -> str:
    if r.kind == "group":
        return f"y = keras.layers.GroupNormalization(groups={r.groups}, epsilon={EPSILON:g})(x)"
    layer = "RMSNormalization" if r.kind == "rms" else "LayerNormalization"
    return f"y = keras.layers.{layer}(epsilon={EPSILON:g})(x)"


def _ours(r: ResolvedSite) -> str:
    if r.kind not in OVER_BATCH:
        return _keras_within(r) + "  # Keras's own"
    name = {"ghost": "GhostNormalization", "frozen": "FrozenNormalization"}.get(r.kind, "AxisNormalization")
    place = "harness.axes" if name == "AxisNormalization" else "harness.layers.variants"
    arguments = [f"axis={_axis(r.axis)}"]
    if r.param_axis != r.axis:
        arguments.append(f"param_axis={_axis(r.param_axis)}")
    if r.kind == "ghost":
        arguments.append(f"ghost={r.ghost}")
    if r.kind == "renorm":
        arguments.append("renorm=True")
    return f"from {place} import {name}\ny = {name}({', '.join(arguments)})(x)"


def _torch(r: ResolvedSite) -> str:
    rank, last = len(r.site.axes) + 1, r.site.shape[-1]
    if r.kind in ("renorm", "ghost", "frozen"):
        return f"# PyTorch has no {r.kind} batch normalization"
    if r.kind in ("layer", "rms"):
        layer = "RMSNorm" if r.kind == "rms" else "LayerNorm"
        return f"norm = torch.nn.{layer}({last}, eps={EPSILON:g})\ny = norm(x)"
    if r.kind == "group":
        around = ("", "") if rank == 2 else (".movedim(-1, 1)", ".movedim(1, -1)")
        return f"norm = torch.nn.GroupNorm({r.groups}, {last}, eps={EPSILON:g})\ny = norm(x{around[0]}){around[1]}"
    affine = r.axis == r.param_axis
    channels = math.prod(r.site.shape[k - 1] or 1 for k in r.axis)
    before, after, dimensions = _torch_around(r, rank)
    options = _TORCH if affine else f"{_TORCH}, affine=False"
    lines = [f"norm = torch.nn.BatchNorm{dimensions}d({channels}, {options})"]
    if affine:
        return "\n".join([*lines, f"y = norm(x{before}){after}"])
    shape = ", ".join(str(r.site.shape[k - 1]) if k in r.param_axis else "1" for k in range(1, rank))
    lines += [
        f"scale = torch.nn.Parameter(torch.ones({shape}))",
        f"shift = torch.nn.Parameter(torch.zeros({shape}))",
        f"y = norm(x{before}){after} * scale + shift",
    ]
    return "\n".join(lines)


def _torch_around(r: ResolvedSite, rank: int) -> tuple[str, str, int]:
    """What brings the kept axes to place 1, as PyTorch has them, what undoes it, and which BatchNorm is in between."""
    if not r.axis:
        return ".reshape(len(x), 1, -1)", ".reshape(x.shape)", 1
    order = [0, *r.axis, *(k for k in range(1, rank) if k not in r.axis)]
    before = after = ""
    if order != sorted(order):
        before = f".permute{_tuple(order)}"
        after = f".permute{_tuple([order.index(k) for k in range(rank)])}"
    if len(r.axis) > 1:
        before += f".flatten(1, {len(r.axis)})"
        after = f".unflatten(1, {_tuple([r.site.shape[k - 1] for k in r.axis])})" + after
    return before, after, max(1, rank - 1 - len(r.axis))


def _axis(axis: Sequence[int]) -> str:
    return str(axis[0]) if len(axis) == 1 else str(list(axis)) if axis else "()"


def _tuple(values: Sequence[int | None]) -> str:
    return str(tuple(values))
