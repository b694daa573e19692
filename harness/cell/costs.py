"""What a trained model costs where it is used, each figure declared once: how it is shown and what it means.

Without TensorFlow, since whoever reads records knows the declarations too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.types import Quantity

if TYPE_CHECKING:
    from harness.cell.program import Program

_SECONDS, _LEAST_CALLS, _MOST_CALLS = 0.05, 3, 30
_PROCESS = Path("/proc/self")
# By the class that a layer is or is derived from, where Keras or the house made it.
_KERNELS = ("Dense", "BaseConv", "BaseDepthwiseConv", "BaseSeparableConv")
_RECURRENT = ("LSTM", "GRU", "SimpleRNN")
# Multiply-adds a value in inference: scale and shift; within an example, the squares of the variance before these.
_NORMALIZATIONS = {"BatchNormalization": 1, "AxisNormalization": 1, "Normalization": 1, "MultiplyAdd": 1}
_NORMALIZATIONS |= {"LayerNormalization": 2, "GroupNormalization": 2, "RMSNormalization": 2}
# These multiply without weights of their own.
_PRODUCTS = ("Dot", "Attention", "AdditiveAttention", "Matmul", "Einsum", "Tensordot", "Conv", "DepthwiseConv")


@dataclass(frozen=True, kw_only=True)
class CellCost(Quantity):
    """A figure of what a model costs; `heading` stands above its column, `meaning` is what it is, in a sentence."""

    heading: str
    meaning: str


CELL_COSTS = (
    CellCost(
        name="latency_one",
        direction="min",
        unit="ms",
        heading="ms, one example",
        meaning="Shortest time of some calls of the compiled model in inference for one example, which other work "
        "of the machine lengthens.",
    ),
    CellCost(
        name="latency_batch",
        direction="min",
        unit="ms",
        heading="ms, a batch",
        meaning="The same for a batch of the training size, or of all test examples where they are fewer.",
    ),
    CellCost(
        name="multiplications",
        direction="min",
        unit="multiply-adds",
        heading="multiply-adds",
        meaning="Multiply-adds of one example in inference, no layer folded into another.",
    ),
    CellCost(
        name="peak_memory",
        direction="min",
        unit="MiB",
        heading="peak MiB",
        meaning="Most resident memory of the whole process while the cell trained, what earlier cells left in it too: "
        "to be compared between strategies only where each ran first.",
    ),
    CellCost(
        name="folded_sites",
        direction="max",
        unit="sites",
        heading="folds",
        meaning="Normalization sites that go into the kernel before them in inference.",
    ),
)


class UnknownCostError(Exception):
    """A figure cannot be had; the message says why."""


def costs_of(program: Program, x: Any, peak: float | None) -> dict[str, Any]:
    """A record's `costs`, and in `costs_unknown` why some are None.

    Args:
        program: of a trained cell; nothing of it is changed.
        x: test examples `(example, *axes)`, on the device.
        peak: the peak memory of training in MiB, where it is known.
    """
    from harness.layers.folding import Calls

    trainer = program.trainer
    calls = Calls(trainer.model)
    layers = program.normalization_layers
    unknown = {} if peak is not None else {"peak_memory": "the system does not say it"}
    if not layers:
        unknown["folded_sites"] = "nothing is normalized"
    try:
        multiplications: int | None = multiplications_of(trainer.model)
    except UnknownCostError as error:
        multiplications, unknown["multiplications"] = None, str(error)
    costs = {
        "latency_one": _latency(trainer.evaluator.forward, x, 1),
        "latency_batch": _latency(trainer.evaluator.forward, x, min(trainer.batch_size, len(x))),
        "multiplications": multiplications,
        "peak_memory": peak,
        "folded_sites": sum(calls.folds(layer) for layer in layers) if layers else None,
    }
    return {"costs": costs, "costs_unknown": unknown}


def _latency(forward: Callable[[Any, Any], Any], x: Any, size: int) -> float:
    """Milliseconds of one batch of `size` examples, the median of some calls after one that is not counted."""
    batches = np.arange(size, dtype=np.int64)[None]
    forward(x, batches).numpy()
    seconds: list[float] = []
    begun = time.perf_counter()
    while len(seconds) < _LEAST_CALLS or (len(seconds) < _MOST_CALLS and time.perf_counter() - begun < _SECONDS):
        started = time.perf_counter()
        forward(x, batches).numpy()
        seconds.append(time.perf_counter() - started)
    return 1000 * min(seconds)


def forget_peak() -> bool:
    """Begin anew with the most memory that this process has had; whether the system can."""
    try:
        (_PROCESS / "clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def peak_memory() -> float | None:
    """The most resident memory of this process since `forget_peak`, in MiB; None where the system does not say it."""
    try:
        lines = (_PROCESS / "status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), None)


def multiplications_of(model: Any) -> int:
    """Multiply-adds of one example in inference: with weights, and what normalization does to each value.

    A position at a border counts in full. Activations, pooling, biases and the gates of recurrent layers are left out.

    Raises:
        UnknownCostError: a layer or a size in it is not known; the message names it.
    """
    from harness.layers.folding import functional_of, nodes_of

    graph = functional_of(model)
    if graph is None:
        raise UnknownCostError(f"{model.name} is no functional or sequential model")
    return sum(_of_call(node) for node in nodes_of(graph) if node.input_tensors)


def _of_call(node: Any) -> int:
    from harness.layers.folding import functional_of

    layer = node.operation
    if functional_of(layer) is not None:
        return multiplications_of(layer)
    kinds = {one.__name__ for one in type(layer).__mro__}
    if (
        not getattr(layer, "weights", None)
        and not {type(layer).__name__} & {*_PRODUCTS}
        and not kinds & {*_NORMALIZATIONS}
    ):
        return 0
    if not type(layer).__module__.startswith(("keras.", "harness.layers.")):
        raise UnknownCostError(f"{layer.name} is a layer of an unknown kind ({type(layer).__name__})")
    given, made = (tensors[0].shape[1:] for tensors in (node.input_tensors, node.outputs))
    return _of_layer(layer, kinds, given, made)


def _of_layer(layer: Any, kinds: set[str], given: tuple[int | None, ...], made: tuple[int | None, ...]) -> int:
    for kind, products in _NORMALIZATIONS.items():
        if kind in kinds:
            return products * _product(layer, given)
    if kinds & {*_KERNELS}:
        first = getattr(layer, "data_format", None) == "channels_first"
        return _product(layer, made[1:] if first else made[:-1]) * _sizes(_matrices(layer))
    if "BaseConvTranspose" in kinds:
        return _product(layer, given[1:] if layer.data_format == "channels_first" else given[:-1]) * _sizes(
            [layer.kernel]
        )
    if "Bidirectional" in kinds:
        parts = (layer.forward_layer, layer.backward_layer)
        return sum(_of_layer(one, {kind.__name__ for kind in type(one).__mro__}, given, made) for one in parts)
    if kinds & {*_RECURRENT}:
        return _product(layer, given[:1]) * _sizes([layer.cell.kernel, layer.cell.recurrent_kernel])
    if "Embedding" in kinds:
        return 0
    raise UnknownCostError(f"{layer.name} is a layer of an unknown kind ({type(layer).__name__})")


def _matrices(layer: Any) -> list[Any]:
    if hasattr(layer, "pointwise_kernel"):
        return [layer.depthwise_kernel, layer.pointwise_kernel]
    return [layer.kernel]


def _sizes(weights: Iterable[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _product(layer: Any, sizes: tuple[int | None, ...]) -> int:
    if None in sizes:
        raise UnknownCostError(f"a size before {layer.name} is not fixed")
    return math.prod(size for size in sizes if size is not None)
