"""How an activation is cut into rows for the passes over it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

# A row much shorter than this leaves the loop's own overhead in the lead; a much longer one leaves the cache.
SHORTEST_ROW = 512


@dataclass(frozen=True)
class Layout:
    """An activation `(batch, *shape)` seen as `(batch, row, column)`.

    A row is a contiguous block of trailing axes that contains the kept ones, so that sums over batch and rows, column
    by column, vectorize for every set of axes. What is left to average within a row is averaged on one row of sums.

    Attributes:
        shape: sizes of all axes but the batch.
        block: sizes of the trailing axes that make up a row.
        averaged: the axes of the block that are averaged over.
        alike: the axes of the block along which neither statistics nor parameters vary; never the last, whose
            values are wanted side by side, as vectors are loaded.
    """

    shape: tuple[int, ...]
    block: tuple[int, ...]
    averaged: tuple[int, ...]
    alike: tuple[int, ...]

    @classmethod
    def of(cls, shape: tuple[int, ...], stat_axes: tuple[int, ...], param_axes: tuple[int, ...]) -> Layout:
        """The shortest rows of at least `SHORTEST_ROW` columns, if there are, that contain all kept axes.

        `stat_axes` and `param_axes` count the batch as 0.
        """
        kept = {*stat_axes, *param_axes}
        start = min({len(shape), *kept})
        while start > 1 and math.prod(shape[start - 1 :]) < SHORTEST_ROW:
            start -= 1
        block = shape[start - 1 :]
        averaged, alike = (tuple(k for k in range(len(block)) if k + start not in axes) for axes in (stat_axes, kept))
        return cls(shape, block, averaged, tuple(k for k in alike if k < len(block) - 1))

    @property
    def rows(self) -> int:
        """Rows of one example."""
        return math.prod(self.shape) // self.columns

    @property
    def columns(self) -> int:
        """Length of a row."""
        return math.prod(self.block)

    def in_rows(self, examples: Any) -> Any:
        """`(batch, *shape)` as `(batch, row, column)`."""
        return tf.reshape(examples, [-1, self.rows, self.columns])

    def as_row(self, values: Any, default: float) -> Any:
        """`values`, which vary along the block's axes alone, as a row `(column,)`; `None`: a row of `default`."""
        if values is None:
            return tf.fill([self.columns], default)
        values = tf.reshape(values, values.shape[-len(self.block) :])
        return tf.reshape(tf.broadcast_to(values, self.block), [-1])

    def parameter(self, row: Any) -> Any:
        """A row `(column,)` of what does not vary along `alike`, in a shape that broadcasts against `shape`."""
        return self._without(self.alike, row)

    def statistic(self, row: Any) -> Any:
        """A row `(column,)` of one value for each statistic, in a shape that broadcasts against `shape`."""
        return self._without(self.averaged, row)

    def _without(self, axes: tuple[int, ...], row: Any) -> Any:
        picked = tuple(slice(1) if k in axes else slice(None) for k in range(len(self.block)))
        values = tf.reshape(row, self.block)[picked]
        return tf.reshape(values, [1] * (len(self.shape) - len(self.block)) + list(values.shape))

    def average(self, values: Any) -> Any:
        """Each column's value replaced by the mean over the columns that share its statistic: `(column,)`."""
        if not self.averaged:
            return values
        mean = tf.reduce_mean(tf.reshape(values, self.block), self.averaged, keepdims=True)
        return tf.reshape(tf.broadcast_to(mean, self.block), [-1])
