"""What a notebook needs: `open_study` for a published study, `ask` for an answer, `show` for anything else."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from PIL import Image

from harness.report.answer import Answer, Drawing
from harness.report.canvas import plain_style
from harness.report.questions import Questions
from harness.report.sheet import Sheet, to_markdown
from harness.report.stamp import Stamp
from harness.report.study import Study
from harness.statistics.comparison import Comparison
from harness.statistics.dials import Dial

__all__ = ["Shown", "Stamp", "Study", "ask", "open_study", "say", "show"]

open_study = Study.open_published
# A figure of 7 inches is then as wide as a notebook's column, and some 30 kB.
_DPI = 96


@dataclass(frozen=True)
class Shown:
    """A cell's outputs, each by its MIME types: Markdown, or a figure together with what its title says.

    The text is the same wherever the cell is executed; a figure's pixels depend on the fonts that are installed.
    """

    outputs: tuple[Mapping[str, Any], ...]

    def __repr__(self) -> str:
        return "\n".join(output["text/plain"] for output in self.outputs)

    def _ipython_display_(self) -> None:
        from IPython import display

        for output in self.outputs:
            display.display(output, raw=True)  # type: ignore[no-untyped-call]


def ask(subject: Comparison | Dial, question: str, baseline: str | None = None, **options: Any) -> Shown:
    """Ask one question of a comparison or dial: sentence, table, figure, how to read them, what not to conclude.

    Args:
        subject: a comparison (`study.where(...)`) or a dial (`study.dial(...)`).
        question: a module of `harness/report/answers/`, such as `better`.
        baseline: the strategy that the others are compared with; `channel` where there is one, unless said.
        options: of that question, such as `metric`.

    Raises:
        UserError: there is no such question about it.
    """
    return show(Questions.found().one(question, subject, baseline, **options))


def say(subject: Comparison | Dial, question: str, baseline: str | None = None, **options: Any) -> str:
    """The sentence of an answer alone; see `ask`."""
    return " ".join(answer.sentence for answer in Questions.found().one(question, subject, baseline, **options))


def show(what: str | Sequence[str] | Sheet | Axes | Sequence[Answer]) -> Shown:
    """Show answers, a sentence, several as a list, a table or a figure (the axes of a `plot_*`)."""
    if isinstance(what, Axes):
        assert isinstance(what.figure, Figure)
        return Shown(({"image/png": _png_of(what.figure), "text/plain": _title_of(what.figure)},))
    if isinstance(what, Sheet):
        return _markdown(to_markdown(what))
    if isinstance(what, str):
        return _markdown(what)
    outputs: list[Mapping[str, Any]] = []
    for one in what:
        if isinstance(one, Answer):
            outputs += _markdown("\n".join(_lines(one))).outputs
            outputs += _drawn(one.figure) if one.figure is not None else ()
    return Shown(tuple(outputs)) if outputs else _markdown("\n".join(f"- {line}" for line in what))


def _drawn(drawing: Drawing) -> tuple[Mapping[str, Any], ...]:
    with plain_style():
        return show(drawing.draw()).outputs


def _markdown(text: str) -> Shown:
    return Shown(({"text/markdown": text, "text/plain": text},))


def _lines(answer: Answer) -> list[str]:
    lines = [answer.sentence, ""] if answer.sentence else []
    lines += [to_markdown(answer.table.sheet)] if answer.table is not None else []
    lines += [f"**How to read it.** {answer.reading}", ""] if answer.reading else []
    return [*lines, *([f"**What not to conclude.** {answer.caution}", ""] if answer.caution else [])]


def _png_of(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    with plain_style(), mpl.rc_context({"savefig.dpi": _DPI}):
        figure.savefig(buffer, format="png", facecolor="white", metadata={"Software": None})
    # Few colours, and half the bytes: notebooks are kept in a repository.
    small = io.BytesIO()
    Image.open(buffer).convert("RGB").quantize(256).save(small, format="png", optimize=True)
    return small.getvalue()


def _title_of(figure: Figure) -> str:
    """Title and subtitle of a figure and what is written beside its rows, one a line."""
    lines = [figure.get_suptitle(), figure.get_supxlabel()]
    for axes in figure.axes:
        notes = [child.get_text() for child in axes.get_children() if isinstance(child, Annotation)]
        lines += [axes.get_title(loc="left"), *notes]
    return "\n".join(line for line in lines if line)
