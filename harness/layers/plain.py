"""Batch normalization for any set of axes in plain Keras operations: right to every order of derivative, and masked."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

Axes = tuple[int, ...]
# From so many values on, sums in float32 lose what float64 keeps; in stages of at most so many they do not, and cost a
# fifth of what sums in float64 do.
MANY = 2**18
MOST_IN_TURN = 2**14


class Normalized(NamedTuple):
    """A normalized batch and what it was normalized by.

    `y` has the input's shape; `mean`, `variance` (biased) and `count` keep the averaged axes with size 1.
    `count`, the values behind each statistic, is `None` where all have the same, and some for certain.
    """

    y: Any
    mean: Any
    variance: Any
    count: Any = None


def normalize_batch(
    x: Any,
    gamma: Any,
    beta: Any,
    *,
    averaged: Axes,
    epsilon: float,
    mask: Any = None,
    across: Callable[[Any], Any] | None = None,
) -> Normalized:
    """Normalize `x` by its own statistics: `(x - mean) / sqrt(variance + epsilon) * gamma + beta`.

    Ioffe & Szegedy (2015), algorithm 1. The mean is found in two steps, the second on values that the first has
    centred: in float32 the mean of values near 1e4 is only good to 5e-4, which a spread of 0.1 would show. For the
    same reason nothing is computed as a difference of two squares.

    Args:
        x: `(batch, *axes)`, floating point.
        gamma: scale, of a shape that broadcasts against `x`; `None`: 1.
        beta: shift, likewise; `None`: 0.
        averaged: axes to average over; all others keep statistics of their own.
        epsilon: added to the variance.
        mask: of a shape that broadcasts against `x`; where it is false, a value counts in no statistic, but is
            normalized with the others. A group without any value, of a mask or of an empty batch, has mean 0,
            variance 0 and count 0.
        across: sums a value over all replicas whose batches share statistics; a replica's may be empty.
    """
    weight = None if mask is None else ops.cast(ops.broadcast_to(mask, ops.shape(x)), x.dtype)
    if across is not None and weight is None:
        weight = ops.ones_like(x)
    count = _count(x, averaged) if weight is None else ops.sum(weight, axis=averaged, keepdims=True)
    count = count if across is None else across(count)
    # Whatever the shift, mean and variance come out the same, so that it may be a constant to all derivatives.
    shift = ops.stop_gradient(_average(x, averaged, weight, count, across))
    deviation = x - shift
    # What rounding has left in the mean: so small that its square may be taken from that of the deviation, and that it
    # may go into the shift of the output, which saves two passes over the activation.
    rest = _average(deviation, averaged, weight, count, across)
    variance = ops.maximum(_average(ops.square(deviation), averaged, weight, count, across) - ops.square(rest), 0)
    scale = _scale(variance, gamma, epsilon)
    offset = -rest * scale if beta is None else beta - rest * scale
    return Normalized(deviation * scale + offset, shift + rest, variance, count)


def normalize_by(x: Any, mean: Any, variance: Any, gamma: Any, beta: Any, *, epsilon: float) -> Any:
    """Normalize `x` by the given statistics, all of shapes that broadcast against it."""
    y = (x - mean) * _scale(variance, gamma, epsilon)
    return y if beta is None else y + beta


def _scale(variance: Any, gamma: Any, epsilon: float) -> Any:
    scale = ops.rsqrt(variance + epsilon)
    return scale if gamma is None else scale * gamma


def _count(x: Any, axes: Axes) -> Any:
    """The values behind each statistic of `x` without a mask, or `None` where it is plain that there are some."""
    if all(x.shape[k] for k in axes):
        return None
    count = ops.cast(functools.reduce(operator.mul, (ops.shape(x)[k] for k in axes)), x.dtype)
    return ops.broadcast_to(count, tuple(1 if k in axes else size for k, size in enumerate(ops.shape(x))))


def _mean(x: Any, axes: Axes) -> Any:
    sizes = [x.shape[k] for k in axes]
    if None in sizes or math.prod(sizes) < MANY:
        return ops.mean(x, axis=axes, keepdims=True)
    first, part = axes[0], _divisor(sizes[0])
    if sizes[0] // part > MOST_IN_TURN or list(x.shape).count(None) > 1:
        return ops.cast(ops.mean(ops.cast(x, "float64"), axis=axes, keepdims=True), x.dtype)
    sizes = [-1 if size is None else size for size in x.shape]
    x = ops.mean(ops.reshape(x, (*sizes[:first], sizes[first] // part, part, *sizes[first + 1 :])), axis=first)
    for axis in axes:
        x = ops.mean(x, axis=axis, keepdims=True)
    return x


def _divisor(number: int) -> int:
    """The largest divisor up to the square root."""
    return max(k for k in range(1, math.isqrt(number) + 1) if number % k == 0)


def _average(x: Any, axes: Axes, weight: Any, count: Any, across: Callable[[Any], Any] | None) -> Any:
    if weight is None:
        mean = _mean(x, axes)
        # The mean of nothing is NaN, which would reach scale and shift by their derivatives.
        return mean if count is None else ops.where(count > 0, mean, ops.zeros_like(mean))
    # A masked value may be anything, infinity too, which a product with 0 would let through as NaN.
    kept = ops.where(weight > 0, x, ops.zeros_like(x))
    total = ops.sum(kept, axis=axes, keepdims=True)
    return (total if across is None else across(total)) / ops.maximum(count, 1)
