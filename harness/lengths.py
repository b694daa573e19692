"""The trained model on sequences of another length: its weights in the same architecture, or why they do not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from harness.axes.norm import NormFactory
from harness.axes.resolved import ResolvedSite
from harness.evaluation import Evaluator
from harness.types import TaskSpec

PERCENT = 80


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
    try:
        model, norm = build(replace(spec, shape=(steps, *spec.shape[1:])))
    except Exception as error:
        # The cell is trained by now, and that an architecture exists at one length only is an answer.
        line = (str(error.__cause__ or error).strip().splitlines() or [""])[0]
        return OtherLength(steps, f"the architecture cannot be built for {steps} steps: {line}")
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
