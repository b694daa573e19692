"""What `plain` computes, by the compiled passes, with derivatives of every order.

An activation that comes from a ReLU or goes to max pooling takes these along in its passes (`harness.layers.origin`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from harness.layers import plain
from harness.layers.layout import Layout
from harness.layers.origin import Window, before_relu, note_pooled
from harness.layers.passes import Passes, compile_passes
from harness.layers.plain import Axes, Normalized
from harness.layers.pooled import compile_pooled, fits
from harness.layers.xla import as_large_as

Operation = Callable[[Any], Any]


def normalize_batch(x: Any, gamma: Any, beta: Any, *, averaged: Axes, epsilon: float) -> Normalized:
    """`plain.normalize_batch` without a mask, whatever the size of `x`; float32, all sizes but the batch's known.

    `mean` and `variance` are constants to derivatives.
    """
    layout = Layout.of(tuple(x.shape[1:]), _kept(x, averaged), _varying(gamma, beta))
    gamma, beta = (layout.as_row(values, default) for values, default in ((gamma, 1.0), (beta, 0.0)))
    batch = _Batch(layout, x, gamma, beta, epsilon)
    mean, variance = (layout.statistic(tf.cast(row, x.dtype))[None] for row in (batch.mean, batch.variance))
    # A graph for batches of any size may be given an empty one.
    count = None if x.shape[0] else tf.fill(mean.shape, tf.shape(x)[0])
    return Normalized(_poolable(layout, batch.normalized), mean, variance, count)


def normalize_by(x: Any, mean: Any, variance: Any, gamma: Any, beta: Any, *, epsilon: float) -> Any:
    """`plain.normalize_by`, for what `normalize_batch` here takes."""
    scale = tf.math.rsqrt(variance + epsilon)
    scale = scale if gamma is None else scale * gamma
    layout = Layout.of(tuple(x.shape[1:]), _varying(mean), _varying(mean, scale, beta))
    mean, scale, beta = (layout.as_row(values, 0.0) for values in (mean, scale, beta))

    def normalized(passes: Passes, finish: Operation) -> Any:
        def plainly(x: Any, *rows: Any) -> Any:
            mean, scale, beta = (layout.parameter(row) for row in rows)
            return finish((x - mean) * scale + beta)

        @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
        def forward(*sources: Any) -> Any:
            x, *rows = map(tf.stop_gradient, sources)
            y, *_ = passes.normalize(_view(x, passes), *rows)
            return as_large_as(x, y), functools.partial(_gradients, plainly, sources)

        return forward(x, mean, scale, beta)

    return _poolable(layout, normalized)


def moments(x: Any, *, averaged: Axes) -> tuple[Any, Any]:
    """Mean and biased variance, float64, of what `normalize_batch` here takes; constants to derivatives."""
    layout = Layout.of(tuple(x.shape[1:]), _kept(x, averaged), ())
    one, zero = (layout.as_row(None, default) for default in (1.0, 0.0))
    mean, variance, *_ = compile_passes(layout).statistics(layout.in_rows(tf.stop_gradient(x)), one, zero, 0.0)
    return layout.statistic(mean)[None], layout.statistic(variance)[None]


def _kept(x: Any, averaged: Axes) -> Axes:
    return tuple(k for k in range(1, len(x.shape)) if k not in averaged)


def _varying(*parameters: Any) -> Axes:
    """The axes along which any of these, which broadcast against an activation, takes more than one value."""
    return tuple({k for values in parameters if values is not None for k, n in enumerate(values.shape) if n != 1})


def _poolable(layout: Layout, normalized: Callable[[Passes, Operation], Any]) -> Any:
    """The normalized batch, which can be had after max pooling too.

    `normalized(passes, finish)` is what the passes give; `finish` does to the plain `(batch, *shape)` what they do
    besides normalizing.
    """

    def pooled(window: Window) -> Any:
        if not fits(layout.shape, window):
            return None
        return normalized(compile_pooled(layout, window), lambda y: tf.nn.max_pool2d(y, window, window, "VALID"))

    y = normalized(compile_passes(layout), layout.in_rows)
    return note_pooled(tf.reshape(y, [-1, *layout.shape]), pooled)


def _view(x: Any, passes: Passes) -> Any:
    """`x`, `(batch, *axes)`, as the passes take it."""
    return tf.reshape(x, [-1, *passes.shape])


def _gradients(function: Callable[..., Any], sources: tuple[Any, ...], *upstream: Any) -> Any:
    """The gradients of `function` for its `sources`, whatever these are made of."""
    with tf.GradientTape() as tape:
        tape.watch(sources)
        results = function(*sources)
    return tape.gradient(results, sources, output_gradients=upstream, unconnected_gradients="zero")


class _Batch:
    """An activation, `(batch, *axes)`, and what it is normalized by; all else as `Passes` has it."""

    def __init__(self, layout: Layout, x: Any, gamma: Any, beta: Any, epsilon: float) -> None:
        before = before_relu(x)
        self._rectified = before is not None
        self._layout = layout
        self._epsilon = epsilon
        # Derivatives go to what came before a ReLU, whose own is given in the same pass.
        self._sources = (before if self._rectified else x, gamma, beta)
        # Cut off from every tape, which would otherwise ask for a derivative of the compiled loops as well.
        self._x, *parameters = map(tf.stop_gradient, (x, gamma, beta))
        found = compile_passes(layout).statistics(layout.in_rows(self._x), *parameters, epsilon)
        self.mean, self.variance, *self._affine = found

    def normalized(self, passes: Passes, finish: Operation) -> Any:
        """See `_poolable`."""
        x = _view(self._x, passes)
        y, *kept = passes.normalize(x, *self._affine)
        gradient = passes.gradient_before_relu if self._rectified else passes.gradient

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def forward(*sources: Any) -> Any:
            return tf.identity(as_large_as(x, y)), lambda dy: backward(*sources, dy)

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def backward(*sources: Any) -> Any:
            _, gamma, _, dy = map(tf.stop_gradient, sources)
            dgamma, dbeta, *terms = passes.slopes(x, dy, *kept, gamma, self.mean, self.variance, self._epsilon)
            dx = tf.reshape(gradient(x, dy, *kept, *terms), tf.shape(self._x))
            return (dx, dgamma, dbeta), functools.partial(_gradients, plainly_backward, sources)

        def plainly_backward(x: Any, gamma: Any, beta: Any, dy: Any) -> Any:
            return _gradients(lambda *sources: finish(self._plainly(*sources)), (x, gamma, beta), dy)

        return forward(*self._sources)

    def _plainly(self, x: Any, gamma: Any, beta: Any) -> Any:
        layout = self._layout
        averaged = (0, 1, *(k + 2 for k in layout.averaged))
        block = tf.reshape(tf.nn.relu(x) if self._rectified else x, [-1, layout.rows, *layout.block])
        scale, shift = (tf.reshape(row, layout.block) for row in (gamma, beta))
        y = plain.normalize_batch(block, scale, shift, averaged=averaged, epsilon=self._epsilon).y
        return tf.reshape(y, tf.shape(x))
