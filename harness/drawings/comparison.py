"""The figures of one comparison, each from a function of its own that gives none where there is nothing to show."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from harness.comparison import Comparison
from harness.drawings.drawing import Drawing, numbers_of
from harness.figures import (
    plot_cost,
    plot_inference_gap,
    plot_learning_curves,
    plot_paired_differences,
    plot_seed_cloud,
)
from harness.figures.stability import plot_stability


@dataclass(frozen=True)
class Evidence:
    """What the figures of one comparison are drawn from.

    Attributes:
        comparison: its cells.
        history: the same comparison over epochs.
        summary: `statistics.aggregate_comparison`'s table.
        pairs: `statistics.compare_pairs`'s table.
    """

    comparison: Comparison
    history: Comparison
    summary: pd.DataFrame
    pairs: pd.DataFrame


def drawings_of(
    comparison: Comparison, history: Comparison, summary: pd.DataFrame, pairs: pd.DataFrame
) -> list[Drawing]:
    """The figures of one comparison; those that have nothing to show are not among them."""
    evidence = Evidence(comparison, history, summary, pairs)
    found = [_seeds, _differences, _learning_curves, _stability, _inference_gap, _cost]
    return [drawing for find in found if (drawing := find(evidence)) is not None]


def _seeds(evidence: Evidence) -> Drawing:
    return Drawing(
        "seeds",
        "Every seed",
        "Each mark is one seed; marks at the same height belong to the same seed. The diamond is the mean, the bar "
        "its 95 % t interval; cells without a value stand in the grey strip.",
        lambda: plot_seed_cloud(evidence.comparison),
        numbers_of(evidence.comparison.frame),
    )


def _differences(evidence: Evidence) -> Drawing | None:
    if evidence.pairs.empty:
        return None
    return Drawing(
        "differences",
        "Paired differences",
        "A bar that reaches over 0 leaves open which of the two is better; the verdict at the right also asks how "
        "often the strategy wins and how many were compared.",
        lambda: plot_paired_differences(evidence.pairs),
        evidence.pairs,
    )


def _learning_curves(evidence: Evidence) -> Drawing | None:
    if evidence.history.frame.empty:
        return None
    return Drawing(
        "learning-curves",
        "Learning curves",
        "Where bands overlap all the way, the strategies learn alike; a curve that ends in × diverged there.",
        lambda: plot_learning_curves(evidence.history),
        evidence.history.frame,
    )


def _stability(evidence: Evidence) -> Drawing:
    return Drawing(
        "stability",
        "Stability",
        "Further left is steadier in the first two panels. Bars are 95 % intervals; the panels describe, and do not "
        "decide, which strategy is more stable.",
        lambda: plot_stability(evidence.comparison)[0],
        evidence.summary,
    )


def _inference_gap(evidence: Evidence) -> Drawing | None:
    column, _ = evidence.comparison.measure()
    cells = evidence.comparison.frame
    others = [f"{column}_{kind}" for kind in ("precise", "batch")]
    if not any(other in cells and cells[other].notna().any() for other in others):
        return None
    return Drawing(
        "inference-gap",
        "Inference gap",
        "At 0 it does not matter which statistics inference uses; away from 0 on the worse side, moving averages lose "
        "what the weights have learned.",
        lambda: plot_inference_gap(evidence.comparison),
        numbers_of(cells),
    )


def _cost(evidence: Evidence) -> Drawing:
    return Drawing(
        "cost",
        "Cost",
        "Up (or down, where lower is better) and to the left is better; the time includes building and evaluating.",
        lambda: plot_cost(evidence.comparison),
        evidence.summary,
    )
