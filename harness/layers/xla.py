"""What XLA compiles here: when passes over an activation pay, and whether it is at work."""

from __future__ import annotations

import functools
import math
from typing import Any

import tensorflow as tf

# Compiling takes up to a second, which smaller activations would take thousands of steps to earn back.
FAST_FROM = 2**18
# Stands in for a batch size that is not known when a graph is traced.
USUAL_BATCH = 32


def is_worth_compiling(x: Any) -> bool:
    """Whether passes over `x`, `(batch, *axes)`, can be compiled, and earn back what compiling them takes."""
    if x.dtype != tf.float32 or None in x.shape[1:]:
        return False
    batch = USUAL_BATCH if x.shape[0] is None else x.shape[0]
    return bool(batch * math.prod(x.shape[1:]) >= FAST_FROM) and _suits_device()


def as_large_as(x: Any, result: Any) -> Any:
    """A compiled function's `result`, `(batch, *axes)`, known to be a batch of as many as `x` again."""
    result.set_shape([x.shape[0], *result.shape[1:]])
    return result


def has_gpu() -> bool:
    """Whether TensorFlow computes on a GPU in this process."""
    return bool(tf.config.list_logical_devices("GPU"))


def is_compiled_by_xla() -> bool:
    """Whether the function being traced, or one around it, has `jit_compile=True`."""
    graph = tf.compat.v1.get_default_graph()
    while graph is not None:
        # TensorFlow has no public way to ask; a test would notice if this one went away.
        context = graph._get_control_flow_context()
        while context is not None:
            if context.IsXLAContext():
                return True
            context = context.outer_context
        graph = getattr(graph, "outer_graph", None)
    return False


@functools.cache
def _suits_device() -> bool:
    """Whether XLA compiles for this machine's CPU, and there is no GPU, where a loop over examples would crawl."""
    if has_gpu():
        return False
    try:
        with tf.init_scope():
            return bool(tf.function(lambda v: v + 1.0 > v, jit_compile=True)(tf.constant(1.0)))
    except (tf.errors.OpError, ValueError):
        return False
