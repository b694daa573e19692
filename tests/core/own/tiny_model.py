"""A user's own architecture."""

from __future__ import annotations

import keras

from harness.types import Norm, TaskSpec


def build(task: TaskSpec, norm: Norm, *, dropout: float = 0.0) -> keras.Model:
    """Two normalized layers: (height, width, channel) of 4 x 4 x 3, then (feature,) of 5."""
    inputs = keras.Input(task.shape)
    x = keras.layers.Conv2D(3, 3, activation="relu", name="conv")(inputs)
    x = norm(x, axes=("height", "width", "channel"), name="norm_1")
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    x = keras.layers.Dense(5, activation="tanh", name="dense")(x)
    x = norm(x, axes=("feature",), name="norm_2")
    return keras.Model(inputs, keras.layers.Dense(task.outputs, name="output")(x))
