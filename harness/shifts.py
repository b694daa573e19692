"""How a trained model stands what deployment may do to it: shifted inputs, one example at a time, other lengths."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from harness.data import standardizer
from harness.evaluation import Evaluator
from harness.lengths import PERCENT, OtherLength
from harness.training import Arrays, Trainer
from harness.types import Split, TaskData

LENGTH = f"length_{PERCENT}"


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
            shifted = Arrays(standardize(shift(data.x[split.test])), test.y)
            scores[name] = evaluator.scores(shifted, data.metrics, data.target_scale)
        scores["one_at_a_time"] = self._alone.scores(test, data.metrics, data.target_scale, statistics="batch")
        refusals = {}
        if self._other_length is not None:
            scores[LENGTH] = self._score_length(self._other_length, data, test)
            refusals = {LENGTH: self._other_length.refusal} if self._other_length.refusal else {}
        metrics = {f"test_{metric}_{name}": value for name, found in scores.items() for metric, value in found.items()}
        return metrics, refusals

    def _score_length(self, other: OtherLength, data: TaskData, test: Arrays) -> dict[str, float]:
        if other.evaluator is None:
            return {name: float("nan") for name in ("loss", *(metric.name for metric in data.metrics))}
        other.take_weights(self._trainer.model)
        last = Arrays(test.x[:, -other.steps :], test.y)
        return other.evaluator.scores(last, data.metrics, data.target_scale)
