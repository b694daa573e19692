"""Fit one cell: an epoch is one graph over data that lies on the device, with no Python between its steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from numpy.typing import NDArray

from harness.checkpoint import Checkpoint, State
from harness.evaluation import Evaluator
from harness.initialization import Initializer
from harness.seeds import derive_rng
from harness.types import Metric, TaskSpec, UserError, digest_arrays
from harness.words import choose_from

INITIAL_LOSS_BATCHES = 20


@dataclass(frozen=True)
class Arrays:
    """Examples and targets of one part of the split: `x (example, *axes)`, `y (example,)` or `(example, 1)`."""

    x: NDArray[Any]
    y: NDArray[Any]

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Fit:
    """What training left: per-epoch history, per-step losses and how it ended."""

    history: dict[str, list[float]]
    step_losses: NDArray[np.float64]
    initial_loss: float
    status: str
    reason: str
    steps: int
    order_digest: str


@dataclass
class _Course:
    """How far training has come, and what it has left so far."""

    initial_loss: float
    epoch: int = 0
    step_losses: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    history: dict[str, list[float]] = field(default_factory=dict)
    reason: str = ""

    def __post_init__(self) -> None:
        if not np.isfinite(self.initial_loss):
            self.reason = "the loss was not finite before the first step"

    def add_epoch(self, losses: NDArray[np.float64], *, planned: int) -> None:
        """Take the losses of an epoch's steps, which stop where one is not finite."""
        self.epoch += 1
        self.step_losses = np.concatenate([self.step_losses, losses])
        self.add_row({"epoch": float(self.epoch), "train_loss": float(losses.mean())})
        if not np.isfinite(losses[-1]):
            self.reason = f"the loss became {losses[-1]} in epoch {self.epoch}, step {len(losses)} of {planned}"

    def add_row(self, row: Mapping[str, float]) -> None:
        """Add this epoch's values to the history."""
        for name, value in row.items():
            self.history.setdefault(name, []).append(value)

    def state(self, values: list[NDArray[Any]]) -> State:
        """All of it, with the variables' values, for a checkpoint."""
        progress = {"initial_loss": self.initial_loss, "history": self.history, "reason": self.reason}
        return State(self.epoch, values, self.step_losses, progress)


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
        # The number of examples and of steps stays open, so that splits of other sizes share one graph.
        target = tf.TensorSpec([None], tf.int32) if spec.outputs > 1 else tf.TensorSpec([None, 1], tf.float32)
        signature = (tf.TensorSpec([None, *spec.shape], tf.float32), target, tf.TensorSpec([None, None], tf.int32))
        self._epoch = tf.function(self._run_epoch, input_signature=signature)
        self._initial_loss = tf.function(self._run_initial_loss, input_signature=signature)

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
        epochs: int,
        metrics: tuple[Metric, ...],
        target_scale: float,
        on_epoch: Callable[[int], None] = lambda epoch: None,
        checkpoint: Checkpoint | None = None,
    ) -> Fit:
        """Train for `epochs`, or until the loss is no longer finite.

        Batches come in an order drawn from `seed` alone; an epoch's last incomplete batch is dropped. Where
        `checkpoint` holds the state of an interrupted run, training goes on from there, to the same bits.
        """
        orders = [batch_order(seed, epoch, len(train), self.batch_size) for epoch in range(1, epochs + 1)]
        x, y = tf.constant(train.x), tf.constant(train.y)
        course = self._resume(checkpoint) or _Course(self._initial_loss_of(x, y, orders[0]))
        while course.epoch < epochs and not course.reason:
            started = time.perf_counter()
            order = orders[course.epoch]
            losses, steps = self._epoch(x, y, tf.constant(order))
            course.add_epoch(losses.numpy()[: int(steps)].astype(np.float64), planned=len(order))
            scores = self.evaluator.scores(validation, metrics, target_scale)
            course.add_row({f"validation_{name}": value for name, value in scores.items()})
            course.add_row({"seconds": time.perf_counter() - started})
            if checkpoint is not None and checkpoint.is_due():
                checkpoint.save(course.state([keras.ops.convert_to_numpy(variable) for variable in self._variables]))
            on_epoch(course.epoch)
        reason = course.reason or _no_success(course.history, course.initial_loss)
        return Fit(
            history=course.history,
            step_losses=course.step_losses,
            initial_loss=course.initial_loss,
            status="diverged" if reason else "ok",
            reason=reason,
            steps=len(course.step_losses),
            order_digest=digest_arrays(*orders),
        )

    @property
    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.optimizer.variables]

    def _resume(self, checkpoint: Checkpoint | None) -> _Course | None:
        state = checkpoint.load() if checkpoint is not None else None
        if state is None or len(state.values) != len(self._variables):
            return None
        for variable, value in zip(self._variables, state.values, strict=True):
            variable.assign(value)
        return _Course(epoch=state.epoch, step_losses=state.step_losses, **state.progress)

    def _initial_loss_of(self, x: tf.Tensor, y: tf.Tensor, order: NDArray[np.int32]) -> float:
        with self.evaluator.preserved():
            return float(self._initial_loss(x, y, tf.constant(order[:INITIAL_LOSS_BATCHES])))

    def _run_epoch(self, x: tf.Tensor, y: tf.Tensor, order: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        steps = tf.shape(order)[0]
        losses = tf.TensorArray(tf.float32, size=steps)
        step, finite = tf.constant(0), tf.constant(True)
        while (step < steps) & finite:
            batch = order[step]
            value = self._train_step(tf.gather(x, batch), tf.gather(y, batch))
            losses = losses.write(step, value)
            finite = tf.math.is_finite(value)
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


def build_optimizer(train: Mapping[str, Any]) -> keras.optimizers.Optimizer:
    """Any Keras optimizer by name, with `optimizer_options`; loss scaling where float16 needs it.

    Raises:
        UserError: Keras has no such optimizer, or it does not take the options.
    """
    name, options = train["optimizer"], train["optimizer_options"]
    try:
        optimizer = keras.optimizers.get(
            {"class_name": name, "config": {"learning_rate": train["learning_rate"], **options}}
        )
    except (ValueError, TypeError) as error:
        known = _optimizer_names()
        if name.lower() not in known:
            raise UserError(f"train.optimizer: {choose_from(name, known)}") from error
        raise UserError(
            f"train.optimizer_options: expected arguments of {name} ({str(error).splitlines()[0]}). Received: {options}"
        ) from error
    if train["precision"] == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def build_loss(config: Mapping[str, Any]) -> Callable[[Any, Any], Any]:
    """The loss that a task's `loss` node describes: takes targets and outputs.

    Raises:
        UserError: it cannot be built.
    """
    try:
        loss: Callable[[Any, Any], Any] = instantiate(dict(config), _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__ or error
        raise UserError(
            f"task.loss: expected a Keras loss ({type(cause).__name__}: {str(cause).splitlines()[0]}). Received: {config}"
        ) from error
    return loss


def _optimizer_names() -> list[str]:
    kinds = [kind for kind in vars(keras.optimizers).values() if isinstance(kind, type)]
    wrappers = (keras.optimizers.Optimizer, keras.optimizers.LossScaleOptimizer)
    return sorted(k.__name__.lower() for k in kinds if issubclass(k, keras.optimizers.Optimizer) and k not in wrappers)
