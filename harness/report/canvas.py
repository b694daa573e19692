"""What all figures share: axes of their own, a title that can be read alone, rows of strategies, and saving."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import AutoLocator, MaxNLocator, ScalarFormatter
from numpy.typing import NDArray

from harness.report.marks import carry_marks, note_names
from harness.report.sheet import ARROWS, label_of
from harness.statistics.comparison import Comparison
from harness.types import Quantity
from harness.words import broken

INK = "#1B1E23"
FAINT = "#8A9099"
GRID = "#D9DCE0"
ON_DARK, ON_LIGHT = "#FEFEFE", "#101215"  # upon coloured cells: these stay when a page turns ink and paper around
# What a page's style sheet knows by name, so that a figure turns with light and dark.
_THEMED = {INK: "currentColor", FAINT: "var(--faint)", GRID: "var(--line)", "#ffffff": "var(--paper)"}
ROWS_WRAP = 78  # names of strategies at the left leave a subtitle this many characters
_SAVE: Any = {"svg.hashsalt": "harness", "svg.fonttype": "none"}
# Which backend draws, where windows open and what is warned of is no style.
_NO_STYLE = ("backend", "interactive", "toolbar", "webagg.", "tk.", "date.epoch", "docstring.", "figure.max_open")
_STYLE: Any = {name: value for name, value in mpl.rcParamsDefault.items() if not str(name).startswith(_NO_STYLE)}
_UNDATED = {"Date": None, "Creator": None}
_DPI = 160


@contextmanager
def plain_style() -> Iterator[None]:
    """Inside, matplotlib is as it comes: what a user's matplotlibrc says of fonts and sizes is for the user's figures.

    Some of it is taken when a line or a text is made and some when it is drawn: both belong inside.
    """
    with mpl.rc_context(_STYLE):
        yield


def axes_of(ax: Axes | None, *, width: float = 7.2, height: float = 4.2) -> Axes:
    """`ax`, or the axes of a new figure (inches) that pyplot knows nothing of."""
    if ax is not None:
        return ax
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.subplots()


def dress(ax: Axes, title: str, subtitle: str, *, grid: str = "both", wrap: int = 92) -> None:
    """Title and subtitle (at most `wrap` characters a line) at the left, quiet spines, a grid behind the data."""
    lines = wrapped(subtitle, wrap)
    ax.set_title(title, loc="left", fontsize=11.5, fontweight="bold", color=INK, pad=8 + 12.5 * len(lines))
    ax.annotate(
        "\n".join(lines),
        (0, 1),
        xytext=(0, 6),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=9,
        color=FAINT,
        va="bottom",
        ha="left",
        annotation_clip=False,
    )
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(FAINT)
    ax.tick_params(colors=INK, labelsize=9)
    ax.xaxis.set_tick_params(length=3, width=0.8)
    ax.xaxis.label.set(color=INK, fontsize=9.5)
    ax.yaxis.label.set(color=INK, fontsize=9.5)
    if type(ax.xaxis.get_major_locator()) is AutoLocator:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))  # room for labels of four digits
    for axis in (ax.xaxis, ax.yaxis):
        if type(formatter := axis.get_major_formatter()) is ScalarFormatter:
            formatter.set_useOffset(False)  # a number for all ticks would stand where the title is
            formatter.set_powerlimits((-5, 6))
    ax.grid(visible=True, axis=grid, color=GRID, linewidth=0.7)  # type: ignore[arg-type]
    ax.set_axisbelow(True)


def wrapped(subtitle: str, wrap: int) -> list[str]:
    """A subtitle in lines of at most `wrap` characters, which end between its parts."""
    # Blanks within a part do not break.
    parts = [part.replace(" ", "\xa0") for part in subtitle.split(" · ")]
    lines = textwrap.wrap(" · ".join(parts), wrap, break_long_words=False)
    return [line.replace("\xa0", " ").strip(" ·") for line in lines]


def subtitle_of(comparison: Comparison, *notes: str) -> str:
    """What a figure is of: task, source, architecture, settings, seeds a strategy."""
    counts = comparison.cells.groupby("axis")["seed"].nunique()
    seeds = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    word = "seed" if counts.max() == 1 else "seeds"
    return " · ".join([comparison.title, f"{seeds} {word} a strategy on these data", *notes])


def fill_legend(ax: Axes, *, filled: str, hollow: str) -> None:
    """Say at the right of the axes what filled and hollow marks are."""
    ax.legend(
        handles=[
            Line2D([], [], marker="o", linestyle="none", color=FAINT, markersize=5, label=filled),
            Line2D([], [], marker="o", linestyle="none", color=FAINT, markersize=5, fillstyle="none", label=hollow),
        ],
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        handletextpad=0.2,
    )


def metric_label(column: str, quantity: Quantity) -> str:
    """An axis label: `test rmse (cycles), lower is better ↓`."""
    better = "higher" if quantity.direction == "max" else "lower"
    return f"{label_of(column)}{in_unit(quantity)}, {better} is better {ARROWS[quantity.direction]}"


def in_unit(quantity: Quantity) -> str:
    """` (cycles)`, empty where there is no unit."""
    return f" ({quantity.unit})" if quantity.unit else ""


def strategy_rows(ax: Axes, strategies: Sequence[str]) -> None:
    """One row a strategy, the first at the top, with its name at the left."""
    ax.set_yticks(range(len(strategies)), [broken(name) for name in strategies])
    ax.set_ylim(len(strategies) - 0.5, -0.5)
    ax.yaxis.set_tick_params(length=0)
    ax.spines["left"].set_visible(False)


def rows_height(strategies: int) -> float:
    """Inches that a figure with so many rows of strategies needs."""
    return 1.5 + 0.52 * max(strategies, 2)


def seed_offsets(seeds: pd.Series, all_seeds: pd.Series) -> NDArray[np.float64]:
    """Where in its row `(cell,)` a seed's dot lies, in rows: the same seed at the same height in every row.

    None of several lies in the middle, under the mark of the mean.
    """
    order = np.unique(all_seeds)
    spread = 0.26 if len(order) > 1 else 0.0
    heights = np.linspace(-spread, spread, len(order) + len(order) % 2)[: len(order)]
    return np.asarray(np.interp(seeds, order, heights))


def save_figure(ax: Axes, path: Path) -> list[Path]:
    """Write the axes' figure as PNG and SVG beside each other; the same figure gives the same bytes."""
    figure = ax.figure
    assert isinstance(figure, Figure)
    files = [path.with_suffix(".png"), path.with_suffix(".svg")]
    canvas, layout, dpi, ground = figure.canvas, figure.get_layout_engine(), figure.dpi, figure.get_facecolor()
    figure.set_facecolor("white")
    note_names(figure)
    # By the canvases themselves: `Figure.savefig` draws everything once more beforehand.
    with plain_style(), mpl.rc_context(_SAVE):
        figure.set_dpi(_DPI)
        FigureCanvasAgg(figure).print_png(str(files[0]), metadata={"Software": None})  # type: ignore[no-untyped-call]
        figure.set_layout_engine("none")  # laid out already, which takes longer than drawing
        figure.set_dpi(72)
        FigureCanvasSVG(figure).print_svg(str(files[1]), metadata=_UNDATED)  # type: ignore[no-untyped-call]
    files[1].write_text(carry_marks(files[1].read_text(encoding="utf-8")), encoding="utf-8")
    figure.set_layout_engine(layout)
    figure.set_dpi(dpi)
    figure.set_facecolor(ground)
    figure.set_canvas(canvas)
    return files


def say_empty(ax: Axes, text: str) -> None:
    """Say in the middle of the axes why there is nothing to see."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=FAINT, fontsize=10)


def inline_svg(svg: str, prefix: str, label: str) -> str:
    """An SVG file's text as an element of a page: it fills its width, turns with the theme, and shares no ids."""
    svg = svg[svg.index("<svg") :]
    head, _, body = svg.partition(">")
    box = re.search(r'viewBox="[^"]*"', head)
    assert box is not None
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    for colour, name in _THEMED.items():
        body = body.replace(colour.lower(), name)
    # matplotlib's groups have ids that nobody refers to; those that are referred to must differ between figures.
    used = set(re.findall(r"(?:url\(#|href=\"#)([^\")]+)", body))
    body = re.sub(r' id="([^"]+)"', lambda m: f' id="{prefix}-{m[1]}"' if m[1] in used else "", body)
    body = re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}-", body)
    return f'<svg {box[0]} role="img" aria-label="{label}">{body}'
