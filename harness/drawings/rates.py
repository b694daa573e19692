"""The figure of comparisons that differ in the learning rate alone."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from harness.comparison import Comparison, compared_settings
from harness.drawings.drawing import Drawing, numbers_of
from harness.figures import plot_learning_rates


def rates_drawing(comparison: Comparison, siblings: Sequence[Comparison]) -> Drawing | None:
    """Learning-rate curves of the siblings that differ from `comparison` in the rate alone; None if none do."""
    rates = [name for name, path in compared_settings(comparison.frame).items() if path.endswith("learning_rate")]
    if not rates:
        return None
    rate = rates[0]
    others = {name: value for name, value in comparison.settings.items() if name != rate}
    alike = [one.frame for one in siblings if {k: v for k, v in one.settings.items() if k != rate} == others]
    cells = pd.concat(alike, ignore_index=True)
    cells.attrs = dict(comparison.frame.attrs)
    if cells[rate].nunique() < 2:
        return None
    return Drawing(
        "learning-rates",
        "Learning rates",
        "A flat line does not depend on the learning rate; a × is a cell that diverged at that rate. The line is the "
        "mean of the cells that survived, so read it together with how many did not.",
        lambda: plot_learning_rates(cells, rate=rate),
        numbers_of(cells, rate),
    )
