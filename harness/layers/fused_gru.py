"""`keras.layers.GRU` whose walk through time is a loop compiled by XLA, on a CPU.

There Keras walks in a `while` loop of small operations. On a GPU its own choice, cuDNN, stands.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from harness.layers.compiled_gru import compiled_gru
from harness.layers.xla import has_gpu, is_compiled_by_xla


class FusedGRU(keras.layers.GRU):  # type: ignore[misc]  # Keras ships no types
    """A `keras.layers.GRU`: same arguments, weights, files, outputs, states and gradients, up to float32 rounding.

    It takes Keras's own path for masks, dropout while training, `unroll=True`, `reset_after=False`, activations other
    than tanh and sigmoid, a compute dtype other than float32, a number of steps that is not known, inside functions
    compiled by XLA, and where there is a GPU. Gradients of gradients are right and cost as much as Keras's;
    forward-mode derivatives raise.
    """

    # A model is saved with the Keras layer that this is a faster way to: its file opens without this package.
    __module__ = "keras.layers"

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Walk through `(batch, time, feature)`; Keras calls it once inputs and states are prepared."""
        drops = training and (self.dropout or self.recurrent_dropout)
        elsewhere = mask is not None or drops or sequences.shape[1] is None or has_gpu() or is_compiled_by_xla()
        if elsewhere or not self._is_what_the_loop_computes():
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)
        x = tf.transpose(sequences, [1, 0, 2])
        if self.go_backwards:
            x = tf.reverse(x, axis=[0])
        [hidden] = keras.tree.flatten(initial_state)
        kernel, recurrent_kernel = map(keras.ops.convert_to_tensor, (self.cell.kernel, self.cell.recurrent_kernel))
        bias = tf.convert_to_tensor(self.cell.bias) if self.use_bias else tf.zeros([2, 3 * self.units])
        hiddens = compiled_gru(tf.tensordot(x, kernel, 1) + bias[0], hidden, recurrent_kernel, bias[1])
        last = hiddens[-1]
        # Keras looks at all outputs only where it returns sequences.
        outputs = tf.transpose(hiddens, [1, 0, 2]) if self.return_sequences else last[:, tf.newaxis]
        return last, outputs, [last]

    def _is_what_the_loop_computes(self) -> bool:
        return bool(
            self.activation is keras.activations.tanh
            and self.recurrent_activation is keras.activations.sigmoid
            and self.reset_after
            and not self.unroll
            and self.compute_dtype == "float32"
        )


FusedGRU.__name__ = "GRU"
