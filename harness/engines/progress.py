"""What is seen while cells run: how many are done, what each worker is at, how long it will take."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from harness.cell.cell import Cell
from harness.engines import Engine, Event
from harness.words import describe_seconds, visible

PLAIN_EVERY_SECONDS = 30.0


class RunProgress:
    """Shows an engine's events: a live view where there is a terminal, else a plain line now and then."""

    def __init__(self, console: Console, cells: list[Cell], engine: Engine) -> None:
        self._console = console
        self._engine = engine
        self._total = len(cells)
        self._statuses: Counter[str] = Counter()
        self._at_work: dict[int, str] = {}
        self._began = self._last_plain = time.monotonic()
        self._ended: list[float] = []  # seconds after the start at which cells ended
        self._bar = Progress(
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("cells{task.fields[failures]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
        )
        self._task = self._bar.add_task("", total=self._total, left="starting", failures="")
        self._live = Live(console=console, get_renderable=self._view, refresh_per_second=4, transient=True)

    def __enter__(self) -> RunProgress:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Take one event of an engine."""
        name = "-".join(event.cell.id.split("-")[:-1])
        if event.kind in ("started", "epoch"):
            epochs = event.cell.config["train"]["epochs"]
            self._at_work[event.worker] = f"{name}  epoch {min(event.epoch + 1, epochs)} of {epochs}"
        elif event.kind == "retried":
            self._at_work.pop(event.worker, None)
            self._say("tried again", f" {name}: {event.reason}")
        else:
            self._at_work.pop(event.worker, None)
            self._statuses[event.status] += 1
            self._ended.append(time.monotonic() - self._began)
            if event.status != "ok":
                self._say(event.status, f" {name}: {event.reason}")
            self._plain_line()
        others = [f"{count} {status}" for status, count in self._statuses.items() if status != "ok"]
        self._bar.update(
            self._task,
            completed=self._done,
            left=self._time_left(),
            failures=f" ({', '.join(others)})" if others else "",
        )

    @property
    def _done(self) -> int:
        return sum(self._statuses.values())

    def _view(self) -> Group:
        lines = [
            Text(f"  worker {number + 1}: {visible(what)}", style="dim")
            for number, what in sorted(self._at_work.items())
        ]
        return Group(self._bar, *lines)

    def _time_left(self) -> str:
        seconds = seconds_left(self._ended, self._total, self._engine.workers)
        return "" if seconds is None else f"about {describe_seconds(seconds)} left"

    def _say(self, marked: str, text: str = "") -> None:
        self._console.print(Text.assemble((marked, "yellow" if text else ""), visible(text)), soft_wrap=True)

    def _plain_line(self) -> None:
        now = time.monotonic()
        over = self._done == self._total
        if self._console.is_terminal or (now - self._last_plain < PLAIN_EVERY_SECONDS and not over):
            return
        self._last_plain = now
        after = describe_seconds(now - self._began)
        self._say(f"{self._done}/{self._total} cells after {after} {self._time_left()}".rstrip())


def seconds_left(ended: Sequence[float], total: int, workers: int) -> float | None:
    """How long the cells that are left will take; None where there is no basis, or nothing left.

    By the pace since each worker has ended its first cell, which also paid for starting it and for tracing its graphs.

    Args:
        ended: seconds after the start at which cells ended, in order.
        total: how many cells there are.
        workers: how many run at once.
    """
    left = total - len(ended)
    warm = min(workers, total)
    if not left or len(ended) <= warm:
        return None
    return (ended[-1] - ended[warm - 1]) / (len(ended) - warm) * left
