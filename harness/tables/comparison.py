"""What each strategy reached, as a table, with the caption that belongs to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from rich.table import Table

from harness.statistics.caution import caution_sentence
from harness.tables.render import (
    ARROWS,
    Column,
    Sheet,
    count,
    label_of,
    number,
    to_latex,
    to_markdown,
    to_terminal,
)


def comparison_columns(summary: pd.DataFrame) -> list[Column]:
    """The columns of a comparison as people read it, from `statistics.aggregate_comparison`."""
    measure = summary.attrs["measure"]
    unit = f" ({measure['unit']})" if measure["unit"] else ""
    arrow = ARROWS[measure["direction"]]
    digits = decimals(summary)

    def fixed(key: str, *, signed: bool = False) -> Callable[[Mapping[str, Any]], str]:
        return lambda row: number(row[key], digits, signed=signed)

    columns = [
        Column("strategy", lambda row: str(row["axis"]), numeric=False),
        Column("seeds", lambda row: f"{row['n']:d}/{row['cells']:d}{'†' if row['stale'] else ''}"),
        Column(f"{label_of(summary.attrs['metric'])}{unit} {arrow}", lambda row: _estimate(row, digits)),
        Column("SD", fixed("sd"), rank=1),
    ]
    if summary["precise_mean"].notna().any():
        columns.append(Column(f"precise {arrow}", fixed("precise_mean"), rank=7))
        columns.append(Column("gap", fixed("gap", signed=True), rank=2))
    return [
        *columns,
        Column("scale+shift", lambda row: count(row["normalization_parameters"]), rank=4),
        Column("statistics", lambda row: count(row["statistics"]), rank=5),
        Column("m′", lambda row: count(row["samples_per_statistic"]), rank=3),
        Column("s/cell", lambda row: number(row["seconds"], 1), rank=6),
    ]


def comparison_sheet(summary: pd.DataFrame) -> Sheet:
    """The comparison as a sheet, from `statistics.aggregate_comparison`."""
    return Sheet(summary.attrs["title"], comparison_columns(summary), rows_of(summary), caption_lines(summary))


def comparison_table(summary: pd.DataFrame, *, width: int = 100) -> Table:
    """The comparison for the terminal, at most `width` characters wide where that can be had."""
    return to_terminal(comparison_sheet(summary), width=width)


def comparison_markdown(summary: pd.DataFrame) -> str:
    """The comparison as a Markdown table with its caption below."""
    return to_markdown(comparison_sheet(summary))


def comparison_latex(summary: pd.DataFrame) -> str:
    """The comparison as a LaTeX `table` for the package booktabs."""
    return to_latex(comparison_sheet(summary))


def comparison_csv(summary: pd.DataFrame) -> str:
    """The comparison's numbers in full precision, with what they are of in the first columns."""
    named = summary.copy()
    for position, key in enumerate(("task", "data_source", "architecture", "metric", "confidence")):
        named.insert(position, key, summary.attrs[key])
    return str(named.to_csv(index=False, lineterminator="\n"))


def caption_lines(summary: pd.DataFrame) -> list[str]:
    """What the numbers are, which cells they leave out, and what may be concluded from so many seeds."""
    measure = summary.attrs["measure"]
    better = "higher" if measure["direction"] == "max" else "lower"
    gap = "gap: moving averages minus precise statistics; " if summary["precise_mean"].notna().any() else ""
    lines = [
        f"Mean over seeds [{100 * summary.attrs['confidence']:g} % t interval]; "
        f"SD over seeds; {gap}m′: fewest samples behind one statistic; {better} is better.",
    ]
    left_out = [_left_out(row) for row in rows_of(summary) if row["n"] < row["cells"]]
    if left_out:
        lines.append(f"Counted in seeds, not in the means: {'; '.join(left_out)}.")
    if summary["stale"].any():
        lines.append(
            f"† Made by other code or versions (stale): {summary['stale'].sum()} of {summary['cells'].sum()} cells."
        )
    return [*lines, *_cautions(summary)]


def _cautions(summary: pd.DataFrame) -> list[str]:
    several = summary.loc[summary["n"] > 1, "n"]
    if several.empty:
        return [caution_sentence(int(summary["n"].max()) if len(summary) else 0)]
    single = ", ".join(str(axis) for axis in summary.loc[summary["n"] == 1, "axis"])
    lines = [f"One seed only, which says nothing about how much runs differ: {single}."] if single else []
    return [*lines, caution_sentence(int(several.min()))]


def decimals(summary: pd.DataFrame) -> int:
    """Decimals that show two digits of the typical SD over seeds, or four digits of the mean where there is none."""
    spread = summary["sd"].where(summary["sd"] > 0).median()
    if math.isfinite(spread):
        return max(0, min(6, 1 - math.floor(math.log10(spread))))
    size = summary["mean"].abs().max()
    return max(0, min(6, 3 - math.floor(math.log10(size)))) if size > 0 else 3


def _estimate(row: Mapping[str, Any], digits: int) -> str:
    if not math.isfinite(row["low"]):
        return number(row["mean"], digits)
    return f"{number(row['mean'], digits)} [{number(row['low'], digits)}, {number(row['high'], digits)}]"


def _left_out(row: Mapping[str, Any]) -> str:
    """`channel 2 diverged, 1 failed`."""
    not_finite = row["ok"] - row["n"]
    counts = {"diverged": row["diverged"], "failed": row["failed"], "not finite": not_finite}
    return f"{row['axis']} " + ", ".join(f"{number} {word}" for word, number in counts.items() if number)


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as plain mappings."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
