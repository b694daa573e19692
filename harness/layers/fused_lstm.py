"""`keras.layers.LSTM` whose walk through time is one operation where TensorFlow ships a kernel that computes the same.

On a CPU Keras walks in a `while` loop of small operations. On a GPU its own choice, cuDNN, stands.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from harness.layers.block_lstm import block_lstm
from harness.layers.xla import has_gpu, is_compiled_by_xla


class FusedLSTM(keras.layers.LSTM):  # type: ignore[misc]  # Keras ships no types
    """A `keras.layers.LSTM`: same arguments, weights, files, outputs, states and gradients, up to float32 rounding.

    It takes Keras's own path for masks, dropout while training, `unroll=True`, activations other than tanh and sigmoid,
    a compute dtype other than float32, inside functions compiled by XLA (which has no such kernel), and where there is
    a GPU. Gradients of gradients are right and cost as much as Keras's; forward-mode derivatives raise, unless
    `layer.fused = False` sends the layer down Keras's path for good.
    """

    # A model is saved with the Keras layer that this is a faster way to: its file opens without this package, as a
    # `keras.layers.LSTM`, and files of weights fit in both directions (Keras names their groups by class).
    __module__ = "keras.layers"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fused = True
        if self._is_what_the_kernel_computes():
            # Read by `model.compile(jit_compile="auto")`, which would choose XLA.
            self.supports_jit = False

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Walk through `(batch, time, feature)`; Keras calls it once inputs and states are prepared."""
        drops = training and (self.dropout or self.recurrent_dropout)
        elsewhere = mask is not None or drops or has_gpu() or is_compiled_by_xla()
        if elsewhere or not self._is_what_the_kernel_computes():
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)
        x = tf.transpose(sequences, [1, 0, 2])
        if self.go_backwards:
            x = tf.reverse(x, axis=[0])
        hidden, carry = initial_state
        hiddens, carry = block_lstm(x, hidden, carry, *self._dense_weights())
        last = hiddens[-1]
        # Keras looks at all outputs only where it returns sequences.
        outputs = tf.transpose(hiddens, [1, 0, 2]) if self.return_sequences else last[:, tf.newaxis]
        return last, outputs, [last, carry]

    def _is_what_the_kernel_computes(self) -> bool:
        return (
            self.fused
            and self.activation is keras.activations.tanh
            and self.recurrent_activation is keras.activations.sigmoid
            and not self.unroll
            and self.compute_dtype == "float32"
        )

    def _dense_weights(self) -> tuple[Any, Any, Any]:
        weights = (self.cell.kernel, self.cell.recurrent_kernel)
        bias = self.cell.bias if self.use_bias else tf.zeros([4 * self.units])
        kernel, recurrent_kernel, bias = map(keras.ops.convert_to_tensor, (*weights, bias))
        return kernel, recurrent_kernel, bias


FusedLSTM.__name__ = "LSTM"
