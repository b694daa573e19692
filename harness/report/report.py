"""Tables, figures and one page of a results directory, made from its records alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from harness.files import own_folder
from harness.report.chapters import Chapter, Folders, Part, parts_of, write_chapter
from harness.report.files import write_frame, write_text
from harness.report.page import Sections, render_page
from harness.report.questions import Questions, default_baseline
from harness.report.study import Study
from harness.report.text import mark
from harness.statistics.by_value import aggregate_by_value
from harness.statistics.caution import BETTER, EQUIVALENT, WORSE
from harness.statistics.comparison import Comparison
from harness.statistics.dials import Dial
from harness.statistics.summary import aggregate_comparison
from harness.statistics.table import Table
from harness.statistics.together import claims_of
from harness.statistics.verdicts import compare_pairs
from harness.types import UserError
from harness.words import choose_from, file_name

# With more comparisons than this, only the largest of each task, source and architecture is drawn.
_MOST_DRAWN = 12
_MOST_NAMED = 12  # claims that hold for all comparisons at once
_THAN = {BETTER: "is better than", WORSE: "is worse than", EQUIVALENT: "is equivalent to"}


def write_report(
    results_dir: str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    *,
    baseline: str | None = None,
    margin: float | None = None,
    config_dirs: Iterable[Path] = (),
) -> list[Path]:
    """Write one page, and tables and figures of every comparison.

    Each comparison has a folder with its tables (Markdown, CSV, LaTeX), its figures (PNG, SVG) and the data behind them
    (CSV); so has each dial, a setting that takes several values (`statistics.dials`). Where there is one, only the
    comparison that speaks for the task is drawn. `cells`, `comparisons` and `dials` hold all rows as CSV and Parquet.
    The report can be written again at any time; each file is replaced whole, and the same records give the same bytes.

    Args:
        results_dir: where the records are; several folders are taken together.
        out: where the report goes; `None` is `report/` in the results directory.
        baseline: the strategy that the others are compared with; `None` is `channel` where there is one, else `none`.
        margin: a difference too small to matter, in the main metric's unit; `None` is what the cells were run with,
            else the metric's own.
        config_dirs: the user's own config folders, whose `answers/` hold questions of their own.

    Returns:
        The files written, `index.html` and `index.md` first.

    Raises:
        UserError: the directory holds no records, or no comparison has the baseline.
    """
    folders = [Path(results_dir)] if isinstance(results_dir, str | Path) else [Path(one) for one in results_dir]
    study = Study.open(folders, margin=margin) if all(folder.is_dir() for folder in folders) else None
    if study is None or not study.records:
        named = ", ".join(map(str, folders))
        raise UserError(f"expected a directory with records of finished cells. Received: results_dir='{named}'")
    if baseline is not None:
        there = sorted({name for comparison in study.comparisons for name in comparison.strategies})
        if baseline not in there:
            raise UserError(f"baseline: {choose_from(baseline, there)}")
    # Where the user says, be it a link; a link in the results folder is whoever's who made that.
    out = own_folder(Path(out)) if out is not None else own_folder(folders[0], "report")
    return write_pages(study, out, baseline=baseline, config_dirs=config_dirs)


def write_pages(
    study: Study, out: Path, *, baseline: str | None = None, config_dirs: Iterable[Path] = ()
) -> list[Path]:
    """`write_report` of a study that is open already."""
    writer = _Writer(Questions.found(config_dirs), out, baseline)
    few = len(study.comparisons) <= _MOST_DRAWN
    parts = parts_of(study.comparisons)
    sections = [writer.write_part(part, draw_all=few and not part.dials) for part in parts]
    across = writer.write_across([part.leader for part in parts])
    together = _together([writer.pairs_of(comparison) for comparison in study.comparisons])
    page = render_page(study, sections, across, together)
    index = [write_text(out / "index.html", page), write_text(out / "index.md", _index(study, sections, together))]
    frames = {"cells": study.cells.rows, "comparisons": _all_rows(map(_named_summary, study.comparisons))}
    if dials := [dial for part in parts for dial in part.dials]:
        frames["dials"] = _all_rows(map(_named_by_value, dials))
    tables = [file for name, frame in frames.items() for file in write_frame(out, name, frame)]
    return [*index, *tables, *writer.files]


class _Writer:
    """Asks the questions and writes the answers under `out`."""

    def __init__(self, questions: Questions, out: Path, baseline: str | None) -> None:
        self._questions = questions
        self._out = out
        self._baseline = baseline
        self._folders = Folders()
        self.files: list[Path] = []

    def write_part(self, part: Part, *, draw_all: bool) -> Sections:
        """The chapters of a task, source and architecture: its dials, the learning rate first, and comparisons."""
        dials = [self._write(dial) for dial in part.dials]
        chapters = [
            self._write(one, drawn=draw_all or one is part.leader, leads=one is part.leader and not dials)
            for one in part.comparisons
        ]
        return Sections(part, dials, chapters)

    def write_across(self, leaders: Sequence[Comparison]) -> Chapter:
        """The chapter over all tasks."""
        return self._keep(
            write_chapter("Across tasks", self._folders.of("across"), self._questions.across(leaders), self._out)
        )

    def pairs_of(self, comparison: Comparison) -> Table:
        """The verdicts on a comparison's strategies."""
        return compare_pairs(comparison, baseline=self._baseline_of(comparison.strategies))

    def _baseline_of(self, strategies: Sequence[str]) -> str:
        known = self._baseline is not None and self._baseline in strategies
        return str(self._baseline) if known else default_baseline(strategies)

    def _write(self, subject: Comparison | Dial, *, drawn: bool = True, leads: bool = True) -> Chapter:
        answers = self._questions.about(subject, self._baseline_of(subject.strategies), thorough=drawn)
        return self._keep(
            write_chapter(subject.title, self._folders.of(subject.slug), answers, self._out, drawn=drawn, leads=leads)
        )

    def _keep(self, written: tuple[Chapter, list[Path]]) -> Chapter:
        chapter, files = written
        self.files += files
        return chapter


