"""What `plain` computes, by the compiled passes, with derivatives of every order.

An activation that comes from a ReLU or goes to max pooling takes these along in its passes (`origin`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from harness.axes import origin, plain
from harness.axes.layout import Layout
from harness.axes.origin import Window
from harness.axes.passes import Passes, compile_passes
from harness.axes.plain import Axes, Normalized
from harness.axes.pooled import compile_pooled, fits

Operation = Callable[[Any], Any]


def normalize_batch(x: Any, gamma: Any, beta: Any, *, averaged: Axes, epsilon: float) -> Normalized:
    """`plain.normalize_batch` without a mask, whatever the size of `x`; float32, all sizes but the batch's known.

    `mean` and `variance` are constants to derivatives.
    """
    kept = tuple(k for k in range(1, len(x.shape)) if k not in averaged)
    layout = Layout.of(tuple(x.shape[1:]), kept, _varying(gamma, beta))
    gamma, beta = (layout.as_row(values, default) for values, default in ((gamma, 1.0), (beta, 0.0)))
    batch = _Batch(layout, x, gamma, beta, epsilon)
    mean, variance = (layout.statistic(tf.cast(row, x.dtype))[None] for row in (batch.mean, batch.variance))
    return Normalized(_poolable(layout, batch.normalized, rectified=batch.rectified), mean, variance)


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
            y, *_ = passes.normalize(*map(tf.stop_gradient, sources))
            return y, functools.partial(_gradients, plainly, sources)

        return forward(x, mean, scale, beta)

    return _poolable(layout, normalized, rectified=False)


def moments(x: Any, *, averaged: Axes) -> tuple[Any, Any]:
    """Mean and biased variance, float64, of what `normalize_batch` here takes; constants to derivatives."""
    kept = tuple(k for k in range(1, len(x.shape)) if k not in averaged)
    layout = Layout.of(tuple(x.shape[1:]), kept, ())
    one, zero = (layout.as_row(None, default) for default in (1.0, 0.0))
    mean, variance, *_ = compile_passes(layout).statistics(tf.stop_gradient(x), one, zero, 0.0)
    return layout.statistic(mean)[None], layout.statistic(variance)[None]


def _varying(*parameters: Any) -> Axes:
    """The axes along which any of these, which broadcast against an activation, takes more than one value."""
    return tuple({k for values in parameters if values is not None for k, n in enumerate(values.shape) if n != 1})


def _poolable(layout: Layout, normalized: Callable[[Passes, Operation], Any], *, rectified: bool) -> Any:
    """What `normalized` gives, which makes the pooled tensor too if a layer asks for that."""

    def pooled(window: Window) -> Any:
        if not fits(layout.shape, window):
            return None
        passes = compile_pooled(layout, window, rectified=rectified)
        return normalized(passes, lambda y: tf.nn.max_pool2d(y, window, window, "VALID"))

    y = normalized(compile_passes(layout, rectified=rectified), lambda y: y)
    return origin.note_pooled(y, pooled)


def _gradients(function: Callable[..., Any], sources: tuple[Any, ...], *upstream: Any) -> Any:
    """The gradients of `function` for its `sources`, whatever these are made of."""
    with tf.GradientTape() as tape:
        tape.watch(sources)
        results = function(*sources)
    return tape.gradient(results, sources, output_gradients=upstream, unconnected_gradients="zero")


class _Batch:
    """An activation, `(batch, *axes)`, and what it is normalized by; all else as `Passes` has it."""

    def __init__(self, layout: Layout, x: Any, gamma: Any, beta: Any, epsilon: float) -> None:
        before = origin.before_relu(x)
        self.rectified = before is not None
        self._layout = layout
        self._epsilon = epsilon
        # Derivatives go to what came before a ReLU, whose own is given in the same pass.
        self._sources = (before if self.rectified else x, gamma, beta)
        # Cut off from every tape, which would otherwise ask for a derivative of the compiled loops as well.
        self._x, *parameters = map(tf.stop_gradient, (x, gamma, beta))
        found = compile_passes(layout).statistics(self._x, *parameters, epsilon)
        self.mean, self.variance, *self._affine = found

    def normalized(self, passes: Passes, finish: Operation) -> Any:
        """What `passes` make of it; `finish` is what they do besides normalizing, in plain operations."""
        y, *kept = passes.normalize(self._x, *self._affine)

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def forward(*sources: Any) -> Any:
            return tf.identity(y), lambda dy: backward(*sources, dy)

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def backward(*sources: Any) -> Any:
            _, gamma, _, dy = map(tf.stop_gradient, sources)
            dgamma, dbeta, *terms = passes.slopes(self._x, dy, *kept, gamma, self.mean, self.variance, self._epsilon)
            dx = passes.gradient(self._x, dy, *kept, *terms)
            return (dx, dgamma, dbeta), functools.partial(_gradients, plainly_backward, sources)

        def plainly_backward(x: Any, gamma: Any, beta: Any, dy: Any) -> Any:
            return _gradients(lambda *sources: finish(self._plainly(*sources)), (x, gamma, beta), dy)

        return forward(*self._sources)

    def _plainly(self, x: Any, gamma: Any, beta: Any) -> Any:
        layout = self._layout
        averaged = (0, 1, *(k + 2 for k in layout.averaged))
        block = tf.reshape(tf.nn.relu(x) if self.rectified else x, [-1, layout.rows, *layout.block])
        scale, shift = (tf.reshape(row, layout.block) for row in (gamma, beta))
        y = plain.normalize_batch(block, scale, shift, averaged=averaged, epsilon=self._epsilon).y
        return tf.reshape(y, tf.shape(x))
