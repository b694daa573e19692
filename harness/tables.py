"""A comparison as a table: for the terminal, in Markdown, CSV and LaTeX, with the caption that belongs to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from harness.statistics.caution import caution_sentence

MISSING = "–"
ARROWS = {"max": "↑", "min": "↓"}
_LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "–": "--",
    "−": "$-$",
    "′": r"$'$",
    "†": r"\dag{}",
}


@dataclass(frozen=True)
class Column:
    """One column of the comparison as text: its heading, and how a row becomes text.

    A table that is too wide leaves out the columns of the highest `rank` first, and never those of rank 0.
    """

    heading: str
    text: Callable[[Mapping[str, Any]], str]
    rank: int = 0
    numeric: bool = True


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


def comparison_table(summary: pd.DataFrame, *, width: int = 100) -> Table:
    """The comparison for the terminal, at most `width` characters wide where that can be had by leaving columns out."""
    columns = comparison_columns(summary)
    console = Console(width=10_000)
    left_out: list[str] = []
    while console.measure(table := _rich(summary, columns, left_out)).maximum > width and any(c.rank for c in columns):
        least = max(columns, key=lambda column: column.rank)
        columns.remove(least)
        left_out.append(least.heading)
    return table


def comparison_markdown(summary: pd.DataFrame) -> str:
    """The comparison as a Markdown table with its caption below."""
    columns = comparison_columns(summary)
    lines = [
        _pipes(column.heading for column in columns),
        _pipes("---:" if column.numeric else ":---" for column in columns),
        *(_pipes(column.text(row) for column in columns) for row in _rows(summary)),
    ]
    return "\n".join([f"**{summary.attrs['title']}**", "", *lines, "", *caption_lines(summary)]) + "\n"


def comparison_csv(summary: pd.DataFrame) -> str:
    """The comparison's numbers in full precision, with what they are of in the first columns."""
    named = summary.copy()
    for position, key in enumerate(("task", "data_source", "architecture", "metric", "confidence")):
        named.insert(position, key, summary.attrs[key])
    return str(named.to_csv(index=False, lineterminator="\n"))


def comparison_latex(summary: pd.DataFrame) -> str:
    """The comparison as a LaTeX `table` for the package booktabs."""
    columns = comparison_columns(summary)
    caption = " ".join([f"{summary.attrs['title']}.", *caption_lines(summary)])
    body = [" & ".join(latex(column.text(row)) for column in columns) + r" \\" for row in _rows(summary)]
    return "\n".join(
        [
            r"\begin{table}",
            r"  \centering",
            rf"  \caption{{{latex(caption)}}}",
            rf"  \begin{{tabular}}{{{''.join('r' if column.numeric else 'l' for column in columns)}}}",
            r"    \toprule",
            "    " + " & ".join(latex(column.heading) for column in columns) + r" \\",
            r"    \midrule",
            *(f"    {line}" for line in body),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def caption_lines(summary: pd.DataFrame) -> list[str]:
    """What the numbers are, which cells they leave out, and what may be concluded from so many seeds."""
    measure = summary.attrs["measure"]
    better = "higher" if measure["direction"] == "max" else "lower"
    gap = "gap: moving averages minus precise statistics; " if summary["precise_mean"].notna().any() else ""
    lines = [
        f"Mean over seeds [{100 * summary.attrs['confidence']:g} % t interval]; "
        f"SD over seeds; {gap}m′: fewest samples behind one statistic; {better} is better.",
    ]
    left_out = [_left_out(row) for row in _rows(summary) if row["n"] < row["cells"]]
    if left_out:
        lines.append(f"Counted in seeds, not in the means: {'; '.join(left_out)}.")
    if summary["stale"].any():
        lines.append(
            f"† Made by other code or versions (stale): {summary['stale'].sum()} of {summary['cells'].sum()} cells."
        )
    counts = summary.loc[summary["n"] > 0, "n"]
    lines.append(caution_sentence(int(counts.min()) if len(counts) else 0))
    return lines


def decimals(summary: pd.DataFrame) -> int:
    """Decimals that show two digits of the typical SD over seeds, or four digits of the mean where there is none."""
    spread = summary["sd"].where(summary["sd"] > 0).median()
    if math.isfinite(spread):
        return max(0, min(6, 1 - math.floor(math.log10(spread))))
    size = summary["mean"].abs().max()
    return max(0, min(6, 3 - math.floor(math.log10(size)))) if size > 0 else 3


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """A number with `digits` decimals, a dash where it is missing; `-0.00` never appears."""
    if not math.isfinite(value):
        return MISSING
    value = round(value, digits) + 0.0
    return (f"{value:+,.{digits}f}" if signed and value else f"{value:,.{digits}f}").replace("-", "−")


def count(value: float) -> str:
    """A whole number with separators, a dash where it is missing."""
    return number(value, 0)


def label_of(column: str) -> str:
    """A metric's column as a heading: `test_accuracy` is `test accuracy`."""
    return column.replace("_", " ")


def latex(text: str) -> str:
    """`text` with every character escaped that LaTeX would take for a command."""
    return "".join(_LATEX.get(character, character) for character in text)


def _estimate(row: Mapping[str, Any], digits: int) -> str:
    if not math.isfinite(row["low"]):
        return number(row["mean"], digits)
    return f"{number(row['mean'], digits)} [{number(row['low'], digits)}, {number(row['high'], digits)}]"


def _left_out(row: Mapping[str, Any]) -> str:
    """`channel 2 diverged, 1 failed`."""
    not_finite = row["ok"] - row["n"]
    counts = {"diverged": row["diverged"], "failed": row["failed"], "not finite": not_finite}
    return f"{row['axis']} " + ", ".join(f"{number} {word}" for word, number in counts.items() if number)


def _rich(summary: pd.DataFrame, columns: list[Column], left_out: list[str]) -> Table:
    note = f"Left out for want of width: {', '.join(left_out)}; the CSV has every column." if left_out else ""
    table = Table(
        title=summary.attrs["title"],
        title_justify="left",
        caption="\n".join([*caption_lines(summary), *([note] if note else [])]).replace("[", r"\["),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in columns:
        table.add_column(
            # A long heading over short numbers is broken, so that the column need not be left out.
            column.heading.replace("+", "\n+"),
            justify="right" if column.numeric else "left",
            no_wrap=column.numeric,
            overflow="fold",
        )
    for row in _rows(summary):
        table.add_row(*(column.text(row).replace("[", r"\[") for column in columns))
    return table


def _rows(summary: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in summary.to_dict("records")]


def _pipes(cells: Any) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
