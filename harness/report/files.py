"""The files of a report: each is written whole or not at all, under names that stay in its folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from harness import files
from harness.report.answer import Drawing, Shown
from harness.report.canvas import plain_style, save_figure
from harness.report.sheet import to_latex, to_markdown
from harness.words import file_name, visible


def write_text(path: Path, text: str) -> Path:
    """Write `text` whole or not at all, with the control characters in it spelled out: pages are shown, not obeyed."""
    # Not flushed to the disk as records are: a report can be made again, and there are hundreds of files.
    return files.write_text(path, visible(text), synced=False)


def write_table(folder: Path, table: Shown) -> list[Path]:
    """A table as Markdown and LaTeX, and its numbers as CSV."""
    name = file_name(table.name)
    return [
        write_text(folder / f"{name}.csv", to_csv(table.numbers)),
        write_text(folder / f"{name}.md", to_markdown(table.sheet)),
        write_text(folder / f"{name}.tex", to_latex(table.sheet)),
    ]


def write_drawing(drawing: Drawing, folder: Path) -> tuple[list[Path], str]:
    """A figure as PNG and SVG with its data as CSV; returns the files and the SVG's text for a page."""
    pictures, svg = draw_into(folder, drawing.name, drawing.draw)
    return [*pictures, write_text(folder / f"{file_name(drawing.name)}.csv", to_csv(drawing.data()))], svg


def draw_into(folder: Path, name: str, draw: Callable[[], Axes]) -> tuple[list[Path], str]:
    """A figure as PNG and SVG in a folder; returns the files and the SVG's text."""
    files.own_folder(folder)
    with plain_style(), tempfile.TemporaryDirectory(dir=folder, prefix=".") as scratch:
        made = save_figure(draw(), Path(scratch) / file_name(name))
        svg = made[1].read_text(encoding="utf-8")
        return [file.replace(folder / file.name) for file in made], svg


def write_frame(out: Path, name: str, frame: pd.DataFrame) -> list[Path]:
    """A frame as CSV and Parquet, mixed values (tuples, words, numbers) as text: a Parquet column has one type."""
    csv = write_text(out / f"{name}.csv", to_csv(frame))
    flat = frame.copy()
    for column in [name for name, kind in flat.dtypes.items() if kind.kind == "O"]:
        flat[column] = [None if value is None or value != value else str(value) for value in flat[column]]
    path = out / f"{name}.parquet"
    with files.replacing(path, synced=False) as file:
        flat.to_parquet(file, index=False)
    return [csv, path]


def to_csv(numbers: pd.DataFrame) -> str:
    """Numbers in full precision, the same on every system."""
    return str(numbers.to_csv(index=False, lineterminator="\n"))
