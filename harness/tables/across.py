"""Strategies over all tasks, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from harness.tables.comparison import rows_of
from harness.tables.render import Column, Sheet, number


def across_sheet(table: pd.DataFrame, tasks: Sequence[str], left_out: Sequence[str]) -> Sheet:
    """`statistics.aggregate_across`'s table as a sheet; `tasks` and `left_out` are what it is and is not of."""
    columns = [
        Column("strategy", lambda row: str(row["axis"]), numeric=False),
        Column("interquartile mean ↑", lambda row: _interval(row, "iqm")),
        Column("optimality gap ↓", lambda row: _interval(row, "gap"), rank=1),
        Column("cells", lambda row: str(row["cells"])),
        Column("at −1", lambda row: str(row["worst"])),
    ]
    caption = [
        f"Over {len(tasks)} task{'s' if len(tasks) != 1 else ''}: {'; '.join(tasks)}. Scores: share of the error of "
        "none removed; 0 as good, 1 perfect, -1 twice the error, worse, or no value. Intervals (95 %, stratified "
        "bootstrap) are over seeds of the same tasks and say nothing about other tasks.",
    ]
    if left_out:
        caption.append(f"Left out: {'; '.join(left_out)}.")
    return Sheet("across tasks", columns, rows_of(table), caption)


def _interval(row: Mapping[str, Any], key: str) -> str:
    return f"{number(row[key], 2)} [{number(row[f'{key}_low'], 2)}, {number(row[f'{key}_high'], 2)}]"
