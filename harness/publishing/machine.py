"""The machine that computes, in one line."""

from __future__ import annotations

import os
import platform

from harness.bench.tables import machine_lines
from harness.engines.machine import usable_cores


def describe_machine() -> str:
    """`AMD EPYC, 2 cores, 23 GiB, Debian GNU/Linux 12 (Linux 6.1)`: processor, cores, memory, system."""
    return f"{machine_lines()['processor']}, {usable_cores()} cores, {_memory()}, {_system()}"


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return "memory unknown"
    return f"{size / 2**30:.0f} GiB"


def _system() -> str:
    kernel = f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}"
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {kernel}"
    except (OSError, KeyError):
        return kernel
