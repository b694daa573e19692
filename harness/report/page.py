"""The report as one self-contained page: what was compared, the answers, and every table and figure."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from harness.report.answer import GROUPS, Shown
from harness.report.canvas import inline_svg
from harness.report.chapters import Chapter, Figure, Part
from harness.report.palette import look_of
from harness.report.sheet import ARROWS, MISSING, count, label_of, number, to_html
from harness.report.study import Study
from harness.report.text import decimals
from harness.statistics.comparison import Comparison
from harness.statistics.summary import aggregate_comparison
from harness.words import file_name

# Bytes of figures on the page; what is beyond stays in files and is linked.
_MOST_FIGURE_BYTES = 8_000_000
_MOST_LISTED = 200
_OPEN_GROUPS = 2  # groups of a chapter's figures that are not folded away


@dataclass(frozen=True)
class Sections:
    """The chapters of one task, data source and architecture: its dials, then its comparisons."""

    part: Part
    dials: Sequence[Chapter]
    chapters: Sequence[Chapter]


def render_page(study: Study, sections: Sequence[Sections], across: Chapter, together: str = "") -> str:
    """The page as HTML: no request leaves it, and the same records give the same bytes.

    Args:
        study: the records.
        sections: one a task, data source and architecture.
        across: the answers over all tasks.
        together: what holds for all comparisons at once.
    """
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["marked"] = _marked
    templates.filters["stamped"] = _stamped
    dials = [chapter for one in sections for chapter in one.dials]
    chapters = [chapter for one in sections for chapter in one.chapters]
    rows = study.cells.rows
    return templates.get_template("report.html.j2").render(
        completeness=study.completeness,
        made=_made_by(rows),
        sections=[_section(one) for one in sections],
        verdicts=[_chapter(chapter) for chapter in chapters],
        across=_chapter(across),
        together=together,
        shown=shown_of([figure for chapter in (across, *dials, *chapters) for figure in chapter.figures]),
        rows=[row for one in sections for row in _rows_of(one)],
        strategies=_strategies(study.comparisons),
        tasks=sorted({comparison.task for comparison in study.comparisons}),
        trouble=_trouble(rows, study.missing),
        most_listed=_MOST_LISTED,
        open_groups=_OPEN_GROUPS,
        style=Markup(templates.get_template("style.css").render()),
        script=Markup(templates.get_template("table.js").render()),
    )


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


def _section(section: Sections) -> dict[str, Any]:
    pairs = zip(section.part.dials, section.dials, strict=True)
    dials = [_chapter(chapter) | {"label": dial.label} for dial, chapter in pairs]
    return {"dials": dials, "chapters": [_chapter(chapter) for chapter in section.chapters]}


def _chapter(chapter: Chapter) -> dict[str, Any]:
    """A chapter as the page's template reads it."""
    tables = [(answer.table, answer.opens) for answer in chapter.answers if answer.table is not None]
    shown = list(_tables([table for table, _ in tables]))
    return {
        "title": chapter.title,
        "slug": chapter.slug,
        "leads": chapter.leads,
        "said": [(answer.question, answer.sentence) for answer in chapter.said],
        "open": [one for one, (_, opens) in zip(shown, tables, strict=True) if opens],
        "folded": [one for one, (_, opens) in zip(shown, tables, strict=True) if not opens],
        "groups": [(group, found) for group in GROUPS if (found := [f for f in chapter.figures if f.group == group])],
    }


def _tables(tables: Sequence[Shown]) -> Iterator[dict[str, Any]]:
    """Tables as the page has them; a line that stands below an earlier one of the chapter is not said again."""
    said: set[str] = set()
    for table in tables:
        caption = [line for line in table.sheet.caption if line not in said]
        said |= set(caption)
        html_table = Markup(to_html(table.sheet))
        if table.sheet.rows:
            yield {"name": file_name(table.name), "heading": table.heading, "table": html_table, "caption": caption}
        else:
            yield {"name": file_name(table.name), "heading": table.heading, "table": "", "caption": []}


def _marked(text: str) -> Markup:
    """A sentence with the names in it, which are marked as in Markdown, as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def _stamped(text: str) -> Markup:
    """A text whose stamps of time are not broken between lines."""
    return Markup(re.sub(r"(\d{4}-\d\d-\d\d[T ][\d:.+Z]+)", r'<span class="stamp">\1</span>', str(escape(text))))


def _strategies(comparisons: Sequence[Comparison]) -> list[tuple[str, str]]:
    """Every strategy with its colour, in alphabetical order."""
    looks = {name: look_of(name, one.looks).colour for one in comparisons for name in one.strategies}
    return sorted(looks.items())


def _rows_of(section: Sections) -> Iterator[dict[str, Any]]:
    for comparison, chapter in zip(section.part.comparisons, section.chapters, strict=True):
        yield from _rows(comparison, chapter.slug)


def _rows(comparison: Comparison, slug: str) -> list[dict[str, Any]]:
    """The rows of the page's one large table: (text, number to sort by) a column."""
    summary = aggregate_comparison(comparison)
    digits = decimals(summary.rows)
    settings = ", ".join(f"{name.rpartition('.')[2]} {value}" for name, value in comparison.settings.items())
    metric = f"{label_of(summary.metric).removeprefix('test ')} {ARROWS[summary.quantity.direction]}"
    rows = []
    for row in summary.rows.to_dict("records"):
        low, high = number(row["low"], digits), number(row["high"], digits)
        rows.append(
            {
                "slug": slug,
                "task": comparison.task,
                "source": comparison.data_source,
                "architecture": comparison.architecture,
                "settings": settings or MISSING,
                "strategy": row["axis"],
                "colour": look_of(str(row["axis"]), comparison.looks).colour,
                "metric": metric,
                "numbers": [
                    _sortable(f"{row['n']}/{row['cells']}", row["n"]),
                    _sortable(number(row["mean"], digits), row["mean"]),
                    _sortable(MISSING if low == MISSING else f"{low} to {high}", row["low"]),
                    _sortable(number(row["sd"], digits), row["sd"]),
                    _sortable(number(row["gap"], digits, signed=True), row["gap"]),
                    *(_sortable(count(row[key]), row[key]) for key in _COUNTED),
                    _sortable(number(row["seconds"], 1), row["seconds"]),
                ],
            }
        )
    return rows


_COUNTED = (
    *("diverged", "failed", "stale"),
    *("normalization_parameters", "statistics", "samples_per_statistic"),
)


def _sortable(text: str, value: float) -> tuple[str, str]:
    return text, "" if not math.isfinite(value) else repr(float(value))


def _made_by(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """What the records say of how they were made: name and values."""
    finished = frame["finished"].dropna()
    facts = [
        (
            "Tasks",
            _distinct(
                frame["task"]
                + frame["data_source"].fillna("source not known").map(lambda one: f" ({one})" if one else "")
            ),
        ),
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
