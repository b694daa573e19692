"""How long the steps of a cell take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Seconds of named steps, and of everything since the clock was made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._steps: dict[str, float] = {}

    @contextmanager
    def during(self, step: str) -> Iterator[None]:
        """Count what happens inside as `step`; one that raises is not counted."""
        started = time.perf_counter()
        yield
        self._steps[step] = time.perf_counter() - started

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Count what happens inside nowhere."""
        started = time.perf_counter()
        yield
        self._started += time.perf_counter() - started

    def read(self) -> dict[str, float]:
        """Step -> seconds, and `total`."""
        return {**self._steps, "total": time.perf_counter() - self._started}
