"""What a model ends in: the layer that makes its outputs, and what stands behind that one."""

from __future__ import annotations

from typing import Any

from harness.layers.folding import functional_of
from harness.models.graph import kind_of

# What may stand behind the layer that makes the outputs, and what of it a loss that takes logits does without.
_BEHIND = ("Activation", "Softmax", "Dropout", "Identity")
PROBABILITIES = ("softmax", "sigmoid", "log_softmax", "log_sigmoid")


def end_of(functional: Any) -> tuple[list[Any], Any]:
    """The layers without weights at a model's end, the last first, and the dense one before; None if it is none."""
    behind: list[Any] = []
    tensor = functional.outputs[0]
    while True:
        history = tensor._keras_history
        layer = history.operation
        inner = functional_of(layer)
        if inner is not None:
            functional, tensor = inner, inner.outputs[history.tensor_index]
            continue
        if "Dense" in kind_of(layer):
            return behind, layer if len(_nodes_of(functional, layer)) == 1 else None
        if not kind_of(layer) & {*_BEHIND}:
            return behind, None
        behind.append(layer)
        tensor = layer._inbound_nodes[history.node_index].input_tensors[0]


def _nodes_of(functional: Any, layer: Any) -> list[Any]:
    return [node for of_depth in functional._nodes_by_depth.values() for node in of_depth if node.operation is layer]


def activation_of(layer: Any) -> str:
    """The name of what a layer does to its values last; empty where that is nothing, or has no name."""
    if "Softmax" in kind_of(layer):
        return "softmax"
    return str(getattr(getattr(layer, "activation", None), "__name__", ""))
