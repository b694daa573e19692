"""The Keras objects that a config names: its model with a norm at the sites, its optimizer and its loss."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import keras

from harness.cell.initialization import noting_initializers
from harness.config.build import build, what_went_wrong
from harness.types import Norm, TaskSpec, UserError
from harness.words import choose_from, first_line


def build_model(architecture: Mapping[str, Any], spec: TaskSpec, norm: Norm) -> Any:
    """The Keras model of an `architecture` node for a task, with `norm` at its sites."""
    arguments = {key: value for key, value in architecture.items() if key != "name"}
    with noting_initializers():
        return build(arguments, partial=True)(task=spec, norm=norm)


def build_optimizer(train: Mapping[str, Any]) -> keras.optimizers.Optimizer:
    """Any Keras optimizer by name, with `optimizer_options`; loss scaling where float16 needs it.

    Raises:
        UserError: Keras has no such optimizer, or it does not take the options.
    """
    name, options = train["optimizer"], train["optimizer_options"]
    known = _optimizer_names()
    if name.lower() not in known:
        raise UserError(f"train.optimizer: {choose_from(name, known)}")
    try:
        optimizer = keras.optimizers.get(
            {"class_name": name, "config": {"learning_rate": train["learning_rate"], **options}}
        )
    except Exception as error:
        raise UserError(
            f"train.optimizer_options: expected arguments of {name} ({first_line(error)}). Received: {options}"
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
        loss: Callable[[Any, Any], Any] = build(config)
    except Exception as error:
        raise UserError(
            f"task.loss: expected a Keras loss ({what_went_wrong(error, config)}). Received: {config}"
        ) from error
    switches = {key: p.default for key, p in inspect.signature(type(loss)).parameters.items()}
    for key, value in config.items():
        # Keras takes anything for true.
        if isinstance(switches.get(key), bool) and not isinstance(value, bool):
            raise UserError(f"task.loss.{key}: expected true or false. Received: {value}")
    if not callable(loss):
        raise UserError(f"task.loss: expected a Keras loss, called with targets and outputs. Received: {config}")
    return loss


def check_outputs(model: keras.Model, loss: Any, spec: TaskSpec) -> None:
    """Hold a model's outputs to the loss that they go into, which would take others without a word.

    Raises:
        UserError: another number of outputs than the task has, or probabilities where the loss takes logits, or the
            other way round.
    """
    shape = tuple(model.outputs[0].shape)
    if len(model.outputs) != 1 or shape != (None, spec.outputs):
        raise UserError(
            f"expected one output of shape (batch, {spec.outputs}). Received: "
            f"{', '.join(str(tuple(one.shape)) for one in model.outputs)}"
        )
    takes_logits = getattr(loss, "from_logits", None)
    squashed = _last_activation(model)
    if takes_logits and squashed:
        raise UserError(
            f"the model ends in {squashed}, and the task's loss has from_logits=true, so that it would be applied "
            "twice: expected no activation at the end, or task.loss.from_logits=false. "
            f"Received: layer {model.layers[-1].name}"
        )
    if takes_logits is False and not squashed:
        raise UserError(
            "the model ends in plain values, and the task's loss has from_logits=false: expected softmax or sigmoid at "
            f"the end, or task.loss.from_logits=true. Received: layer {model.layers[-1].name}"
        )


def _last_activation(model: keras.Model) -> str:
    """`softmax` or `sigmoid` where the layer that makes the model's output ends in it, else empty."""
    layer = model.outputs[0]._keras_history.operation
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    return name if name in ("softmax", "sigmoid") else ""


def _optimizer_names() -> list[str]:
    kinds = [kind for kind in vars(keras.optimizers).values() if isinstance(kind, type)]
    wrappers = (keras.optimizers.Optimizer, keras.optimizers.LossScaleOptimizer)
    return sorted(k.__name__.lower() for k in kinds if issubclass(k, keras.optimizers.Optimizer) and k not in wrappers)
