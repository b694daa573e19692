"""The passes of a normalization that max pooling follows: the normalized activation is never written or read.

What is kept for the way back is each window's place of the maximum, the first where several are equal.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

import tensorflow as tf

from harness.layers.layout import Layout
from harness.layers.origin import Window
from harness.layers.passes import Passes, compile_each, split, sum_examples, terms

# Windows are taken apart channel by channel: with fewer channels than a vector holds, that costs more than it saves.
FEWEST_CHANNELS = 16
MOST_PLACES = 256  # as uint8 counts them


def fits(shape: tuple[int, ...], window: Window) -> bool:
    """Whether there are passes for images `shape`, (height, width, channel): windows side by side leave no rest."""
    if len(shape) != 3 or shape[2] < FEWEST_CHANNELS:
        return False
    return shape[0] % window[0] == 0 == shape[1] % window[1] and window[0] * window[1] <= MOST_PLACES


@functools.cache
def compile_pooled(layout: Layout, window: Window) -> Passes:
    """`compile_passes` with `y` pooled: `(batch, height / window, width / window, channel)`.

    `normalize` gives the place of the maximum besides, counted row by row within a window, as uint8.
    """
    height, width, channels = layout.shape
    size = [None, height // window[0], width // window[1], channels]
    upstream = (tf.TensorSpec(size, tf.float32), tf.TensorSpec(size, tf.uint8))
    passes = functools.partial(_normalize, window), _slopes, _gradient
    return compile_each(layout, layout.shape, passes, upstream=upstream)


def _normalize(window: Window, layout: Layout, x: Any, high: Any, scale: Any, offset: Any) -> Any:
    rows = [layout.parameter(row)[None] for row in (high, scale, offset)]
    best = place = None
    for number, (i, j) in enumerate(itertools.product(*map(range, window))):
        part, *of_part = (_every(window, i, j, values) for values in (x, *rows))
        y = (part - of_part[0]) * of_part[1] + of_part[2]
        if best is None:
            best, place = y, tf.zeros_like(y, tf.uint8)
            continue
        place = tf.where(y > best, tf.constant(number, tf.uint8), place)
        best = tf.maximum(best, y)
    return best, place


def _every(window: Window, i: int, j: int, values: Any) -> Any:
    """Of `(batch, height, width, channel)` the values at `(i, j)` of each window; axes of size 1 stay."""
    _, height, width, _ = values.shape
    rows, columns = (
        slice(None) if size == 1 else slice(start, None, step)
        for size, start, step in ((height, i, window[0]), (width, j, window[1]))
    )
    return values[:, rows, columns]


def _slopes(layout: Layout, x: Any, dy: Any, place: Any, gamma: Any, mean: Any, variance: Any, epsilon: Any) -> Any:
    high = layout.parameter(split(mean)[0])

    def add(x: Any, dy: Any, place: Any) -> tuple[Any, Any]:
        spread = _spread(layout, dy[None], place[None])[0]
        return spread, spread * (x - high)

    # One sum for each value of an example: summing rows within the loop keeps XLA from vectorizing it.
    sums = sum_examples(add, x, dy, place, shape=list(layout.shape), at_once=4)
    sums = [tf.reduce_sum(tf.reshape(total, [layout.rows, layout.columns]), 0) for total in sums]
    return terms(layout, x, sums, gamma, mean, variance, epsilon)


def _gradient(layout: Layout, x: Any, dy: Any, place: Any, high: Any, a: Any, b: Any, c: Any) -> Any:
    high, a, b, c = (layout.parameter(row) for row in (high, a, b, c))
    return _spread(layout, dy, place) * a + (x - high) * b + c


def _spread(layout: Layout, dy: Any, place: Any) -> Any:
    """The pooled gradient where the maxima were, 0 elsewhere: `(batch, *shape)`."""
    height, width, channels = layout.shape
    window = height // dy.shape[1], width // dy.shape[2]
    numbers = tf.reshape(tf.range(window[0] * window[1]), [1, 1, window[0], 1, window[1], 1])
    dy, place = (values[:, :, None, :, None, :] for values in (dy, place))
    return tf.reshape(tf.where(place == tf.cast(numbers, tf.uint8), dy, 0.0), [-1, height, width, channels])
