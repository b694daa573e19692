"""Cells in chunks as jobs of SLURM: a job runs the local pool on its chunk, and records say what is done.

Deaths of workers, time limits of cells and retries are the local pool's within a job. Here a job that ends
before its cells is noticed, and what it left undone is submitted again.
"""

from __future__ import annotations

import os
import shlex
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.cell.cell import Cell
from harness.engines import Event
from harness.engines.dispatch import Assignment, Dispatch
from harness.engines.environment import worker_environment
from harness.engines.local import LocalEngine
from harness.engines.options import check_options
from harness.engines.slurm_jobs import Jobs
from harness.engines.worker import Finished
from harness.records.locks import lock_cell, locks_dir, read_locks
from harness.records.store import is_done, written_record
from harness.types import Site, TaskSpec

# A job that squeue lists no more may have written records that a shared file system shows only seconds later.
LOOKS_BEFORE_LOST = 3


@dataclass
class SlurmEngine:
    """Jobs of SLURM, each with a local pool of workers.

    Attributes:
        jobs: into how many jobs the cells are divided.
        workers_per_job: cells that run at a time in a job, each on `train.threads` CPUs; GPUs, if any, say it instead.
        partition: where jobs are submitted; None: SLURM's default.
        minutes: time limit of a job.
        job_memory_gib: GiB of memory that a job asks for; None: SLURM's default.
        gpus_per_job: GPUs that a job asks for.
        parameters: what else submitit should tell sbatch: `account`, `qos`, `constraint`, `setup` (shell commands
            before a job's Python), `additional_parameters` (any option of sbatch) ...
        poll_seconds: seconds between two looks at records, locks and squeue.
        timeout: seconds that a cell may take before it is stopped and recorded as `timeout`; None: no limit.
        retries: how often a cell whose worker, and again how often one whose job died is tried once more.
        cells_per_worker: a worker is replaced after so many cells, or when it has grown by half a GiB.
        memory_gib: GiB of data that a worker may allocate; None: no limit.
        workers_per_gpu: workers that share a GPU, each with an equal part of its memory.
    """

    jobs: int = 4
    workers_per_job: int = 1
    partition: str | None = None
    minutes: int = 60
    job_memory_gib: float | None = None
    gpus_per_job: int = 0
    parameters: dict[str, Any] = field(default_factory=dict)
    poll_seconds: float = 2.0
    timeout: float | None = None
    retries: int = 1
    cells_per_worker: int = 200
    memory_gib: float | None = None
    workers_per_gpu: int = 1
    _inspector: LocalEngine | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def workers(self) -> int:
        """Cells that run at a time once all jobs have started."""
        return self.jobs * self.cells_at_a_time

    @property
    def cells_at_a_time(self) -> int:
        """Workers of one job."""
        return self.gpus_per_job * self.workers_per_gpu or self.workers_per_job

    def __enter__(self) -> SlurmEngine:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._inspector is not None:
            self._inspector.__exit__()
            self._inspector = None

    def find_sites(self, config: Mapping[str, Any], spec: TaskSpec) -> Sequence[Site]:
        """The sites of a config's architecture, found by one worker here, on the CPU: a job might wait for hours."""
        if self._inspector is None:
            self._inspector = LocalEngine(workers=1)
        return self._inspector.find_sites({**config, "train": {**config["train"], "device": "cpu"}}, spec)

    def run(self, cells: Sequence[Cell], *, results_dir: Path, on_event: Callable[[Event], None]) -> None:
        """Run the cells; each leaves one record, also where its worker or job dies or is stopped.

        Raises:
            UserError: results can no longer be written, SLURM refuses a job or does not answer.
        """
        self.__exit__()
        results_dir = results_dir.resolve()
        dispatch = Dispatch(cells, results_dir=results_dir, on_event=on_event, retries=self.retries)
        threads = max(cell.config["train"]["threads"] for cell in cells)
        with Jobs(results_dir, self._job_parameters(threads)) as jobs:
            _Run(self, dispatch, jobs).to_the_end()

    def pool_options(self) -> dict[str, Any]:
        """Options of the `LocalEngine` that runs a chunk in a job."""
        own = {name: getattr(self, name) for name in ("timeout", "retries", "cells_per_worker", "memory_gib")}
        return {**own, "workers": self.cells_at_a_time, "workers_per_gpu": self.workers_per_gpu}

    def _job_parameters(self, threads: int) -> dict[str, Any]:
        # A site may hand on no environment to jobs (--export=NONE, a prolog): what matters is said in the script.
        told = [f"export {name}={shlex.quote(value)}" for name, value in worker_environment().items()]
        asked = {
            "job_name": "harness",
            "partition": self.partition,
            "time": self.minutes,
            "mem": None if self.job_memory_gib is None else f"{int(self.job_memory_gib * 1024)}M",
            "cpus_per_task": threads * self.cells_at_a_time,
            "gpus_per_node": self.gpus_per_job or None,
            # One task on one node needs no srun, which since SLURM 22.05 would give it one CPU only.
            "use_srun": False,
            **self.parameters,
            "setup": [*told, *self.parameters.get("setup", [])],
        }
        return {name: value for name, value in asked.items() if value is not None}


