"""What a layer may know of how its input was made, so that two steps can take one pass over memory.

Only within a graph, where what nobody reads is never computed. A layer that does not ask takes the tensor as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

Window = tuple[int, int]
_ATTRIBUTE = "_harness_origin"


@dataclass(frozen=True)
class Rectified:
    """Of a tensor that is `relu(source)`."""

    source: Any


@dataclass(frozen=True)
class Poolable:
    """Of a tensor that can also be had after max pooling, by a shorter way than pooling it.

    `pool(window)` is the pooled tensor for windows side by side, or `None` where there is no such way.
    """

    pool: Callable[[Window], Any]


def note(tensor: Any, origin: Rectified | Poolable) -> Any:
    """`tensor`, which knows its origin from now on."""
    if not tf.executing_eagerly():
        setattr(tensor, _ATTRIBUTE, origin)
    return tensor


def rectified_from(tensor: Any) -> Any:
    """The tensor that `tensor` is the ReLU of, as far as is known."""
    origin = getattr(tensor, _ATTRIBUTE, None)
    return origin.source if isinstance(origin, Rectified) else None


def pooled(tensor: Any, window: Window) -> Any:
    """`tensor`, `(batch, height, width, channel)`, after max pooling, or `None`: pool it."""
    origin = getattr(tensor, _ATTRIBUTE, None)
    return origin.pool(window) if isinstance(origin, Poolable) else None
