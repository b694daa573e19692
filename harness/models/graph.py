"""The normalization layers of a model, wherever they are, and what their axes are called by the layers before them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import keras

from harness.axes.explained import USUAL_AXES
from harness.layers.folding import functional_of

NORMALIZATIONS = (
    "BatchNormalization",
    "AxisNormalization",
    "LayerNormalization",
    "GroupNormalization",
    "RMSNormalization",
)
_PLACES = {1: ("time",), 2: ("height", "width"), 3: ("depth", "height", "width")}
_CONVOLUTIONS = ("BaseConv", "BaseDepthwiseConv", "BaseSeparableConv", "BaseConvTranspose")
_RECURRENT = ("RNN", "LSTM", "GRU", "SimpleRNN")
_DROPOUTS = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout", "AlphaDropout")


@dataclass(frozen=True)
class Named:
    """The names of a tensor's axes but the batch, and the layer that says so; empty where they are a guess."""

    axes: tuple[str, ...]
    source: str = ""


@dataclass
class Found:
    """A normalization layer.

    Attributes:
        path: the names of the models and wrappers that it is in, and its own, with `/` between.
        layer: itself.
        shape: of its input, the batch first; None where the layer is not built.
        named: its axes.
        before: the layers right before it, the nearest first, up to the first one with weights.
        uses: how often it is called: above 1, its statistics are those of several inputs together.
        masked: whether a mask reaches it.
    """

    path: str
    layer: Any
    shape: tuple[int | None, ...] | None
    named: Named
    before: list[Any] = field(default_factory=list)
    uses: int = 1
    masked: bool = False

    @property
    def after_dropout(self) -> bool:
        """Whether what it is given has just been through dropout."""
        return any(kind_of(layer) & {*_DROPOUTS} for layer in self.before)


@dataclass(frozen=True)
class _Graph:
    """A functional model, and where it is called within another."""

    model: Any
    outer: _Graph | None = None
    node: Any = None

    def outside(self, layer: Any) -> Any:
        """The tensor of the outer graph that an input layer stands for; None in the outermost."""
        if self.outer is None or self.node is None:
            return None
        for inside, outside in zip(self.model.inputs, self.node.input_tensors, strict=False):
            if inside._keras_history.operation is layer:
                return outside
        return None


def find_normalizations(model: Any) -> list[Found]:
    """Every normalization layer of a model, each once, in the order in which the model holds them."""
    found: dict[int, Found] = {}
    for one in _walk(model, (), None):
        if id(one.layer) in found:
            found[id(one.layer)].uses += one.uses
        else:
            found[id(one.layer)] = one
    return list(found.values())


def kind_of(layer: Any) -> set[str]:
    """The names of a layer's class and of those that it is derived from."""
    return {one.__name__ for one in type(layer).__mro__}


