"""Batch normalization near the memory limit: the same as `plain`, several times faster, for every set of axes.

Automatic differentiation of the formula reads and writes the whole activation some twenty times; with the gradient
worked out, four passes do.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import tensorflow as tf

from harness.axes import plain
from harness.axes.passes import Layout, compile_passes
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
        return normalize_batch_fast(x, gamma, beta, averaged=averaged, epsilon=epsilon)
    return plain.normalize_batch(x, gamma, beta, averaged=averaged, epsilon=epsilon, mask=mask)


def is_fast(x: Any) -> bool:
    """Whether the compiled passes take `x`, `(batch, *axes)`, and are worth compiling."""
    if x.dtype != tf.float32 or None in x.shape[1:]:
        return False
    batch = USUAL_BATCH if x.shape[0] is None else x.shape[0]
    return bool(batch * math.prod(x.shape[1:]) >= FAST_FROM) and _suits_device()


def normalize_batch_fast(x: Any, gamma: Any, beta: Any, *, averaged: Axes, epsilon: float) -> Normalized:
    """`normalize_batch` in compiled passes, whatever the size of `x`; float32, all sizes but the batch's known."""
    shape = tuple(x.shape[1:])
    kept = tuple(k for k in range(1, len(shape) + 1) if k not in averaged)
    kept_by_parameters = {k for v in (gamma, beta) if v is not None for k in range(1, len(v.shape)) if v.shape[k] != 1}
    layout = Layout.of(shape, kept, tuple(kept_by_parameters))

    def as_row(parameter: Any) -> Any:
        inner = tf.reshape(parameter, parameter.shape[-len(layout.block) :])
        return tf.reshape(tf.broadcast_to(inner, layout.block), [-1])

    y, mean, variance = _normalize_rows(
        layout,
        tf.reshape(x, [-1, layout.rows, layout.columns]),
        tf.ones([layout.columns]) if gamma is None else as_row(gamma),
        tf.zeros([layout.columns]) if beta is None else as_row(beta),
        epsilon,
    )

    def as_statistic(row: Any) -> Any:
        picked = [slice(1) if k in layout.averaged else slice(None) for k in range(len(layout.block))]
        values = tf.reshape(tf.cast(row, x.dtype), layout.block)[tuple(picked)]
        return tf.reshape(values, [1] * (len(x.shape) - len(layout.block)) + list(values.shape))

    return Normalized(tf.reshape(y, tf.shape(x)), as_statistic(mean), as_statistic(variance))


def _normalize_rows(layout: Layout, x: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """The normalized batch, and mean and variance as constants; arguments as `Passes` has them."""
    passes = compile_passes(layout)
    # Cut off from every tape, which would otherwise ask for a derivative of the compiled loops as well.
    constants = [tf.stop_gradient(v) for v in (x, gamma, beta)]
    mean, variance, *affine = passes.statistics(*constants, epsilon)

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def forward(x: Any, gamma: Any, beta: Any) -> Any:
        return passes.normalize(tf.stop_gradient(x), *affine), lambda dy: backward(x, gamma, beta, dy)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def backward(x: Any, gamma: Any, beta: Any, dy: Any) -> Any:
        fixed = [tf.stop_gradient(v) for v in (x, dy)]
        dgamma, dbeta, *terms = passes.slopes(*fixed, tf.stop_gradient(gamma), mean, variance, epsilon)
        dx = passes.gradient(*fixed, *terms)
        return (dx, dgamma, dbeta), functools.partial(_second, layout, epsilon, (x, gamma, beta, dy))

    return forward(x, gamma, beta), mean, variance


def _second(layout: Layout, epsilon: float, sources: tuple[Any, Any, Any, Any], *upstream: Any) -> Any:
    """The derivative of the backward pass, by differentiating the plain operations twice."""
    averaged = (0, 1, *(k + 2 for k in layout.averaged))
    with tf.GradientTape() as outer:
        outer.watch(sources)
        x, gamma, beta, dy = sources
        with tf.GradientTape() as inner:
            inner.watch((x, gamma, beta))
            block = tf.reshape(x, [-1, layout.rows, *layout.block])
            scale, shift = (tf.reshape(v, layout.block) for v in (gamma, beta))
            y = plain.normalize_batch(block, scale, shift, averaged=averaged, epsilon=epsilon).y
            y = tf.reshape(y, tf.shape(x))
        first = inner.gradient(y, (x, gamma, beta), output_gradients=dy)
    return outer.gradient(first, sources, output_gradients=upstream, unconnected_gradients="zero")


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
