"""The Keras objects that a config names: its optimizer and its loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
from hydra.errors import InstantiationException
from hydra.utils import instantiate

from harness.types import UserError
from harness.words import choose_from


def build_optimizer(train: Mapping[str, Any]) -> keras.optimizers.Optimizer:
    """Any Keras optimizer by name, with `optimizer_options`; loss scaling where float16 needs it.

    Raises:
        UserError: Keras has no such optimizer, or it does not take the options.
    """
    name, options = train["optimizer"], train["optimizer_options"]
    try:
        optimizer = keras.optimizers.get(
            {"class_name": name, "config": {"learning_rate": train["learning_rate"], **options}}
        )
    except (ValueError, TypeError) as error:
        known = _optimizer_names()
        if name.lower() not in known:
            raise UserError(f"train.optimizer: {choose_from(name, known)}") from error
        raise UserError(
            f"train.optimizer_options: expected arguments of {name} ({str(error).splitlines()[0]}). Received: {options}"
        ) from error
    if train["precision"] == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def build_loss(config: Mapping[str, Any]) -> Callable[[Any, Any], Any]:
    """The loss that a task's `loss` node describes: takes targets and outputs.

    Raises:
        UserError: it cannot be built.
    """
    try:
        loss: Callable[[Any, Any], Any] = instantiate(dict(config), _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__ or error
        found = f"{type(cause).__name__}: {str(cause).splitlines()[0]}"
        raise UserError(f"task.loss: expected a Keras loss ({found}). Received: {config}") from error
    return loss


def _optimizer_names() -> list[str]:
    kinds = [kind for kind in vars(keras.optimizers).values() if isinstance(kind, type)]
    wrappers = (keras.optimizers.Optimizer, keras.optimizers.LossScaleOptimizer)
    return sorted(k.__name__.lower() for k in kinds if issubclass(k, keras.optimizers.Optimizer) and k not in wrappers)
