"""How soon each strategy reaches the target, as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from harness.tables.comparison import rows_of
from harness.tables.render import Column, Sheet, label_of, number


def times_sheet(table: pd.DataFrame) -> Sheet:
    """`statistics.aggregate_times`'s table as a sheet."""
    columns = [
        Column("strategy", lambda row: str(row["axis"]), numeric=False),
        Column("reached", lambda row: f"{row['reached']}/{row['cells']}"),
        Column("share", _share, rank=1),
        Column("epochs, half", lambda row: _time(row["median"], 0)),
        Column("epochs, 90 %", lambda row: _time(row["slow"], 0)),
        Column("s, half", lambda row: _time(row["seconds"], 1), rank=2),
    ]
    caption = [
        f"Until the {label_of(table.attrs['metric'])} reaches {said_target(table)}. half, 90 %: when so many of all "
        "cells had reached it; ∞: fewer ever did. Cells that diverged or failed never reach it."
    ]
    return Sheet(f"{table.attrs['title']}: time to target", columns, rows_of(table), caption)


def ratios_sheet(table: pd.DataFrame, tasks: Sequence[str], left_out: Sequence[str]) -> Sheet:
    """`statistics.aggregate_ratios`'s table as a sheet; `tasks` and `left_out` are what it is and is not of."""
    columns = [
        Column("strategy", lambda row: str(row["axis"]), numeric=False),
        Column("soonest ↑", lambda row: number(row["soonest"], 2)),
        Column("reached ↑", lambda row: number(row["reached"], 2)),
        Column("epochs over soonest, half ↓", lambda row: _time(row["median"], 2)),
        Column("cells", lambda row: str(row["cells"])),
    ]
    caption = [
        f"Time to the target over {len(tasks)} tasks: {'; '.join(tasks)}. The target of a task is the mean with which "
        "none ends on the validation examples. soonest: share of cells that no strategy beats under the same seed, "
        "ties counted for all; half: the multiple of the soonest's epochs within which half of all cells arrive."
    ]
    if left_out:
        caption.append(f"Left out: {'; '.join(left_out)}.")
    return Sheet("across tasks: time to target", columns, rows_of(table), caption)


def said_target(times: pd.DataFrame) -> str:
    """`0.941, the mean with which none ends`."""
    unit = f" {times.attrs['measure']['unit']}" if times.attrs["measure"]["unit"] else ""
    return f"{times.attrs['target']:.4g}{unit}, the mean with which {times.attrs['baseline']} ends"


def _share(row: Mapping[str, Any]) -> str:
    return f"{number(row['share'], 2)} [{number(row['low'], 2)}, {number(row['high'], 2)}]"


def _time(value: float, digits: int) -> str:
    return "∞" if value == math.inf else number(value, digits)
