"""What is committed of published studies beside their records: a page each, and one over all of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from harness.files import own_folder
from harness.report.answer import Answer, Shown
from harness.report.chapters import Folders
from harness.report.files import draw_into, to_csv, write_text
from harness.report.questions import Questions, default_baseline
from harness.report.sheet import to_markdown
from harness.report.study import Study, published_studies
from harness.statistics.comparison import Comparison
from harness.statistics.dials import Dial
from harness.words import describe_seconds, file_name

_HEAD = """\
# Reference results

Made by `python -m harness publish`, which rebuilds this folder and the outputs of the notebooks; nothing here is edited
by hand. Each folder holds a study's records (`records.parquet`, read by `harness.load_results` and every verb that
takes `results_dir`), its tables and figures, and a page that shows them. What a verdict means, and what it does not, is
in [docs/statistics.md](../../docs/statistics.md).
"""


def write_pages(reference: Path, study: str) -> Path:
    """Write a published study's tables, figures and page anew, from its records alone; returns the page."""
    folder = reference / study
    found = Study.open_published(folder)
    for kept in ("tables", "figures"):
        shutil.rmtree(own_folder(folder, kept))
    page = folder / "README.md"
    write_text(page, "\n".join(_page(found)))
    return page


def write_readme(reference: Path) -> Path:
    """Write the page over all studies from their records; returns it."""
    studies = [Study.open_published(reference / name) for name in published_studies(reference)]
    page = reference / "README.md"
    write_text(page, "\n".join(_readme(studies)))
    return page


def _readme(studies: Sequence[Study]) -> Iterator[str]:
    yield from (_HEAD, "| study | cells | seeds | diverged | failed | computing | records (sha256) |")
    yield "| :--- | ---: | ---: | ---: | ---: | ---: | :--- |"
    yield from map(_row, studies)
    for study in studies:
        yield from ("", f"## {study.stamp.study}", "", *_made(study))
        yield from (f"- {title}{one.question} {one.sentence}" for title, one in _said(study))
    yield ""


def _row(study: Study) -> str:
    cells, name = study.cells.rows, study.stamp.study
    ends = cells["status"].value_counts()
    failed = int(len(cells) - ends.get("ok", 0) - ends.get("diverged", 0))
    values = (
        f"[{name}]({name}/README.md)",
        f"{len(cells)} of {len(cells) + len(study.missing)}",
        str(cells["seed"].nunique()),
        str(ends.get("diverged", 0)),
        str(failed),
        describe_seconds(float(pd.to_numeric(cells["seconds"]).sum())),
        f"`{study.stamp.digest[:16]}`",
    )
    return f"| {' | '.join(values)} |"


def _said(study: Study) -> Iterator[tuple[str, Answer]]:
    """What a study says: of its dials, and of its comparisons by their titles where these are few."""
    questions = Questions.found()
    yield from (("", answer) for dial in study.dials for answer in _ask(questions, dial) if answer.sentence)
    if study.is_one_by_one:
        for one in study.comparisons:
            yield from ((f"{one.title}: ", answer) for answer in _ask(questions, one) if answer.sentence)


def _ask(questions: Questions, subject: Comparison | Dial, *, thorough: bool = False) -> list[Answer]:
    return questions.about(subject, default_baseline(subject.strategies), thorough=thorough)


def _made(study: Study) -> Iterator[str]:
    yield from (study.stamp.to_markdown(), "")
    yield from (f"Computed on {'; '.join(study.machines) or 'a machine that is not known'}.", "")
    yield from ("Made again by:", "", "```sh", study.command, "```", "")


def _page(study: Study) -> Iterator[str]:
    questions, folders = Questions.found(), Folders()
    yield from (f"# {study.stamp.study}", "", *_made(study))
    for dial in study.dials:
        slug = folders.of(dial.slug)
        yield from _chapter(study.folder, slug, dial, _ask(questions, dial), drawn=True)
    few = study.is_one_by_one
    for comparison in study.comparisons:
        slug = folders.of(comparison.slug)
        yield from _chapter(study.folder, slug, comparison, _ask(questions, comparison, thorough=few), drawn=few)


def _chapter(
    folder: Path, slug: str, subject: Comparison | Dial, answers: Sequence[Answer], *, drawn: bool
) -> Iterator[str]:
    """A subject's sentences with the tables and figures behind them, and links to all columns.

    Of a comparison the tables and figures that lead are shown; of a dial all, since it stands for many comparisons.
    """
    yield from (f"## {subject.title}", "")
    shown = [answer for answer in answers if isinstance(subject, Dial) or answer.leads]
    for answer in answers:
        lines = [answer.sentence, ""] if answer.sentence else []
        lines += [to_markdown(answer.table.sheet)] if answer in shown and answer.table is not None else []
        lines += _draw(folder, slug, answer) if answer in shown and drawn else ()
        yield from (f"### {answer.question}", "", *lines) if lines else ()
    kept = answers if drawn else shown
    links = [_write_table(folder, slug, answer.table) for answer in kept if answer.table is not None]
    yield from (f"All columns: {', '.join(links)}", "")


def _write_table(folder: Path, slug: str, table: Shown) -> str:
    """Write a table's numbers as CSV; returns a link to it."""
    path = write_text(own_folder(folder, "tables", slug) / f"{file_name(table.name)}.csv", to_csv(table.numbers))
    return f"[{path.name}]({path.relative_to(folder)})"


def _draw(folder: Path, slug: str, answer: Answer) -> Iterator[str]:
    """Write an answer's figure as PNG and SVG; yields lines that show the one, link the other, say how to read it."""
    if answer.figure is None:
        return
    files, _ = draw_into(own_folder(folder, "figures", slug), answer.figure.name, answer.figure.draw)
    png, svg = (made.relative_to(folder) for made in files)
    yield from (f"[![{answer.figure.name.replace('-', ' ')}]({png})]({svg})", "")
    yield from (" ".join(text for text in (answer.reading, answer.caution) if text), "")
