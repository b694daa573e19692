"""What every engine does alike: cells to their workers, deaths counted, one record and one last event a cell."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cell.cell import Cell, structure_key
from harness.engines import Event
from harness.engines.worker import Finished, give_up
from harness.records.locks import epoch_of
from harness.records.store import is_done, written_record
from harness.types import UserError

# What a worker process is set up for, once and for all: device, threads, determinism.
Setup = tuple[Any, ...]


def setup_of(config: Mapping[str, Any]) -> Setup:
    """The part of a cell's config that TensorFlow takes once a process."""
    train = config["train"]
    return (train["device"], train["threads"], train["deterministic"])


@dataclass
class Assignment:
    """A cell at a worker: the group that it was taken from and the last epoch seen of it (-1: not begun)."""

    cell: Cell
    group: Hashable
    worker: int
    epoch: int = -1


class Dispatch:
    """A grid on its way through the workers of an engine.

    Args:
        cells: what is to be run.
        results_dir: where records go.
        on_event: is told of everything that happens to a cell.
        retries: how often a cell whose worker died is tried again.
    """

    def __init__(
        self, cells: Sequence[Cell], *, results_dir: Path, on_event: Callable[[Event], None], retries: int
    ) -> None:
        self.results_dir = results_dir
        self._on_event = on_event
        self._retries = retries
        self._queue = AffinityQueue([(cell, (setup_of(cell.config), structure_key(cell))) for cell in cells])
        self._elsewhere: list[tuple[Cell, Hashable]] = []
        self._failing: list[tuple[Assignment, str, str]] = []
        self._deaths: dict[str, int] = {}

    @property
    def waiting(self) -> int:
        """How many cells wait for a worker of ours."""
        return len(self._queue)

    @property
    def outstanding(self) -> bool:
        """Whether there are cells that neither a worker of ours has nor a record ended."""
        return bool(self._queue or self._elsewhere or self._failing)

    def take(self, worker: int) -> Assignment:
        """The next cell for a worker."""
        cell, group = self._queue.take(worker)
        return Assignment(cell, group, worker)

    def put_back(self, work: Assignment) -> None:
        """Return a cell that its worker has not begun."""
        self._queue.put_back(work.cell, work.group)

    def watch(self, work: Assignment) -> None:
        """Tell of a cell that has begun or ended an epoch since it was last looked at."""
        epoch = epoch_of(self.results_dir, work.cell.id)
        if epoch is not None and epoch != work.epoch:
            first, work.epoch = work.epoch < 0, epoch
            self._on_event(Event("started" if first else "epoch", work.cell, epoch=epoch, worker=work.worker))

    def end(self, work: Assignment, finished: Finished) -> None:
        """Take what `harness.engines.worker.work` returned of a cell."""
        if finished.elsewhere:
            self._elsewhere.append((work.cell, work.group))
        else:
            self._tell(work, finished.status, finished.reason)

    def died(self, work: Assignment, *, status: str, cause: str) -> None:
        """Give a cell whose worker died another try, or record `status` where it has had them all."""
        deaths = self._deaths[work.cell.id] = self._deaths.get(work.cell.id, 0) + 1
        if deaths <= self._retries:
            self._queue.put_back(work.cell, work.group)
            self._on_event(Event("retried", work.cell, status=status, reason=cause, worker=work.worker))
        else:
            self.fail(work, status=status, reason=f"{cause}, {deaths} times" if deaths > 1 else cause)

    def fail(self, work: Assignment, *, status: str, reason: str) -> None:
        """Record a cell that its worker could not, as soon as nothing of that worker holds its lock."""
        try:
            recorded = give_up(work.cell, self.results_dir, status=status, reason=reason)
        except OSError as error:
            raise self.unwritable(work, error) from error
        if recorded is None:
            self._failing.append((work, status, reason))
        else:
            self._tell(work, recorded["status"], recorded["reason"])

    def unwritable(self, work: Assignment, error: OSError) -> UserError:
        """What to raise where a record cannot be written: no other cell would fare better on a full disk."""
        return UserError(
            f"results_dir: the record of {work.cell.id} cannot be written ({error.strerror or error}); what is done "
            f"is kept, and the same command goes on from there. Received: {self.results_dir}"
        )

    def look_again(self, *, idle: bool) -> bool:
        """Look after cells that other processes have; to be called now and then.

        One that another run has is done when its record is there, and ours again when nobody holds it (or, to be
        sure, when our workers are idle). Returns whether any is still waited for.
        """
        failing, self._failing = self._failing, []
        for work, status, reason in failing:
            self.fail(work, status=status, reason=reason)
        waiting, self._elsewhere = self._elsewhere, []
        for cell, group in waiting:
            record = written_record(self.results_dir, cell.id)
            if record is not None and is_done(record):
                self._on_event(Event("finished", cell, status=record["status"], reason=record["reason"]))
            elif idle or epoch_of(self.results_dir, cell.id) is None:
                self._queue.put_back(cell, group)
            else:
                self._elsewhere.append((cell, group))
        return bool(self._elsewhere or self._failing)

    def _tell(self, work: Assignment, status: str, reason: str) -> None:
        self._on_event(Event("finished", work.cell, status=status, reason=reason, worker=work.worker))


class AffinityQueue:
    """Cells in groups; a worker stays with its group while it lasts, then takes the largest that nobody is at.

    Where every group has somebody at work, it helps with the one that has most cells left: building its graphs
    once more costs less than standing idle.
    """

    def __init__(self, cells: Sequence[tuple[Cell, Hashable]]) -> None:
        self._groups: dict[Hashable, deque[Cell]] = {}
        self._workers: dict[int, Hashable] = {}
        for cell, group in cells:
            self._groups.setdefault(group, deque()).append(cell)

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))

    def take(self, worker: int) -> tuple[Cell, Hashable]:
        """The next cell for `worker`, and its group.

        Raises:
            IndexError: there is none left.
        """
        current = self._workers.get(worker)
        if current is None or not self._groups.get(current):
            left = [group for group, cells in self._groups.items() if cells]
            if not left:
                raise IndexError("no cell is left")
            taken = {group for other, group in self._workers.items() if other != worker}
            free = [group for group in left if group not in taken]
            # max() keeps the first of equals, so that groups come in the order of the grid.
            current = max(free or left, key=lambda group: len(self._groups[group]))
            self._workers[worker] = current
        return self._groups[current].popleft(), current

    def put_back(self, cell: Cell, group: Hashable) -> None:
        """Return a cell that could not be finished; it comes last in its group."""
        self._groups.setdefault(group, deque()).append(cell)
