"""A worker on Ray: what runs in its process, and the slot that holds it in ours."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cell.cell import Cell
from harness.cell.device import GPU_SHARE
from harness.cell.sites import find_sites
from harness.engines.dispatch import Assignment, Setup
from harness.engines.worker import Finished, start_worker, warm_up, work
from harness.types import Site, TaskSpec, UserError


class RayWorker:
    """What runs in a worker's process: `start` first, then cells."""

    def start(self, directory: str, gpu_share: float, memory_gib: float | None) -> None:
        """Make this process a worker and import TensorFlow.

        Raises:
            UserError: this node does not have the folder of the command.
        """
        try:
            os.chdir(directory)
        except OSError as error:
            raise UserError(
                f"engine=ray: expected every node to have the folder of the command ({error.strerror}). "
                f"Received: {directory}"
            ) from error
        # Ray has chosen the GPU, by CUDA_VISIBLE_DEVICES.
        os.environ[GPU_SHARE] = str(gpu_share or 1.0)
        start_worker(os.getppid(), None, 1.0, memory_gib)
        warm_up()

    def find_sites(self, config: Mapping[str, Any], spec: TaskSpec) -> Sequence[Site]:
        """`harness.cell.sites.find_sites`."""
        return find_sites(config, spec)

    def work(self, cell: Cell, results_dir: Path) -> Finished:
        """`harness.engines.worker.work`."""
        return work(cell, results_dir)


@dataclass
class Slot:
    """A place for one worker: its actor, what that is set up for, and the cell that it has or waits for.

    `pending` is Ray's reference to what the actor is at: starting while `ready` is false, else the cell of `work`,
    which it was sent at `sent` (monotonic seconds). `cells` counts those that it was sent.
    """

    ray: Any
    number: int
    actor: Any = None
    setup: Setup | None = None
    ready: bool = False
    pending: Any = None
    work: Assignment | None = None
    cells: int = 0
    sent: float = 0.0

    def start(self, setup: Setup, *, gpu_share: float, memory_gib: float | None) -> None:
        """Have a worker started anew; `pending` is there when it has."""
        self.stop()
        device, threads, _ = setup
        share = gpu_share if device != "cpu" else 0.0
        # Without restarts and retries of Ray's own: how often a cell is tried is ours to count, as with every engine.
        needs = {"num_cpus": threads, "num_gpus": share, "max_restarts": 0, "max_task_retries": 0}
        self.actor = self.ray.remote(RayWorker).options(**needs).remote()
        self.pending = self.actor.start.remote(str(Path.cwd()), share, memory_gib)
        self.setup = setup

    def send(self, results_dir: Path) -> None:
        """Send the worker the cell of `work`."""
        assert self.work is not None
        self.pending = self.actor.work.remote(self.work.cell, results_dir)
        self.sent = time.monotonic()
        self.cells += 1

    def stop(self) -> None:
        """End the worker's process at once, whatever it is at."""
        if self.actor is not None:
            self.ray.kill(self.actor, no_restart=True)
        self.actor = self.setup = self.pending = None
        self.ready, self.cells = False, 0


def cause_of(error: Exception) -> BaseException:
    """The exception that was raised in a worker, without Ray's wrapping."""
    return getattr(error, "cause", None) or error


def last_line(error: BaseException) -> str:
    """The last line of what an error says: Ray's texts begin with a traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
