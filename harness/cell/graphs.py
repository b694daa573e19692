"""Let go of graphs that nobody needs any more: TensorFlow itself never does where they hold a custom gradient.

Each custom gradient that is traced (Keras's optimizers have one, and so has our kernel) is entered for good in a
registry under a name of its own, with the tensors and so with the graph that it belongs to: megabytes for each program.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tensorflow.python.framework import ops  # there is no public way to the registry

_PREFIX = "CustomGradient-"


@contextmanager
def noting_custom_gradients(names: set[str]) -> Iterator[None]:
    """Add to `names` the custom gradients that are traced inside."""
    before = _names()
    try:
        yield
    finally:
        names |= _names() - before


def forget_custom_gradients(names: set[str]) -> None:
    """Take custom gradients out of the registry; the graphs that they belong to must not be differentiated after."""
    for name in names:
        ops.gradient_registry._registry.pop(name, None)


def _names() -> set[str]:
    return {name for name in ops.gradient_registry._registry if name.startswith(_PREFIX)}
