"""What is left of a batch normalization in inference: one multiplication and one addition."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="harness")
class MultiplyAdd(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """`inputs * scale + shift`, both of the sizes of the axes `axis`, counted as Keras does; in float32 at least.

    They are no trainable weights: `harness.models.fold` puts the layer where training is over.
    """

    def __init__(self, axis: Iterable[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = tuple(axis)
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the variables for inputs `(batch, *axes)`."""
        self._shape = tuple(size if k in self.axis else 1 for k, size in enumerate(input_shape))
        sizes = tuple(input_shape[k] for k in self.axis)
        options = {"shape": sizes, "trainable": False, "autocast": False}
        self.scale = self.add_weight(name="scale", initializer="ones", **options)
        self.shift = self.add_weight(name="shift", initializer="zeros", **options)

    def call(self, inputs: Any) -> Any:
        """`inputs`, `(batch, *axes)`, scaled and shifted."""
        dtype = keras.backend.result_type(inputs.dtype, "float32")
        scale, shift = (ops.reshape(ops.cast(values, dtype), self._shape) for values in (self.scale, self.shift))
        return ops.cast(ops.cast(inputs, dtype) * scale + shift, self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON holds them."""
        return {**super().get_config(), "axis": list(self.axis)}