def run_chunk(cells: Sequence[Cell], results_dir: Path, pool_options: Mapping[str, Any]) -> None:
    """What a job does: the cells, on a local pool."""
    signal.signal(signal.SIGTERM, _interrupt)
    with LocalEngine(**pool_options) as engine:
        engine.run(cells, results_dir=results_dir, on_event=_print_event)


def _interrupt(signal_number: int, frame: object) -> None:
    # SLURM sends it when a job is cancelled or out of time, and kills half a minute later.
    raise KeyboardInterrupt


def _print_event(event: Event) -> None:
    if event.kind != "epoch":
        print(event.kind, event.cell.id, event.status, event.reason, flush=True)


@dataclass
class _Chunk:
    """A job and the cells of it that have not ended; `records` holds what record each had when it was submitted."""

    job: str
    left: dict[str, Assignment]
    records: Mapping[str, int]
    looks_since_listed: int = 0


class _Run:
    """One grid on its way through jobs."""

    def __init__(self, engine: SlurmEngine, dispatch: Dispatch, jobs: Jobs) -> None:
        self._engine = engine
        self._dispatch = dispatch
        self._jobs = jobs
        self._results_dir = dispatch.results_dir
        self._chunks: list[_Chunk] = []
        # The lines of the progress display that running cells have; which worker of a job has one is not known here.
        self._lines: dict[str, int] = {}

    def to_the_end(self) -> None:
        """Submit, and look until every cell has ended."""
        while self._dispatch.outstanding or self._chunks:
            self._submit()
            time.sleep(self._engine.poll_seconds)
            listed = self._jobs.listed()
            records, locks = _inodes(self._results_dir / "records"), _inodes(locks_dir(self._results_dir))
            for chunk in self._chunks:
                self._take_ended(chunk, records)
                self._watch(chunk, locks)
                if listed is not None:
                    chunk.looks_since_listed = 0 if chunk.job in listed else chunk.looks_since_listed + 1
                if chunk.looks_since_listed >= LOOKS_BEFORE_LOST:
                    self._settle(chunk)
            self._chunks = [chunk for chunk in self._chunks if chunk.left]
            self._dispatch.look_again(idle=not self._chunks)

    def _submit(self) -> None:
        """Divide the waiting cells among as many jobs as there may be more; cells that share graphs stay together."""
        count = max(1, self._engine.jobs - len(self._chunks))
        shares: list[list[Assignment]] = [[] for _ in range(min(count, self._dispatch.waiting))]
        while self._dispatch.waiting:
            for number, share in enumerate(shares):
                if self._dispatch.waiting:
                    share.append(self._dispatch.take(number))
        records = _inodes(self._results_dir / "records") if shares else {}
        for share in shares:
            cells = [work.cell for work in share]
            for name in _inodes(locks_dir(self._results_dir)).keys() & {cell.id for cell in cells}:
                # What a dead process left would be taken for a cell that this job has begun; locking removes it.
                with lock_cell(self._results_dir, name):
                    pass
            job = self._jobs.submit(run_chunk, cells, self._results_dir, self._engine.pool_options())
            known = {cell.id: records.get(f"{cell.id}.json", 0) for cell in cells}
            self._chunks.append(_Chunk(job, {work.cell.id: work for work in share}, known))

    def _take_ended(self, chunk: _Chunk, records: Mapping[str, int]) -> None:
        """End the cells that have another record than when they were submitted."""
        for name in list(chunk.left):
            inode = records.get(f"{name}.json", 0)
            if inode != chunk.records[name] and (record := written_record(self._results_dir, name)) is not None:
                self._end(chunk, name, record)

    def _watch(self, chunk: _Chunk, locks: Mapping[str, int]) -> None:
        for name in chunk.left.keys() & locks.keys():
            taken = set(self._lines.values())
            self._lines.setdefault(name, next(line for line in range(len(taken) + 1) if line not in taken))
            chunk.left[name].worker = self._lines[name]
            self._dispatch.watch(chunk.left[name])

    def _settle(self, chunk: _Chunk) -> None:
        """Deal with what a job that is over left: no job of that number, no lock held, and no record."""
        held = {lock["id"] for lock in read_locks(self._results_dir)}
        for name in list(chunk.left):
            record = written_record(self._results_dir, name)
            if record is not None and is_done(record):
                self._end(chunk, name, record)
        lost = [chunk.left.pop(name) for name in list(chunk.left) if name not in held]
        if not lost:
            return
        self._jobs.keep_log(chunk.job)
        status, cause = self._jobs.end_of(chunk.job)
        # A lock that nobody holds was left by a process that was killed at that cell. Where there is none, the job
        # did not come so far, and any of its cells may be why.
        begun = _inodes(locks_dir(self._results_dir))
        any_begun = any(work.cell.id in begun for work in lost)
        for work in lost:
            self._lines.pop(work.cell.id, None)
            work.epoch = -1
            if work.cell.id in begun or not any_begun:
                self._dispatch.died(work, status=status, cause=cause)
            else:
                self._dispatch.put_back(work)

    def _end(self, chunk: _Chunk, name: str, record: Mapping[str, Any]) -> None:
        self._dispatch.end(chunk.left.pop(name), Finished(record["status"], record["reason"]))
        self._lines.pop(name, None)


def _inodes(folder: Path) -> dict[str, int]:
    """The files of a folder and their inodes, which the listing brings along: a record replaced has another one."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.inode() for entry in entries}
    except FileNotFoundError:
        return {}
