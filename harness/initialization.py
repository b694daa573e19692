"""Weights from a cell's seed by name, so that every strategy starts an architecture from the same ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

from harness.seeds import derive_seed


class Initializer:
    """Puts a built model back to the state in which a seed starts it.

    Every random initializer gets a seed derived from the cell's seed, the layer's name and the weight's; what
    is not random returns to its value at construction. Nothing is drawn from a global generator.
    """

    def __init__(self, model: keras.Model, normalization_layers: Iterable[keras.Layer]) -> None:
        self._model = model
        normalized = {id(weight) for layer in normalization_layers for weight in layer.weights}
        self._shared = [weight for weight in model.weights if id(weight) not in normalized]
        random = {id(weight) for _, _, weight in _random_weights(model)}
        self._constants = [
            (weight, np.array(weight)) for weight in model.variables if id(weight) not in random and not _is_seed(weight)
        ]

    def reset(self, seed: int) -> None:
        """Give every variable of the model its starting value under `seed`."""
        for weight, value in self._constants:
            weight.assign(value)
        for name, initializer, weight in _random_weights(self._model):
            config = {**initializer.get_config(), "seed": derive_seed(seed, "init", name)}
            weight.assign(type(initializer).from_config(config)(weight.shape, dtype=weight.dtype))
        for weight in self._model.variables:
            if _is_seed(weight):
                # A dropout layer's own stream: its seed and how often it has been drawn from.
                weight.assign(np.array([derive_seed(seed, "dropout", weight.path), 0], dtype="uint32"))

    def shared_digest(self) -> str:
        """SHA-256 over the weights that all strategies share: those of normalization layers left out."""
        return digest_weights(self._shared)


def digest_weights(weights: Iterable[Any]) -> str:
    """SHA-256 over the values of weights, in order."""
    total = hashlib.sha256()
    for weight in weights:
        total.update(np.ascontiguousarray(np.array(weight)).tobytes())
    return total.hexdigest()


def _random_weights(model: keras.Model) -> Iterator[tuple[str, Any, Any]]:
    """`(name, initializer, weight)` of every weight that a random initializer filled."""
    for layer in model._flatten_layers():
        for attribute, initializer in vars(layer).items():
            if not attribute.endswith("_initializer") or not _is_random(initializer):
                continue
            weight = _weight_of(layer, attribute.removesuffix("_initializer"))
            if weight is not None:
                yield f"{weight.path}", initializer, weight


def _is_random(initializer: Any) -> bool:
    return isinstance(initializer, keras.initializers.Initializer) and "seed" in initializer.get_config()


def _weight_of(layer: keras.Layer, stem: str) -> Any:
    # `kernel_initializer` fills `kernel`; `recurrent_initializer` fills `recurrent_kernel`.
    for name in (stem, f"_{stem}", f"{stem}_kernel"):
        weight = vars(layer).get(name)
        if isinstance(weight, keras.Variable):
            return weight
    return None


def _is_seed(variable: Any) -> bool:
    return str(variable.path).endswith("seed_generator_state")
