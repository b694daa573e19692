"""The four passes over memory that normalization takes, forward and backward, compiled by XLA into one loop each.

Sums run in float32 over the rows of one `Layout`, `CHUNK` examples at the most, and are put together in float64.
"""

from __future__ import annotations

import functools
import operator
from typing import Any, NamedTuple

import tensorflow as tf

from harness.layers.layout import Layout

# Float32 sums of so many examples are good to 1e-6 of a deviation. They would stand still from 2^24 on.
CHUNK = 1024


class Passes(NamedTuple):
    """The compiled passes of one layout.

    `x`, `dx` are `(batch, *shape)`, float32; `mean`, `variance` `(column,)`, float64; `gamma`, `beta` and all other
    rows `(column,)`, float32. Means are split in two, `high + low`, because at 1e4 float32 is only good to 5e-4.
    `upstream` is the gradient for `y`, and whatever else `normalize` gave.
    """

    shape: tuple[int, ...]
    statistics: Any  # x, gamma, beta, epsilon -> mean, variance, high, scale, offset
    normalize: Any  # x, high, scale, offset -> y, ...
    slopes: Any  # x, *upstream, gamma, mean, variance, epsilon -> dgamma, dbeta, high, a, b, c
    gradient: Any  # x, *upstream, high, a, b, c -> dx
    gradient_before_relu: Any  # the same, where x is the output of a ReLU, for its input


@functools.cache
def compile_passes(layout: Layout) -> Passes:
    """The passes for a layout: sites that are alike share them, and each batch size is compiled when first met."""
    shape = (layout.rows, layout.columns)
    upstream = tf.TensorSpec([None, *shape], tf.float32)
    return compile_each(layout, shape, (_normalize, _slopes, _gradient), upstream=(upstream,))


def compile_each(
    layout: Layout, shape: tuple[int, ...], passes: tuple[Any, Any, Any], *, upstream: tuple[Any, ...]
) -> Passes:
    """`Passes` from what three of them compute, each a function of the layout and what `Passes` says.

    Each is a function of its own to XLA: in one with the sums, what follows them would have their row of results
    worked out again for every element that it is used for.
    """
    batch = tf.TensorSpec([None, *shape], tf.float32)
    row, statistic = tf.TensorSpec([layout.columns], tf.float32), tf.TensorSpec([layout.columns], tf.float64)
    epsilon = tf.TensorSpec([], tf.float64)

    def compiled(run: Any, *signature: Any) -> Any:
        return tf.function(functools.partial(run, layout), input_signature=signature, jit_compile=True, autograph=False)

    normalize, slopes, gradient = passes

    def gradient_before_relu(layout: Layout, x: Any, *others: Any) -> Any:
        return tf.where(x > 0, gradient(layout, x, *others), 0.0)

    return Passes(
        shape,
        compiled(_statistics, batch, row, row, epsilon),
        compiled(normalize, batch, row, row, row),
        compiled(slopes, batch, *upstream, row, statistic, statistic, epsilon),
        compiled(gradient, batch, *upstream, row, row, row, row),
        compiled(gradient_before_relu, batch, *upstream, row, row, row, row),
    )


def _statistics(layout: Layout, x: Any, gamma: Any, beta: Any, epsilon: Any) -> Any:
    # Shifted by values of their own, sums of squares lose little to cancellation: at most a factor of the number of
    # values summed up, if one example lies far off all others (Chan, Golub & LeVeque 1983, section 3).
    shift = tf.reduce_mean(never_empty(x)[0], 0)

    def add(x: Any) -> tuple[Any, Any]:
        deviation = x - shift
        return tf.reduce_sum(deviation, 0), tf.reduce_sum(tf.square(deviation), 0)

    total, squares = sum_examples(add, x, shape=[layout.columns])
    count = _count(layout, x)
    offset = total / count
    column_mean = tf.cast(shift, tf.float64) + offset
    mean = layout.average(column_mean)
    # The law of total variance, over the columns that share a statistic.
    within = tf.maximum(squares / count - tf.square(offset), 0.0)
    variance = layout.average(within + tf.square(column_mean - mean))
    high, low = split(mean)
    scale = tf.math.rsqrt(variance + epsilon) * tf.cast(gamma, tf.float64)
    return mean, variance, high, *_floats(scale, tf.cast(beta, tf.float64) - low * scale)


