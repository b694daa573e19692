"""Fit one cell: an epoch, its validation included, is one graph over data that lie on the device."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harness.cell.course import Checkpoint, Course
from harness.cell.data import Arrays
from harness.cell.evaluation import INFERENCE_BATCH, Evaluator, assemble, cover
from harness.cell.initialization import Initializer
from harness.cell.model import build_optimizer
from harness.cell.probes import LandscapeProbe, ProbeSchedule, ProbeSettings
from harness.seeds import derive_rng
from harness.types import Metric, TaskSpec, digest_arrays

INITIAL_LOSS_EXAMPLES = 640
# A look at the loss from within the graph makes a GPU wait for the host.
STEPS_BETWEEN_CHECKS = 32
EPOCH_PRECISE_EXAMPLES = 1_000


@dataclass(frozen=True)
class Fit:
    """What training left: per-epoch history, per-step losses and how it ended."""

    history: dict[str, list[float]]
    step_losses: NDArray[np.float64]
    probes: dict[str, list[float]]
    diagnostics: list[dict[str, Any]]
    initial_loss: float
    status: str
    reason: str
    steps: int
    order_digest: str


class Trainer:
    """A model, its optimizer and the graphs that train it; cells that differ in seed or rate alone reuse them."""

    def __init__(
        self,
        model: keras.Model,
        normalization_layers: list[keras.Layer],
        *,
        spec: TaskSpec,
        loss: keras.losses.Loss,
        train: Mapping[str, Any],
    ) -> None:
        """Put together the graphs for `model` under the settings `train` (`conf/train/default.yaml`)."""
        self.model = model
        self.loss = loss
        self.batch_size: int = train["batch_size"]
        self.optimizer = build_optimizer(train)
        self.optimizer.build(model.trainable_variables)
        self.initializer = Initializer(model, normalization_layers)
        self.evaluator = Evaluator(model, normalization_layers, loss=loss, batch_size=self.batch_size)
        self._fresh_optimizer = [keras.ops.convert_to_numpy(variable) for variable in self.optimizer.variables]
        # The number of examples and of steps stays open, so that splits of other sizes share one graph. That of a
        # batch is fixed: the normalization chooses its way by it.
        target = tf.TensorSpec([None], tf.int64) if spec.outputs > 1 else tf.TensorSpec([None, 1], tf.float32)
        examples = tf.TensorSpec([None, *spec.shape], tf.float32)
        order, batches = (tf.TensorSpec([None, size], tf.int64) for size in (self.batch_size, None))
        self.landscape = LandscapeProbe(
            model, self.initializer.shared_weights, lambda x, y: self._loss_of(y, model(x, training=True))
        )
        self._epoch = tf.function(self._run_epoch, input_signature=(examples, target, order, examples, batches))
        self._steps = tf.function(self._run_steps, input_signature=(examples, target, order))
        self._initial_loss = tf.function(self._run_initial_loss, input_signature=(examples, target, order))

    def reset(self, *, seed: int, learning_rate: float) -> None:
        """Start over: weights from `seed`, a fresh optimizer, another learning rate."""
        self.initializer.reset(seed)
        for variable, value in zip(self.optimizer.variables, self._fresh_optimizer, strict=True):
            variable.assign(value)
        self.optimizer.learning_rate = learning_rate

    def fit(
        self,
        train: Arrays,
        validation: Arrays,
        *,
        seed: int,
        probe_seed: int | None = None,
        epochs: int,
        metrics: tuple[Metric, ...],
        target_scale: float,
        on_epoch: Callable[[int], None] = lambda epoch: None,
        checkpoint: Checkpoint | None = None,
        probe: ProbeSettings | None = None,
    ) -> Fit:
        """Train for `epochs`, or until the loss is no longer finite.

        Batches come in an order drawn from `seed` alone, and probes look where `probe_seed` (else `seed`) says; an
        epoch's last incomplete batch is dropped. Where `checkpoint` holds the state of an interrupted run, training
        goes on from there, to the same bits.
        """
        orders = [batch_order(seed, epoch, len(train), self.batch_size) for epoch in range(1, epochs + 1)]
        course = self._resume(checkpoint, epochs) or Course(self._initial_loss_of(train, orders[0]))
        probe = probe or ProbeSettings()
        schedule = (
            self._schedule(train, seed=seed if probe_seed is None else probe_seed, probe=probe) if probe.every else None
        )
        while course.epoch < epochs and not course.reason:
            started = time.perf_counter()
            losses, output = self._train_epoch(course, train, validation, orders[course.epoch], schedule)
            scores = self.evaluator.score(validation.y, output, metrics, target_scale)
            row = {f"validation_{name}": value for name, value in scores.items()}
            if probe.epoch_statistics:
                row |= self._check_statistics(course, train, validation, seed=seed)
            course.add_epoch(losses, {**row, "seconds": time.perf_counter() - started})
            if checkpoint is not None and checkpoint.is_due():
                checkpoint.save(course.state([keras.ops.convert_to_numpy(v) for v in self._variables]))
            on_epoch(course.epoch)
        reason = course.reason or _no_success(course.history, course.initial_loss)
        return Fit(
            history=course.history,
            step_losses=course.step_losses,
            probes=course.probes,
            diagnostics=course.diagnostics,
            initial_loss=course.initial_loss,
            status="diverged" if reason else "ok",
            reason=reason,
            steps=len(course.step_losses),
            order_digest=digest_arrays(*orders),
        )

    def _train_epoch(
        self,
        course: Course,
        train: Arrays,
        validation: Arrays,
        order: NDArray[np.int32],
        schedule: ProbeSchedule | None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The losses `(step,)` of one epoch and the outputs `(example, output)` for the validation examples after it.

        All in one graph; with probes, in pieces between them, to the same bits.
        """
        held_out = validation.on_device[0]
        if schedule is None:
            batches = cover(len(validation), INFERENCE_BATCH)
            losses, steps, blocks = self._epoch(*train.on_device, order.astype(np.int64), held_out, batches)
            taken = _taken(losses, steps)
            course.add_steps(taken, planned=len(order), before=0)
            return taken, assemble(blocks, len(validation))
        taken = np.empty(0)
        for piece in schedule.pieces(order, len(course.step_losses)):
            if schedule.is_due(len(course.step_losses)):
                course.add_probe(schedule.probe(self._rate()))
            losses = _taken(*self._steps(*train.on_device, piece.astype(np.int64)))
            course.add_steps(losses, planned=len(order), before=len(taken))
            taken = np.concatenate([taken, losses])
            if course.reason:
                break
        return taken, self.evaluator.outputs(held_out)

    def _check_statistics(self, course: Course, train: Arrays, validation: Arrays, *, seed: int) -> dict[str, float]:
        """The validation loss by the other inference statistics, and each site's health."""
        evaluator = self.evaluator
        if not evaluator.has_statistics:
            loss = evaluator.scores(validation, (), 1.0)["loss"]
            return {"validation_loss_precise": loss, "validation_loss_batch": loss}
        order = batch_order(seed, 0, len(train), self.batch_size)[: max(1, EPOCH_PRECISE_EXAMPLES // self.batch_size)]
        precise = evaluator.precise_statistics(train.on_device[0], order)
        course.diagnostics += [{"epoch": course.epoch + 1, **row} for row in evaluator.health(precise)]
        row = {"validation_loss_batch": evaluator.scores(validation, (), 1.0, statistics="batch")["loss"]}
        with evaluator.using(precise):
            return {**row, "validation_loss_precise": evaluator.scores(validation, (), 1.0)["loss"]}

    def _schedule(self, train: Arrays, *, seed: int, probe: ProbeSettings) -> ProbeSchedule:
        """Probes on the same examples for every strategy under one seed."""
        chosen = derive_rng(seed, "probe").permutation(len(train))[: self.batch_size]
        few = replace(train, x=train.x[chosen], y=train.y[chosen])
        return ProbeSchedule(self.landscape, probe, *few.on_device)

    def _rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self.optimizer.learning_rate))

    @property
    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.optimizer.variables]

    def _resume(self, checkpoint: Checkpoint | None, epochs: int) -> Course | None:
        state = checkpoint.load() if checkpoint is not None else None
        course = Course.of(state) if state is not None and _fits(self._variables, state.values) else None
        if state is None or course is None or not 0 < course.epoch <= epochs:
            return None
        for variable, value in zip(self._variables, state.values, strict=True):
            variable.assign(value)
        return course

    def _initial_loss_of(self, train: Arrays, order: NDArray[np.int32]) -> float:
        batches = order[: max(1, INITIAL_LOSS_EXAMPLES // self.batch_size)]
        with self.evaluator.preserved():
            return float(self._initial_loss(*train.on_device, batches.astype(np.int64)))

    def _run_epoch(
        self, x: tf.Tensor, y: tf.Tensor, order: tf.Tensor, held_out: tf.Tensor, batches: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        return *self._run_steps(x, y, order), self.evaluator.forward(held_out, batches)

    def _run_steps(self, x: tf.Tensor, y: tf.Tensor, order: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        steps = tf.shape(order)[0]
        losses = tf.TensorArray(tf.float32, size=steps)
        step, loss = tf.constant(0), tf.constant(0.0)
        while (step < steps) & tf.math.is_finite(loss):
            for _ in tf.range(tf.minimum(STEPS_BETWEEN_CHECKS, steps - step)):
                batch = order[step]
                loss = self._train_step(tf.gather(x, batch), tf.gather(y, batch))
                losses = losses.write(step, loss)
                step += 1
        return losses.stack(), step

    def _train_step(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            value = self._loss_of(y, self.model(x, training=True))
            scaled = self.optimizer.scale_loss(value)
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(scaled, variables), variables)
        return tf.cast(value, tf.float32)

    def _run_initial_loss(self, x: tf.Tensor, y: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
        total = tf.constant(0.0)
        for batch in order:
            output = self.model(tf.gather(x, batch), training=True)
            total += tf.cast(self._loss_of(tf.gather(y, batch), output), tf.float32)
        return total / tf.cast(tf.shape(order)[0], tf.float32)

    def _loss_of(self, y: tf.Tensor, output: tf.Tensor) -> tf.Tensor:
        return tf.add_n([self.loss(y, output), *self.model.losses])


def _fits(variables: Sequence[Any], values: Sequence[NDArray[Any]]) -> bool:
    """Whether each variable can take its value as it is: nothing is cast or spread over another shape."""
    return len(variables) == len(values) and all(
        tuple(variable.shape) == value.shape and str(variable.dtype) == value.dtype.name
        for variable, value in zip(variables, values, strict=True)
    )


def _taken(losses: tf.Tensor, steps: tf.Tensor) -> NDArray[np.float64]:
    """The losses `(step,)` of the steps that were taken, up to and with the first that is not finite."""
    taken: NDArray[np.float64] = losses.numpy()[: int(steps)].astype(np.float64)
    broken = np.flatnonzero(~np.isfinite(taken))
    return taken[: broken[0] + 1] if len(broken) else taken


def _no_success(history: Mapping[str, list[float]], initial_loss: float) -> str:
    """Why training that went through to the end counts as diverged, if it does."""
    last = history["train_loss"][-1]
    if last >= initial_loss:
        return f"the last epoch's training loss {last:.4g} is no better than the initial {initial_loss:.4g}"
    if not np.isfinite(history["validation_loss"][-1]):
        # The last step's update comes after the last loss: it can break a model that no loss has shown to be broken.
        return "the outputs for the validation examples are not finite after the last step"
    return ""


def batch_order(seed: int, epoch: int, examples: int, batch_size: int) -> NDArray[np.int32]:
    """Which examples make up each step of an epoch (from 1): `(step, batch)`, each example at most once."""
    steps = examples // batch_size
    order = derive_rng(seed, "order", epoch).permutation(examples)[: steps * batch_size]
    return order.astype(np.int32).reshape(steps, batch_size)
