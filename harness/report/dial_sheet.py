"""Tables of a dial: strategies by its values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from harness.report.sheet import MISSING, Column, Sheet
from harness.report.text import Row, rows_of, strategy_column
from harness.statistics.dials import Dial


def wide_sheet(
    dial: Dial, table: pd.DataFrame, text: Callable[[Row], str], title: str, caption: Sequence[str]
) -> Sheet:
    """Strategies by values, each cell a text of its row; a dash where a strategy was not run."""
    rows: dict[str, dict[str, Any]] = {}
    for row in rows_of(table):
        rows.setdefault(str(row["axis"]), {"axis": row["axis"]})[str(row["place"])] = text(row)

    def at(place: int) -> Callable[[Row], str]:
        return lambda row: str(row.get(str(place), MISSING))

    columns = [strategy_column(), *(Column(label, at(place)) for place, label in enumerate(dial.labels))]
    return Sheet(title, columns, [rows[strategy] for strategy in sorted(rows)], caption)
