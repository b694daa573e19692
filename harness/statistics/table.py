"""Rows of numbers together with what they are of."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from harness.statistics.comparison import Comparison
from harness.types import Quantity


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Numbers by strategy.

    Attributes:
        rows: the numbers; the function that makes a table says which columns there are.
        of: whose numbers they are.
        metric: the column of the cells that they were computed from.
        quantity: that metric's declaration.
        confidence: of the intervals.
    """

    rows: pd.DataFrame
    of: Comparison = field(repr=False)
    metric: str
    quantity: Quantity
    confidence: float = 0.95
