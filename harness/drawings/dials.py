"""The figures of a dial: a metric over its values, differences, usable rates, parts of the inference gap."""

from __future__ import annotations

import pandas as pd

from harness.drawings.drawing import Drawing, numbers_of
from harness.figures.dial import plot_dial, plot_dial_differences
from harness.figures.gap_parts import plot_gap_parts
from harness.figures.usable import plot_usable_rates
from harness.statistics.by_value import compare_by_value, gap_by_value
from harness.statistics.dials import Dial
from harness.statistics.usable import share_usable, validation_metric


def dial_drawings(dial: Dial, baseline: str) -> list[Drawing]:
    """The figures of a dial; those that have nothing to show are not among them."""
    found = [_curves(dial)]
    if dial.is_learning_rate and validation_metric(dial, None)[0] in dial.whole.frame:
        found.append(_usable(dial))
    if len(dial.strategies) > 1 and any(baseline in set(one.frame["axis"]) for one in dial.members):
        found.append(_differences(dial, baseline))
    parts = gap_by_value(dial)
    return [*found, _gap(dial, parts)] if len(parts) else found


def _curves(dial: Dial) -> Drawing:
    return Drawing(
        "curves",
        f"Metric by {dial.label}",
        f"A flat line does not depend on the {dial.label}; a × is a cell that diverged. The line is the mean of the "
        "cells that survived, so read it together with how many did not.",
        lambda: plot_dial(dial),
        numbers_of(dial.whole.frame, dial.name),
    )


def _usable(dial: Dial) -> Drawing:
    shares = share_usable(dial).rename_axis("axis").reset_index().melt("axis", var_name=dial.name, value_name="share")
    return Drawing(
        "usable-rates",
        "Usable learning rates",
        "Long rows of full blocks stand many rates. What is usable is held against the strategy's own best, so that a "
        "strategy that is poor everywhere can have a wide range: read it together with the curves.",
        lambda: plot_usable_rates(dial),
        shares,
    )


def _differences(dial: Dial, baseline: str) -> Drawing:
    return Drawing(
        "differences-by-value",
        f"Differences from {baseline} by {dial.label}",
        f"Level lines: the difference does not depend on the {dial.label}. Where a bar reaches over 0, which of the "
        "two is better is open at that value. Only pairs that both finished are in it.",
        lambda: plot_dial_differences(dial, baseline=baseline),
        compare_by_value(dial, baseline=baseline),
    )


def _gap(dial: Dial, parts: pd.DataFrame) -> Drawing:
    return Drawing(
        "gap-parts",
        "Where the inference gap comes from",
        "The two panels add up to the gap between moving averages and batch statistics. On the left is what "
        "re-estimating the statistics undoes.",
        lambda: plot_gap_parts(dial)[0],
        parts,
        wide=True,
    )
