"""The files of a report: each is written whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

from harness.report.answer import Drawing, Shown
from harness.report.canvas import save_figure
from harness.report.sheet import to_latex, to_markdown


def write_text(path: Path, text: str) -> Path:
    """Write `text` whole or not at all: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not flushed to the disk as records are: a report can be made again, and there are hundreds of files.
    scratch = path.with_name(f".{path.name}")
    scratch.write_text(text, encoding="utf-8", newline="\n")
    return scratch.replace(path)


def write_table(folder: Path, table: Shown) -> list[Path]:
    """A table as Markdown and LaTeX, and its numbers as CSV."""
    return [
        write_text(folder / f"{table.name}.csv", to_csv(table.numbers)),
        write_text(folder / f"{table.name}.md", to_markdown(table.sheet)),
        write_text(folder / f"{table.name}.tex", to_latex(table.sheet)),
    ]


def write_drawing(drawing: Drawing, folder: Path) -> tuple[list[Path], str]:
    """A figure as PNG and SVG with its data as CSV; returns the files and the SVG's text for a page."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as scratch:
        made = save_figure(drawing.draw(), Path(scratch) / drawing.name)
        svg = made[1].read_text(encoding="utf-8")
        data = Path(scratch) / f"{drawing.name}.csv"
        data.write_text(to_csv(drawing.data()), encoding="utf-8", newline="\n")
        return [file.replace(folder / file.name) for file in [*made, data]], svg


def write_frame(out: Path, name: str, frame: pd.DataFrame) -> list[Path]:
    """A frame as CSV and Parquet, mixed values (tuples, words, numbers) as text: a Parquet column has one type."""
    csv = write_text(out / f"{name}.csv", to_csv(frame))
    flat = frame.copy()
    for column in [name for name, kind in flat.dtypes.items() if kind.kind == "O"]:
        flat[column] = [None if value is None or value != value else str(value) for value in flat[column]]
    scratch = out / f".{name}.parquet"
    flat.to_parquet(scratch, index=False)
    return [csv, scratch.replace(out / f"{name}.parquet")]


def to_csv(numbers: pd.DataFrame) -> str:
    """Numbers in full precision, the same on every system."""
    return str(numbers.to_csv(index=False, lineterminator="\n"))
