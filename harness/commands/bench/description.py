"""A Keras model as plain values, from which its peers in Keras's own layers and in PyTorch are made.

The programs in `benchmarks/contenders` read it as JSON: none of them knows the harness, nor PyTorch's TensorFlow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.types import TaskSpec

NORM = "BatchNormalization"


class NoPeerError(ValueError):
    """A model has a layer for which Keras has none that computes the same."""


def describe(config: Mapping[str, Any], spec: TaskSpec) -> dict[str, Any]:
    """The model that a cell of this config trains for a task, with its loss and optimizer.

    Returns:
        `name`, `shape` of an example, `outputs`; `layers`: what `describe_layers` gives; `loss` and `optimizer`:
        `class_name` and `config` of Keras's.

    Raises:
        NoPeerError: there is no such model in Keras's own layers.
    """
    import keras

    from harness.axes.norm import NormFactory
    from harness.cell.model import build_loss, build_model, build_optimizer
    from harness.config.build import build_strategy

    train, settings = config["train"], config["norm"]
    norm = NormFactory(
        build_strategy(config["axis"]),
        batch_size=train["batch_size"],
        momentum=settings["momentum"],
        epsilon=settings["epsilon"],
        present=spec.present,
    )
    model = build_model(config["architecture"], spec, norm)
    loss, optimizer = build_loss(config["task"]["loss"]), build_optimizer(train)
    return {
        "name": config["architecture"]["name"],
        "shape": list(spec.shape),
        "outputs": spec.outputs,
        "layers": describe_layers(model),
        "loss": _part(keras.losses.serialize(_plain_loss(loss, spec.outputs))),
        "optimizer": _part(keras.optimizers.serialize(optimizer)),
    }


def describe_layers(model: Any) -> list[dict[str, Any]]:
    """The calls of a functional model's layers, the input first and the output last.

    Returns:
        For each call `name` and `kind` of the layer, its `config` without initializers, `inputs`: the numbers of the
        calls that its inputs come from, the `shape` of its output without the batch, and the `weights`' shapes in
        Keras's order. A normalization of several axes is a `BatchNormalization` whose `config` has them in `axis`.

    Raises:
        NoPeerError: a layer that is not one of Keras's own, or several inputs or outputs.
    """
    if not hasattr(model, "_nodes_by_depth"):
        raise NoPeerError("it is no functional model")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise NoPeerError("it has several inputs or outputs")
    masks = [layer.name for layer in model.layers if type(layer).__name__ == "Masking"]
    if masks:
        raise NoPeerError(f"layer {masks[0]} (Masking) hides steps from the layers after it")
    calls: list[dict[str, Any]] = []
    numbers: dict[int, int] = {}  # of the tensors
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if len(node.output_tensors) != 1:
                raise NoPeerError(f"layer {node.operation.name} ({type(node.operation).__name__}) has several outputs")
            [output] = node.output_tensors
            numbers[id(output)] = len(calls)
            kind, config = _kind_of(node.operation)
            calls.append(
                {
                    "name": node.operation.name,
                    "kind": kind,
                    "config": config,
                    "inputs": [numbers[id(tensor)] for tensor in node.input_tensors],
                    "shape": list(output.shape[1:]),
                    "weights": [list(weight.shape) for weight in getattr(node.operation, "weights", [])],
                }
            )
    if numbers[id(model.outputs[0])] != len(calls) - 1:
        raise NoPeerError("its output is not what its last layer gives")
    return calls


def _kind_of(layer: Any) -> tuple[str, dict[str, Any]]:
    """The class of Keras's that a layer is, or is a faster way to, and its config."""
    import keras

    from harness.layers.normalization import AxisNormalization

    kind = type(layer).__name__
    if type(layer) is AxisNormalization and not (layer.renorm or layer.synchronized):
        kept, scaled = layer._stat_axis, layer._param_axis
        if kept == scaled:
            config = _plain_config(layer)
            return NORM, {**{key: config[key] for key in ("momentum", "epsilon", "center", "scale")}, "axis": [*kept]}
    own = type(layer).__module__.startswith(("keras.layers", "keras.src.layers")) and hasattr(keras.layers, kind)
    if not own:
        raise NoPeerError(f"layer {layer.name} is a {kind}, which Keras has not")
    return kind, _plain_config(layer)


def _plain_config(layer: Any) -> dict[str, Any]:
    config = {key: value for key, value in layer.get_config().items() if not key.endswith("_initializer")}
    for key in ("name", "trainable", "dtype", "seed", "sparse", "ragged", "optional"):
        config.pop(key, None)
    try:
        plain: dict[str, Any] = json.loads(json.dumps(config))
    except TypeError as error:
        raise NoPeerError(
            f"layer {layer.name} ({type(layer).__name__}) has settings that are no plain values"
        ) from error
    return plain


def _plain_loss(loss: Any, outputs: int) -> Any:
    """The loss of Keras's that one of ours comes to for so many outputs."""
    import keras

    from harness.layers.losses import ByOutputs

    if not isinstance(loss, ByOutputs):
        return loss
    several = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return keras.losses.MeanSquaredError() if outputs == 1 else several


def _part(serialized: Any) -> dict[str, Any]:
    if not isinstance(serialized, dict) or not str(serialized.get("module", "")).startswith("keras."):
        raise NoPeerError(f"Keras has no such loss or optimizer: {serialized}")
    return {"class_name": serialized["class_name"], "config": json.loads(json.dumps(serialized["config"]))}
