"""A Keras model for inference alone: batch normalizations go into the kernels before them or become a multiply-add."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray

from harness.layers.folding import Calls
from harness.layers.multiply_add import MultiplyAdd
from harness.models.copying import as_it_is, check_has_graph, copy_with, give_weights
from harness.models.graph import Found, axes_of, find_normalizations, kind_of
from harness.types import UserError


@dataclass(frozen=True)
class Folded:
    """What became of one normalization layer.

    Attributes:
        path: where it was.
        into: `kernel` (it is gone), `multiply-add` (a layer of that kind is there now) or `left` (it is as it was).
        by: the layer that took it in, or why there is none.
        operations: multiplications, additions and subtractions that it took for the values of one example, before and
            after; None where a size is not fixed.
    """

    path: str
    into: Literal["kernel", "multiply-add", "left"]
    by: str
    operations: tuple[int, int] | None


@dataclass(frozen=True)
class Folding:
    """A model for inference that was made of another, and what became of its normalizations."""

    model: Any
    layers: tuple[Folded, ...]

    @property
    def operations(self) -> tuple[int, int] | None:
        """Those of all layers for one example, before and after; None where a size is not fixed."""
        known = [one.operations for one in self.layers if one.operations is not None]
        if len(known) < len(self.layers):
            return None
        return sum(before for before, _ in known), sum(after for _, after in known)


def fold(model: Any) -> Folding:
    """A copy of a model for inference in which batch normalizations are folded, and which gives the same outputs.

    One that keeps the channels alone, or nothing, goes into the kernel and bias of the convolution or dense layer right
    before it, if nothing else takes that one's output; any other becomes one multiplication and one addition. What
    `TimeDistributed` and other wrappers hold is left as it is, and so is normalization within an example.

    Outputs are the same up to the precision of the model's numbers: where the inputs' mean is large against their
    spread, `x * scale + shift` loses what `x - mean` keeps.

    Args:
        model: built, sequential or functional, nested and with shared layers too; it stays as it is. Training
            would move no averages of the copy.

    Raises:
        UserError: the model is subclassed, not built, or has no batch normalization.
    """
    check_has_graph(model)
    found = [one for one in find_normalizations(model) if hasattr(one.layer, "moving_mean")]
    if not found:
        raise UserError(f"expected a model with batch normalization. Received: {model.name}, which has none")
    calls = Calls(model)
    affine = {id(one.layer): _Affine.of(one) for one in found}
    takers = {id(one.layer): calls.taker(one.layer, affine[id(one.layer)].varying, one.named.axes) for one in found}
    taken = {id(taker): affine[key] for key, taker in takers.items() if not isinstance(taker, str)}

    def replace(layer: Any) -> Any:
        if id(layer) in taken:
            return layer.__class__.from_config({**layer.get_config(), "use_bias": True})
        if id(layer) not in affine:
            return as_it_is(layer)
        if not isinstance(takers[id(layer)], str):
            return None
        return MultiplyAdd(affine[id(layer)].varying, name=layer.name, dtype=layer.dtype_policy)

    copy, pairs = copy_with(model, replace)
    for old, new in pairs:
        if id(old) in taken:
            new.set_weights(_with_kernel(old, taken[id(old)]))
        elif id(old) in affine:
            new.set_weights(affine[id(old)].weights())
        else:
            give_weights(new, old)
    return Folding(copy, tuple(_told(one, takers[id(one.layer)], calls) for one in found))


@dataclass(frozen=True)
class _Affine:
    """What a normalization does in inference: `inputs * scale + shift`, float64, of shapes that broadcast."""

    scale: NDArray[np.float64]
    shift: NDArray[np.float64]

    @classmethod
    def of(cls, found: Found) -> _Affine:
        layer, shape = found.layer, found.shape or ()
        axis, param_axis = axes_of(layer, len(shape))

        def spread(variable: Any, axes: tuple[int, ...], default: float) -> NDArray[np.float64]:
            if variable is None:
                return np.full((), default)
            values = np.asarray(keras.ops.convert_to_numpy(variable), np.float64)
            return values.reshape([size or 1 if k in axes else 1 for k, size in enumerate(shape)])

        mean, variance = (spread(variable, axis, 0.0) for variable in (layer.moving_mean, layer.moving_variance))
        gamma = spread(getattr(layer, "gamma", None), param_axis, 1.0)
        scale = gamma / np.sqrt(variance + layer.epsilon)
        shift = spread(getattr(layer, "beta", None), param_axis, 0.0) - mean * scale
        return cls(*np.broadcast_arrays(scale, shift))

    @property
    def varying(self) -> tuple[int, ...]:
        """The axes along which it differs."""
        return tuple(k for k, size in enumerate(self.scale.shape) if size > 1)

    def weights(self) -> list[NDArray[np.float64]]:
        """Those of a `MultiplyAdd`."""
        same = tuple(k for k, size in enumerate(self.scale.shape) if size == 1)
        return [self.scale.squeeze(same), self.shift.squeeze(same)]


def _with_kernel(layer: Any, affine: _Affine) -> list[NDArray[Any]]:
    """The weights of a layer with a bias that does what `layer` and then a normalization do."""
    *weights, bias = layer.get_weights() if layer.use_bias else [*layer.get_weights(), np.zeros(1)]
    *others, kernel = weights
    kind = type(layer).__name__
    if "Depthwise" in kind:
        channels: tuple[int, ...] = kernel.shape[-2:]
    elif "Transpose" in kind:
        channels = (kernel.shape[-2], 1)
    else:
        channels = kernel.shape[-1:]
    scale, shift = (np.broadcast_to(values.ravel(), math.prod(channels)) for values in (affine.scale, affine.shift))
    return [*others, kernel * scale.reshape(channels), bias * scale + shift]


def _told(found: Found, taker: Any, calls: Calls) -> Folded:
    layer, sizes = found.layer, (found.shape or ())[1:]
    # AxisNormalization takes the mean off by itself; Keras's has it in the shift.
    before = 2 + bool(layer.center) if "AxisNormalization" in kind_of(layer) else 2
    into: Literal["kernel", "multiply-add", "left"]
    if not isinstance(taker, str):
        into, after, by = "kernel", int(not taker.use_bias), taker.name
    elif calls.reach(layer):
        into, after, by = "multiply-add", 2, taker
    else:
        into, after, by = "left", before, taker
    values = math.prod(size or 0 for size in sizes) * found.uses
    return Folded(found.path, into, by, None if None in sizes else (before * values, after * values))
