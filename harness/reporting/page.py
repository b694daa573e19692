"""The report as one self-contained page: what was compared, the verdicts, and every table and figure."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from harness.drawings import GROUPS, inline_svg
from harness.figures.palette import look_of
from harness.statistics.caution import caution_sentence
from harness.statistics.comparison import Comparison
from harness.statistics.dials import Dial
from harness.tables import ARROWS, MISSING, Sheet, count, decimals, label_of, number, to_html

# Bytes of figures on the page; what is beyond stays in files and is linked.
_MOST_FIGURE_BYTES = 8_000_000
_MOST_LISTED = 200
_OPEN_GROUPS = 2  # groups of a comparison's figures that are not folded away


@dataclass(frozen=True)
class Figure:
    """A figure as the page shows it: `path` without suffix leads to its PNG, SVG and CSV."""

    name: str
    title: str
    reading: str
    path: str
    svg: str
    group: str = GROUPS[0]
    wide: bool = False


@dataclass(frozen=True)
class Chapter:
    """One comparison of the report: its tables by file name, its verdict in two sentences, its figures.

    `leads` marks the largest comparison of its task, source and architecture.
    """

    comparison: Comparison
    summary: pd.DataFrame
    sheets: Mapping[str, Sheet]
    verdict: tuple[str, str]
    figures: Sequence[Figure]
    leads: bool


@dataclass(frozen=True)
class Across:
    """What the report says over all tasks: tables by file name where there are several of them, and figures."""

    sheets: Mapping[str, Sheet]
    figures: Sequence[Figure]


def render_page(
    frame: pd.DataFrame,
    chapters: Sequence[Chapter],
    *,
    dials: Sequence[DialChapter] = (),
    across: Across,
    missing: Sequence[str],
    completeness: str,
) -> str:
    """The page as HTML: no request leaves it, and the same records give the same bytes.

    Args:
        frame: all cells.
        chapters: one a comparison.
        dials: one a dial; the comparisons that it is made of stand folded below it.
        across: table and figures over all tasks.
        missing: ids of planned cells that have no record.
        completeness: how many of the planned cells there are, in a sentence.
    """
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["marked"] = _marked
    figures = [*across.figures, *(figure for dial in dials for figure in dial.figures)]
    figures += [figure for chapter in chapters for figure in chapter.figures]
    return templates.get_template("report.html.j2").render(
        completeness=completeness,
        made=_made_by(frame),
        chapters=[_chapter(chapter) for chapter in chapters],
        parts=_parts(chapters, dials),
        across=across.figures,
        across_tables=[_table(name, sheet) for name, sheet in across.sheets.items()],
        shown=shown_of(figures),
        rows=[row for chapter in chapters for row in _rows(chapter)],
        tasks=sorted({chapter.comparison.task for chapter in chapters}),
        trouble=_trouble(frame, missing),
        most_listed=_MOST_LISTED,
        open_groups=_OPEN_GROUPS,
        style=Markup(templates.get_template("style.css").render()),
        script=Markup(templates.get_template("table.js").render()),
    )


def _parts(chapters: Sequence[Chapter], dials: Sequence[DialChapter]) -> list[dict[str, Any]]:
    """The chapters of each task, source and architecture, with the dials that stand before them."""
    parts = []
    for key, members in groupby(chapters, key=lambda one: _part_of(one.comparison)):
        turned = [dial_of_page(one) for one in dials if _part_of(one.dial.whole) == key]
        parts.append({"dials": turned, "chapters": [_chapter(chapter) for chapter in members]})
    return parts


def _part_of(comparison: Comparison) -> tuple[str, str, str]:
    return comparison.task, comparison.data_source, comparison.architecture


def shown_of(figures: Sequence[Figure]) -> dict[str, Markup | None]:
    """Each figure's path -> its drawing as the page has it, `None` where the page would grow too large.

    What decides is on the page before what explains, of whichever comparison.
    """
    left = _MOST_FIGURE_BYTES
    shown: dict[str, Markup | None] = {}
    for figure in sorted(figures, key=lambda one: GROUPS.index(one.group)):
        left -= len(figure.svg)
        prefix = f"f{len(shown)}"
        shown[figure.path] = Markup(inline_svg(figure.svg, prefix, html.escape(figure.title))) if left > 0 else None
    return shown


def _table(name: str, sheet: Sheet) -> dict[str, Any]:
    """A table as the page has it: the files' name, what is said above and below it, and the table."""
    title = sheet.title.rpartition(": ")[2]
    return {"name": name, "title": title, "table": Markup(to_html(sheet)), "caption": sheet.caption}


