"""An LSTM over all time steps in one operation of TensorFlow's, with derivatives of every order."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from harness.layers.second_derivative import second_derivative

# Hidden values (time * batch * unit) from which the way back in a loop compiled by XLA, and products over all time
# steps at once, beats TensorFlow's operation by what compiling costs: half a second for each shape.
LARGE = 2**18


def block_lstm(x: Any, hidden: Any, carry: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> tuple[Any, Any]:
    """LSTM of Hochreiter & Schmidhuber (1997) with forget gates, tanh and sigmoid; as `keras.layers.LSTM` computes it.

    The first derivative is one operation too, or for large layers a compiled loop. A second one (a Hessian-vector
    product by a tape within a tape, say) goes through `plain_lstm`. Forward mode (`tf.autodiff.ForwardAccumulator`)
    raises: TensorFlow looks inside for it.

    Args:
        x: `(time, batch, feature)`, float32, one time step or more.
        hidden: state before the first step `(batch, unit)`.
        carry: cell state before the first step `(batch, unit)`.
        kernel: `(feature, 4 * unit)`, the gates in Keras's order: input, forget, cell, output.
        recurrent_kernel: `(unit, 4 * unit)`.
        bias: `(4 * unit,)`.

    Returns:
        The hidden states `(time, batch, unit)` and the last cell state `(batch, unit)`.
    """
    # Variables are read here: a gradient with respect to a variable itself is another protocol.
    inputs = map(tf.convert_to_tensor, (x, hidden, carry, kernel, recurrent_kernel, bias))
    hiddens, carry = tf.custom_gradient(_forward)(*inputs)
    return hiddens, carry


def plain_lstm(x: Any, hidden: Any, carry: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> tuple[Any, Any]:
    """The same as `block_lstm`, step by step in operations that TensorFlow can differentiate any number of times."""

    def step(states: tuple[Any, Any], projected: Any) -> tuple[Any, Any]:
        hidden, carry = states
        gates = tf.split(projected + tf.matmul(hidden, recurrent_kernel), 4, axis=-1)
        write, forget, output = (tf.sigmoid(gates[index]) for index in (0, 1, 3))
        carry = forget * carry + write * tf.tanh(gates[2])
        return output * tf.tanh(carry), carry

    hiddens, carries = tf.scan(step, tf.tensordot(x, kernel, 1) + bias, (hidden, carry))
    return hiddens, carries[-1]


def _forward(*inputs: Any) -> tuple[tuple[Any, Any], Callable[..., Any]]:
    # The gradient that TensorFlow (2.21) registers for BlockLSTMV2 is the one of BlockLSTM, whose gates come in another
    # order: it is wrong by as much as the gradient itself. Hence a gradient of our own, by the operation meant for it.
    arguments = _arguments(*inputs)
    saved = tf.raw_ops.BlockLSTMV2(**arguments, cell_clip=-1.0)

    def gradient(*upstream: Any) -> Any:
        # A function of the inputs, for the sake of second derivatives; its value is made from what was saved.
        def first(*inputs_and_upstream: Any) -> tuple[Any, Callable[..., Any]]:
            way = _gradient_of_large if _is_large(saved.h) else functools.partial(_gradient, arguments)
            return way(saved, *inputs_and_upstream), second_derivative(
                plain_lstm, inputs_and_upstream[:-2], inputs_and_upstream[-2:]
            )

        return tf.custom_gradient(first)(*inputs, *upstream)

    return (saved.h, saved.cs[-1]), gradient


def _arguments(x: Any, hidden: Any, carry: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> dict[str, Any]:
    """What the kernel and its gradient are both called with."""
    if x.shape[-1] % 2:
        # One more feature, always 0: odd sizes send the kernel down an unaligned path, of which it warns on stderr.
        x = tf.pad(x, [[0, 0], [0, 0], [0, 1]])
        kernel = tf.pad(kernel, [[0, 1], [0, 0]])
    unused = tf.zeros(tf.shape(bias)[:1] // 4)
    return {
        "seq_len_max": tf.shape(x, out_type=tf.int64)[0],
        "x": x,
        "h_prev": hidden,
        "cs_prev": carry,
        "w": tf.concat([kernel, recurrent_kernel], axis=0),
        "b": bias,
        **{"wci": unused, "wcf": unused, "wco": unused, "use_peephole": False},
    }


def _gradient(arguments: dict[str, Any], saved: Any, *inputs_and_upstream: Any) -> tuple[Any, ...]:
    """Gradients for the six inputs of `block_lstm`, given those of its two outputs."""
    x, *_, d_hiddens, d_carry = inputs_and_upstream
    d_carries = tf.concat([tf.zeros_like(saved.cs[:-1]), d_carry[tf.newaxis]], axis=0)
    result = tf.raw_ops.BlockLSTMGradV2(**arguments, **saved._asdict(), h_grad=d_hiddens, cs_grad=d_carries)
    features = x.shape[-1]
    padded = features + features % 2
    return (
        result.x_grad[..., :features],
        result.h_prev_grad,
        result.cs_prev_grad,
        result.w_grad[:features],
        result.w_grad[padded:],
        result.b_grad,
    )


def _is_large(hiddens: Any) -> bool:
    return None not in hiddens.shape and math.prod(hiddens.shape) >= LARGE


def _gradient_of_large(saved: Any, *inputs_and_upstream: Any) -> tuple[Any, ...]:
    """What `_gradient` returns, by another way."""
    x, hidden, carry, kernel, recurrent_kernel, _, d_hiddens, d_carry = inputs_and_upstream
    before = tf.concat([carry[tf.newaxis], saved.cs[:-1]], axis=0)
    states = (saved.i, saved.f, saved.ci, saved.o, saved.co, before)
    d_gates, d_hidden, d_carry = _walk_back()(*states, recurrent_kernel, d_hiddens, d_carry)
    steps = tf.reshape(d_gates, [-1, d_gates.shape[-1]])
    inputs = tf.concat([x, tf.concat([hidden[tf.newaxis], saved.h[:-1]], axis=0)], axis=-1)
    d_kernels = tf.matmul(tf.reshape(inputs, [-1, inputs.shape[-1]]), steps, transpose_a=True)
    d_bias = tf.matmul(tf.ones([1, tf.shape(steps)[0]]), steps)[0]
    d_x = tf.reshape(tf.matmul(steps, kernel, transpose_b=True), tf.shape(x))
    features = x.shape[-1]
    return d_x, d_hidden, d_carry, d_kernels[:features], d_kernels[features:], d_bias


@functools.cache
def _walk_back() -> Any:
    return tf.function(_run_back, jit_compile=True, autograph=False)


def _run_back(
    write: Any, forget: Any, cell: Any, output: Any, tanh: Any, before: Any, kernel: Any, d_hiddens: Any, d_carry: Any
) -> tuple[Any, Any, Any]:
    """From the gradients of all hidden states `(time, batch, unit)` and of the last cell state to those of the gates
    `(time, batch, 4 * unit)`, before their activations and in Keras's order, and of the first two states.

    The gates' values, the cell states' tanh and the cell states `before` each step come from the way forward.
    """
    time, *state = write.shape
    back = tf.transpose(kernel)

    def step(t: Any, d_hidden: Any, d_carry: Any, d_gates: Any) -> tuple[Any, ...]:
        d_hidden += d_hiddens[t]
        i, f, c, o, squashed = write[t], forget[t], cell[t], output[t], tanh[t]
        d_carry += d_hidden * o * (1.0 - squashed * squashed)
        d_input, d_forget = d_carry * c * i * (1.0 - i), d_carry * before[t] * f * (1.0 - f)
        d_cell, d_output = d_carry * i * (1.0 - c * c), d_hidden * squashed * o * (1.0 - o)
        d_step = tf.concat([d_input, d_forget, d_cell, d_output], axis=-1)
        return t - 1, tf.matmul(d_step, back), d_carry * f, d_gates.write(t, d_step)

    d_gates = tf.TensorArray(tf.float32, time, element_shape=[state[0], kernel.shape[1]])
    first = (time - 1, tf.zeros(state), d_carry, d_gates)
    _, d_hidden, d_carry, d_gates = tf.while_loop(lambda t, *_: t >= 0, step, first)
    return d_gates.stack(), d_hidden, d_carry
