"""What a report has of one subject: the answers about it, and their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.report.answer import GROUPS, Answer
from harness.report.files import write_drawing, write_table


@dataclass(frozen=True)
class Figure:
    """A figure as a page shows it: `path` without suffix leads to its PNG, SVG and CSV."""

    name: str
    title: str
    reading: str
    path: str
    svg: str
    group: str
    wide: bool


@dataclass(frozen=True)
class Chapter:
    """The answers about a comparison, a dial or all tasks, written into a folder of their own.

    Attributes:
        title: what they are about.
        slug: the folder's name.
        answers: in the order to show them.
        figures: those that were drawn.
        leads: whether its sentences stand among the first on the page.
    """

    title: str
    slug: str
    answers: Sequence[Answer]
    figures: Sequence[Figure]
    leads: bool = True

    @property
    def said(self) -> list[Answer]:
        """The answers that have a sentence."""
        return [answer for answer in self.answers if answer.sentence]


def write_chapter(
    title: str, slug: str, answers: Sequence[Answer], out: Path, *, drawn: bool = True, leads: bool = True
) -> tuple[Chapter, list[Path]]:
    """The tables of answers and, where `drawn`, their figures, in the folder `slug` under `out`; and the files."""
    files = [file for answer in answers if answer.table is not None for file in write_table(out / slug, answer.table)]
    figures = []
    for figure, written in _draw(answers, out / slug) if drawn else ():
        figures.append(figure)
        files += written
    return Chapter(title, slug, answers, figures, leads), files


def _draw(answers: Sequence[Answer], folder: Path) -> Iterator[tuple[Figure, list[Path]]]:
    for answer in sorted(answers, key=lambda one: GROUPS.index(one.group)):
        drawing = answer.figure
        if drawing is not None:
            files, svg = write_drawing(drawing, folder)
            reading = " ".join(text for text in (answer.reading, answer.caution) if text)
            path = f"{folder.name}/{drawing.name}"
            yield Figure(drawing.name, drawing.title, reading, path, svg, answer.group, drawing.wide), files
