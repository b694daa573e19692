"""How small a difference is of no importance: the margin within which strategies are called equivalent."""

from __future__ import annotations

import math

from harness.types import Quantity

OF_SHARES = 0.01  # of metrics whose perfect value is 1: accuracy, F1, R squared
OF_OTHERS = 0.05  # of the baseline's mean


def margin_of(quantity: Quantity, reference: float, asked: float | None = None) -> float:
    """The margin, in the metric's unit: what was asked for, else what the metric declares, else a rule.

    The rule is one point for metrics whose perfect value is 1 and 5 % of the baseline's mean for all others. It is
    fixed before any record is looked at, but for that mean.

    Args:
        quantity: the metric's declaration.
        reference: the baseline's mean.
        asked: the user's own margin.

    Returns:
        NaN where it takes the baseline's mean and there is none, or one of 0.
    """
    if asked is not None:
        return asked
    if quantity.margin is not None:
        return quantity.margin
    if quantity.perfect == 1:
        return OF_SHARES
    return OF_OTHERS * abs(reference) or math.nan
