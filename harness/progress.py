"""A live line while cells run: how many are done, which one is at work, how long it will take."""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from harness.engines import Event
from harness.execute import Cell

PLAIN_EVERY_SECONDS = 30.0


class RunProgress:
    """Shows an engine's events: a bar where there is a terminal, else a plain line now and then."""

    def __init__(self, console: Console, cells: list[Cell], *, workers: int = 1) -> None:
        self._console = console
        self._total = len(cells)
        self._workers = workers
        self._left = {cell.id: cell for cell in cells}
        self._seconds: list[float] = []
        self._started: dict[str, float] = {}
        self._began = self._last_plain = time.monotonic()
        self.statuses: Counter[str] = Counter()
        self.problems: list[Event] = []
        self._bar = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("cells"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("[dim]{task.description}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=self._total, left="")

    def __enter__(self) -> RunProgress:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def __call__(self, event: Event) -> None:
        """Take one event of an engine."""
        name = "-".join(event.cell.id.split("-")[:-1])
        if event.kind == "started":
            self._started[event.cell.id] = time.monotonic()
        elif event.kind == "finished":
            self._left.pop(event.cell.id, None)
            self._seconds.append(time.monotonic() - self._started.get(event.cell.id, time.monotonic()))
            self.statuses[event.status] += 1
            if event.status != "ok":
                self.problems.append(event)
                self._bar.console.print(f"[yellow]{event.status}[/] {escape(name)}: {escape(event.reason)}", soft_wrap=True)
            self._plain_line()
        epochs = event.cell.config["train"]["epochs"]
        where = f"{name} epoch {min(event.epoch + 1, epochs)}/{epochs}"
        self._bar.update(
            self._task,
            completed=self._total - len(self._left),
            description=escape(where) if event.kind != "finished" else "",
            left=self._time_left(),
        )

    def _time_left(self) -> str:
        if not self._seconds or not self._left:
            return ""
        # The mean of what has been measured, the first cell's start-up included, is never too hopeful.
        seconds = sum(self._seconds) / len(self._seconds) * len(self._left) / self._workers
        return f"about {describe_seconds(seconds)} left"

    def _plain_line(self) -> None:
        now = time.monotonic()
        if self._console.is_terminal or (now - self._last_plain < PLAIN_EVERY_SECONDS and self._left):
            return
        self._last_plain = now
        done = self._total - len(self._left)
        self._console.print(f"{done}/{self._total} cells after {describe_seconds(now - self._began)} {self._time_left()}".rstrip())


def describe_seconds(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
