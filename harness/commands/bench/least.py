"""What a training step must compute and move through memory at the least, counted on a model's description."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FLOAT = 4  # bytes
PRODUCT = 2  # a product and a sum are two operations
# A place of a maximum within its window takes a byte.
PLACE = 1 / FLOAT
PASSES_OF_WEIGHTS = 10
_RECURRENT = ("LSTM", "GRU", "SimpleRNN")
_NORMALIZATIONS = ("BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization")

Call = Mapping[str, Any]


@dataclass(frozen=True)
class Least:
    """The least of a training step, for one example but where it says otherwise.

    Attributes:
        operations: floating-point operations of its products, forward and back by inputs and weights.
        moved_bytes: what its layers read and write, if each reads its operands and writes its result once a pass, and
            activations, pooling and reshaping cost nothing beside the layer before them.
        activation: numbers in the largest activation.
        weights_bytes: what is read and written of the weights in a step, whatever the batch: read forward and back, a
            gradient written; Adam reads that, two moments and the weights, and writes three of them.
    """

    operations: int
    moved_bytes: int
    activation: int
    weights_bytes: int


def count(calls: Sequence[Call]) -> Least:
    """The least of a model whose layers are described by `describe_layers`."""
    operations, floats = 0, 0.0
    for number, call in enumerate(calls):
        products = _products(call, calls)
        # Nothing is handed on to the data, so what comes right after them goes back by its weights alone.
        first = all(_is_data(source, calls) for source in call["inputs"])
        operations += PRODUCT * products * (2 if first else 3)
        floats += _floats(number, calls, first=first)
    weights = {call["name"]: sum(map(math.prod, call["weights"])) for call in calls}
    passes = FLOAT * PASSES_OF_WEIGHTS * sum(weights.values())
    return Least(operations, round(FLOAT * floats), max(_size(call) for call in calls), passes)


def has_recurrence(calls: Sequence[Call]) -> bool:
    """Whether some layer walks through time."""
    return any(call["kind"] in _RECURRENT for call in calls)


def _products(call: Call, calls: Sequence[Call]) -> int:
    """Products of numbers in one pass forward."""
    kind, weights = call["kind"], call["weights"]
    if kind in _NORMALIZATIONS or not weights:
        return 0
    if kind in _RECURRENT:
        steps = calls[call["inputs"][0]]["shape"][0]
        return int(steps * (math.prod(weights[0]) + math.prod(weights[1])))
    # A kernel is applied at each place: of `Dense` and convolutions alike its last axis are the outputs there.
    return int(math.prod(call["shape"][:-1]) * math.prod(weights[0]))


def _floats(number: int, calls: Sequence[Call], *, first: bool) -> float:
    """Numbers that a layer with weights, and what follows in its shadow, reads and writes, forward and back."""
    call = calls[number]
    if not call["weights"] or call["kind"] in _RECURRENT:
        # What one time step hands to the next stays in a core's own cache.
        return 0.0
    read = sum(_size(calls[source]) for source in call["inputs"])
    written = _size_after(number, calls)
    if call["kind"] in _NORMALIZATIONS:
        # Statistics; the output. Back: two sums over input and gradient, then the input's gradient from both.
        return 5 * read + 3 * written
    # Forward; back by the weights, and by the inputs.
    return read + written + (read + written) + (0 if first else read)


def _size_after(number: int, calls: Sequence[Call]) -> float:
    """What is written of a layer's output: after those that follow it alone and have no weights of their own."""
    size, places = _size(calls[number]), 0.0
    while True:
        takers = [taker for taker, call in enumerate(calls) if number in call["inputs"]]
        if len(takers) != 1 or calls[takers[0]]["weights"] or len(calls[takers[0]]["inputs"]) != 1:
            return size + places
        [number] = takers
        size = min(size, _size(calls[number]))
        places += PLACE * size if "MaxPooling" in calls[number]["kind"] else 0


def _is_data(number: int, calls: Sequence[Call]) -> bool:
    """Whether a call gives the examples, at most in another shape."""
    return not calls[number]["weights"] and all(_is_data(source, calls) for source in calls[number]["inputs"])


def _size(call: Call) -> int:
    return math.prod(call["shape"])
