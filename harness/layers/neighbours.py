"""The layers around a normalization, which leave to their neighbours what these do in the same pass over memory.

A convolution can give its output after a ReLU; a normalization between a ReLU and max pooling gives the ReLU's
gradient with its own, and writes nothing but the maxima (`harness.layers.origin`).
"""

from __future__ import annotations

from typing import Any

import keras

from harness.layers.origin import pool, rectify


class Activation(keras.layers.Activation):  # type: ignore[misc]  # Keras ships no types
    """A `keras.layers.Activation`, in whose ReLU the layers before and after it may take part."""

    # A model is saved with the Keras layer that this is a faster way to, and opens without this package.
    __module__ = "keras.layers"

    def call(self, inputs: Any) -> Any:
        """Activate `(batch, *axes)`."""
        if self.activation is not keras.activations.relu:
            return super().call(inputs)
        return rectify(inputs, super().call)


class MaxPooling2D(keras.layers.MaxPooling2D):  # type: ignore[misc]
    """A `keras.layers.MaxPooling2D` that leaves the pooling to a normalization before it, where windows allow it."""

    __module__ = "keras.layers"

    def call(self, inputs: Any) -> Any:
        """Pool `(batch, height, width, channel)`."""
        window = tuple(self.pool_size)
        side_by_side = window == tuple(self.strides) and self.padding == "valid"
        outputs = pool(inputs, window) if side_by_side and self.data_format == "channels_last" else None
        return super().call(inputs) if outputs is None else outputs
