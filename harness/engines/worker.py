"""What a worker process does with a cell, whichever engine started it."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cell.cell import Cell
from harness.cell.device import GPU_SHARE, import_tensorflow
from harness.cell.record import record_of
from harness.cell.run import run_cell
from harness.records.locks import lock_cell
from harness.records.store import is_done, write_record, written_record

PARENT_CHECK_SECONDS = 1.0
# TensorFlow keeps some 5 MiB of each program that is built, for as long as the process lives.
GROWN_KIB = 512 * 1024

_first_peak: int | None = None


@dataclass(frozen=True)
class Finished:
    """How a cell ended; `elsewhere` where another process has locked it, so that nothing was done here.

    `worn`: the process has grown so much since its first cell that another had better take its place.
    """

    status: str
    reason: str = ""
    elsewhere: bool = False
    worn: bool = False


def start_worker(parent: int, gpu: str | None, gpu_share: float, memory_gib: float | None) -> None:
    """Make a fresh process a worker, with TensorFlow imported.

    Args:
        parent: process id of the parent, without which the worker stops.
        gpu: the GPU that it may see, as CUDA_VISIBLE_DEVICES names it; None: all or none.
        gpu_share: the part of the GPU's memory that is its own.
        memory_gib: GiB of data that it may allocate; None: no limit.
    """
    # Ctrl-C in a terminal reaches every process of the group; what it means is the parent's to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_stop_with, args=(parent,), daemon=True).start()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
        os.environ[GPU_SHARE] = str(gpu_share)
    if memory_gib is not None:
        limit = int(memory_gib * 2**30)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        import_tensorflow(lean=True)
    except MemoryError:
        # The parent tells of it in one line; a traceback for each worker would hide that.
        os._exit(1)


def warm_up() -> None:
    """What a worker is asked to do so that it starts ahead of its first cell: nothing more."""


def work(cell: Cell, results_dir: Path) -> Finished:
    """Run a cell and write its record, unless another process has it or has just done it."""
    with lock_cell(results_dir, cell.id) as lock:
        if lock is None:
            return Finished("", elsewhere=True)
        record = written_record(results_dir, cell.id)
        if record is None or not is_done(record):
            with output_to(log_path(results_dir, cell.id)):
                checkpoint = results_dir / "checkpoints" / f"{cell.id}.npz"
                record = run_cell(cell, on_epoch=lock.report_epoch, checkpoint_path=checkpoint)
                if record["traceback"]:
                    print(record["traceback"], file=sys.stderr)
            write_record(results_dir, record)
            checkpoint.unlink(missing_ok=True)
        return Finished(record["status"], record["reason"], worn=_is_worn())


def _is_worn() -> bool:
    global _first_peak  # a process's own memory, as the memory that it tells about
    unit = 1024 if sys.platform == "darwin" else 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit
    _first_peak = peak if _first_peak is None else _first_peak
    return peak - _first_peak > GROWN_KIB


def give_up(cell: Cell, results_dir: Path, *, status: str, reason: str) -> dict[str, Any] | None:
    """Record a cell whose worker could not: it died, or was stopped for taking too long.

    Returns the record that stands, which is another's where one has finished the cell; None, and nothing is
    written, where a process still holds the cell's lock.
    """
    with lock_cell(results_dir, cell.id) as lock:
        if lock is None:
            return None
        record = written_record(results_dir, cell.id)
        if record is None or not is_done(record):
            record = record_of(cell, {"status": status, "reason": reason})
            write_record(results_dir, record)
        return record


def log_path(results_dir: Path, cell_id: str) -> Path:
    """Where a cell's log lies, if it printed anything."""
    return results_dir / "logs" / f"{cell_id}.log"


@contextmanager
def output_to(path: Path) -> Iterator[None]:
    """Send what this process prints, its C++ libraries included, to a file that is removed if it stays empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.dup2(file, 1)
        os.dup2(file, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        for handle in (*kept, file):
            os.close(handle)
        if path.exists() and not path.stat().st_size:
            path.unlink()


def _stop_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    # The parent is gone and nobody will take the result: no clean-up could matter more than stopping now.
    os._exit(1)
