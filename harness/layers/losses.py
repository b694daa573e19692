"""The loss of tasks whose data say whether they are classes or values."""

from __future__ import annotations

from typing import Any

import keras


class ByOutputs(keras.losses.Loss):  # type: ignore[misc]  # Keras ships no types
    """Cross-entropy of classes where a model has several outputs (logits), squared error where it has one."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each example `(example,)`."""
        if y_pred.shape[-1] == 1:
            return keras.losses.mean_squared_error(keras.ops.reshape(y_true, keras.ops.shape(y_pred)), y_pred)
        classes = keras.ops.reshape(y_true, (-1,))
        return keras.losses.sparse_categorical_crossentropy(classes, y_pred, from_logits=True)
