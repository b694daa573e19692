"""Tensors as blocks on paper: the cells that share a statistic have one number and one colour."""

from __future__ import annotations

import math
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from harness.axes.explained import Explanation
from harness.axes.picture import Blocks, number_statistics
from harness.report.canvas import FAINT, INK, ON_LIGHT, plain_style, save_figure
from harness.report.palette import CELLS

_CELL = 0.24  # inches
_LEFT, _TOP, _BOTTOM, _LEAST = 1.0, 1.1, 0.62, 3.6
_COLUMNS = 3


def draw_tensors(tensors: Sequence[tuple[str, Explanation]], suffix: str) -> bytes:
    """The figure as a file's content, `.png` or `.svg`: a panel for each title and explanation."""
    with tempfile.TemporaryDirectory() as folder, plain_style():
        axes = plot_tensors(tensors)
        files = save_figure(axes, Path(folder) / "tensor")
        return next(path for path in files if path.suffix == suffix).read_bytes()


def plot_tensors(tensors: Sequence[tuple[str, Explanation]]) -> Axes:
    """A panel a tensor, at most three beside each other; returns the last one's axes."""
    layouts = [Blocks.of(one.names, one.shape) for _, one in tensors]
    columns = min(_COLUMNS, len(tensors))
    rows = math.ceil(len(tensors) / columns)
    width = max(_LEAST, _LEFT + max(blocks.width for blocks in layouts) * _CELL + 0.2)
    height = _TOP + max(blocks.height for blocks in layouts) * _CELL + _BOTTOM
    figure = Figure(figsize=(columns * width, rows * height))
    FigureCanvasAgg(figure)
    last = None
    for number, ((title, one), blocks) in enumerate(zip(tensors, layouts, strict=True)):
        row, column = divmod(number, columns)
        last = figure.add_axes((column / columns, 1 - (row + 1) / rows, 1 / columns, 1 / rows))
        last.set(xlim=(0, width), ylim=(height, 0))
        last.set_axis_off()
        _panel(last, title, one, blocks, width)
    assert last is not None
    return last


def _panel(ax: Axes, title: str, one: Explanation, blocks: Blocks, width: float) -> None:
    characters = int(width / 0.068)
    lines = [
        *(("bold", INK, line) for line in textwrap.wrap(title, characters)[:2]),
        *(("normal", INK, line) for line in textwrap.wrap(one.sentence, characters + 2)[:3]),
    ]
    for number, (weight, colour, line) in enumerate(lines):
        ax.text(0.1, 0.18 + 0.16 * number, line, fontsize=8, fontweight=weight, color=colour, va="center")
    for middle, lines_above in blocks.heads():
        text = "\n".join(lines_above)
        ax.text(_LEFT + middle * _CELL, _TOP - 0.04, text, fontsize=7, color=FAINT, ha="center", va="bottom")
    for middle, name in blocks.sides():
        ax.text(_LEFT - 0.08, _TOP + middle * _CELL, name, fontsize=7, color=FAINT, ha="right", va="center")
    numbers = number_statistics(one.resolved, blocks.sizes)
    for index, (x, y) in blocks.cells.items():
        number = numbers[index]
        colour = CELLS[(number - 1) % len(CELLS)] if number else "none"
        place = (_LEFT + x * _CELL, _TOP + y * _CELL)
        ax.add_patch(Rectangle(place, _CELL, _CELL, facecolor=colour, edgecolor=FAINT if not number else "white"))
        across, down = place[0] + _CELL / 2, place[1] + _CELL / 2
        ax.text(across, down, str(number or "·"), fontsize=6.5, color=ON_LIGHT, ha="center", va="center")
    r = one.resolved
    samples = "" if r.samples_per_statistic is None else f", m′ = {r.samples_per_statistic:,}"
    below = _TOP + blocks.height * _CELL
    several = "" if r.statistics == 1 else "s"
    kept = f"{r.statistics:,} mean{several} and variance{several}" if one.over_batch else "statistics of each example"
    counted = kept + samples
    ax.text(0.1, below + 0.2, counted if r.kind != "none" else "", fontsize=7.5, color=INK, va="center")
    caption = textwrap.wrap(blocks.caption(), characters + 8)
    ax.text(0.1, below + 0.31, "\n".join(caption), fontsize=6, color=FAINT, va="top")
