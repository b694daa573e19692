"""A copy of a functional or sequential model, nested and with shared layers too, in which some layers are others."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras

from harness.layers.folding import functional_of
from harness.types import UserError

# What stands for a layer in the copy: another one, or None where its input is its output.
Replace = Callable[[Any], Any]


def copy_with(model: Any, replace: Replace) -> tuple[Any, list[tuple[Any, Any]]]:
    """A copy of a model whose layers are what `replace` makes of each, and the pairs of old and new layers.

    `replace` is called once for each layer that is no functional or sequential model itself, in whichever of these it
    is; what it gives None for is left out, and has no pair. No weights are copied.
    """
    made: dict[int, Any] = {}
    pairs: list[tuple[Any, Any]] = []

    def copied(layer: Any) -> Any:
        if id(layer) not in made:
            inner = functional_of(layer) is not None
            made[id(layer)] = _copy(layer, copied) if inner else replace(layer)
            if not inner and isinstance(made[id(layer)], keras.layers.Layer):
                pairs.append((layer, made[id(layer)]))
        return made[id(layer)]

    return _copy(model, copied), pairs


def check_has_graph(model: Any) -> None:
    """Refuse a model of which no copy can be made, since what it does stands in its code alone.

    Raises:
        UserError: it is subclassed, or not built.
    """
    if functional_of(model) is not None:
        return
    if isinstance(model, keras.Sequential):
        raise UserError(f"expected a built model: call it once. Received: {model.name}, whose shapes are not known")
    raise UserError(
        "expected a sequential or functional model: what a subclassed one does stands in its code, where "
        f"AxisNormalization takes the place of BatchNormalization. Received: a {type(model).__name__}"
    )


def as_it_is(layer: Any) -> Any:
    """A layer like this one, with fresh weights."""
    return layer.__class__.from_config(layer.get_config())


def give_weights(new: Any, old: Any) -> None:
    """Give a layer the weights of another one of its config."""
    new.set_weights(old.get_weights())
    if hasattr(new, "finalize_state"):  # keras.layers.Normalization computes by what it once made of them
        new.finalize_state()


def _copy(model: Any, copied: Replace) -> Any:
    if not isinstance(model, keras.Sequential):
        return keras.models.clone_model(
            model, clone_function=lambda layer: copied(layer) or _LeftOut(), call_function=_call
        )
    # Keras's own way with these leaves out no layer.
    inputs = [as_it_is(one) for one in model._layers if isinstance(one, keras.layers.InputLayer)]
    layers = [made for layer in model.layers if (made := copied(layer)) is not None]
    copy = keras.Sequential([*inputs, *layers], name=model.name, trainable=model.trainable)
    if model.compiled:
        copy.compile_from_config(model.get_compile_config())
    return copy


class _LeftOut:
    """Stands for a layer of which the copy has none."""


def _call(layer: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a layer as the one in its place was called: that may have known masks, and this one not."""
    if isinstance(layer, _LeftOut):
        return args[0]
    if "mask" in kwargs and "mask" not in inspect.signature(layer.call).parameters:
        del kwargs["mask"]
    return layer(*args, **kwargs)
