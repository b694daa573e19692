"""Sums over the replicas of a `tf.distribute` strategy, for statistics that they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def across_replicas() -> Callable[[Any], Any] | None:
    """What sums a value over all replicas, to every derivative; `None` where there is one replica."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return None
    return lambda value: context.all_reduce(tf.distribute.ReduceOp.SUM, value)
