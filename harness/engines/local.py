"""Warm worker processes on this machine: each imports TensorFlow once and runs many cells.

Pebble runs them. Every worker is a pool of one, so that a cell can be sent to the worker that has its graphs,
and a worker that dies or is stopped costs its own cell and no other.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

from harness.claims import epoch_of
from harness.engines import Event
from harness.engines.machine import count_gpus, out_of_memory_kills, usable_cores
from harness.engines.schedule import AffinityQueue
from harness.execute import Cell, structure_key_of
from harness.inspection import find_sites
from harness.records import find_record, is_done
from harness.types import Site, TaskSpec, UserError
from harness.worker import Finished, give_up, start_worker, warm_up, work

POLL_SECONDS = 0.25
SIGKILL_EXIT = -9
SIGABRT_EXIT = -6

# What a worker process is set up for, once and for all: device, threads, determinism.
Setup = tuple[Any, ...]


@dataclass
class _Slot:
    """One worker: its process, what that is set up for, and the cell that it is at."""

    number: int
    gpu: int | None
    pool: ProcessPool | None = None
    setup: Setup | None = None
    future: Future[Finished] | None = None
    cell: Cell | None = None
    group: Hashable = None
    epoch: int = -1


@dataclass
class LocalEngine:
    """A pool of worker processes on this machine.

    Attributes:
        workers: how many; `auto`: cores divided by the threads of a cell, or `workers_per_gpu` for each GPU.
        timeout: seconds that a cell may take before it is stopped and recorded as `timeout`; None: no limit.
        retries: how often a cell whose worker died is tried again.
        cells_per_worker: a worker is replaced after so many cells.
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
        for name, least in (("retries", 0), ("cells_per_worker", 1), ("workers_per_gpu", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UserError(f"engine.{name}: expected a whole number of at least {least}. Received: {value}")
        for name in ("timeout", "memory_gib"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0):
                raise UserError(f"engine.{name}: expected a number above 0, or null for no limit. Received: {value}")
        if self.workers != "auto" and (not isinstance(self.workers, int) or self.workers < 1):
            raise UserError(f"engine.workers: expected auto or a whole number of at least 1. Received: {self.workers}")

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *exception: object) -> None:
        for slot in self._slots:
            _stop(slot)
        self._slots.clear()

    def find_sites(self, config: Mapping[str, Any], spec: TaskSpec) -> Sequence[Site]:
        """The sites of a config's architecture, found by the first worker, which is warm for the cells then."""
        slot = self._make_slots([config])[0]
        # The others import TensorFlow meanwhile.
        for other in self._slots:
            self._prepare(other, _setup_of(config)).schedule(warm_up)
        found: Sequence[Site] = self._prepare(slot, _setup_of(config)).schedule(find_sites, args=[config, spec]).result()
        return found

    def run(self, cells: Sequence[Cell], *, results_dir: Path, on_event: Callable[[Event], None]) -> None:
        """Run the cells; each leaves one record, also where its worker dies or is stopped.

        Raises:
            UserError: results can no longer be written.
        """
        run = _Run(self, self._make_slots([cell.config for cell in cells]), cells, results_dir, on_event)
        run.to_the_end()

    def _make_slots(self, configs: Sequence[Mapping[str, Any]]) -> list[_Slot]:
        if not self._slots:
            gpus = 0 if all(config["train"]["device"] == "cpu" for config in configs) else count_gpus()
            threads = max(config["train"]["threads"] for config in configs)
            count = gpus * self.workers_per_gpu if gpus else max(1, usable_cores() // threads)
            count = count if self.workers == "auto" else int(self.workers)
            self._slots = [_Slot(n, n // self.workers_per_gpu % gpus if gpus else None) for n in range(count)]
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


class _Run:
    """One grid on its way through the slots of an engine."""

    def __init__(
        self,
        engine: LocalEngine,
        slots: list[_Slot],
        cells: Sequence[Cell],
        results_dir: Path,
        on_event: Callable[[Event], None],
    ) -> None:
        self._engine = engine
        self._slots = slots
        self._results_dir = results_dir
        self._on_event = on_event
        self._queue = AffinityQueue([(cell, (_setup_of(cell.config), structure_key_of(cell))) for cell in cells])
        self._elsewhere: list[tuple[Cell, Hashable]] = []
        self._deaths: dict[str, int] = {}
        self._kills_before = out_of_memory_kills()

    def to_the_end(self) -> None:
        """Send cells to idle workers and take what they bring until none is left anywhere."""
        while self._queue or self._elsewhere or any(slot.future for slot in self._slots):
            for slot in self._slots:
                if slot.future is None and self._queue:
                    self._send(slot)
            busy = [slot.future for slot in self._slots if slot.future is not None]
            wait(busy, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            for slot in self._slots:
                if slot.future is not None and slot.future.done():
                    self._take(slot)
                elif slot.cell is not None:
                    self._watch(slot, slot.cell)
            self._look_elsewhere(idle=not busy)

    def _send(self, slot: _Slot) -> None:
        slot.cell, slot.group = self._queue.take(slot.number)
        slot.epoch = -1
        pool = self._engine._prepare(slot, _setup_of(slot.cell.config))
        slot.future = pool.schedule(work, args=[slot.cell, self._results_dir], timeout=self._engine.timeout)

    def _watch(self, slot: _Slot, cell: Cell) -> None:
        epoch = epoch_of(self._results_dir, cell.id)
        if epoch is not None and epoch != slot.epoch:
            kind = "started" if slot.epoch < 0 else "epoch"
            slot.epoch = epoch
            self._on_event(Event(kind, cell, epoch=epoch, worker=slot.number))

    def _take(self, slot: _Slot) -> None:
        assert slot.future is not None
        assert slot.cell is not None
        future, cell, group = slot.future, slot.cell, slot.group
        slot.future = slot.cell = None
        try:
            finished = future.result()
        except ProcessExpired as error:
            self._died(slot, cell, group, error)
        except TimeoutError:
            self._fail(slot, cell, "timeout", f"took longer than engine.timeout={self._engine.timeout:g} seconds")
        except OSError as error:
            raise UserError(
                f"results_dir: the record of {cell.id} cannot be written ({error.strerror or error}); what is done "
                f"is kept, and the same command goes on from there. Received: {self._results_dir}"
            ) from error
        else:
            if finished.elsewhere:
                self._elsewhere.append((cell, group))
            else:
                self._finish(slot, cell, finished)

    def _died(self, slot: _Slot, cell: Cell, group: Hashable, error: ProcessExpired) -> None:
        deaths = self._deaths[cell.id] = self._deaths.get(cell.id, 0) + 1
        status, cause = self._cause_of(error)
        if deaths <= self._engine.retries:
            self._queue.put_back(cell, group)
            self._on_event(Event("retried", cell, status=status, reason=cause, worker=slot.number))
        else:
            self._fail(slot, cell, status, f"{cause}, {deaths} times" if deaths > 1 else cause)

    def _cause_of(self, error: ProcessExpired) -> tuple[str, str]:
        kills = out_of_memory_kills()
        code = error.exitcode
        if code == SIGKILL_EXIT and kills > self._kills_before:
            self._kills_before = kills
            return "oom", "the kernel killed the worker for want of memory"
        if code == SIGABRT_EXIT and self._engine.memory_gib is not None:
            return "oom", f"the worker aborted at its limit of engine.memory_gib={self._engine.memory_gib:g}"
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        return "error", f"the worker died ({how})"

    def _fail(self, slot: _Slot, cell: Cell, status: str, reason: str) -> None:
        give_up(cell, self._results_dir, status=status, reason=reason)
        self._finish(slot, cell, Finished(status, reason))

    def _finish(self, slot: _Slot, cell: Cell, finished: Finished) -> None:
        self._on_event(Event("finished", cell, status=finished.status, reason=finished.reason, worker=slot.number))

    def _look_elsewhere(self, *, idle: bool) -> None:
        """Cells that another run has: done when their record is there, ours again when nobody holds them."""
        waiting, self._elsewhere = self._elsewhere, []
        for cell, group in waiting:
            record = find_record(self._results_dir, cell.id)
            if is_done(record):
                assert record is not None
                self._on_event(Event("finished", cell, status=record["status"], reason=record["reason"]))
            elif idle or epoch_of(self._results_dir, cell.id) is None:
                self._queue.put_back(cell, group)
            else:
                self._elsewhere.append((cell, group))
        if self._elsewhere and idle:
            time.sleep(POLL_SECONDS)


def _setup_of(config: Mapping[str, Any]) -> Setup:
    train = config["train"]
    return (train["device"], train["threads"], train["deterministic"])


def _stop(slot: _Slot) -> None:
    if slot.pool is not None:
        slot.pool.stop()
        slot.pool.join(timeout=5)
    slot.pool = slot.setup = slot.future = slot.cell = None
