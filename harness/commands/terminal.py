"""What is printed, and where to: users' texts as they are, in what characters there are, whatever becomes of stdout."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import shutil
import sys
from typing import Any, TextIO, cast

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.control import Control
from rich.segment import Segment
from rich.text import Text

from harness.words import visible

# For terminals and files that lack the characters of our tables; any other becomes a question mark.
_PLAIN = {
    "·": "-", "×": "x", "′": "'", "–": "-", "—": "-", "−": "-", "…": "...", "±": "+-", "α": "alpha", "≤": "<=",
    "≥": ">=", "→": "->", "“": '"', "”": '"', "‘": "'", "’": "'", "•": "*", "─": "-", "━": "-", "│": "|",
    "╸": "-", "╺": "-", "✓": "yes", "Δ": "d", "σ": "sigma", "μ": "mu", "²": "^2", "½": "1/2", "√": "sqrt ", "ε": "eps",
}  # fmt: skip


class _Shown:
    """A renderable whose texts are printed with their control characters spelled out; colours are not in texts."""

    def __init__(self, renderable: ConsoleRenderable) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


class _Spelling(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [one if isinstance(one, (Control, _Shown)) else _Shown(one) for one in renderables]


class Terminal(Console):
    """A console that takes no text for markup: paths and ids hold brackets, and a stranger's record anything."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)
        self.push_render_hook(_Spelling())

    def render_str(self, text: str, **options: Any) -> Text:
        """A text as it is, control characters spelled out, some of which `Text` would leave out."""
        return super().render_str(visible(text), **options)


def console() -> Console:
    """The terminal; where there is none, as wide as `COLUMNS` says, else 80."""
    plain = Terminal()
    return plain if plain.is_terminal else Terminal(width=shutil.get_terminal_size((80, 24)).columns)


class _Enduring:
    """An output stream that goes on in silence where nobody reads it or it is full: what is computed counts more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or lose it."""
        try:
            return self._stream.write(text)
        except OSError:
            self._give_up()
            return len(text)

    def flush(self) -> None:
        """Flush, or lose it."""
        try:
            self._stream.flush()
        except OSError:
            self._give_up()

    def _give_up(self) -> None:
        # What is left in buffers goes nowhere as well, or Python would fail once more at exit.
        with contextlib.suppress(OSError, io.UnsupportedOperation):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def prepare_streams() -> None:
    """Make stdout and stderr such that printing never fails; to be called once, before anything opens a file."""
    codecs.register_error("harness-plain", _replace)
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # Closed by who started us (`>&-`). The next file opened would take its number, and what C++ prints.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # for as long as the process lives
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="harness-plain")
        setattr(sys, name, cast("TextIO", _Enduring(stream)))


def _replace(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    lost = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in lost), error.end