def _normalize(layout: Layout, x: Any, high: Any, scale: Any, offset: Any) -> Any:
    del layout
    return ((x - high) * scale + offset,)


def _slopes(layout: Layout, x: Any, dy: Any, gamma: Any, mean: Any, variance: Any, epsilon: Any) -> Any:
    high, _ = split(mean)

    def add(x: Any, dy: Any) -> tuple[Any, Any]:
        return tf.reduce_sum(dy, 0), tf.reduce_sum(dy * (x - high), 0)

    sums = sum_examples(add, x, dy, shape=[layout.columns])
    return terms(layout, x, sums, gamma, mean, variance, epsilon)


def terms(layout: Layout, x: Any, sums: Any, gamma: Any, mean: Any, variance: Any, epsilon: Any) -> Any:
    """What `Passes.slopes` gives, from the sums of `dy` and of `dy * (x - high)`, `(column,)`, float64.

    Ioffe & Szegedy (2015), section 3, with dx put as `a * dy + b * (x - high) + c`.
    """
    dbeta, moment = sums
    high, low = split(mean)
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


def sum_examples(add: Any, *batches: Any, shape: list[int], at_once: int = 2) -> Any:
    """Sums over all examples of the two arrays of `shape` that `add` makes of one example, in float64.

    `at_once` examples, a divisor of `CHUNK`, are summed up in one turn of the loop, which spares the sums some of their
    way to memory.
    """
    examples = tf.shape(batches[0])[0]
    sources = [never_empty(batch) for batch in batches]

    def step(turn: int, index: Any, first: Any, second: Any) -> Any:
        pairs = [add(*(batch[index + k] for batch in sources)) for k in range(turn)]
        more = [functools.reduce(operator.add, rows) for rows in zip(*pairs, strict=True)]
        return index + turn, first + more[0], second + more[1]

    def run(start: Any, stop: Any, turns: tuple[int, ...]) -> tuple[Any, Any]:
        # A loop rather than one reduction, of which XLA makes two passes on a CPU, and slower ones.
        state = (start, tf.zeros(shape), tf.zeros(shape))
        for turn in turns:
            state = tf.while_loop(
                lambda index, *_, turn=turn: index + turn <= stop, functools.partial(step, turn), state
            )
        return tuple(tf.cast(total, tf.float64) for total in state[1:])

    def add_chunk(start: Any, *totals: Any) -> Any:
        added = run(start, start + CHUNK, (at_once,))
        return (start + CHUNK, *map(operator.add, totals, added))

    def run_in_chunks() -> tuple[Any, ...]:
        nothing = (0, tf.zeros(shape, tf.float64), tf.zeros(shape, tf.float64))
        # Whole chunks alone: of a loop of one turn whose first inner loop takes none, XLA's simplifier loses the
        # second.
        start, *totals = tf.while_loop(lambda start, *_: start + CHUNK <= examples, add_chunk, nothing)
        return tuple(map(operator.add, totals, run(start, examples, (at_once, 1))))

    # Decided when a batch size is compiled: a batch of one chunk, as nearly all are, is summed up in one loop.
    return tf.cond(examples < CHUNK, lambda: run(0, examples, (at_once, 1)), run_in_chunks)


def never_empty(batch: Any) -> Any:
    """`batch`, `(batch, ...)`, or an example of zeros: XLA compiles a loop's turn for batches that it takes none in."""
    missing = tf.maximum(1 - tf.shape(batch)[0], 0)
    return tf.pad(batch, [[0, missing], *[[0, 0]] * (len(batch.shape) - 1)])


def split(mean: Any) -> tuple[Any, Any]:
    """`high`, float32, and what is left to the mean, float64."""
    high = tf.cast(mean, tf.float32)
    return high, mean - tf.cast(high, tf.float64)


def _count(layout: Layout, x: Any) -> Any:
    # Of an empty batch all sums are 0, and so are their shares.
    return tf.cast(tf.maximum(tf.shape(x)[0], 1) * layout.rows, tf.float64)


def _floats(*rows: Any) -> list[Any]:
    return [tf.cast(row, tf.float32) for row in rows]
