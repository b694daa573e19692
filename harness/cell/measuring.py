"""What a trained cell is measured by: its scores under three inference statistics, and measures of its stability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.cell.data import Arrays
from harness.cell.examples import pack_examples
from harness.cell.health import compute_measures, worst_site
from harness.cell.program import Program
from harness.cell.training import Fit, Trainer, batch_order
from harness.types import Split, TaskData

PRECISE_EXAMPLES = 10_000


@dataclass(frozen=True)
class Measured:
    """What a trained cell was measured by.

    Attributes:
        metrics: `<part>_<metric>` of `validation` and `test` with moving averages, `..._precise` and `..._batch` with
            the other inference statistics; the stability of training; the metrics under shifts.
        diagnostics: one entry a site and epoch at which the statistics were looked at, the end of training last.
        shifts: what the shifts mean, in the order in which they were measured.
        refusals: shift -> why the trained model cannot be run under it.
        examples: how it did on each test example with moving averages (`harness.cell.examples`).
    """

    metrics: dict[str, float]
    diagnostics: list[dict[str, Any]]
    shifts: list[dict[str, str]]
    refusals: dict[str, str]
    examples: dict[str, Any]


def measure_cell(
    program: Program, data: TaskData, split: Split, parts: Mapping[str, Arrays], fit: Fit, *, seed: int
) -> Measured:
    """Measure a cell once, at the end of its training."""
    metrics, diagnostics, examples = _measure(program.trainer, data, parts, fit, seed=seed)
    if program.shifts is None:
        return Measured(metrics, diagnostics, [], {}, examples)
    shifted, refusals = program.shifts.measure(data, split, parts["test"])
    return Measured(metrics | shifted, diagnostics, program.shifts.declarations(data), refusals, examples)


def _measure(
    trainer: Trainer, data: TaskData, parts: Mapping[str, Arrays], fit: Fit, *, seed: int
) -> tuple[dict[str, float], list[dict[str, Any]], dict[str, Any]]:
    evaluator = trainer.evaluator
    metrics: dict[str, float] = {}

    def score(suffix: str, statistics: str = "moving") -> NDArray[np.float64]:
        for part in ("validation", "test"):
            output = evaluator.outputs(parts[part].on_device[0], statistics=statistics)
            found = evaluator.score(parts[part].y, output, data.metrics, data.target_scale)
            metrics.update({f"{part}_{name}{suffix}": value for name, value in found.items()})
        return output

    examples = pack_examples(parts["test"].y, score(""), target_scale=data.target_scale)
    healths: list[dict[str, Any]] = []
    if evaluator.has_statistics:
        score("_batch", "batch")
        train = parts["train"]
        order = batch_order(seed, 0, len(train), trainer.batch_size)[: max(1, PRECISE_EXAMPLES // trainer.batch_size)]
        precise = evaluator.precise_statistics(train.on_device[0], order)
        healths = evaluator.health(precise)
        with evaluator.using(precise):
            score("_precise")
    else:
        # Nothing is averaged over the batch: the three ways are one.
        metrics |= {f"{key}{suffix}": value for suffix in ("_precise", "_batch") for key, value in metrics.items()}
    metrics |= {"initial_loss": fit.initial_loss, **compute_measures("training", fit.step_losses)}
    metrics |= {name: float(np.mean(values)) for name, values in fit.probes.items() if name != "step"}
    metrics |= worst_site([{key: value for key, value in health.items() if key != "site"} for health in healths])
    at_the_end = [{"epoch": len(fit.history.get("epoch", ())), **health} for health in healths]
    found = [*(row for row in fit.diagnostics if row["epoch"] < len(fit.history["epoch"])), *at_the_end]
    return metrics, found, examples
