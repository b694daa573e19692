"""What a notebook needs: `show` for tables, figures and sentences, `open_study` for the records behind them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from harness.reference import Stamp, Study, open_study
from harness.tables import Sheet, to_markdown

__all__ = ["Shown", "Stamp", "Study", "open_study", "show"]

# A figure of 7 inches is then as wide as a notebook's column, and some 30 kB.
_DPI = 96


@dataclass(frozen=True)
class Shown:
    """A cell's output: Markdown, or a figure together with what its title says.

    The text is the same wherever the cell is executed; a figure's pixels depend on the fonts that are installed.
    """

    text: str
    png: bytes | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str | None:
        return self.text if self.png is None else None

    def _repr_png_(self) -> bytes | None:
        return self.png


def show(what: str | Sequence[str] | Sheet | Axes) -> Shown:
    """Show a sentence, several as a list, a table (`harness.tables.*_sheet`) or a figure (the axes of a `plot_*`)."""
    if isinstance(what, Axes):
        assert isinstance(what.figure, Figure)
        return Shown(_title_of(what.figure), _png_of(what.figure))
    if isinstance(what, Sheet):
        return Shown(to_markdown(what))
    return Shown(what if isinstance(what, str) else "\n".join(f"- {line}" for line in what))


def _png_of(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    with mpl.rc_context({"savefig.dpi": _DPI}):
        figure.savefig(buffer, format="png", facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def _title_of(figure: Figure) -> str:
    """Title and subtitle of a figure and what is written beside its rows, one a line."""
    lines = [figure.get_suptitle(), figure.get_supxlabel()]
    for axes in figure.axes:
        notes = [child.get_text() for child in axes.get_children() if isinstance(child, Annotation)]
        lines += [axes.get_title(loc="left"), *notes]
    return "\n".join(line for line in lines if line)
