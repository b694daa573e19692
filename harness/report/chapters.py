"""What a report is divided into, and what it has of one subject: the answers about it, and their files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

from harness.files import own_folder
from harness.report.answer import GROUPS, Answer
from harness.report.files import write_drawing, write_table
from harness.statistics.comparison import Comparison
from harness.statistics.dials import Dial, dials_of
from harness.statistics.own_best import at_value, common_value
from harness.types import UserError
from harness.words import file_name


@dataclass(frozen=True, eq=False)
class Part:
    """The comparisons of one task, data source and architecture.

    Attributes:
        comparisons: all of them.
        dials: of each setting that takes several values, the dial with the most cells.
    """

    comparisons: Sequence[Comparison]
    dials: Sequence[Dial]

    @cached_property
    def leader(self) -> Comparison:
        """The one that speaks for its task: at the learning rate that suits all strategies best, else the largest."""
        for dial in self.dials:
            if dial.is_learning_rate and dial.has_validation:
                with suppress(UserError):  # no seed has all rates yet
                    return at_value(dial, common_value(dial))
        return max(self.comparisons, key=lambda one: len(one.cells))


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


def parts_of(found: Sequence[Comparison]) -> list[Part]:
    """Comparisons by task, data source and architecture."""
    groups = groupby(found, key=lambda one: (one.task, one.data_source, one.architecture))
    members = [list(group) for _, group in groups]
    return [Part(one, _most_run(dials_of(one))) for one in members]


def _most_run(dials: Sequence[Dial]) -> list[Dial]:
    """Of the dials of one setting (at several values of another), the one with the most cells; learning rates first."""
    largest: dict[str, Dial] = {}
    for dial in dials:
        if dial.name not in largest or len(dial.whole.cells) > len(largest[dial.name].whole.cells):
            largest[dial.name] = dial
    return sorted(largest.values(), key=lambda dial: not dial.is_learning_rate)
