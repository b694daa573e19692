"""How much of the machine other programs used: figures taken beside them are not the machine's."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path


class CpuWatch:
    """Watches the CPU time of the machine and of some processes from now on. Elsewhere than on Linux it sees none."""

    def __init__(self, processes: Sequence[int]) -> None:
        self._processes = processes
        self._started = time.perf_counter()
        self._busy, self._own = _busy_seconds(), self._own_seconds()

    def others(self) -> float:
        """The part of the machine's CPU time since then that neither idled nor went to the processes, from 0 to 1."""
        elapsed = time.perf_counter() - self._started
        taken = (_busy_seconds() - self._busy) - (self._own_seconds() - self._own)
        return min(1.0, max(0.0, taken / (elapsed * (os.cpu_count() or 1))))

    def _own_seconds(self) -> float:
        return sum(map(_process_seconds, self._processes))


def _busy_seconds() -> float:
    """Seconds that all cores together were not idle; what a hypervisor gave to other machines is among them."""
    try:
        fields = Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0].split()[1:9]
    except OSError:
        return 0.0
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen = map(int, fields)
    return (user + nice + system + interrupts + soft_interrupts + stolen) / os.sysconf("SC_CLK_TCK")


def _process_seconds(pid: int) -> float:
    """CPU seconds of a process, all its threads together."""
    try:
        # The name in parentheses may hold spaces.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
