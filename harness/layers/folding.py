"""Which layer's kernel takes a batch normalization in, where a model is for inference alone: the one rule for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import keras

# Keras's own and ours that computes the same, and no classes derived from them, which may do anything.
_KERNELS = (
    *("Dense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"),
    *("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"),
)
_MODULES = ("keras.", "harness.layers.convolution")


def functional_of(model: Any) -> Any:
    """The graph of a functional or sequential model; None of any other."""
    if isinstance(model, keras.Sequential):
        return model._functional
    return model if isinstance(model, keras.Model) and hasattr(model, "_nodes_by_depth") else None


def graphs_of(model: Any) -> Iterator[Any]:
    """The graphs of a functional or sequential model and of those within, each once."""
    seen: set[int] = set()

    def walk(one: Any) -> Iterator[Any]:
        if functional_of(one) is not None and id(one) not in seen:
            seen.add(id(one))
            yield functional_of(one)
            for layer in one.layers:
                yield from walk(layer)

    yield from walk(model)


def nodes_of(graph: Any) -> list[Any]:
    """The calls in a graph, each with its `operation` and `input_tensors`."""
    return [node for of_depth in graph._nodes_by_depth.values() for node in of_depth]


class Calls:
    """Which layers are called in a model and the models within, how often, and who takes what they give."""

    def __init__(self, model: Any) -> None:
        graphs = list(graphs_of(model))
        nodes = [node for graph in graphs for node in nodes_of(graph)]
        self._nodes = {id(node.operation): node for node in nodes}
        self._calls = Counter(id(node.operation) for node in nodes)
        self._takers = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
        self._takers.update(id(tensor) for graph in graphs for tensor in graph.outputs)

    def reach(self, layer: Any) -> bool:
        """Whether a layer is in one of the models, and not in a layer such as `TimeDistributed`."""
        return id(layer) in self._nodes

    def taker(self, layer: Any, varying: Sequence[int], names: Sequence[str]) -> Any:
        """The layer whose kernel takes a normalization in; where there is none, why, in words.

        Args:
            layer: the normalization.
            varying: the axes along which its scale or shift in inference differ, as Keras counts.
            names: of the axes of its input but the batch.
        """
        if not self.reach(layer):
            return "it is in a layer that is no model"
        if self._calls[id(layer)] > 1:
            return f"it is called {self._calls[id(layer)]} times"
        tensor = self._nodes[id(layer)].input_tensors[0]
        before = tensor._keras_history.operation
        if type(before).__name__ not in _KERNELS or not type(before).__module__.startswith(_MODULES):
            return f"{before.name} before it is no convolution or dense layer of Keras's"
        if before.activation is not keras.activations.linear:
            return f"the activation of {before.name} stands between"
        if getattr(before, "quantization_mode", None) or getattr(before, "lora_enabled", False):
            return f"{before.name} is quantized or adapted"
        if self._calls[id(before)] > 1 or self._takers[id(tensor)] > 1:
            return f"others take what {before.name} gives, or it is called more than once"
        if {*varying} - {_channel_axis(before, len(tensor.shape))}:
            return f"it differs along {', '.join(('batch', *names)[k] for k in varying)}"
        return before

    def folds(self, layer: Any) -> bool:
        """Whether a layer of a cell's model is a batch normalization that goes into the kernel before it."""
        if not hasattr(layer, "moving_mean") or not self.reach(layer):
            return False
        shape = self._nodes[id(layer)].input_tensors[0].shape
        axes = [layer.axis, layer.axis if getattr(layer, "param_axis", None) is None else layer.param_axis]
        kept = {k % len(shape) for axis in axes for k in ((axis,) if isinstance(axis, int) else axis)}
        names = [f"axis {k}" for k in range(1, len(shape))]
        return not isinstance(self.taker(layer, sorted(k for k in kept if shape[k] != 1), names), str)


def _channel_axis(layer: Any, rank: int) -> int:
    return 1 if getattr(layer, "data_format", None) == "channels_first" else rank - 1
