"""`keras.layers.Conv2D` by faster ways on a CPU.

TensorFlow fuses the two gradients, of kernel and bias, into one of oneDNN's operations, which sums up the bias's in
scalar code: on a CPU that takes longer than all else in it where the input has few channels. Here the bias's is a
matrix product.

Where an output is the sum of few products, as in the first layer for grey images, writing it is most of the work: a
loop compiled by XLA writes it once, after a ReLU if one follows, and one matrix product gives both gradients.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

import keras
import tensorflow as tf

from harness.layers.origin import note_rectified
from harness.layers.xla import as_large_as, is_worth_compiling

# Products in an output: with more, oneDNN's convolutions are faster.
FEW = 9


class Conv2D(keras.layers.Conv2D):  # type: ignore[misc]  # Keras ships no types
    """A `keras.layers.Conv2D`: same arguments, weights, files, outputs and gradients, up to float32 rounding.

    It takes Keras's own path with another data format than `channels_last`, a compute dtype other than float32, and
    where there is a GPU.
    """

    # A model is saved with the Keras layer that this is a faster way to, and opens without this package.
    __module__ = "keras.layers"

    def call(self, inputs: Any) -> Any:
        """Convolve `(batch, height, width, channel)`."""
        plain = self.data_format != "channels_last" or self.compute_dtype != "float32" or not self.use_bias
        if plain or tf.config.list_logical_devices("GPU"):
            return super().call(inputs)
        kernel, bias = (tf.convert_to_tensor(variable) for variable in (self.kernel, self.bias))
        if self._sums_few(inputs):
            outputs = _convolve_by_taps(inputs, kernel, bias, self.padding)
        else:
            outputs = _add_bias(self.convolution_op(inputs, self.kernel), bias)
        return outputs if self.activation is None else self.activation(outputs)

    def _sums_few(self, inputs: Any) -> bool:
        size = self.compute_output_shape(tuple(inputs.shape))
        step_by_step = {*self.strides, *self.dilation_rate, self.groups} == {1}
        few = self.kernel.shape[0] * self.kernel.shape[1] * self.kernel.shape[2] <= FEW
        return step_by_step and few and is_worth_compiling(tf.TensorSpec(size, inputs.dtype))


@tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
def _add_bias(x: Any, bias: Any) -> Any:
    def gradient(dy: Any) -> tuple[Any, Any]:
        rows = tf.reshape(dy, [-1, dy.shape[-1]])
        return dy, tf.matmul(tf.ones([1, tf.shape(rows)[0]]), rows)[0]

    return tf.nn.bias_add(x, bias), gradient


def _convolve_by_taps(x: Any, kernel: Any, bias: Any, padding: str, *, relu: bool = False) -> Any:
    """A convolution with stride 1, and the ReLU of it if that is what somebody asks for."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def forward(x: Any, kernel: Any, bias: Any) -> Any:
        compiled = _compile_taps(tuple(x.shape[1:]), tuple(kernel.shape), padding, relu)
        # Cut off from every tape, which would otherwise ask for a derivative of the compiled loop as well.
        y = as_large_as(x, compiled(*map(tf.stop_gradient, (x, kernel, bias))))

        def gradient(dy: Any) -> tuple[Any, Any, Any]:
            dy = tf.where(y > 0, dy, 0.0) if relu else dy
            taps = [tf.reshape(tap, [-1]) for tap in _taps(x, tuple(kernel.shape), padding)]
            # The bias's is that of one more tap, which is 1 everywhere.
            sums = tf.matmul(tf.stack([*taps, tf.ones_like(taps[0])]), tf.reshape(dy, [-1, dy.shape[-1]]))
            dx = tf.nn.conv2d_transpose(dy, kernel, tf.shape(x), 1, padding.upper())
            return dx, tf.reshape(sums[:-1], kernel.shape), sums[-1]

        return y, gradient

    y = forward(x, kernel, bias)
    return y if relu else note_rectified(y, lambda: _convolve_by_taps(x, kernel, bias, padding, relu=True))


@functools.cache
def _compile_taps(shape: tuple[int, ...], kernel: tuple[int, ...], padding: str, relu: bool) -> Any:
    """The forward pass for images `(batch, *shape)`; layers that are alike share it."""

    def run(x: Any, weights: Any, bias: Any) -> Any:
        y = bias
        rows = tf.unstack(tf.reshape(weights, [-1, kernel[-1]]))
        for tap, row in zip(_taps(x, kernel, padding), rows, strict=True):
            y += tap[..., None] * row
        return tf.maximum(y, 0.0) if relu else y

    images = tf.TensorSpec([None, *shape], tf.float32)
    parameters = tf.TensorSpec(kernel, tf.float32), tf.TensorSpec(kernel[-1:], tf.float32)
    return tf.function(run, input_signature=(images, *parameters), jit_compile=True, autograph=False)


def _taps(x: Any, kernel: tuple[int, ...], padding: str) -> list[Any]:
    """What each of a kernel's `(height, width, channel)` is multiplied with: `(batch, height, width)` of the output."""
    ends = [((size - 1) // 2, size - 1 - (size - 1) // 2) for size in kernel[:2]]
    if padding == "same":
        x = tf.pad(x, [(0, 0), *ends, (0, 0)])
    height, width = (n - size + 1 for n, size in zip(x.shape[1:3], kernel[:2], strict=True))
    places = itertools.product(*map(range, kernel[:3]))
    return [x[:, i : i + height, j : j + width, channel] for i, j, channel in places]
