"""A GRU over all time steps in two loops compiled by XLA, one each way, with derivatives of every order."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from harness.layers.second_derivative import second_derivative


def compiled_gru(projected: Any, hidden: Any, recurrent_kernel: Any, recurrent_bias: Any) -> Any:
    """GRU of Cho et al. (2014) with the reset gate after the product, as `keras.layers.GRU` computes it by default.

    The first derivative is a compiled loop too. A second one (a Hessian-vector product by a tape within a tape, say)
    goes through `plain_gru`.

    Args:
        projected: inputs times the kernel plus its bias, `(time, batch, 3 * unit)`, float32, the gates in Keras's
            order: update, reset, candidate.
        hidden: state before the first step `(batch, unit)`.
        recurrent_kernel: `(unit, 3 * unit)`.
        recurrent_bias: `(3 * unit,)`.

    Returns:
        The hidden states `(time, batch, unit)`.
    """
    # Variables are read here: a gradient with respect to a variable itself is another protocol.
    return tf.custom_gradient(_forward)(
        *map(tf.convert_to_tensor, (projected, hidden, recurrent_kernel, recurrent_bias))
    )


def plain_gru(projected: Any, hidden: Any, recurrent_kernel: Any, recurrent_bias: Any) -> Any:
    """The same, step by step in operations that TensorFlow can differentiate any number of times."""

    def step(hidden: Any, given: Any) -> Any:
        update, _, candidate, _ = _gates(given, hidden, recurrent_kernel, recurrent_bias)
        return update * hidden + (1.0 - update) * candidate

    return tf.scan(step, projected, hidden)


def _gates(given: Any, hidden: Any, kernel: Any, bias: Any) -> tuple[Any, Any, Any, Any]:
    """Update and reset gate, candidate, and what the reset gate lets through `(batch, unit)`."""
    from_input, from_hidden = (tf.split(one, 3, axis=-1) for one in (given, tf.matmul(hidden, kernel) + bias))
    update, reset = (tf.sigmoid(from_input[k] + from_hidden[k]) for k in (0, 1))
    return update, reset, tf.tanh(from_input[2] + reset * from_hidden[2]), from_hidden[2]


def _forward(*inputs: Any) -> tuple[Any, Callable[..., Any]]:
    # Cut off from every tape, which would otherwise ask for a derivative of the compiled loop as well.
    projected, hidden, kernel, bias = map(tf.stop_gradient, inputs)
    walk, back = _walks()
    hiddens, *saved = walk(projected, hidden, kernel, bias)
    hiddens = tf.ensure_shape(hiddens, [*projected.shape[:2], kernel.shape[0]])

    def gradient(d_hiddens: Any) -> Any:
        # A function of the inputs, for the sake of second derivatives; its value is made from what was saved.
        @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
        def first(*inputs_and_upstream: Any) -> tuple[Any, Callable[..., Any]]:
            upstream = tf.stop_gradient(inputs_and_upstream[-1])
            before = tf.concat([hidden[tf.newaxis], hiddens[:-1]], axis=0)
            d_projected, d_products, d_hidden = back(before, *saved, kernel, upstream)
            rows, steps = (tf.reshape(one, [-1, one.shape[-1]]) for one in (before, d_products))
            d_kernel = tf.matmul(rows, steps, transpose_a=True)
            d_bias = tf.matmul(tf.ones([1, tf.shape(steps)[0]]), steps)[0]
            return (d_projected, d_hidden, d_kernel, d_bias), second_derivative(
                plain_gru, inputs_and_upstream[:-1], inputs_and_upstream[-1:]
            )

        return first(*inputs, d_hiddens)

    return hiddens, gradient


@functools.cache
def _walks() -> tuple[Any, Any]:
    return tuple(tf.function(run, jit_compile=True, autograph=False) for run in (_walk, _walk_back))


def _walk(projected: Any, hidden: Any, kernel: Any, bias: Any) -> tuple[Any, ...]:
    """The hidden states, and of each step its gates, candidate and what the reset gate lets through."""
    time, (batch, units) = tf.shape(projected)[0], hidden.shape

    def step(t: Any, hidden: Any, *written: Any) -> tuple[Any, ...]:
        update, reset, candidate, through = _gates(projected[t], hidden, kernel, bias)
        hidden = update * hidden + (1.0 - update) * candidate
        values = (hidden, update, reset, candidate, through)
        return t + 1, hidden, *(array.write(t, value) for array, value in zip(written, values, strict=True))

    arrays = [tf.TensorArray(tf.float32, time, element_shape=[batch, units]) for _ in range(5)]
    _, _, *written = tf.while_loop(lambda t, *_: t < time, step, (0, hidden, *arrays))
    return tuple(array.stack() for array in written)


def _walk_back(
    before: Any, update: Any, reset: Any, candidate: Any, through: Any, kernel: Any, d_hiddens: Any
) -> tuple[Any, Any, Any]:
    """From the gradients of all hidden states to those of both sums before the gates, `(time, batch, 3 * unit)` each,
    and of the first state. `before` are the states before each step."""
    time, (batch, units) = tf.shape(before)[0], before.shape[1:]
    back = tf.transpose(kernel)

    def step(t: Any, d_hidden: Any, d_inputs: Any, d_products: Any) -> tuple[Any, ...]:
        d_hidden += d_hiddens[t]
        z, r, c = update[t], reset[t], candidate[t]
        d_update = d_hidden * (before[t] - c) * z * (1.0 - z)
        d_candidate = d_hidden * (1.0 - z) * (1.0 - c * c)
        d_reset = d_candidate * through[t] * r * (1.0 - r)
        d_input = tf.concat([d_update, d_reset, d_candidate], axis=-1)
        d_product = tf.concat([d_update, d_reset, d_candidate * r], axis=-1)
        d_hidden = d_hidden * z + tf.matmul(d_product, back)
        return t - 1, d_hidden, d_inputs.write(t, d_input), d_products.write(t, d_product)

    arrays = [tf.TensorArray(tf.float32, time, element_shape=[batch, 3 * units]) for _ in range(2)]
    first = (time - 1, tf.zeros_like(before[0]), *arrays)
    _, d_hidden, d_inputs, d_products = tf.while_loop(lambda t, *_: t >= 0, step, first)
    return d_inputs.stack(), d_products.stack(), d_hidden
