"""Warm worker processes on Ray: on this machine, or on all nodes of a cluster.

Each worker is an actor, so that it stays warm, also with a share of a GPU, keeps its graphs for the cells that
share them, and takes TensorFlow's set-up once. Retries are ours and not Ray's, as with every engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.cell.cell import Cell
from harness.engines import Event
from harness.engines.dispatch import Assignment, Dispatch, Setup, setup_of
from harness.engines.machine import out_of_memory_kills, usable_cores
from harness.engines.options import check_options
from harness.engines.ray_cluster import Cluster, fitting_workers
from harness.engines.ray_worker import Slot, cause_of, last_line
from harness.engines.worker import log_path
from harness.types import Site, TaskSpec, UserError

POLL_SECONDS = 0.25
STARTS_BEFORE_GIVING_UP = 3
# What C++ and the kernel's limits leave in a cell's log when memory ends.
OUT_OF_MEMORY_WORDS = ("bad_alloc", "out of memory", "cannot allocate memory")


@dataclass
class RayEngine:
    """Workers on Ray.

    Attributes:
        address: `local`: a Ray on this machine, started for this run; `auto`: the cluster that this machine belongs
            to; else `host:port` of a cluster's head.
        workers: how many; `auto`: as many as fit into the cluster as it is when the run begins.
        timeout: seconds that a cell may take before it is stopped and recorded as `timeout`; None: no limit.
        retries: how often a cell whose worker or node died is tried again.
        cells_per_worker: a worker is replaced after so many cells, or when it has grown by half a GiB.
        memory_gib: GiB of data that a worker may allocate; None: no limit.
        workers_per_gpu: workers that share a GPU, each with an equal part of its memory.
        start_timeout: seconds to wait while not one worker could be started; None: for ever.
    """

    address: str = "local"
    workers: Any = "auto"
    timeout: float | None = None
    retries: int = 1
    cells_per_worker: int = 200
    memory_gib: float | None = None
    workers_per_gpu: int = 1
    start_timeout: float | None = 300
    _cluster: Cluster | None = field(default=None, init=False)
    _slots: list[Slot] = field(default_factory=list, init=False)
    _gpu_share: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        check_options(self)

    def __enter__(self) -> RayEngine:
        return self

    def __exit__(self, *exception: object) -> None:
        for slot in self._slots:
            slot.stop()
        self._slots.clear()
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None

    def find_sites(self, config: Mapping[str, Any], spec: TaskSpec) -> Sequence[Site]:
        """The sites of a config's architecture, found by the first worker, which is warm for the cells then."""
        slots = self.slots_for([config])
        for slot in slots:
            if slot.setup != setup_of(config):
                self.start(slot, setup_of(config))
        try:
            slot = next((slot for slot in slots if slot.ready), None) or self._first_started(slots)
            found: Sequence[Site] = self.cluster.ray.get(slot.actor.find_sites.remote(config, spec))
        except self.cluster.ray.exceptions.RayTaskError as error:
            raise cause_of(error) from None
        except self.cluster.ray.exceptions.RayError as error:
            raise UserError(f"engine=ray: a worker died before it had a cell: {last_line(error)}") from error
        return found

    def _first_started(self, slots: Sequence[Slot]) -> Slot:
        started, _ = self.cluster.ray.wait([slot.pending for slot in slots], timeout=self.start_timeout)
        if not started:
            raise self.no_worker()
        slot = next(slot for slot in slots if slot.pending == started[0])
        self.cluster.ray.get(slot.pending)
        slot.ready, slot.pending = True, None
        return slot

    def run(self, cells: Sequence[Cell], *, results_dir: Path, on_event: Callable[[Event], None]) -> None:
        """Run the cells; each leaves one record, also where its worker or node dies or is stopped.

        Raises:
            UserError: results can no longer be written, or no worker can be had.
        """
        slots = self.slots_for([cell.config for cell in cells])
        # Workers are elsewhere, but the folder is the same for all.
        dispatch = Dispatch(cells, results_dir=results_dir.resolve(), on_event=on_event, retries=self.retries)
        _Run(self, slots, dispatch).to_the_end()

    @property
    def cluster(self) -> Cluster:
        """The Ray that workers run on."""
        assert self._cluster is not None
        return self._cluster

    def slots_for(self, configs: Sequence[Mapping[str, Any]]) -> list[Slot]:
        """The slots, made when cells are first known: their threads and device say how many fit."""
        if not self._slots:
            threads = max(config["train"]["threads"] for config in configs)
            devices = {str(config["train"]["device"]) for config in configs}
            wanted = 1 if self.workers == "auto" else int(self.workers)
            self._cluster = Cluster(self.address, least_cpus=wanted * threads, local_cpus=usable_cores())
            fitting, self._gpu_share = fitting_workers(
                self._cluster.resources(), threads=threads, devices=devices, workers_per_gpu=self.workers_per_gpu
            )
            self.workers = fitting if self.workers == "auto" else wanted
            self._slots = [Slot(self.cluster.ray, number) for number in range(self.workers)]
        return self._slots

    def start(self, slot: Slot, setup: Setup) -> None:
        """Have a slot's worker started anew, with this engine's options."""
        slot.start(setup, gpu_share=self._gpu_share, memory_gib=self.memory_gib)

    def no_worker(self) -> UserError:
        """What to raise where not one worker gets a place."""
        nodes = "; ".join(
            ", ".join(f"{node.get(kind, 0):g} {kind}s" for kind in ("CPU", "GPU")) for node in self.cluster.resources()
        )
        return UserError(
            f"engine=ray: expected a place for a worker within engine.start_timeout={self.start_timeout} seconds "
            f"(ray status says what is taken). Received: nodes with {nodes or 'nothing'}"
        )


