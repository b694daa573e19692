"""What a figure of a report is: a name, a title, how to read it, the data behind it; and its files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from harness.figures.canvas import save_figure
from harness.frame import IDENTIFYING


@dataclass(frozen=True)
class Drawing:
    """One figure of a report: `name` is its file's, `reading` says how to read it, `data` is behind it."""

    name: str
    title: str
    reading: str
    draw: Callable[[], Axes]
    data: pd.DataFrame


def numbers_of(cells: pd.DataFrame, *more: str) -> pd.DataFrame:
    """What a figure of cells shows: who they are, the columns `more`, and their metrics."""
    metrics = [column for column in cells if str(column).startswith(("test_", "validation_"))]
    return cells[[*IDENTIFYING, "data_source", *more, *metrics, "stale", "id"]]


def save_drawing(drawing: Drawing, folder: Path) -> tuple[list[Path], str]:
    """Write PNG, SVG and CSV, each whole or not at all; returns the files and the SVG's text for a page."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as scratch:
        made = save_figure(drawing.draw(), Path(scratch) / drawing.name)
        svg = made[1].read_text(encoding="utf-8")
        data = Path(scratch) / f"{drawing.name}.csv"
        drawing.data.to_csv(data, index=False, lineterminator="\n")
        return [file.replace(folder / file.name) for file in [*made, data]], svg
