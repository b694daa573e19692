"""Batch normalization near the memory limit: the same as `plain`, several times faster, for every set of axes.

Automatic differentiation of the formula reads and writes the whole activation some twenty times; with the gradient
worked out, four passes do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import forwardprop_util  # there is no public way to ask

from harness.layers import compiled, plain
from harness.layers.plain import Axes, Normalized
from harness.layers.xla import is_worth_compiling


def normalize_batch(x: Any, gamma: Any, beta: Any, *, averaged: Axes, epsilon: float, mask: Any = None) -> Normalized:
    """What `plain.normalize_batch` does, by the faster way where there is one.

    `mean` and `variance` may be constants to derivatives here; `y` is differentiable to every order.
    """
    if mask is None and is_worth_compiling(x):
        return compiled.normalize_batch(x, gamma, beta, averaged=averaged, epsilon=epsilon)
    return plain.normalize_batch(x, gamma, beta, averaged=averaged, epsilon=epsilon, mask=mask)


def normalize_by(x: Any, mean: Any, variance: Any, gamma: Any, beta: Any, *, epsilon: float) -> Any:
    """What `plain.normalize_by` does, by the faster way where there is one."""
    normalize = compiled.normalize_by if is_worth_compiling(x) else plain.normalize_by
    return normalize(x, mean, variance, gamma, beta, epsilon=epsilon)


def moments(x: Any, *, averaged: Axes) -> tuple[Any, Any]:
    """Mean and biased variance of `x`, `(batch, *axes)`, which keep the averaged axes with size 1; float64.

    They may be constants to derivatives.
    """
    if is_worth_compiling(x):
        return compiled.moments(x, averaged=averaged)
    mean, variance = tf.nn.moments(tf.cast(x, tf.float64), averaged, keepdims=True)
    return mean, variance


def is_differentiated_forward(tensors: Iterable[Any]) -> bool:
    """Whether a `ForwardAccumulator` follows any of these, or may inside a graph that is traced for one."""
    known = [tensor for tensor in tensors if tensor is not None]
    return bool(forwardprop_util.pack_tangents(known).tangents)
