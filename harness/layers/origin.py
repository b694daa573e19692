"""What a layer may know of how its input was made, so that two steps can take one pass over memory.

A tensor carries a note of what else it could have been; a layer that asks takes that instead, and the tensor itself,
which then nobody reads, is never computed. That holds within a graph only, so that eager tensors carry none. A layer
that does not ask takes the tensor as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Window = tuple[int, int]
_RECTIFIED, _POOLED, _BEFORE = "_harness_rectified", "_harness_pooled", "_harness_before"


def note_rectified(tensor: Any, make: Callable[[], Any]) -> Any:
    """`tensor`, of which `make()` is the ReLU."""
    return _note(tensor, _RECTIFIED, make)


def note_pooled(tensor: Any, make: Callable[[Window], Any]) -> Any:
    """`tensor`, `(batch, height, width, channel)`, of which `make(window)` is the maximum of windows side by side.

    `make` may give `None`: such windows have to be pooled.
    """
    return _note(tensor, _POOLED, make)


def rectify(tensor: Any, relu: Callable[[Any], Any]) -> Any:
    """`relu(tensor)`, by the shorter way if one is noted; the result knows what it was before."""
    make = getattr(tensor, _RECTIFIED, None)
    return _note(relu(tensor) if make is None else make(), _BEFORE, tensor)


def pool(tensor: Any, window: Window) -> Any:
    """The maximum of windows side by side, by the shorter way; `None` if none is noted."""
    make = getattr(tensor, _POOLED, None)
    return None if make is None else make(window)


def before_relu(tensor: Any) -> Any:
    """The tensor that `tensor` is the ReLU of, if it is known to be of one."""
    return getattr(tensor, _BEFORE, None)


def _note(tensor: Any, what: str, value: Any) -> Any:
    if not tf.executing_eagerly():
        setattr(tensor, what, value)
    return tensor
