"""Take turns with other contenders: one process each, told over standard input when to go."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any


def serve(turn: Callable[[], dict[str, Any]], **setup: Any) -> None:
    """Run `turn` once for each line of standard input and write what it returns, and before all else `setup`."""
    print(json.dumps(setup), flush=True)
    for _ in sys.stdin:
        print(json.dumps(turn()), flush=True)


def timed(work: Callable[[], Any]) -> float:
    """Seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
