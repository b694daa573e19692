"""A convolution over time for which padding is what `padding="same"` adds: zeros, whatever layers before made of it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="harness")
class MaskedConv1D(keras.layers.Conv1D):  # type: ignore[misc]  # Keras ships no types
    """A `keras.layers.Conv1D` with stride 1 that takes masked steps for zeros and hands the mask on.

    Keras's own drops the mask, and what a bias or a normalization wrote into padding reaches the steps beside it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Convolve `(batch, time, feature)`; `mask` `(batch, time)` is false where an example has no step."""
        return super().call(inputs if mask is None else ops.where(mask[..., None], inputs, 0.0))