def axes_of(layer: Any, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes of a normalization that keep statistics, and those that keep a scale and shift, from the front."""

    def counted(axis: Any) -> tuple[int, ...]:
        return tuple(sorted(k % rank for k in ((axis,) if isinstance(axis, int) else axis)))

    axis, param_axis = getattr(layer, "axis", -1), getattr(layer, "param_axis", None)
    return counted(axis), counted(axis if param_axis is None else param_axis)


def _walk(container: Any, path: tuple[str, ...], graph: _Graph | None) -> Iterator[Found]:
    functional = functional_of(container)
    if functional is not None and graph is None:
        graph = _Graph(functional)
    for layer in _children(container):
        nodes = _nodes(functional, layer) if functional is not None else []
        where = (*path, layer.name)
        if kind_of(layer) & {*NORMALIZATIONS}:
            yield _found(layer, "/".join(where), nodes, graph)
        inner = functional_of(layer)
        if inner is not None:
            for node in nodes or [None]:
                yield from _walk(layer, where, _Graph(inner, graph, node))
        else:
            yield from _walk(layer, where, None)


def _children(container: Any) -> list[Any]:
    if isinstance(container, keras.Model):
        return list(container.layers)
    return list(container._flatten_layers(include_self=False, recursive=False))


def _nodes(functional: Any, layer: Any) -> list[Any]:
    nodes = [node for of_depth in functional._nodes_by_depth.values() for node in of_depth]
    return [node for node in nodes if node.operation is layer]


def _found(layer: Any, path: str, nodes: list[Any], graph: _Graph | None) -> Found:
    if not nodes or graph is None:
        shape = _built_shape(layer)
        return Found(path, layer, shape, _usual(len(shape) - 1) if shape else Named(()))
    tensor = nodes[0].input_tensors[0]
    masked = any(getattr(one, "_keras_mask", None) is not None for node in nodes for one in node.input_tensors)
    before = _before(tensor, graph)
    return Found(path, layer, tuple(tensor.shape), _names(tensor, graph), before, len(nodes), masked)


def _built_shape(layer: Any) -> tuple[int | None, ...] | None:
    shapes = getattr(layer, "_build_shapes_dict", None) or {}
    shape = next((one for one in shapes.values() if isinstance(one, (tuple, list))), None)
    return None if shape is None or any(isinstance(size, (tuple, list)) for size in shape) else tuple(shape)


def _usual(rank: int) -> Named:
    return Named(USUAL_AXES.get(rank, tuple(f"axis_{k}" for k in range(1, rank + 1))))


def _before(tensor: Any, graph: _Graph | None) -> list[Any]:
    """The layers that a tensor comes from, the nearest first, while there is one way and up to one with weights."""
    passed: list[Any] = []
    while graph is not None and len(passed) < 50:
        layer, node = _origin(tensor)
        if "InputLayer" in kind_of(layer):
            outside = graph.outside(layer)
            if outside is None:
                break
            tensor, graph = outside, graph.outer
            continue
        inner = functional_of(layer)
        if inner is not None:
            graph = _Graph(inner, graph, node)
            tensor = inner.outputs[tensor._keras_history.tensor_index]
            continue
        passed.append(layer)
        if len(node.input_tensors) != 1 or getattr(layer, "weights", None):
            break
        tensor = node.input_tensors[0]
    return passed


def _origin(tensor: Any) -> tuple[Any, Any]:
    history = tensor._keras_history
    return history.operation, history.operation._inbound_nodes[history.node_index]


def _names(tensor: Any, graph: _Graph | None) -> Named:
    """What a tensor's axes are called, by going back to a layer that decides it."""
    layer, node = _origin(tensor)
    rank = len(tensor.shape) - 1
    inner = functional_of(layer)
    if "InputLayer" in kind_of(layer):
        outside = graph.outside(layer) if graph is not None else None
        return _usual(rank) if outside is None or graph is None else _names(outside, graph.outer)
    if inner is not None:
        return _names(inner.outputs[tensor._keras_history.tensor_index], _Graph(inner, graph, node))
    told = _told_by(layer, rank)
    if told is not None:
        return Named(told, layer.name)
    before = _names(node.input_tensors[0], graph) if node.input_tensors else _usual(rank)
    if "Permute" in kind_of(layer):
        return Named(tuple(before.axes[k - 1] for k in layer.dims), before.source)
    if len(before.axes) != rank or "Reshape" in kind_of(layer):
        return _usual(rank)
    if kind_of(layer) & {"Dense", "EinsumDense"}:
        return Named((*before.axes[:-1], "feature" if rank < 3 else before.axes[-1]), before.source or layer.name)
    return before


def _told_by(layer: Any, rank: int) -> tuple[str, ...] | None:
    """The axes of a layer's output where the layer alone decides them."""
    kinds = kind_of(layer)
    if "TimeDistributed" in kinds:
        inner = functional_of(layer.layer)
        names = _names(inner.outputs[0], _Graph(inner)).axes if inner is not None else _told_by(layer.layer, rank - 1)
        return ("time", *(names or USUAL_AXES.get(rank - 1, ()))) if rank > 1 else None
    if "Bidirectional" in kinds:
        return _told_by(layer.forward_layer, rank)
    if kinds & {*_CONVOLUTIONS} or "ConvLSTM" in kinds:
        places = _PLACES[layer.rank] if hasattr(layer, "rank") else _PLACES.get(rank - 1, ())
        if "ConvLSTM" in kinds:
            places = _PLACES[layer.cell.rank]
        first = layer.data_format == "channels_first" if hasattr(layer, "data_format") else False
        names = ("channel", *places) if first else (*places, "channel")
        return names if len(names) == rank else ("time", *names)
    if kinds & {*_RECURRENT} or kinds & {"Embedding", "MultiHeadAttention", "GroupedQueryAttention"}:
        return ("time", "feature") if rank == 2 else ("feature",) if rank == 1 else None
    if "Flatten" in kinds or (kinds & {"BaseGlobalPooling"} and rank == 1):
        return ("feature",)
    return None
