"""What a report has of one subject: the answers about it, and their files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.files import own_folder
from harness.report.answer import GROUPS, Answer
from harness.report.files import write_drawing, write_table
from harness.words import file_name


class Folders:
    """Names of folders, none of which is given twice, on no file system."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def of(self, slug: str) -> str:
        """`slug`, or where another subject has it already, with a number behind it."""
        names = itertools.chain([slug], (f"{slug}-{number}" for number in itertools.count(2)))
        name = next(one for one in names if one.casefold() not in self._given)
        self._given.add(name.casefold())
        return name


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
    folder = own_folder(out, slug)
    files = [file for answer in answers if answer.table is not None for file in write_table(folder, answer.table)]
    figures = []
    for figure, written in _draw(answers, folder) if drawn else ():
        figures.append(figure)
        files += written
    return Chapter(title, slug, answers, figures, leads), files


def _draw(answers: Sequence[Answer], folder: Path) -> Iterator[tuple[Figure, list[Path]]]:
    for answer in sorted(answers, key=lambda one: GROUPS.index(one.group)):
        drawing = answer.figure
        if drawing is not None:
            files, svg = write_drawing(drawing, folder)
            reading = " ".join(text for text in (answer.reading, answer.caution) if text)
            name = file_name(drawing.name)
            yield Figure(name, drawing.title, reading, f"{folder.name}/{name}", svg, answer.group, drawing.wide), files
