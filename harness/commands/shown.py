"""What a terminal gets to see: nothing that a stranger's record says is obeyed, and what is no record is told of."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.control import Control
from rich.markup import escape
from rich.segment import Segment

from harness.config.provenance import environment_difference
from harness.records.store import NoRecord
from harness.words import printable

_MOST_SAID = 3


class _Shown:
    """A renderable whose texts are printed with their control characters spelled out; colours are not in texts."""

    def __init__(self, renderable: ConsoleRenderable) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


class _Spelling(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [one if isinstance(one, (Control, _Shown)) else _Shown(one) for one in renderables]


def guarded(console: Console) -> Console:
    """The console, whose every text is shown and not obeyed."""
    console.push_render_hook(_Spelling())
    return console


@contextmanager
def telling_of_no_records(console: Console) -> Iterator[None]:
    """Print what reading says of files that are no records, each line once."""
    told: set[str] = set()

    def tell(message: Warning | str, category: type[Warning], *place: object) -> None:
        if not issubclass(category, NoRecord):
            shown_before(message, category, *place)  # type: ignore[arg-type]
            return
        for line in _new(str(message).splitlines(), told):
            console.print(escape(line), style="yellow", soft_wrap=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", NoRecord)
        shown_before, warnings.showwarning = warnings.showwarning, tell  # type: ignore[assignment]
        yield


def say_environments(records: Iterable[Mapping[str, Any]], console: Console) -> None:
    """Say of records that were made with other environment variables than are set now with which, a line each kind."""
    found = Counter(said for record in records if (said := environment_difference(record)))
    for said, count in found.most_common(_MOST_SAID):
        those = "1 record was" if count == 1 else f"{count:,} records were"
        console.print(escape(f"{those} {said}; stale for that"), style="yellow", soft_wrap=True)
    if (more := len(found) - _MOST_SAID) > 0:
        console.print(f"and others with {more} more kinds of variables", style="yellow")


def _new(lines: Iterable[str], told: set[str]) -> list[str]:
    fresh = [line for line in lines if line not in told]
    told.update(fresh)
    return fresh
