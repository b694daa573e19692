"""Texts that several tables of strategies share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from harness.tables.comparison import rows_of
from harness.tables.render import Column, number

Row = Mapping[str, Any]


def strategy_column() -> Column:
    """The first column: whose row it is."""
    return Column("strategy", lambda row: str(row["axis"]), numeric=False)


def interval_text(row: Row, key: str, low: str, high: str, digits: int, *, signed: bool = False) -> str:
    """`0.91 [0.90, 0.92]`, without bounds where there are none."""
    said = number(row[key], digits, signed=signed)
    if not math.isfinite(row[low]):
        return said
    return f"{said} [{number(row[low], digits, signed=signed)}, {number(row[high], digits, signed=signed)}]"


def counts_text(table: pd.DataFrame, key: str) -> str:
    """`none 2, channel 1`: the strategies whose count is not 0; empty where all are."""
    return ", ".join(f"{row['axis']} {row[key]}" for row in rows_of(table) if row[key])


def digits_of_widths(widths: pd.Series) -> int:
    """Decimals that show two digits of a quarter of the typical width."""
    width = widths[widths > 0].median() / 4
    return max(0, min(6, 1 - math.floor(math.log10(width)))) if math.isfinite(width) and width > 0 else 4
