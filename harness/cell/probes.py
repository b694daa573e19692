"""Probes of the loss around the weights while a cell trains. A probe is no step: what it touches is put back.

Source: Santurkar et al., "How Does Batch Normalization Help Optimization?", 2018, appendix A and figure 4. With the
gradient g at the weights theta, the loss and its gradient are taken at theta - s * learning_rate * g for several s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harness.cell.health import Probed, compute_measures

# s, from half a step to four steps.
STEP_FACTORS = (0.5, 1.0, 2.0, 3.0, 4.0)
POWER_ITERATIONS = 20

LossOf = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class ProbeSettings:
    """What is looked at while a cell trains, and whether under shifts once it is trained (`conf/probe/`)."""

    every: int = 0
    epoch_statistics: bool = False
    hessian: bool = False
    shifts: bool = False


class LandscapeProbe:
    """Measures loss variation, gradient predictiveness and effective beta-smoothness on one fixed batch.

    Args:
        model: the model in training.
        shared_weights: the weights that every strategy has. Steps are taken along the whole gradient, but gradients
            are compared on these, since scale and shift differ in number between strategies.
        loss_of: `(x, y)` -> the training loss, a scalar.
    """

    def __init__(self, model: keras.Model, shared_weights: Sequence[Any], loss_of: LossOf) -> None:
        self._model = model
        self._weights = list(model.trainable_variables)
        shared = {id(weight) for weight in shared_weights}
        self._shared = [index for index, weight in enumerate(self._weights) if id(weight) in shared]
        self._loss_of = loss_of
        self._probe = tf.function(self._run_probe)
        self._curve = tf.function(self._run_power_iteration)

    def probe(
        self, x: NDArray[Any], y: NDArray[Any], *, learning_rate: float, hessian: bool = False
    ) -> dict[str, float]:
        """Probe the loss from where the weights are.

        Args:
            x: examples of the probe batch `(example, *axes)`.
            y: their targets.
            learning_rate: length of a step of s = 1 along the gradient.
            hessian: also find the largest eigenvalue (in magnitude) of the loss's Hessian.

        Returns:
            `loss_variation`: range of the loss over s. `gradient_predictiveness`: range over s of the 2-norm of the
            gradient's change. `beta_smoothness`: largest over s of that norm divided by the step's own. With
            `hessian`, `hessian_eigenvalue`.
        """
        variables = [*self._model.variables]
        saved = [keras.ops.convert_to_numpy(variable) for variable in variables]
        x, y = tf.constant(x), tf.constant(y)
        try:
            start, losses, changes, norm = self._probe(x, y, tf.constant(learning_rate, tf.float32))
            for variable, value in zip(variables, saved, strict=True):
                variable.assign(value)
            found = summarize_probe(losses.numpy(), changes.numpy(), float(norm), learning_rate)
            if hessian:
                found["hessian_eigenvalue"] = float(self._curve(x, y))
            return {"probe_loss": float(start), **found}
        finally:
            for variable, value in zip(variables, saved, strict=True):
                variable.assign(value)

    def _run_probe(self, x: tf.Tensor, y: tf.Tensor, rate: tf.Tensor) -> tuple[tf.Tensor, ...]:
        start = [tf.identity(weight) for weight in self._weights]
        untrained = [tf.identity(variable) for variable in self._model.non_trainable_variables]
        loss, gradient = self._loss_and_gradient(x, y)
        losses, changes = [], []
        for factor in STEP_FACTORS:
            for weight, value, slope in zip(self._weights, start, gradient, strict=True):
                weight.assign(value - factor * rate * slope)
            # Dropout draws the same mask at every point, and no point sees another's moving averages.
            for variable, value in zip(self._model.non_trainable_variables, untrained, strict=True):
                variable.assign(value)
            there, slope_there = self._loss_and_gradient(x, y)
            losses.append(there)
            changes.append(self._distance(slope_there, gradient))
        return loss, tf.stack(losses), tf.stack(changes), self._distance(gradient, None)

    def _loss_and_gradient(self, x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            loss = self._loss_of(x, y)
        slopes = tape.gradient(loss, self._weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return tf.cast(loss, tf.float32), slopes

    def _distance(self, a: Sequence[tf.Tensor], b: Sequence[tf.Tensor] | None) -> tf.Tensor:
        """2-norm of the difference of two gradients (or of one) on the shared weights."""
        parts = [a[i] - b[i] if b is not None else a[i] for i in self._shared]
        return tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(tf.cast(part, tf.float64))) for part in parts]))

    def _run_power_iteration(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """Largest eigenvalue in magnitude, by power iteration on Hessian-vector products from a fixed start."""
        vector = [
            tf.random.stateless_normal(tf.shape(weight), seed=[index, 0]) for index, weight in enumerate(self._weights)
        ]
        value = tf.constant(0.0)
        for _ in tf.range(POWER_ITERATIONS):
            norm = tf.linalg.global_norm(vector)
            vector = [part / norm for part in vector]
            with tf.GradientTape() as outer:
                with tf.GradientTape() as inner:
                    loss = self._loss_of(x, y)
                slopes = inner.gradient(loss, self._weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
                along = tf.add_n([tf.reduce_sum(slope * part) for slope, part in zip(slopes, vector, strict=True)])
            product = outer.gradient(along, self._weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            value = tf.add_n([tf.reduce_sum(part * new) for part, new in zip(vector, product, strict=True)])
            vector = product
        return value


class ProbeSchedule:
    """When a cell is probed, and on which examples `x (example, *axes)` with targets `y`."""

    def __init__(self, landscape: LandscapeProbe, settings: ProbeSettings, x: NDArray[Any], y: NDArray[Any]) -> None:
        self._landscape = landscape
        self._settings = settings
        self._x, self._y = x, y

    def is_due(self, step: int) -> bool:
        """Whether the weights are probed before `step`, counted from 0 over all epochs."""
        return step % self._settings.every == 0

    def pieces(self, order: NDArray[np.int32], first: int) -> list[NDArray[np.int32]]:
        """An epoch's order cut where a probe is due; `first` is the number of steps before it."""
        cuts = [step - first for step in range(first + 1, first + len(order)) if self.is_due(step)]
        return np.split(order, cuts)

    def probe(self, learning_rate: float) -> dict[str, float]:
        """Probe from where the weights are now."""
        return self._landscape.probe(self._x, self._y, learning_rate=learning_rate, hessian=self._settings.hessian)


def summarize_probe(
    losses: NDArray[Any], changes: NDArray[Any], gradient_norm: float, learning_rate: float
) -> dict[str, float]:
    """The measures of a probe from what was seen at each of `STEP_FACTORS`.

    Args:
        losses: `(factor,)` loss at each point.
        changes: `(factor,)` 2-norm of the gradient there minus the gradient at the start.
        gradient_norm: 2-norm of the gradient at the start.
        learning_rate: length of a step of s = 1 along the gradient.
    """
    lengths = np.array(STEP_FACTORS) * learning_rate * gradient_norm
    return compute_measures("probe", Probed(losses, changes, lengths))
