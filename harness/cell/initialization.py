"""Weights from a cell's seed by name, so that every strategy starts an architecture from the same ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from harness.seeds import derive_seed
from harness.types import UserError


class Initializer:
    """Puts a built model back to the state in which a seed starts it.

    Every random initializer gets a seed derived from the cell's seed, the layer's name and the weight's; what
    is not random returns to its value at construction. Nothing is drawn from a global generator.

    Raises:
        UserError: a trainable weight of which `noting_initializers` saw nothing, so that it may be random.
    """

    def __init__(self, model: keras.Model, normalization_layers: Iterable[keras.Layer]) -> None:
        normalized = {id(weight) for layer in normalization_layers for weight in layer.weights}
        self.shared_weights = [weight for weight in model.weights if id(weight) not in normalized]
        self._random: list[tuple[Any, keras.initializers.Initializer]] = []
        self._constants: list[tuple[Any, NDArray[Any]]] = []
        self._seeds = []
        for weight in model.variables:
            initializer = _initializer_of(weight)
            if str(weight.path).endswith("seed_generator_state"):
                self._seeds.append(weight)
            elif _is_random(initializer):
                self._random.append((weight, initializer))
            else:
                self._constants.append((weight, keras.ops.convert_to_numpy(weight)))

    def reset(self, seed: int) -> None:
        """Give every variable of the model its starting value under `seed`."""
        for weight, value in self._constants:
            weight.assign(value)
        for weight, initializer in self._random:
            config = {**initializer.get_config(), "seed": derive_seed(seed, "init", weight.path)}
            weight.assign(type(initializer).from_config(config)(weight.shape, dtype=weight.dtype))
        for index, weight in enumerate(self._seeds):
            # A dropout layer's own stream: its seed and how often it has been drawn from. Keras numbers these by
            # all that the process has built before, so that their own names would not do.
            weight.assign(np.array([derive_seed(seed, "dropout", index), 0], dtype="uint32"))

    def shared_digest(self) -> str:
        """SHA-256 over the weights that all strategies share: those of normalization layers left out."""
        return digest_weights(self.shared_weights)


def digest_weights(weights: Iterable[Any]) -> str:
    """SHA-256 over the values of weights, in order."""
    total = hashlib.sha256()
    for weight in weights:
        total.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).tobytes())
    return total.hexdigest()


@contextmanager
def noting_initializers() -> Iterator[None]:
    """While a model is built inside, note on each weight which initializer filled it.

    Layers do not tell: `DepthwiseConv2D.depthwise_initializer` fills `kernel`, and a user's layer may hold an
    initializer under any name or none.
    """
    plain = keras.Layer.add_weight

    def add_weight(self: keras.Layer, shape: Any = None, initializer: Any = None, *args: Any, **kwargs: Any) -> Any:
        weight = plain(self, shape, initializer, *args, **kwargs)
        # None is Keras's default, which is random for real numbers and zero for all else.
        real = str(weight.dtype).startswith(("float", "bfloat"))
        weight.filled_by = initializer if initializer is not None else ("glorot_uniform" if real else "zeros")
        return weight

    keras.Layer.add_weight = add_weight
    try:
        yield
    finally:
        keras.Layer.add_weight = plain


def keep_value(weight: Any) -> None:
    """Let every seed start a weight from the value that it has once its model is built."""
    weight.filled_by = None


def _initializer_of(weight: Any) -> Any:
    if not hasattr(weight, "filled_by"):
        if weight.trainable:
            raise UserError(
                "expected every trainable weight to be made by its layer's add_weight, with an initializer that can "
                f"be given the cell's seed. Received: {weight.path}"
            )
        return None
    return keras.initializers.get(weight.filled_by) if isinstance(weight.filled_by, (str, dict)) else weight.filled_by


def _is_random(initializer: Any) -> bool:
    return isinstance(initializer, keras.initializers.Initializer) and "seed" in initializer.get_config()