def _marked(text: str) -> Markup:
    """A sentence with the names in it, which are marked as in Markdown, as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def _chapter(chapter: Chapter) -> dict[str, Any]:
    pairs = chapter.sheets["pairs"]
    folded = [name for name in chapter.sheets if name not in ("comparison", "pairs", "measures")]
    return {
        "title": chapter.comparison.title,
        "slug": chapter.comparison.slug,
        "leads": chapter.leads,
        "verdict": chapter.verdict,
        "comparison": _table("comparison", chapter.sheets["comparison"]),
        "pairs": _table("pairs", pairs) if pairs.rows else None,
        "pairs_caption": [line for line in pairs.caption if not line.startswith(caution_sentence(0)[:4])],
        "stability": _table("measures", chapter.sheets["measures"]),
        "tables": [_table(name, chapter.sheets[name]) for name in folded],
        "names": list(chapter.sheets),
        "groups": [(group, found) for group in GROUPS if (found := [f for f in chapter.figures if f.group == group])],
    }


def _rows(chapter: Chapter) -> list[dict[str, Any]]:
    """The rows of the page's one large table: (text, number to sort by) a column."""
    comparison, summary = chapter.comparison, chapter.summary
    digits, measure = decimals(summary), summary.attrs["measure"]
    settings = ", ".join(f"{name.rpartition('.')[2]} {value}" for name, value in comparison.settings.items())
    rows = []
    for row in summary.to_dict("records"):
        low, high = number(row["low"], digits), number(row["high"], digits)
        rows.append(
            {
                "slug": comparison.slug,
                "task": comparison.task,
                "source": comparison.data_source,
                "architecture": comparison.architecture,
                "settings": settings or MISSING,
                "strategy": row["axis"],
                "colour": look_of(str(row["axis"])).colour,
                "metric": f"{label_of(summary.attrs['metric']).removeprefix('test ')} {ARROWS[measure['direction']]}",
                "numbers": [
                    _sortable(f"{row['n']}/{row['cells']}", row["n"]),
                    _sortable(number(row["mean"], digits), row["mean"]),
                    _sortable(MISSING if low == MISSING else f"{low} to {high}", row["low"]),
                    _sortable(number(row["sd"], digits), row["sd"]),
                    _sortable(number(row["gap"], digits, signed=True), row["gap"]),
                    _sortable(count(row["diverged"]), row["diverged"]),
                    _sortable(count(row["failed"]), row["failed"]),
                    _sortable(count(row["stale"]), row["stale"]),
                    _sortable(count(row["normalization_parameters"]), row["normalization_parameters"]),
                    _sortable(count(row["statistics"]), row["statistics"]),
                    _sortable(count(row["samples_per_statistic"]), row["samples_per_statistic"]),
                    _sortable(number(row["seconds"], 1), row["seconds"]),
                ],
            }
        )
    return rows


def _sortable(text: str, value: float) -> tuple[str, str]:
    return text, "" if not math.isfinite(value) else repr(float(value))


def _made_by(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """What the records say of how they were made: name and values."""
    finished = frame["finished"].dropna()
    facts = [
        ("Tasks", _distinct(frame["task"] + " (" + frame["data_source"].fillna("source not known") + ")")),
        ("Architectures", _distinct(frame["architecture"])),
        ("Strategies", _distinct(frame["axis"])),
        ("Seeds", f"{frame['seed'].nunique()} ({frame['seed'].min()} to {frame['seed'].max()})"),
        ("Versions", _distinct(frame["versions"], separator=" · ")),
        ("Python", _distinct(frame["python"])),
        ("Code", _distinct(frame["code"].str[:12])),
        ("Device", _distinct(frame["device"])),
        ("Finished", " to ".join(sorted({str(finished.min()), str(finished.max())}))),
    ]
    return [(name, value) for name, value in facts if value and value != "nan"]


def _distinct(column: pd.Series, separator: str = ", ") -> str:
    return separator.join(sorted({str(value) for value in column.dropna() if value != ""}))


def _trouble(frame: pd.DataFrame, missing: Sequence[str]) -> list[tuple[str, str, str]]:
    """Cells that are not as they should be: (what, id, why), missing ones first."""
    rows = [("missing", cell, "planned, and no record of it") for cell in missing]
    lost = frame[frame["status"] != "ok"].sort_values(["status", "id"])
    rows += list(zip(lost["status"], lost["id"], lost["reason"], strict=True))
    stale = frame[frame["stale"]].sort_values("id")
    return rows + [("stale", cell, "made by other code or versions") for cell in stale["id"]]


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
