"""What is said to one question: a sentence, a table, a figure, how to read them and what not to conclude.

The page, a published study's README, a notebook and the terminal show the same answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from harness.records.frames import IDENTIFYING
from harness.report.sheet import Sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The parts of a chapter, in the order in which they are shown: what decides comes first.
DECIDES, STABILITY = "Which is better", "Stability and inference"
LEARNING, SHIFTS = "How they learn", "Under shifts that nothing was trained on"
TRAINING, COST = "What happened inside while they trained", "What they cost"
GROUPS = (DECIDES, STABILITY, LEARNING, SHIFTS, TRAINING, COST)


@dataclass(frozen=True)
class Shown:
    """A table of an answer.

    Attributes:
        name: its files'.
        heading: above it.
        sheet: as people read it.
        numbers: all of them, in full precision.
    """

    name: str
    heading: str
    sheet: Sheet
    numbers: pd.DataFrame


@dataclass(frozen=True)
class Drawing:
    """A figure of an answer.

    Attributes:
        name: its files'.
        title: its heading.
        draw: makes it, and returns axes of it.
        data: makes what is behind it.
        wide: whether it has several panels side by side, and takes the width of a page.
    """

    name: str
    title: str
    draw: Callable[[], Axes]
    data: Callable[[], pd.DataFrame]
    wide: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to one question about a comparison, a dial or all tasks.

    Attributes:
        question: as a heading.
        sentence: what can be said, never stronger than the statistics behind it; strategies' names are marked as
            Markdown marks code. Empty where there are only things to see.
        table: the numbers that the sentence rests on.
        figure: the same as a picture.
        reading: how to read table and figure, in a sentence or two.
        caution: what not to conclude from them.
        group: the part of a chapter that it stands in, one of `GROUPS`.
        place: where in the group; lower ones come first.
        leads: whether a short account of the subject shows its table and figure too.
    """

    question: str
    sentence: str = ""
    table: Shown | None = None
    figure: Drawing | None = None
    reading: str = ""
    caution: str = ""
    group: str = DECIDES
    place: int = 50
    leads: bool = False

    @property
    def opens(self) -> bool:
        """Whether its table is not folded away where there is little room."""
        return self.leads or bool(self.sentence)


def numbers_of(cells: pd.DataFrame, *more: str) -> pd.DataFrame:
    """What a figure of cells shows: who they are, the columns `more`, and their metrics."""
    metrics = [column for column in cells if str(column).startswith(("test_", "validation_"))]
    return cells[[*IDENTIFYING, "data_source", *more, *metrics, "stale", "id"]]


def seen_of(rows: pd.DataFrame) -> pd.DataFrame:
    """What a figure of rows by epoch or step shows: who they are, and what was seen of them, without their settings."""
    seen = rows.columns[rows.columns.tolist().index("id") + 1 :]
    return rows[[*IDENTIFYING, "data_source", "stale", "id", *seen]]
