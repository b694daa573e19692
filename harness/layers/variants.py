"""Batch normalization that differs from the layer of everyone in which values its statistics come from."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from harness.layers import plain
from harness.layers.normalization import AxisNormalization
from harness.layers.plain import Normalized


@keras.saving.register_keras_serializable(package="harness")
class GhostNormalization(AxisNormalization):
    """`AxisNormalization` in training by the statistics of `ghost` examples at a time (Hoffer et al. 2017).

    A batch is cut into groups of `ghost` examples in order, the last of which may be smaller. The moving averages move
    once a batch, towards the mean of the groups' means and variances, each weighted by the values behind it.
    """

    def __init__(self, *args: Any, ghost: int = 8, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ghost = ghost

    def _normalize(self, x: Any, gamma: Any, beta: Any, mask: Any) -> Normalized:
        examples, sizes = ops.shape(x)[0], tuple(ops.shape(x)[1:])
        even = bool(x.shape[0]) and x.shape[0] % self.ghost == 0
        if not even:
            mask = ops.broadcast_to(True if mask is None else mask, ops.shape(x))
            x, mask = (self._fill_up(values) for values in (x, mask))
        groups, mask = (
            None if values is None else ops.reshape(values, (-1, self.ghost, *ops.shape(values)[1:]))
            for values in (x, mask)
        )
        averaged = tuple(k + 1 for k in self._averaged)
        found = plain.normalize_batch(groups, gamma, beta, averaged=averaged, epsilon=self.epsilon, mask=mask)
        y = ops.reshape(found.y, (-1, *sizes))[:examples]
        if found.count is None:
            return Normalized(y, ops.mean(found.mean, 0), ops.mean(found.variance, 0))
        count = ops.sum(found.count, 0)
        mean, variance = (
            ops.sum(found.count * values, 0) / ops.maximum(count, 1) for values in (found.mean, found.variance)
        )
        return Normalized(y, mean, variance, count)

    def _fill_up(self, values: Any) -> Any:
        """`values`, `(batch, *axes)`, with zeros behind, up to whole groups."""
        missing = -ops.shape(values)[0] % self.ghost
        return ops.concatenate([values, ops.zeros((missing, *ops.shape(values)[1:]), values.dtype)])

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON holds them."""
        return {**super().get_config(), "ghost": self.ghost}


@keras.saving.register_keras_serializable(package="harness")
class FrozenNormalization(AxisNormalization):
    """`AxisNormalization` by the statistics of the first training batch, for good: constants to every gradient.

    `seen`, a variable besides, is 0 until there were some.
    """

    def build(self, input_shape: Any) -> None:
        """Make the variables for inputs `(batch, *axes)`."""
        super().build(input_shape)
        shape = self.moving_mean.shape
        self.seen = self.add_weight(name="seen", shape=shape, initializer="zeros", trainable=False, autocast=False)

    def _train(self, x: Any, gamma: Any, beta: Any, mask: Any) -> Any:
        found = self._normalize(x, None, None, mask)
        dtype = found.mean.dtype
        seen = ops.cast(self.seen, dtype)
        now = ops.ones_like(seen) if found.count is None else ops.cast(ops.reshape(found.count, seen.shape) > 0, dtype)
        statistics: list[Any] = []
        for variable, of_batch in ((self.moving_mean, found.mean), (self.moving_variance, found.variance)):
            take = (seen == 0) & (now > 0)
            of_batch = ops.stop_gradient(ops.reshape(of_batch, seen.shape))
            value = ops.where(take, of_batch, ops.cast(variable, dtype))
            variable.assign(value)
            statistics.append(ops.reshape(value, self._stat_shape))
        self.seen.assign(ops.maximum(seen, now))
        mean, variance = statistics
        return plain.normalize_by(x, mean, variance, gamma, beta, epsilon=self.epsilon)
