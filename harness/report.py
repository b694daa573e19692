"""Tables, figures and one page of a results directory, made from its records alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from harness.comparison import Comparison, comparisons
from harness.drawings import Drawing, across_drawings, drawings_of, save_drawing
from harness.frame import frame_of, history_of
from harness.manifest import read_grids
from harness.page import Across, Chapter, Figure, render_page
from harness.records import read_records
from harness.sentences import better_sentence, completeness_sentence, default_baseline, stability_sentence
from harness.statistics.across import aggregate_across, normalise_scores, performance_profiles
from harness.statistics.divergence import compare_divergence
from harness.statistics.paired import compare_pairs
from harness.statistics.spread import compare_spread
from harness.statistics.summary import aggregate_comparison
from harness.tables import across_sheet, comparison_csv, comparison_sheet, pairs_sheet, to_latex, to_markdown
from harness.types import UserError

# With more comparisons than this, only the largest of each task, source and architecture is drawn.
_MOST_DRAWN = 12


def write_report(results_dir: str | Path, out: str | Path | None = None, *, baseline: str | None = None) -> list[Path]:
    """Write one page, and tables and figures of every comparison.

    Each comparison has a folder with its tables (Markdown, CSV, LaTeX), its figures (PNG, SVG) and the data behind them
    (CSV). `cells` and `comparisons` hold all rows as CSV and Parquet. The report can be written again at any time;
    each file is replaced whole, and the same records give the same bytes.

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
    frame, history = frame_of(records), history_of(records)
    planned = {cell for grid in read_grids(results_dir) for cell in grid.cells}
    missing = sorted(planned - set(frame["id"]))
    found = comparisons(frame)
    groups = [list(group) for _, group in groupby(found, key=lambda one: (one.task, one.data_source, one.architecture))]
    leaders = [max(group, key=lambda one: len(one.frame)) for group in groups]
    chapters, files = [], []
    for group, leader in zip(groups, leaders, strict=True):
        for comparison in group:
            chapter, written = _write_chapter(
                comparison,
                history,
                out,
                baseline,
                leads=comparison is leader,
                drawn=comparison is leader or len(found) <= _MOST_DRAWN,
            )
            chapters.append(chapter)
            files += written
    across, written = _write_across(leaders, out)
    files += written
    said = completeness_sentence(frame, len(missing))
    page = render_page(frame, chapters, across=across, missing=missing, completeness=said)
    index = [_write(out / "index.html", page), _write(out / "index.md", _index(chapters, said))]
    tables = _write_frames(out, {"cells": frame, "comparisons": _all_summaries(chapters)})
    return [*index, *tables, *files]


def epochs_of(comparison: Comparison, history: pd.DataFrame) -> Comparison:
    """The same comparison over epochs: the rows of `history` that belong to its cells."""
    axis_of = comparison.frame.set_index("id")["axis"]
    rows = history[history["id"].isin(axis_of.index)]
    return replace(comparison, frame=rows.assign(axis=rows["id"].map(axis_of)).reset_index(drop=True))


def _write_chapter(
    comparison: Comparison,
    history: pd.DataFrame,
    out: Path,
    baseline: str | None,
    *,
    leads: bool,
    drawn: bool,
) -> tuple[Chapter, list[Path]]:
    """One comparison's tables and, where `drawn`, its figures."""
    strategies = sorted(set(comparison.frame["axis"]))
    base = baseline if baseline is not None and baseline in strategies else default_baseline(strategies)
    summary, pairs = aggregate_comparison(comparison), compare_pairs(comparison, baseline=base)
    sheets = {"comparison": comparison_sheet(summary), "pairs": pairs_sheet(pairs)}
    folder = out / comparison.slug
    files = [_write(folder / "comparison.csv", comparison_csv(summary))]
    files += [_write(folder / "pairs.csv", pairs.to_csv(index=False, lineterminator="\n"))]
    for name, sheet in sheets.items():
        files += [_write(folder / f"{name}.md", to_markdown(sheet)), _write(folder / f"{name}.tex", to_latex(sheet))]
    drawings = drawings_of(comparison, epochs_of(comparison, history), summary, pairs) if drawn else []
    figures = []
    for drawing in drawings:
        figure, written = _write_drawing(drawing, folder, comparison.slug)
        figures.append(figure)
        files += written
    spread, divergence = compare_spread(comparison, baseline=base), compare_divergence(comparison, baseline=base)
    said = (better_sentence(pairs, base), stability_sentence(spread, divergence, base))
    return Chapter(comparison, summary, sheets["comparison"], sheets["pairs"], said, figures, leads), files


def _write_across(leaders: Sequence[Comparison], out: Path) -> tuple[Across, list[Path]]:
    """What can be said over all tasks: a table where there are several, and the figures."""
    folder, sheet, profiles, files = out / "across", None, None, []
    try:
        normalised = normalise_scores(leaders)
    except UserError:
        normalised = None
    if normalised is not None and len(normalised.tasks) > 1 and normalised.scores:
        table, profiles = aggregate_across(normalised), performance_profiles(normalised)
        sheet = across_sheet(table, normalised.tasks, normalised.left_out)
        files.append(_write(folder / "across.csv", table.to_csv(index=False, lineterminator="\n")))
        files += [_write(folder / "across.md", to_markdown(sheet)), _write(folder / "across.tex", to_latex(sheet))]
    figures = []
    for drawing in across_drawings(leaders, profiles):
        figure, written = _write_drawing(drawing, folder, "across")
        figures.append(figure)
        files += written
    return Across(sheet, figures), files


def _write_drawing(drawing: Drawing, folder: Path, slug: str) -> tuple[Figure, list[Path]]:
    files, svg = save_drawing(drawing, folder)
    return Figure(drawing.name, drawing.title, drawing.reading, f"{slug}/{drawing.name}", svg), files


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
        files.append(_write(out / f"{name}.csv", frame.to_csv(index=False, lineterminator="\n")))
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


def _index(chapters: Sequence[Chapter], said: str) -> str:
    lines = ["# Report", "", said, "", "[All of it on one page](index.html)"]
    for chapter in chapters:
        slug = chapter.comparison.slug
        lines += ["", f"## {chapter.comparison.title}", "", *chapter.verdict, ""]
        lines += [f"- {name}: {_links(slug, name, ('md', 'csv', 'tex'))}" for name in ("comparison", "pairs")]
        lines += [f"- {figure.title}: {_links(slug, figure.name, ('png', 'svg', 'csv'))}" for figure in chapter.figures]
        if chapter.figures:
            lines += ["", f"![every seed of {chapter.comparison.title}]({slug}/seeds.png)"]
    return "\n".join(lines) + "\n"


def _links(slug: str, name: str, kinds: Iterable[str]) -> str:
    return ", ".join(f"[{kind.upper()}]({slug}/{name}.{kind})" for kind in kinds)


def _write(path: Path, text: str) -> Path:
    """Write `text` whole or not at all: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not flushed to the disk as records are: a report can be made again, and there are hundreds of files.
    scratch = path.with_name(f".{path.name}")
    scratch.write_text(text, encoding="utf-8", newline="\n")
    return scratch.replace(path)
