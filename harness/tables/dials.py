"""What a setting does to the strategies, as tables: by value, differences and their change, divergence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from harness.statistics.dials import Dial
from harness.tables.comparison import decimals, rows_of
from harness.tables.pairs import p_value
from harness.tables.render import ARROWS, MISSING, Column, Sheet, label_of, number
from harness.tables.texts import Row, counts_text, digits_of_widths, interval_text, strategy_column


def by_value_sheet(dial: Dial, table: pd.DataFrame) -> Sheet:
    """`statistics.aggregate_by_value`'s table as strategies by values: means with their t intervals."""
    digits = decimals(table)

    def text(row: Row) -> str:
        missing = f" ({row['n']}/{row['cells']})" if row["n"] < row["cells"] else ""
        return interval_text(row, "mean", "low", "high", digits) + missing

    measure = table.attrs["measure"]
    confidence = f"{100 * table.attrs['confidence']:g} %"
    caption = [
        f"Mean {label_of(table.attrs['metric'])} {ARROWS[measure['direction']]} over seeds [{confidence} t "
        f"interval], by {dial.label}; (n/m): only n of m cells have a value, and the mean is theirs alone.",
    ]
    return _wide(dial, table, text, f"{dial.title}: {label_of(table.attrs['metric'])}", caption)


def differences_sheet(dial: Dial, table: pd.DataFrame) -> Sheet:
    """`statistics.compare_by_value`'s table as strategies by values: difference ± half its interval, verdict."""
    digits = digits_of_widths(table["high"] - table["low"])
    baseline = str(table["baseline"].iloc[0]) if len(table) else MISSING

    def text(row: Row) -> str:
        half = (row["high"] - row["low"]) / 2
        spread = f" ± {number(half, digits)}" if math.isfinite(half) else ""
        return f"{number(row['difference'], digits, signed=True)}{spread}{_SIGNS[row['verdict']]}"

    metric = label_of(table.attrs["metric"])
    caption = [
        f"{metric.capitalize()} minus that of {baseline} ± half the width of its 95 % t interval, paired by seed, by "
        f"{dial.label}. > beats {baseline}, < is beaten by it: verdicts corrected over the table, lost cells losing.",
    ]
    return _wide(dial, table, text, f"{dial.title}: differences from {baseline}", caption)


def divergence_sheet(dial: Dial, table: pd.DataFrame) -> Sheet:
    """`statistics.divergence_by_value`'s table as strategies by values: k/n with its Wilson interval."""

    def text(row: Row) -> str:
        interval = f"[{100 * row['low']:.0f}, {100 * row['high']:.0f}]"
        return f"{row['diverged']}/{row['cells']} {interval}" + ("*" if row["failed"] else "")

    caption = [f"Diverged of all cells [95 % Wilson interval, in per cent], by {dial.label}."]
    if table["failed"].any():
        caption.append("* Others of these cells failed (error, timeout, out of memory); they count as not diverged.")
    return _wide(dial, table, text, f"{dial.title}: diverged", caption)


def change_sheet(dial: Dial, changes: pd.DataFrame) -> Sheet:
    """`statistics.compare_change`'s table: the interaction of strategy and setting."""
    digits = digits_of_widths(changes["high"] - changes["low"])
    baseline = str(changes["baseline"].iloc[0]) if len(changes) else MISSING
    columns = [
        strategy_column(),
        Column("seeds", lambda row: f"{row['pairs']}"),
        Column("change", lambda row: number(row["change"], digits, signed=True)),
        Column(
            f"minus that of {baseline}",
            lambda row: interval_text(row, "difference", "low", "high", digits, signed=True),
        ),
        Column("p (Holm)", lambda row: p_value(row["holm_p"])),
        Column("verdict", lambda row: _CHANGES[row["verdict"]], numeric=False),
    ]
    metric = label_of(changes.attrs["metric"])
    ends = f"{dial.label} {dial.labels[0]} to {dial.labels[-1]}"
    caption = [
        f"Change of {metric} from {ends}, and how far it differs from that of {baseline} at the same seeds [95 % t "
        "interval]: 0 where the setting does the same to both.",
    ]
    left_out = counts_text(changes, "left_out")
    if left_out:
        caption.append(f"Seeds at which one of the four cells has no value are left out: {left_out}.")
    return Sheet(f"{dial.title}: change of the difference from {baseline}", columns, rows_of(changes), caption)


_SIGNS = {"beats": " >", "is beaten by": " <", "not told apart": ""}
_CHANGES = {"beats": "gains on it", "is beaten by": "loses to it", "not told apart": "not told apart"}


def _wide(dial: Dial, table: pd.DataFrame, text: Callable[[Row], str], title: str, caption: Sequence[str]) -> Sheet:
    """Strategies by values, each cell a text of its row; a dash where a strategy was not run."""
    rows: dict[str, dict[str, Any]] = {}
    for row in rows_of(table):
        rows.setdefault(str(row["axis"]), {"axis": row["axis"]})[str(row["place"])] = text(row)

    def at(place: int) -> Callable[[Row], str]:
        return lambda row: str(row.get(str(place), MISSING))

    columns = [strategy_column(), *(Column(label, at(place)) for place, label in enumerate(dial.labels))]
    return Sheet(title, columns, [rows[axis] for axis in sorted(rows)], caption)
