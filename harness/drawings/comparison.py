"""The figures of one comparison that say which strategy is better, steadier, sooner there and cheaper.

Each comes from a function of its own, which gives none where there is nothing to show.
"""

from __future__ import annotations

from harness.drawings.drawing import COST, GROUPS, LEARNING, STABILITY, Drawing, numbers_of, seen_of
from harness.drawings.evidence import Evidence
from harness.drawings.shifts import shift_drawings
from harness.drawings.training import training_drawings
from harness.figures import (
    plot_cost,
    plot_inference_gap,
    plot_learning_curves,
    plot_paired_differences,
    plot_seed_cloud,
)
from harness.figures.matrix import plot_all_pairs
from harness.figures.stability import plot_stability
from harness.figures.times import plot_time_to_target


def drawings_of(evidence: Evidence) -> list[Drawing]:
    """The figures of one comparison by group; those that have nothing to show are not among them."""
    single = [_seeds, _differences, _all_pairs, _stability, _inference_gap, _learning_curves, _time_to_target, _cost]
    found = [drawing for find in single if (drawing := find(evidence)) is not None]
    found += [*shift_drawings(evidence), *training_drawings(evidence)]
    return sorted(found, key=lambda drawing: GROUPS.index(drawing.group))


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


def _all_pairs(evidence: Evidence) -> Drawing | None:
    if evidence.all_pairs.empty:
        return None
    return Drawing(
        "all-pairs",
        "Every strategy against every other",
        "The share of seeds at which the row is better than the column. Coloured cells are told apart, blue where the "
        "row wins and red where it loses; the others are not, which does not show them to be equal.",
        lambda: plot_all_pairs(evidence.all_pairs),
        evidence.all_pairs,
    )


def _stability(evidence: Evidence) -> Drawing:
    return Drawing(
        "stability",
        "Stability",
        "Further left is steadier in the first two panels. Bars are 95 % intervals; the panels describe, and do not "
        "decide, which strategy is more stable.",
        lambda: plot_stability(evidence.comparison)[0],
        evidence.summary,
        STABILITY,
        wide=True,
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
        STABILITY,
    )


def _learning_curves(evidence: Evidence) -> Drawing | None:
    if evidence.history.frame.empty:
        return None
    return Drawing(
        "learning-curves",
        "Learning curves",
        "Where bands overlap all the way, the strategies learn alike; a curve that ends in × diverged there.",
        lambda: plot_learning_curves(evidence.history),
        seen_of(evidence.history.frame),
        LEARNING,
    )


def _time_to_target(evidence: Evidence) -> Drawing | None:
    times = evidence.times
    if times is None or times["axis"].nunique() < 2:
        return None
    return Drawing(
        "time-to-target",
        "Time to target",
        f"The target is what {times.attrs['baseline']} ends at on the validation examples. Further left is sooner; a "
        "curve that stays below 1 is of a strategy some of whose cells never get there, diverged and failed ones among "
        "them.",
        lambda: plot_time_to_target(times),
        times,
        LEARNING,
    )


def _cost(evidence: Evidence) -> Drawing:
    return Drawing(
        "cost",
        "Cost",
        "Up (or down, where lower is better) and to the left is better; the time includes building and evaluating.",
        lambda: plot_cost(evidence.comparison),
        evidence.summary,
        COST,
    )
