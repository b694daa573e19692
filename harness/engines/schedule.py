"""In which order cells meet workers: those that share graphs meet the same one."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence

from harness.execute import Cell


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
