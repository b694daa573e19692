"""A dial on the report's page: its answers first, then what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from harness.dials import Dial
from harness.tables import Sheet, to_html

if TYPE_CHECKING:
    from harness.reporting.page import Figure


@dataclass(frozen=True)
class DialTable:
    """A table of a dial: `name` is its files', `heading` stands above it; one that `opens` is not folded away."""

    name: str
    heading: str
    sheet: Sheet
    opens: bool


@dataclass(frozen=True)
class DialChapter:
    """One dial of the report: what it answers (question and answer), and the tables and figures behind that."""

    dial: Dial
    answers: Sequence[tuple[str, str]]
    tables: Sequence[DialTable]
    figures: Sequence[Figure]


def dial_of_page(chapter: DialChapter) -> dict[str, Any]:
    """The chapter as the page's template reads it."""
    tables = [
        {
            "name": one.name,
            "heading": one.heading,
            "opens": one.opens,
            "table": Markup(to_html(one.sheet)),
            "caption": one.sheet.caption,
        }
        for one in chapter.tables
    ]
    return {
        "title": chapter.dial.title,
        "slug": chapter.dial.slug,
        "label": chapter.dial.label,
        "values": len(chapter.dial.values),
        "answers": chapter.answers,
        "tables": tables,
        "figures": chapter.figures,
    }