class _Run:
    """One grid on its way through the slots of an engine."""

    def __init__(self, engine: RayEngine, slots: list[Slot], dispatch: Dispatch) -> None:
        self._engine = engine
        self._ray = engine.cluster.ray
        self._slots = slots
        self._dispatch = dispatch
        self._failed_starts = 0
        self._kills_before = out_of_memory_kills()
        self._without_worker_since = time.monotonic()

    def to_the_end(self) -> None:
        """Send cells to idle workers and take what they bring until none is left anywhere."""
        dispatch = self._dispatch
        while dispatch.outstanding or any(slot.work for slot in self._slots):
            for slot in self._slots:
                if slot.pending is None:
                    self._feed(slot)
            by_reference = {slot.pending: slot for slot in self._slots if slot.pending is not None}
            if by_reference:
                ended, _ = self._ray.wait(list(by_reference), timeout=POLL_SECONDS)
                for reference in ended:
                    self._take(by_reference[reference], reference)
            self._watch()
            idle = not any(slot.work for slot in self._slots)
            if dispatch.look_again(idle=idle) and idle:
                time.sleep(POLL_SECONDS)

    def _feed(self, slot: Slot) -> None:
        """Give an idle slot a cell, and its worker that cell or, where it is not set up for it, a new start."""
        if slot.work is None:
            slot.work = self._dispatch.take(slot.number) if self._dispatch.waiting else self._relieve(slot)
        if slot.work is None:
            return
        cell = slot.work.cell
        if not slot.ready or slot.setup != setup_of(cell.config) or slot.cells >= self._engine.cells_per_worker:
            self._engine.start(slot, setup_of(cell.config))
        else:
            slot.send(self._dispatch.results_dir)

    def _relieve(self, idle: Slot) -> Assignment | None:
        """A cell whose worker has not started, for one that has: after a node is lost there may be no place for it."""
        waiting = [slot for slot in self._slots if slot.work is not None and not slot.ready]
        if not idle.ready or not waiting:
            return None
        taken, waiting[0].work = waiting[0].work, None
        assert taken is not None
        taken.worker = idle.number
        return taken

    def _take(self, slot: Slot, reference: Any) -> None:
        errors = self._ray.exceptions
        starting, done = not slot.ready, slot.work
        slot.pending = None
        try:
            value = self._ray.get(reference)
        except errors.RayTaskError as error:
            self._raised(slot, cause_of(error), starting=starting)
        except errors.RayError as error:
            # Unavailable or dead: what cannot be reached must not go on, either.
            slot.stop()
            if starting:
                self._failed_start(error)
            elif done is not None:
                slot.work = None
                status, cause = self._cause_of_death(error, done.cell)
                self._dispatch.died(done, status=status, cause=cause)
        else:
            if starting:
                slot.ready, self._failed_starts = True, 0
            elif done is not None:
                slot.work = None
                self._dispatch.end(done, value)
                if value.worn:
                    slot.stop()

    def _raised(self, slot: Slot, error: BaseException, *, starting: bool) -> None:
        done, slot.work = slot.work, None
        if isinstance(error, UserError):
            raise error
        if starting or done is None:
            raise UserError(f"engine=ray: a worker cannot start: {type(error).__name__}: {error}") from error
        if isinstance(error, OSError):
            raise self._dispatch.unwritable(done, error) from error
        self._dispatch.fail(done, status="error", reason=f"{type(error).__name__}: {error}")

    def _failed_start(self, error: Exception) -> None:
        self._failed_starts += 1
        if self._failed_starts >= STARTS_BEFORE_GIVING_UP:
            raise UserError(f"engine=ray: {self._failed_starts} workers in a row did not start: {last_line(error)}")

    def _watch(self) -> None:
        """Look after cells that run, those that take too long, and a cluster that has no place for us."""
        now = time.monotonic()
        for slot in self._slots:
            if slot.work is None or not slot.ready or slot.pending is None:
                continue
            if self._engine.timeout is not None and now - slot.sent > self._engine.timeout:
                slot.stop()
                late, slot.work = slot.work, None
                reason = f"took longer than engine.timeout={self._engine.timeout:g} seconds"
                self._dispatch.fail(late, status="timeout", reason=reason)
            else:
                self._dispatch.watch(slot.work)
        if any(slot.ready for slot in self._slots) or not any(slot.work for slot in self._slots):
            self._without_worker_since = now
        limit = self._engine.start_timeout
        if limit is not None and now - self._without_worker_since > limit:
            raise self._engine.no_worker()

    def _cause_of_death(self, error: Exception, cell: Cell) -> tuple[str, str]:
        errors = self._ray.exceptions
        kills = out_of_memory_kills()
        if isinstance(error, errors.OutOfMemoryError) or (
            self._engine.address == "local" and kills > self._kills_before
        ):
            self._kills_before = kills
            return "oom", "Ray or the kernel killed the worker for want of memory"
        log = log_path(self._dispatch.results_dir, cell.id)
        if self._engine.memory_gib is not None and log.exists():
            said = log.read_text(encoding="utf-8", errors="replace").lower()
            if any(word in said for word in OUT_OF_MEMORY_WORDS):
                return "oom", f"the worker aborted at its limit of engine.memory_gib={self._engine.memory_gib:g}"
        if isinstance(error, errors.ActorUnavailableError):
            return "error", "the worker's node was lost, or the way to it"
        return "error", "the worker's node died" if "node has died" in str(error) else "the worker died"
