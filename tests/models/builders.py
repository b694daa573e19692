"""Models for audit, convert, fold and export, whose weights are drawn or look trained, and what they give."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

IMAGE = (12, 10, 3)
# Two inputs, as `functional` takes them.
SHAPES = ((8, 8, 3), (8, 8, 3))
APPLICATIONS = ("MobileNetV2", "ResNet50", "EfficientNetB0", "DenseNet121", "Xception")


def sequential(*parts: Any, shape: tuple[int | None, ...] = IMAGE) -> Any:
    return keras.Sequential([keras.Input(shape), *parts])


def functional() -> Any:
    """Nested, shared, and a layer that is called twice."""
    inner = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(name="bn")], name="inner"
    )
    a, b = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    y = layers.Add()([inner(a), inner(b)])
    shared = layers.BatchNormalization(name="shared", momentum=0.9, epsilon=1e-2, scale=False)
    y = layers.Concatenate()([shared(y), shared(layers.ReLU()(y))])
    return lively(keras.Model([a, b], layers.Dense(2)(layers.Flatten()(y))))


def applications() -> list[Any]:
    """The names of `APPLICATIONS` for a test: the first is fast."""
    return [APPLICATIONS[0], *(pytest.param(name, marks=pytest.mark.slow) for name in APPLICATIONS[1:])]


def application(name: str, size: int = 96) -> Any:
    """One of `keras.applications` without weights, whose normalizations fit what they are given and look trained."""
    keras.utils.set_random_seed(0)  # some draws of a deep model's kernels amplify what is rounded beyond any bound
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(size, size, 3), classes=3, classifier_activation=None
    )
    normalizations = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    for layer in normalizations:
        lively(layer).momentum = 0.0
    model(np.random.default_rng(2).normal(size=(8, size, size, 3)), training=True)
    for layer in normalizations:
        layer.momentum = 0.99
    return model


def lively(model: Any) -> Any:
    """Every weight of a model or layer drawn, so that whatever gets lost is seen."""
    rng = np.random.default_rng(sum(map(ord, model.name)))
    for variable in model.variables:
        if variable.dtype in ("float32", "float64"):
            low, high = (0.5, 1.5) if "variance" in variable.path or "gamma" in variable.path else (-0.5, 0.5)
            variable.assign(rng.uniform(low, high, variable.shape))
    return model


def trained(model: Any) -> Any:
    """As if trained: every normalization has statistics and a scale of its own."""
    for layer in model._flatten_layers():
        if getattr(layer, "moving_mean", None) is not None:
            layer.moving_mean.assign(np.full(layer.moving_mean.shape, 0.5))
        if getattr(layer, "gamma", None) is not None:
            layer.gamma.assign(np.full(layer.gamma.shape, 2.0))
    return model


def outputs(model: Any, *shapes: tuple[int, ...], dtype: str = "float32") -> Any:
    """What a model gives in inference for three drawn examples of each input."""
    x = [np.random.default_rng(1).normal(size=(3, *shape)).astype(dtype) for shape in shapes]
    return np.asarray(model(x if len(x) > 1 else x[0], training=False))
