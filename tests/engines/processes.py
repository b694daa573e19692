"""Which processes there are and who started them, as Linux tells it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def parent_of(pid: int) -> int:
    # The command's name, in brackets, may hold spaces.
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def descendants(pid: int) -> set[int]:
    """The process ids of all children of a process and of theirs."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            children.setdefault(parent_of(int(path.name)), []).append(int(path.name))
        except (OSError, ValueError):
            continue  # it has just ended
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        new = children.get(waiting.pop(), [])
        found.update(new)
        waiting.extend(new)
    return found


def alive(pids: set[int]) -> set[int]:
    """Those of the processes that still run."""
    return {pid for pid in pids if _state(pid) not in ("", "Z")}


def wait_until(condition: Callable[[], object], *, seconds: float = 180) -> None:
    """Wait for something to become true; the limit only keeps a broken test from waiting for ever."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
