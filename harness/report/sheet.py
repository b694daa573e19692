"""Tables as people read them: one sheet of text columns, rendered for the terminal, Markdown, HTML and LaTeX."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.words import broken, visible

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
    "<": "$<$",  # text fonts of old encodings have ¡ and ¿ there
    ">": "$>$",
    "∞": r"$\infty$",
}
_CONSOLE = Console(width=10_000)  # to measure with


@dataclass(frozen=True)
class Column:
    """One column of the comparison as text: its heading, and how a row becomes text.

    A table that is too wide leaves out the columns of the highest `rank` first, and never those of rank 0.

    Attributes:
        wraps: characters from which on a text is rather broken between its words than a column left out; 0: left out.
        whole: a name that is typed again elsewhere, and therefore never broken.
    """

    heading: str
    text: Callable[[Mapping[str, Any]], str]
    rank: int = 0
    numeric: bool = True
    wraps: int = 0
    whole: bool = False


@dataclass(frozen=True)
class Sheet:
    """A table before it is rendered: title, columns, rows (mappings that the columns read) and caption lines.

    `elsewhere` says where the columns are that a narrow terminal leaves out.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]
    caption: Sequence[str] = ()
    elsewhere: str = "the CSV has every column"


def to_terminal(sheet: Sheet, *, width: int = 100) -> Table:
    """At most `width` characters wide where that can be had by leaving columns out, which the caption then says.

    Names that are whole and longer than that make the table wider: to be printed with `crop=False`.
    """
    columns = list(sheet.columns)
    left_out: list[str] = []
    while (needed := _needed(sheet, columns)) > width and any(column.rank for column in columns):
        least = max(columns, key=lambda column: column.rank)
        columns.remove(least)
        left_out.append(least.heading)
    table = _rich(sheet, columns, left_out)
    for column, drawn in zip(columns, table.columns, strict=True):
        # Else rich takes the width from names too, which it breaks anywhere.
        drawn.no_wrap = drawn.no_wrap or (needed <= width and not column.wraps)
    if needed > width and any(column.whole for column in columns):
        table.width = max(width, _CONSOLE.measure(table).minimum)
    return table


def to_markdown(sheet: Sheet) -> str:
    """Title, if there is one, table and caption."""
    lines = [
        _pipes(column.heading for column in sheet.columns),
        _pipes("---:" if column.numeric else ":---" for column in sheet.columns),
        *(_pipes(column.text(row) for column in sheet.columns) for row in sheet.rows),
    ]
    title = [f"**{sheet.title}**", ""] if sheet.title else []
    return "\n".join([*title, *lines, "", *sheet.caption]) + "\n"


def to_html(sheet: Sheet) -> str:
    """The bare `<table>`, its caption left to the page."""
    kinds = ["num" if column.numeric else "txt" for column in sheet.columns]

    def cells(tag: str, texts: Iterable[str]) -> str:
        pairs = zip(kinds, texts, strict=True)
        return "<tr>" + "".join(f'<{tag} class="{kind}">{html.escape(text)}</{tag}>' for kind, text in pairs) + "</tr>"

    head = cells("th", (column.heading for column in sheet.columns))
    body = "\n".join(cells("td", (column.text(row) for column in sheet.columns)) for row in sheet.rows)
    return f"<table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def to_latex(sheet: Sheet) -> str:
    """A `table` for the package booktabs."""
    caption = " ".join([f"{sheet.title}.", *sheet.caption])
    body = [" & ".join(latex(column.text(row)) for column in sheet.columns) + r" \\" for row in sheet.rows]
    return "\n".join(
        [
            r"\begin{table}",
            r"  \centering",
            rf"  \caption{{{latex(caption)}}}",
            rf"  \begin{{tabular}}{{{''.join('r' if column.numeric else 'l' for column in sheet.columns)}}}",
            r"    \toprule",
            "    " + " & ".join(latex(column.heading) for column in sheet.columns) + r" \\",
            r"    \midrule",
            *(f"    {line}" for line in body),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


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


def _needed(sheet: Sheet, columns: Sequence[Column]) -> int:
    """How wide the table is with these columns, the texts that may be wrapped at what they must have at least."""
    table = _rich(sheet, columns, ())
    for column, drawn in zip(columns, table.columns, strict=True):
        if column.wraps:
            measured = [_CONSOLE.measure(cell) for cell in drawn.cells]
            least = max(one.minimum for one in measured)
            drawn.width = min(max(one.maximum for one in measured), max(least, column.wraps))
    return _CONSOLE.measure(table).maximum


def _rich(sheet: Sheet, columns: Sequence[Column], left_out: Sequence[str]) -> Table:
    note = f"Left out for want of width: {', '.join(left_out)}; {sheet.elsewhere}." if left_out else ""
    table = Table(
        title=Text(sheet.title, style="table.title"),
        title_justify="left",
        caption=Text("\n".join([*sheet.caption, *([note] if note else [])]), style="table.caption"),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in columns:
        table.add_column(
            # A long heading over short numbers is broken, so that the column need not be left out.
            Text(column.heading.replace("+", "\n+")),
            justify="right" if column.numeric else "left",
            no_wrap=column.numeric or column.whole,
            overflow="fold",
        )
    for row in sheet.rows:
        # As texts, in which brackets are no markup.
        texts = ((column, visible(column.text(row))) for column in columns)
        # A long name is broken at its underscores.
        table.add_row(*(Text(text if " " in text or column.whole else broken(text)) for column, text in texts))
    return table


def _pipes(cells: Iterable[str]) -> str:
    # A line break within a cell would end the table.
    return "| " + " | ".join(" ".join(cell.split("\n")).replace("|", r"\|") for cell in cells) + " |"
