"""Whether examples fit into memory: estimated before anything is allocated, since a machine may stop dead sooner."""

from __future__ import annotations

import math
import resource
from pathlib import Path

COPIES = 4
"""Times that the examples lie in memory where they are standardised: as loaded, twice in float64, and the result."""
GIB = 2**30


def check_memory(values: float, *, what: str, smaller: str) -> None:
    """Refuse float32 examples of so many values that this process could not have in memory.

    Args:
        values: numbers in all examples together.
        what: the examples, for the message.
        smaller: the options that would make fewer or smaller ones of them.

    Raises:
        MemoryError: they do not fit. It is no `UserError`: another machine may well have the memory.
    """
    needed, available = 4.0 * values * COPIES, available_memory()
    if needed > available:
        raise MemoryError(
            f"{what} take about {needed / GIB:,.2g} GiB to prepare, more than the {available / GIB:.2g} GiB that are "
            f"free here; smaller with {smaller}"
        )


def available_memory() -> float:
    """Bytes that this process may still take, by the machine, its control group and its own limits."""
    return max(0.0, min(_free_of_machine(), _free_of_group(), *map(_free_of_limit, ("AS", "DATA"))))


def _free_of_machine() -> float:
    return _kibibytes(Path("/proc/meminfo"), "MemAvailable") or math.inf


def _free_of_group() -> float:
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = (float((group / name).read_text(encoding="utf-8")) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # no such group, or the word "max"
        return math.inf
    return limit - used


def _free_of_limit(name: str) -> float:
    limit, _ = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))
    used = _kibibytes(Path("/proc/self/status"), {"AS": "VmSize", "DATA": "VmData"}[name])
    return math.inf if limit == resource.RLIM_INFINITY else limit - used


def _kibibytes(path: Path, name: str) -> float:
    """The entry `name: 123 kB` of a file of the kernel in bytes, 0 where there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((1024.0 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0.0)
