"""Batch normalization near the memory limit: the same as `plain`, several times faster, for every set of axes.

Automatic differentiation of the formula reads and writes the whole activation some twenty times; with the gradient
worked out, four passes do.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import tensorflow as tf

from harness.axes import compiled, plain
from harness.axes.plain import Axes, Normalized

# XLA takes up to a second to compile a site, which smaller activations would take thousands of steps to earn back.
FAST_FROM = 2**18
# Stands in for a batch size that is not known when a graph is traced.
USUAL_BATCH = 32


def normalize_batch(x: Any, gamma: Any, beta: Any, *, averaged: Axes, epsilon: float, mask: Any = None) -> Normalized:
    """What `plain.normalize_batch` does, by the faster way where there is one.

    `mean` and `variance` may be constants to derivatives here; `y` is differentiable to every order.
    """
    if mask is None and is_fast(x):
        return compiled.normalize_batch(x, gamma, beta, averaged=averaged, epsilon=epsilon)
    return plain.normalize_batch(x, gamma, beta, averaged=averaged, epsilon=epsilon, mask=mask)


def normalize_by(x: Any, mean: Any, variance: Any, gamma: Any, beta: Any, *, epsilon: float) -> Any:
    """What `plain.normalize_by` does, by the faster way where there is one."""
    normalize = compiled.normalize_by if is_fast(x) else plain.normalize_by
    return normalize(x, mean, variance, gamma, beta, epsilon=epsilon)


def moments(x: Any, *, averaged: Axes) -> tuple[Any, Any]:
    """Mean and biased variance of `x`, `(batch, *axes)`, which keep the averaged axes with size 1; float64.

    They may be constants to derivatives.
    """
    if is_fast(x):
        return compiled.moments(x, averaged=averaged)
    return tf.nn.moments(tf.cast(x, tf.float64), averaged, keepdims=True)


def is_fast(x: Any) -> bool:
    """Whether the compiled passes take `x`, `(batch, *axes)`, and are worth compiling."""
    if x.dtype != tf.float32 or None in x.shape[1:]:
        return False
    batch = USUAL_BATCH if x.shape[0] is None else x.shape[0]
    return bool(batch * math.prod(x.shape[1:]) >= FAST_FROM) and _suits_device()


@functools.cache
def _suits_device() -> bool:
    """Whether XLA compiles for this machine's CPU, and there is no GPU, where a loop over examples would crawl."""
    if tf.config.list_logical_devices("GPU"):
        return False
    try:
        with tf.init_scope():
            return bool(tf.function(lambda v: v + 1.0 > v, jit_compile=True)(tf.constant(1.0)))
    except (tf.errors.OpError, ValueError):
        return False
