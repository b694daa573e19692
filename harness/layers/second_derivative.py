"""Gradients of a gradient that was computed by hand: through a plain function that computes the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


def second_derivative(
    plain: Callable[..., Any], inputs: Sequence[Any], upstream: Sequence[Any]
) -> Callable[..., Sequence[Any]]:
    """How gradients of `plain`'s gradient flow back to all that it is a function of.

    Args:
        plain: of tensors, in operations that TensorFlow can differentiate any number of times.
        inputs: its arguments.
        upstream: gradients with respect to its results, which are one tensor or several.

    Returns:
        A function of the gradients with respect to the first derivative's parts, as `tf.custom_gradient` wants it; it
        returns those with respect to `inputs` and `upstream`, zeros where there are none.
    """

    def gradient(*above: Any) -> Sequence[Any]:
        with tf.GradientTape() as tape:
            tape.watch((*inputs, *upstream))
            with tf.GradientTape() as inner:
                inner.watch(inputs)
                results = tf.nest.flatten(plain(*inputs))
            first = inner.gradient(results, inputs, output_gradients=list(upstream))
        found: Sequence[Any] = tape.gradient(
            first,
            [*inputs, *upstream],
            output_gradients=list(above),
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return found

    return gradient