def _named_summary(comparison: Comparison) -> pd.DataFrame:
    return _named(aggregate_comparison(comparison), {})


def _named_by_value(dial: Dial) -> pd.DataFrame:
    return _named(aggregate_by_value(dial), {"dial": dial.name})


def _named(table: Table, also: dict[str, str]) -> pd.DataFrame:
    """A table's rows with what they are of in the first columns."""
    of = table.of
    settings = ", ".join(f"{name}={value}" for name, value in of.settings.items())
    named = {"task": of.task, "data_source": of.data_source, "architecture": of.architecture, "settings": settings}
    named |= {"metric": table.metric, **also}
    return pd.concat([pd.DataFrame(named, index=table.rows.index), table.rows], axis=1)


def _all_rows(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(list(parts), ignore_index=True)


def _together(families: Sequence[Table]) -> str:
    """What may be concluded from all comparisons at once; empty where there is one, whose own verdicts say it."""
    judged = sum(len(table.rows) > 0 for table in families)
    if judged < 2:
        return ""
    claims = claims_of(families)
    begins = (
        f"{judged} comparisons are judged here, each by itself: in up to one of twenty such comparisons some claim is "
        "false."
    )
    if not claims:
        return f"{begins} None of them claims anything."
    holding = [claim for claim in claims if claim.holds]
    said = [f"{begins} Of their {len(claims)} claims {len(holding) or 'none'} hold for all of them at once"]
    if 0 < len(holding) <= _MOST_NAMED:
        named = (
            f"{claim.of}: {mark(claim.strategy)} {_THAN[claim.verdict]} {mark(claim.baseline)}" for claim in holding
        )
        said.append("; ".join(named))
    return ": ".join(said) + "."


def _index(study: Study, sections: Sequence[Sections], together: str) -> str:
    lines = ["# Report", "", study.completeness, "", "[All of it on one page](index.html)"]
    lines += ["", together] if together else []
    dials = [chapter for section in sections for chapter in section.dials]
    for chapter in [*dials, *(chapter for section in sections for chapter in section.chapters)]:
        lines += ["", f"## {chapter.title}"]
        lines += [line for one in chapter.said for line in ("", f"**{one.question}** {one.sentence}")]
        tables = [answer.table for answer in chapter.answers if answer.table is not None]
        lines += [
            "",
            *(f"- {one.heading}: {_links(chapter.slug, file_name(one.name), ('md', 'csv', 'tex'))}" for one in tables),
        ]
        lines += [f"- {one.title}: {_links(chapter.slug, one.name, ('png', 'svg', 'csv'))}" for one in chapter.figures]
        if any(figure.name == "seeds" for figure in chapter.figures):
            lines += ["", f"![every seed of {chapter.title}]({chapter.slug}/seeds.png)"]
    return "\n".join(lines) + "\n"


def _links(slug: str, name: str, kinds: Iterable[str]) -> str:
    return ", ".join(f"[{kind.upper()}]({slug}/{name}.{kind})" for kind in kinds)
