"""Tables, figures and one page of a results directory, made from its records alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from harness.drawings import Looks
from harness.records.frames import diagnostics_of, frame_of, history_of, probes_of
from harness.records.grids import read_grids
from harness.records.store import read_records
from harness.reporting.chapter import write_chapter
from harness.reporting.dial_chapter import all_by_value, write_dials
from harness.reporting.files import write_text
from harness.reporting.overall import write_across
from harness.reporting.page import Chapter, DialChapter, render_page
from harness.reporting.sentences import completeness_sentence
from harness.statistics.comparison import Comparison, comparisons
from harness.statistics.dials import Dial, dials_of
from harness.statistics.own_best import at_value, common_value
from harness.statistics.usable import validation_metric
from harness.types import UserError

# With more comparisons than this, only the largest of each task, source and architecture is drawn.
_MOST_DRAWN = 12


def write_report(results_dir: str | Path, out: str | Path | None = None, *, baseline: str | None = None) -> list[Path]:
    """Write one page, and tables and figures of every comparison.

    Each comparison has a folder with its tables (Markdown, CSV, LaTeX), its figures (PNG, SVG) and the data behind them
    (CSV); so has each dial, a setting that takes several values (`statistics.dials`). Where there is one, only the
    comparison that speaks for the task is drawn. `cells`, `comparisons` and `dials` hold all rows as CSV and Parquet.
    The report can be written again at any time; each file is replaced whole, and the same records give the same bytes.

    Args:
        results_dir: where the records are.
        out: where the report goes; `None` is `report/` in the results directory.
        baseline: the strategy that the others are compared with; `None` is `channel` where there is one, else `none`.

    Returns:
        The files written, `index.html` and `index.md` first.

    Raises:
        UserError: the directory holds no records.
    """
    results_dir = Path(results_dir)
    records = read_records(results_dir) if results_dir.is_dir() else []
    if not records:
        raise UserError(f"expected a directory with records of finished cells. Received: results_dir='{results_dir}'")
    out = Path(out) if out is not None else results_dir / "report"
    frame = frame_of(records)
    looks = Looks(history_of(records), probes_of(records), diagnostics_of(records))
    planned = {cell for grid in read_grids(results_dir) for cell in grid.cells}
    missing = sorted(planned - set(frame["id"]))
    found = comparisons(frame)
    groups = [list(group) for _, group in groupby(found, key=lambda one: (one.task, one.data_source, one.architecture))]
    leaders = [_leader(group) for group in groups]
    chapters, dials, files = [], [], []
    for group, leader in zip(groups, leaders, strict=True):
        turned, written = write_dials(_most_run(dials_of(group)), out, baseline)
        dials += turned
        files += written
        for comparison in group:
            chapter, written = write_chapter(
                comparison,
                looks,
                out,
                baseline,
                leads=comparison is leader and not turned,
                drawn=comparison is leader or (not turned and len(found) <= _MOST_DRAWN),
            )
            chapters.append(chapter)
            files += written
    across, written = write_across(leaders, looks.history, out)
    files += written
    said = completeness_sentence(frame, len(missing))
    page = render_page(frame, chapters, dials=dials, across=across, missing=missing, completeness=said)
    index = [write_text(out / "index.html", page), write_text(out / "index.md", _index(chapters, dials, said))]
    frames = {"cells": frame, "comparisons": _all_summaries(chapters)}
    if dials:
        frames["dials"] = all_by_value([chapter.dial for chapter in dials])
    tables = _write_frames(out, frames)
    return [*index, *tables, *files]


def _leader(group: Sequence[Comparison]) -> Comparison:
    """The one that speaks for its task: at the learning rate that suits all strategies best, else the largest."""
    for dial in _most_run(dials_of(group)):
        if dial.is_learning_rate and validation_metric(dial, None)[0] in dial.whole.frame:
            with suppress(UserError):  # no seed has all rates yet
                return at_value(dial, common_value(dial))
    return max(group, key=lambda one: len(one.frame))


def _most_run(dials: Sequence[Dial]) -> list[Dial]:
    """Of the dials of one setting (at several values of another), the one with the most cells."""
    largest: dict[str, Dial] = {}
    for dial in dials:
        if dial.name not in largest or len(dial.whole.frame) > len(largest[dial.name].whole.frame):
            largest[dial.name] = dial
    return list(largest.values())


def _all_summaries(chapters: Sequence[Chapter]) -> pd.DataFrame:
    """Every comparison's rows in one frame, with what they are of in the first columns."""
    parts = []
    for chapter in chapters:
        named: dict[str, Any] = {"task": chapter.comparison.task, "data_source": chapter.comparison.data_source}
        named |= {"architecture": chapter.comparison.architecture, "metric": chapter.summary.attrs["metric"]}
        settings = ", ".join(f"{name}={value}" for name, value in chapter.comparison.settings.items())
        rows = chapter.summary.assign(**named, settings=settings)
        rows.attrs = {}
        parts.append(rows)
    frame = pd.concat(parts, ignore_index=True)
    first = ["task", "data_source", "architecture", "settings", "metric"]
    return frame[[*first, *frame.columns.difference(first, sort=False)]]


def _write_frames(out: Path, frames: dict[str, pd.DataFrame]) -> list[Path]:
    files = []
    for name, frame in frames.items():
        files.append(write_text(out / f"{name}.csv", frame.to_csv(index=False, lineterminator="\n")))
        flat = frame.copy()
        for column in [name for name, kind in flat.dtypes.items() if kind.kind == "O"]:
            flat[column] = _as_text(flat[column])
        flat.attrs = {}  # what rides along in memory is in the columns here
        scratch = out / f".{name}.parquet"
        flat.to_parquet(scratch, index=False)
        files.append(scratch.replace(out / f"{name}.parquet"))
    return files


def _as_text(column: pd.Series) -> list[str | None]:
    """Mixed values (tuples, words, numbers) as text: a Parquet column has one type."""
    return [None if value is None or value != value else str(value) for value in column]


def _index(chapters: Sequence[Chapter], dials: Sequence[DialChapter], said: str) -> str:
    lines = ["# Report", "", said, "", "[All of it on one page](index.html)"]
    for one in dials:
        slug = one.dial.slug
        lines += ["", f"## {one.dial.title}"]
        lines += [line for question, answer in one.answers for line in ("", f"**{question}** {answer}")]
        lines += ["", *(f"- {table.heading}: {_links(slug, table.name, ('md', 'csv', 'tex'))}" for table in one.tables)]
        lines += [f"- {figure.title}: {_links(slug, figure.name, ('png', 'svg', 'csv'))}" for figure in one.figures]
    for chapter in chapters:
        slug = chapter.comparison.slug
        lines += ["", f"## {chapter.comparison.title}", "", *chapter.verdict, ""]
        lines += [f"- {name}: {_links(slug, name, ('md', 'csv', 'tex'))}" for name in chapter.sheets]
        lines += [f"- {figure.title}: {_links(slug, figure.name, ('png', 'svg', 'csv'))}" for figure in chapter.figures]
        if chapter.figures:
            lines += ["", f"![every seed of {chapter.comparison.title}]({slug}/seeds.png)"]
    return "\n".join(lines) + "\n"


def _links(slug: str, name: str, kinds: Iterable[str]) -> str:
    return ", ".join(f"[{kind.upper()}]({slug}/{name}.{kind})" for kind in kinds)
