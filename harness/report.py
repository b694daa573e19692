"""Tables and figures of a results directory, one folder a comparison, and an index that links them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from harness.comparison import Comparison, comparisons
from harness.figures import plot_inference_gap, plot_learning_curves, plot_seed_cloud, save_figure
from harness.frame import frame_of, history_of
from harness.records import read_records
from harness.statistics.summary import aggregate_comparison
from harness.tables import caption_lines, comparison_csv, comparison_latex, comparison_markdown
from harness.types import UserError

TABLES: dict[str, Callable[[pd.DataFrame], str]] = {
    "comparison.md": comparison_markdown,
    "comparison.csv": comparison_csv,
    "comparison.tex": comparison_latex,
}
FIGURES = ("seeds", "learning-curves", "inference-gap")


def write_report(results_dir: str | Path, out: str | Path | None = None) -> list[Path]:
    """Write tables (Markdown, CSV, LaTeX) and figures (PNG, SVG) of every comparison, and `index.md`.

    Made from the records alone, so it can be written again at any time; each file is replaced whole.

    Args:
        results_dir: where the records are.
        out: where the report goes; `None` is `report/` in the results directory.

    Returns:
        The files written, `index.md` first.

    Raises:
        UserError: the directory holds no records.
    """
    records = read_records(Path(results_dir)) if Path(results_dir).is_dir() else []
    if not records:
        raise UserError(f"expected a directory with records of finished cells. Received: results_dir='{results_dir}'")
    out = Path(out) if out is not None else Path(results_dir) / "report"
    frame, history = frame_of(records), history_of(records)
    found = comparisons(frame)
    files = [file for comparison in found for file in _write_comparison(comparison, history, out / comparison.slug)]
    return [_write(out / "index.md", _index(found)), *files]


def epochs_of(comparison: Comparison, history: pd.DataFrame) -> Comparison:
    """The same comparison over epochs: the rows of `history` that belong to its cells."""
    axis_of = comparison.frame.set_index("id")["axis"]
    rows = history[history["id"].isin(axis_of.index)]
    return replace(comparison, frame=rows.assign(axis=rows["id"].map(axis_of)).reset_index(drop=True))


def _write_comparison(comparison: Comparison, history: pd.DataFrame, folder: Path) -> list[Path]:
    summary = aggregate_comparison(comparison)
    files = [_write(folder / name, render(summary)) for name, render in TABLES.items()]
    axes = (
        plot_seed_cloud(comparison),
        plot_learning_curves(epochs_of(comparison, history)),
        plot_inference_gap(comparison),
    )
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        for name, ax in zip(FIGURES, axes, strict=True):
            files += [file.replace(folder / file.name) for file in save_figure(ax, Path(scratch) / name)]
    return files


def _index(found: list[Comparison]) -> str:
    cells = pd.concat([comparison.frame["status"] for comparison in found])
    lines = ["# Report", "", f"{len(cells)} cells: {', '.join(f'{n} {s}' for s, n in cells.value_counts().items())}."]
    for comparison in found:
        summary = aggregate_comparison(comparison)
        lines += ["", f"## {comparison.title}", "", *caption_lines(summary), ""]
        lines += [f"- [{name}]({comparison.slug}/{name})" for name in TABLES]
        lines += [
            f"- {name.replace('-', ' ')}: [PNG]({comparison.slug}/{name}.png), [SVG]({comparison.slug}/{name}.svg)"
            for name in FIGURES
        ]
        lines += ["", f"![every seed of {comparison.title}]({comparison.slug}/seeds.png)"]
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> Path:
    """Write `text` whole or not at all: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent, suffix=path.suffix)
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    Path(scratch).chmod(0o644)
    return Path(scratch).replace(path)
