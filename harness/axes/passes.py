"""The four passes over memory that normalization takes, forward and backward, compiled by XLA into one loop each.

An activation is seen as `(batch, row, column)`, where a row is a contiguous block of trailing axes that contains the
kept ones. Sums run over batch and rows, column by column, which vectorizes for every set of axes. What is left to
average within a row is averaged on one row of statistics, in float64.
"""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

# A row much shorter than this leaves the loop's own overhead in the lead; a much longer one leaves the cache.
SHORTEST_ROW = 512
# Examples summed up in one turn of the loop: spares running sums as long as an example some of their way to memory.
AT_ONCE = 2


@dataclass(frozen=True)
class Layout:
    """How an activation `(batch, *shape)` is cut into rows.

    Attributes:
        rows: rows of one example.
        block: sizes of the axes that make up a row.
        averaged: the axes of the block that are averaged over.
    """

    rows: int
    block: tuple[int, ...]
    averaged: tuple[int, ...]

    @classmethod
    def of(cls, shape: tuple[int, ...], stat_axes: tuple[int, ...], param_axes: tuple[int, ...]) -> Layout:
        """The shortest rows of at least `SHORTEST_ROW` columns, if there are, that contain all kept axes.

        `stat_axes` and `param_axes` count the batch as 0.
        """
        start = min((len(shape), *stat_axes, *param_axes))
        while start > 1 and math.prod(shape[start - 1 :]) < SHORTEST_ROW:
            start -= 1
        block = shape[start - 1 :]
        averaged = tuple(k for k in range(len(block)) if k + start not in stat_axes)
        return cls(math.prod(shape[: start - 1]), block, averaged)

    @property
    def columns(self) -> int:
        """Length of a row."""
        return math.prod(self.block)

    def average(self, values: Any) -> Any:
        """Each column's value replaced by the mean over the columns that share its statistic: `(column,)`."""
        if not self.averaged:
            return values
        mean = tf.reduce_mean(tf.reshape(values, self.block), self.averaged, keepdims=True)
        return tf.reshape(tf.broadcast_to(mean, self.block), [-1])


class Passes(NamedTuple):
    """The compiled passes of one layout.

    `x`, `dy` are `(batch, row, column)`, float32; `mean`, `variance` `(column,)`, float64; all else `(column,)`,
    float32. Means are split in two, `high + low`, because at 1e4 float32 is only good to 5e-4.
    """

    statistics: Any  # x, gamma, beta, epsilon -> mean, variance, high, scale, offset
    normalize: Any  # x, high, scale, offset -> y
    slopes: Any  # x, dy, gamma, mean, variance, epsilon -> dgamma, dbeta, high, a, b, c
    gradient: Any  # x, dy, high, a, b, c -> dx


@functools.cache
def compile_passes(layout: Layout) -> Passes:
    """The passes for a layout: sites that are alike share them, and each batch size is compiled when first met."""
    batch = tf.TensorSpec([None, layout.rows, layout.columns], tf.float32)
    row, statistic = tf.TensorSpec([layout.columns], tf.float32), tf.TensorSpec([layout.columns], tf.float64)
    epsilon = tf.TensorSpec([], tf.float64)

    def compiled(run: Any, *signature: Any) -> Any:
        return tf.function(functools.partial(run, layout), input_signature=signature, jit_compile=True)

    # Each sum is a function of its own: what follows it uses a row of results, which XLA would otherwise work out
    # again for every element that is normalized by them.
    return Passes(
        compiled(_statistics, batch, row, row, epsilon),
        compiled(_normalize, batch, row, row, row),
        compiled(_slopes, batch, batch, row, statistic, statistic, epsilon),
        compiled(_gradient, batch, batch, row, row, row, row),
    )


def _statistics(layout: Layout, x: Any, gamma: Any, beta: Any, epsilon: Any) -> Any:
    # Shifted by values of their own, sums of squares lose little to cancellation: at most a factor of the number of
    # values summed up, if one example lies far off all others (Chan, Golub & LeVeque 1983, section 3).
    shift = tf.reduce_mean(x[0], 0)

    def add(example: Any) -> tuple[Any, Any]:
        deviation = example - shift
        return tf.reduce_sum(deviation, 0), tf.reduce_sum(tf.square(deviation), 0)

    total, squares = _sum_examples(add, x)
    count = _count(layout, x)
    offset = total / count
    column_mean = tf.cast(shift, tf.float64) + offset
    mean = layout.average(column_mean)
    # The law of total variance, over the columns that share a statistic.
    within = tf.maximum(squares / count - tf.square(offset), 0.0)
    variance = layout.average(within + tf.square(column_mean - mean))
    high, low = _split(mean)
    scale = tf.math.rsqrt(variance + epsilon) * tf.cast(gamma, tf.float64)
    return mean, variance, high, *_floats(scale, tf.cast(beta, tf.float64) - low * scale)


def _normalize(layout: Layout, x: Any, high: Any, scale: Any, offset: Any) -> Any:
    del layout
    return (x - high) * scale + offset


def _slopes(layout: Layout, x: Any, dy: Any, gamma: Any, mean: Any, variance: Any, epsilon: Any) -> Any:
    """Ioffe & Szegedy (2015), section 3, with dx put as `a * dy + b * (x - high) + c`."""
    high, low = _split(mean)

    def add(dy: Any, x: Any) -> tuple[Any, Any]:
        return tf.reduce_sum(dy, 0), tf.reduce_sum(dy * (x - high), 0)

    dbeta, moment = _sum_examples(add, dy, x)
    count = _count(layout, x)
    gamma = tf.cast(gamma, tf.float64)
    scale = tf.math.rsqrt(variance + epsilon)
    dgamma = (moment - low * dbeta) * scale
    b = -tf.square(scale) * layout.average(gamma * dgamma) / count
    c = -scale * layout.average(gamma * dbeta) / count - b * low
    return *_floats(dgamma, dbeta), high, *_floats(gamma * scale, b, c)


def _gradient(layout: Layout, x: Any, dy: Any, high: Any, a: Any, b: Any, c: Any) -> Any:
    del layout
    return dy * a + (x - high) * b + c


def _sum_examples(add: Any, *batches: Any) -> Any:
    """Sums over all examples of the two rows that `add` makes of one example, in float64."""
    examples = tf.shape(batches[0])[0]

    def step(at_once: int, index: Any, first: Any, second: Any) -> Any:
        pairs = [add(*(batch[index + k] for batch in batches)) for k in range(at_once)]
        more = [functools.reduce(operator.add, rows) for rows in zip(*pairs, strict=True)]
        return index + at_once, first + more[0], second + more[1]

    # A loop rather than one reduction, of which XLA makes two passes on a CPU, and slower ones.
    state = (0, *(tf.zeros(batches[0].shape[-1:]) for _ in range(2)))
    for at_once in (AT_ONCE, 1):
        state = tf.while_loop(
            lambda index, *_, at_once=at_once: index + at_once <= examples, functools.partial(step, at_once), state
        )
    return tuple(tf.cast(total, tf.float64) for total in state[1:])


def _count(layout: Layout, x: Any) -> Any:
    return tf.cast(tf.shape(x)[0] * layout.rows, tf.float64)


def _split(mean: Any) -> tuple[Any, Any]:
    high = tf.cast(mean, tf.float32)
    return high, mean - tf.cast(high, tf.float64)


def _floats(*rows: Any) -> list[Any]:
    return [tf.cast(row, tf.float32) for row in rows]
