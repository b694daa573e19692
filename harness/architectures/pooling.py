"""The neighbours of a normalization, which do in one pass over memory with it what else takes one each.

A normalization between a ReLU and max pooling gives the ReLU's gradient with its own, and writes nothing but the
maxima (`harness.axes.origin`).
"""

from __future__ import annotations

from typing import Any

import keras

from harness.axes import origin


class Activation(keras.layers.Activation):  # type: ignore[misc]  # Keras ships no types
    """A `keras.layers.Activation` after which a normalization gives the gradient of a ReLU."""

    # A model is saved with the Keras layer that this is a faster way to, and opens without this package.
    __module__ = "keras.layers"

    def call(self, inputs: Any) -> Any:
        """Activate `(batch, *axes)`."""
        outputs = super().call(inputs)
        return origin.note(outputs, origin.Rectified(inputs)) if self.activation is keras.activations.relu else outputs


class MaxPooling2D(keras.layers.MaxPooling2D):  # type: ignore[misc]
    """A `keras.layers.MaxPooling2D` that leaves the pooling to a normalization before it, where windows allow it."""

    __module__ = "keras.layers"

    def call(self, inputs: Any) -> Any:
        """Pool `(batch, height, width, channel)`."""
        side_by_side = tuple(self.pool_size) == tuple(self.strides) and self.padding == "valid"
        outputs = None
        if side_by_side and self.data_format == "channels_last":
            outputs = origin.pooled(inputs, tuple(self.pool_size))
        return super().call(inputs) if outputs is None else outputs
