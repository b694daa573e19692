"""`keras.layers.Conv2D` whose bias gets its gradient by a matrix product.

TensorFlow fuses the two gradients, of kernel and bias, into one of oneDNN's operations, which sums up the bias's in
scalar code: on a CPU that takes longer than all else in it where the input has few channels.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


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
        outputs = _add_bias(self.convolution_op(inputs, self.kernel), tf.convert_to_tensor(self.bias))
        return outputs if self.activation is None else self.activation(outputs)


@tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
def _add_bias(x: Any, bias: Any) -> Any:
    def gradient(dy: Any) -> tuple[Any, Any]:
        rows = tf.reshape(dy, [-1, dy.shape[-1]])
        return dy, tf.matmul(tf.ones([1, tf.shape(rows)[0]]), rows)[0]

    return tf.nn.bias_add(x, bias), gradient
