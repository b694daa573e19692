"""The files of a report: each is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from harness.drawings import Drawing, save_drawing
from harness.reporting.page import Figure
from harness.tables import Sheet, to_latex, to_markdown


def write_text(path: Path, text: str) -> Path:
    """Write `text` whole or not at all: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not flushed to the disk as records are: a report can be made again, and there are hundreds of files.
    scratch = path.with_name(f".{path.name}")
    scratch.write_text(text, encoding="utf-8", newline="\n")
    return scratch.replace(path)


def write_table(folder: Path, name: str, sheet: Sheet, csv: str | None = None) -> list[Path]:
    """A table as Markdown and LaTeX, and its numbers as CSV where `csv` gives them."""
    files = [write_text(folder / f"{name}.csv", csv)] if csv is not None else []
    return [
        *files,
        write_text(folder / f"{name}.md", to_markdown(sheet)),
        write_text(folder / f"{name}.tex", to_latex(sheet)),
    ]


def write_drawing(drawing: Drawing, folder: Path) -> tuple[Figure, list[Path]]:
    """A figure as PNG and SVG with its data as CSV, and what the page shows of it."""
    files, svg = save_drawing(drawing, folder)
    path = f"{folder.name}/{drawing.name}"
    return Figure(drawing.name, drawing.title, drawing.reading, path, svg, drawing.group, drawing.wide), files
