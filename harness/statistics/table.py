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


_OF_DIFFERENCES = ("", "wide_", "bca_", "new_", "total_", "lag_", "dependence_")


def cut_to_span(rows: pd.DataFrame, quantity: Quantity, *, times: int = 1) -> pd.DataFrame:
    """Rows whose intervals of differences end where differences of the quantity do, as intervals of means do.

    Args:
        rows: with any of the columns `low`, `high`, and these with a word before them.
        quantity: between 0 and 1, say, so that no difference is larger than 1.
        times: 2 for differences of differences.
    """
    names = [f"{kind}{end}" for kind in _OF_DIFFERENCES for end in ("low", "high")]
    there = [name for name in names if name in rows]
    reach = times * quantity.span
    return rows.assign(**{name: rows[name].clip(-reach, reach) for name in there})
