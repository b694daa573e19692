"""How a trained model stands what deployment may do to it: shifted inputs, one example at a time, other lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from harness.axes.norm import NormFactory
from harness.axes.resolved import ResolvedSite
from harness.cell.data import Arrays, standardizer
from harness.cell.evaluation import Evaluator
from harness.cell.training import Trainer
from harness.types import Shift, Split, TaskData, TaskSpec
from harness.words import first_line

PERCENT = 80
LENGTH = f"length_{PERCENT}"
ALONE = Shift(lambda x: x, "One example makes a batch, whose own statistics are used: a layer left in training mode.")
SHORTER = Shift(lambda x: x, f"Only the last {PERCENT} % of the time steps are shown.")


class ShiftProbe:
    """Scores a trained model on its test examples under each shift, and leaves its variables as they were."""

    def __init__(
        self, trainer: Trainer, normalization_layers: Sequence[keras.Layer], other_length: OtherLength | None
    ) -> None:
        self._trainer = trainer
        self._other_length = other_length
        self._alone = Evaluator(trainer.model, normalization_layers, loss=trainer.loss, batch_size=1)

    def measure(self, data: TaskData, split: Split, test: Arrays) -> tuple[dict[str, float], dict[str, str]]:
        """Score the model as it is now.

        Args:
            data: the task, as it was loaded.
            split: what the model was trained on and is tested on.
            test: the test examples, ready for the model.

        Returns:
            The metrics `test_<metric>_<shift>`, `test_loss_<shift>` among them, with `<shift>` one of `data.shifts`
            (moving averages; shifted first, then standardised as the training examples were), `one_at_a_time` (each
            example normalized by its own batch statistics: a layer left in training mode), and, where examples are
            sequences, `length_80` (moving averages, on the last 80 % of the steps). Then the refusals: why a shift's
            metrics are NaN.
        """
        scores = {}
        standardize = standardizer(data, split.train)
        evaluator = self._trainer.evaluator
        for name, shift in data.shifts.items():
            shifted = Arrays(standardize(shift(data.floats(split.test)), split.test), test.y)
            scores[name] = evaluator.scores(shifted, data.metrics, data.target_scale)
        scores["one_at_a_time"] = self._alone.scores(test, data.metrics, data.target_scale, statistics="batch")
        refusals = {}
        if self._other_length is not None:
            scores[LENGTH] = self._score_length(self._other_length, data, test)
            refusals = {LENGTH: self._other_length.refusal} if self._other_length.refusal else {}
        metrics = {f"test_{metric}_{name}": value for name, found in scores.items() for metric, value in found.items()}
        return metrics, refusals

    def declarations(self, data: TaskData) -> list[dict[str, str]]:
        """What each shift means, in the order in which they are measured: `name`, `meaning` and `unit`."""
        own: dict[str, Shift] = {"one_at_a_time": ALONE} | ({LENGTH: SHORTER} if self._other_length is not None else {})
        every: dict[str, Any] = {**data.shifts, **own}
        return [Shift.declaration_of(name, shift) for name, shift in every.items()]

    def _score_length(self, other: OtherLength, data: TaskData, test: Arrays) -> dict[str, float]:
        if other.evaluator is None:
            return {name: float("nan") for name in ("loss", *(metric.name for metric in data.metrics))}
        other.take_weights(self._trainer.model)
        last = replace(test, x=test.x[:, -other.steps :])
        return other.evaluator.scores(last, data.metrics, data.target_scale)


@dataclass(frozen=True)
class OtherLength:
    """The architecture that a model was trained in, built for sequences of `steps` steps.

    `refusal` says in one line why the trained weights have no place in it, and is empty where they have; `model` and
    `evaluator` are there only then.
    """

    steps: int
    refusal: str
    model: keras.Model | None = None
    evaluator: Evaluator | None = None

    def take_weights(self, trained: keras.Model) -> None:
        """Copy the weights of the trained model, moving averages among them."""
        assert self.model is not None
        for target, source in zip(self.model.weights, trained.weights, strict=True):
            target.assign(keras.ops.convert_to_numpy(source))


def build_other_length(
    spec: TaskSpec,
    trained: keras.Model,
    sites: Sequence[ResolvedSite],
    *,
    build: Callable[[TaskSpec], tuple[keras.Model, NormFactory]],
    loss: Any,
    batch_size: int,
) -> OtherLength | None:
    """The architecture for `PERCENT` % of the steps of `spec`, rounded down.

    Args:
        spec: what the trained model was built for.
        trained: the model, whose weights may still change.
        sites: what the strategy came to at each of its sites.
        build: builds the same architecture with the same strategy for another spec.
        loss: of the task.
        batch_size: of training.

    Returns:
        `None` where the first axis is not `time` or there is no step to leave out.
    """
    steps = spec.shape[0] * PERCENT // 100
    if spec.axes[0] != "time" or steps < 1:
        return None
    if spec.present is not None:
        return OtherLength(steps, "examples of unequal lengths have no last steps in common")
    try:
        model, norm = build(replace(spec, shape=(steps, *spec.shape[1:])))
    except Exception as error:
        # The cell is trained by now, and that an architecture exists at one length only is an answer.
        return OtherLength(steps, f"the architecture cannot be built for {steps} steps: {first_line(error)}")
    refusal = _refusal_of_sites(sites, norm.sites) or _refusal_of_weights(trained, model)
    if refusal:
        return OtherLength(steps, refusal)
    return OtherLength(steps, "", model, Evaluator(model, norm.layers, loss=loss, batch_size=batch_size))


def _refusal_of_sites(trained: Sequence[ResolvedSite], other: Sequence[ResolvedSite]) -> str:
    """What keeps an axis whose size is another one at that length, the statistics first."""
    for what, kept in (("statistics", "stat_axes"), ("scale and shift", "param_axes")):
        for mine, theirs in zip(trained, other, strict=False):
            if not (mine.statistics if what == "statistics" else mine.parameters):
                continue
            sizes, others = (dict(zip(one.site.axes, one.site.shape, strict=True)) for one in (mine, theirs))
            for axis in getattr(mine, kept):
                if sizes.get(axis) != others.get(axis):
                    unit = " steps" if axis == "time" else ""
                    return (
                        f"the {what} of site {mine.site.name} keep the {axis} axis: "
                        f"expected {sizes.get(axis)}{unit}. Received: {others.get(axis)}"
                    )
    return ""


def _refusal_of_weights(trained: keras.Model, other: keras.Model) -> str:
    """The first weight that has another shape at that length, whatever the strategy."""
    if len(trained.weights) != len(other.weights):
        return f"the architecture has {len(trained.weights)} weights. Received: {len(other.weights)} at this length"
    for mine, theirs in zip(trained.weights, other.weights, strict=True):
        if tuple(mine.shape) != tuple(theirs.shape):
            return (
                f"the architecture's weights {mine.path} depend on the length: "
                f"expected the shape {tuple(mine.shape)}. Received: {tuple(theirs.shape)}"
            )
    return ""
