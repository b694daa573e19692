"""What a figure of a report is: a name, a title, how to read it, the data behind it; and its files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from harness.figures.canvas import save_figure
from harness.records.frames import IDENTIFYING

# The parts of a comparison's figures, in the order in which they are shown: what decides comes first.
DECIDES, STABILITY = "Which is better", "Stability and inference"
LEARNING, SHIFTS = "How they learn", "Under shifts that nothing was trained on"
TRAINING, COST = "What happened inside while they trained", "What they cost"
GROUPS = (DECIDES, STABILITY, LEARNING, SHIFTS, TRAINING, COST)


@dataclass(frozen=True)
class Drawing:
    """One figure of a report.

    Attributes:
        name: its file's.
        title: its heading.
        reading: how to read it, in a sentence or two.
        draw: makes it, and returns axes of it.
        data: what is behind it.
        group: the part of the comparison that it stands in, one of `GROUPS`.
        wide: whether it has several panels side by side, and takes the width of the page.
    """

    name: str
    title: str
    reading: str
    draw: Callable[[], Axes]
    data: pd.DataFrame
    group: str = DECIDES
    wide: bool = False


def numbers_of(cells: pd.DataFrame, *more: str) -> pd.DataFrame:
    """What a figure of cells shows: who they are, the columns `more`, and their metrics."""
    metrics = [column for column in cells if str(column).startswith(("test_", "validation_"))]
    return cells[[*IDENTIFYING, "data_source", *more, *metrics, "stale", "id"]]


def seen_of(rows: pd.DataFrame) -> pd.DataFrame:
    """What a figure of rows by epoch or step shows: who they are, and what was seen of them, without their settings."""
    seen = rows.columns[rows.columns.tolist().index("id") + 1 :]
    return rows[[*IDENTIFYING, "data_source", "stale", "id", *seen]]


def save_drawing(drawing: Drawing, folder: Path) -> tuple[list[Path], str]:
    """Write PNG, SVG and CSV, each whole or not at all; returns the files and the SVG's text for a page."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as scratch:
        made = save_figure(drawing.draw(), Path(scratch) / drawing.name)
        svg = made[1].read_text(encoding="utf-8")
        data = Path(scratch) / f"{drawing.name}.csv"
        drawing.data.to_csv(data, index=False, lineterminator="\n")
        return [file.replace(folder / file.name) for file in [*made, data]], svg
