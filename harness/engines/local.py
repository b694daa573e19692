"""Warm worker processes on this machine: each imports TensorFlow once and runs many cells.

Pebble runs them. Every worker is a pool of one, so that a cell can be sent to the worker that has its graphs,
and a worker that dies or is stopped costs its own cell and no other.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as FutureTimeout  # not the built-in one before Python 3.11
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

from harness.cell.cell import Cell
from harness.cell.sites import find_sites
from harness.engines import EngineError, Event
from harness.engines.dispatch import Assignment, Dispatch, Setup, setup_of
from harness.engines.machine import out_of_memory_kills, usable_cores, visible_gpus
from harness.engines.options import check_options
from harness.engines.worker import Finished, start_worker, warm_up, work
from harness.types import Site, TaskSpec
from harness.words import first_line

POLL_SECONDS = 0.25
SIGKILL_EXIT = -9
SIGABRT_EXIT = -6


@dataclass
class _Slot:
    """One worker: its process, what that is set up for, and the cell that it is at."""

    number: int
    gpu: str | None
    pool: ProcessPool | None = None
    setup: Setup | None = None
    future: Future[Finished] | None = None
    work: Assignment | None = None


@dataclass
class LocalEngine:
    """A pool of worker processes on this machine.

    Attributes:
        workers: how many; `auto`: cores divided by the threads of a cell, or `workers_per_gpu` for each GPU.
        timeout: seconds that a cell may take before it is stopped and recorded as `timeout`; None: no limit.
        retries: how often a cell whose worker died is tried again.
        cells_per_worker: a worker is replaced after so many cells, or when it has grown by half a GiB.
        memory_gib: GiB of data that a worker may allocate; None: no limit.
        workers_per_gpu: workers that share a GPU, each with an equal part of its memory.
    """

    workers: Any = "auto"
    timeout: float | None = None
    retries: int = 1
    cells_per_worker: int = 200
    memory_gib: float | None = None
    workers_per_gpu: int = 1
    _slots: list[_Slot] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        check_options(self)

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *exception: object) -> None:
        for slot in self._slots:
            _stop(slot)
        self._slots.clear()

    def find_sites(self, config: Mapping[str, Any], spec: TaskSpec) -> Sequence[Site]:
        """The sites of a config's architecture, found by the first worker, which is warm for the cells then."""
        slot = self._make_slots([config])[0]
        try:
            # The others import TensorFlow meanwhile.
            for other in self._slots:
                self._prepare(other, setup_of(config)).schedule(warm_up)
            asked = self._prepare(slot, setup_of(config)).schedule(find_sites, args=[config, spec])
            found: Sequence[Site] = asked.result()
        except (RuntimeError, ProcessExpired, MemoryError) as error:  # as Pebble says that a worker could not start
            how = _how_it_died(error.exitcode) if isinstance(error, ProcessExpired) else first_line(error)
            raise EngineError(f"{self._room()} Received: {type(error).__name__}: {how}") from error
        return found

    def _room(self) -> str:
        if self.memory_gib is None:
            return "expected a worker that imports TensorFlow and builds the model, but it ended before."
        return (
            f"engine.memory_gib={self.memory_gib:g}: expected room to import TensorFlow and build the model, which "
            "takes a GiB or so; a larger one, or null for no limit."
        )

    def run(self, cells: Sequence[Cell], *, results_dir: Path, on_event: Callable[[Event], None]) -> None:
        """Run the cells; each leaves one record, also where its worker dies or is stopped.

        Raises:
            UserError: results can no longer be written.
        """
        slots = self._make_slots([cell.config for cell in cells])
        dispatch = Dispatch(cells, results_dir=results_dir, on_event=on_event, retries=self.retries)
        _Run(self, slots, dispatch).to_the_end()

    def _make_slots(self, configs: Sequence[Mapping[str, Any]]) -> list[_Slot]:
        if not self._slots:
            _check_locks()
            gpus = [] if all(config["train"]["device"] == "cpu" for config in configs) else visible_gpus()
            threads = max(config["train"]["threads"] for config in configs)
            count = len(gpus) * self.workers_per_gpu if gpus else max(1, usable_cores() // threads)
            count = count if self.workers == "auto" else int(self.workers)
            self._slots = [
                _Slot(n, gpus[n // self.workers_per_gpu % len(gpus)] if gpus else None) for n in range(count)
            ]
            self.workers = count
        return self._slots

    def _prepare(self, slot: _Slot, setup: Setup) -> ProcessPool:
        """The slot's pool, started anew where its process is set up for something else."""
        if slot.pool is None or slot.setup != setup:
            _stop(slot)
            share = 1.0 / self.workers_per_gpu
            slot.pool = ProcessPool(
                max_workers=1,
                max_tasks=self.cells_per_worker,
                initializer=start_worker,
                initargs=(os.getpid(), slot.gpu if setup[0] in ("auto", "gpu") else None, share, self.memory_gib),
                # A forked copy of a process with threads, as this one is, may hang.
                context=multiprocessing.get_context("spawn"),
            )
            slot.setup = setup
        return slot.pool


def _check_locks() -> None:
    """Raise `EngineError` where the locks of a pool cannot be had, which Pebble would find out in mid-run."""
    try:
        multiprocessing.get_context("spawn").RLock()
    except OSError as error:
        raise EngineError(
            "expected workers that can be started, which need a little room in /dev/shm; engine=serial does without. "
            f"Received: {error.strerror or error}"
        ) from error


class _Run:
    """One grid on its way through the slots of an engine."""

    def __init__(self, engine: LocalEngine, slots: list[_Slot], dispatch: Dispatch) -> None:
        self._engine = engine
        self._slots = slots
        self._dispatch = dispatch
        self._kills_before = out_of_memory_kills()

    def to_the_end(self) -> None:
        """Send cells to idle workers and take what they bring until none is left anywhere."""
        dispatch = self._dispatch
        while dispatch.outstanding or any(slot.future for slot in self._slots):
            for slot in self._slots:
                if slot.future is None and dispatch.waiting:
                    self._send(slot)
            busy = [slot.future for slot in self._slots if slot.future is not None]
            wait(busy, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            for slot in self._slots:
                if slot.future is not None and slot.future.done():
                    self._take(slot)
                elif slot.work is not None:
                    dispatch.watch(slot.work)
            if dispatch.look_again(idle=not busy) and not busy:
                time.sleep(POLL_SECONDS)

    def _send(self, slot: _Slot) -> None:
        slot.work = self._dispatch.take(slot.number)
        cell = slot.work.cell
        pool = self._engine._prepare(slot, setup_of(cell.config))
        slot.future = pool.schedule(work, args=[cell, self._dispatch.results_dir], timeout=self._engine.timeout)

    def _take(self, slot: _Slot) -> None:
        assert slot.future is not None
        assert slot.work is not None
        future, done = slot.future, slot.work
        slot.future = slot.work = None
        try:
            finished = future.result()
        except ProcessExpired as error:
            status, cause = self._cause_of(error)
            self._dispatch.died(done, status=status, cause=cause)
        except FutureTimeout:
            reason = f"took longer than engine.timeout={self._engine.timeout:g} seconds"
            self._dispatch.fail(done, status="timeout", reason=reason)
        except OSError as error:
            raise self._dispatch.unwritable(done, error) from error
        else:
            self._dispatch.end(done, finished)
            if finished.worn:
                _stop(slot)

    def _cause_of(self, error: ProcessExpired) -> tuple[str, str]:
        kills = out_of_memory_kills()
        code = error.exitcode
        if code == SIGKILL_EXIT and kills > self._kills_before:
            self._kills_before = kills
            return "oom", "the kernel killed the worker for want of memory"
        if code == SIGABRT_EXIT and self._engine.memory_gib is not None:
            return "oom", f"the worker aborted at its limit of engine.memory_gib={self._engine.memory_gib:g}"
        return "error", f"the worker died ({_how_it_died(code)})"


def _how_it_died(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def _stop(slot: _Slot) -> None:
    if slot.pool is not None:
        slot.pool.stop()  # type: ignore[no-untyped-call]
        slot.pool.join(timeout=5)
    slot.pool = slot.setup = slot.future = None
