"""A tensor as blocks of cells, and which statistic each cell's value goes by. Pure Python; others put it on paper."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.axes.resolved import ResolvedSite

Index = tuple[int, ...]
# How many indexes of an axis are drawn at most: of the batch, along a map's sides, and from map to map.
_EXAMPLES, _SIDE, _SIDE_OF_MANY, _MAPS = 2, 4, 3, 2
GAP = 0.6  # between maps, in sides of a cell


@dataclass(frozen=True)
class Blocks:
    """Where the cells of a batch lie: maps of rows and columns, examples below each other, what else side by side.

    Attributes:
        names: of the axes, the batch the first.
        shape: their sizes, None where one is not fixed.
        rows, columns: the axes that a map has.
        down, right: the axes along which there is one map beside another.
    """

    names: tuple[str, ...]
    shape: tuple[int | None, ...]
    rows: int
    columns: int
    down: tuple[int, ...]
    right: tuple[int, ...]

    @staticmethod
    def of(names: Sequence[str], shape: Sequence[int | None]) -> Blocks:
        """The layout of a tensor of rank 2 to 5: height and width make a map, else the two axes in the middle."""
        rank = len(names)
        if rank == 2:
            return Blocks(tuple(names), tuple(shape), 0, 1, (), ())
        rows, columns = (2, 3) if rank == 5 else (1, 2)
        if {"height", "width"} <= set(names):
            rows, columns = names.index("height"), names.index("width")
        right = tuple(k for k in range(1, rank) if k not in (rows, columns))
        return Blocks(tuple(names), tuple(shape), rows, columns, (0,), right)

    @cached_property
    def sizes(self) -> Index:
        """How many indexes of each axis are drawn."""
        side = _SIDE if len(self.shape) < 5 else _SIDE_OF_MANY
        most = [side if k in (self.rows, self.columns) else _MAPS for k in range(len(self.shape))]
        if len(self.shape) > 2:
            most[0] = _EXAMPLES
        return tuple(limit if size is None else min(size, limit) for size, limit in zip(self.shape, most, strict=True))

    @cached_property
    def cells(self) -> dict[Index, tuple[float, float]]:
        """Left and top of each drawn cell by its index, in sides of a cell."""
        places = {}
        for index in itertools.product(*map(range, self.sizes)):
            x = index[self.columns] + self._which(index, self.right) * (self.sizes[self.columns] + GAP)
            y = index[self.rows] + self._which(index, self.down) * (self.sizes[self.rows] + GAP)
            places[index] = (x, y)
        return places

    @property
    def width(self) -> float:
        """Of all cells together."""
        return max(x for x, _ in self.cells.values()) + 1

    @property
    def height(self) -> float:
        """Of all cells together."""
        return max(y for _, y in self.cells.values()) + 1

    def heads(self) -> list[tuple[float, list[str]]]:
        """What stands above each map (its middle) where there are several side by side, a line an axis: `channel 1`."""
        side = self.sizes[self.columns]
        found = itertools.product(*(range(self.sizes[k]) for k in self.right))
        named = [[f"{self.names[k]} {i + 1}" for k, i in zip(self.right, index, strict=True)] for index in found]
        return [(number * (side + GAP) + side / 2, lines) for number, lines in enumerate(named) if lines]

    def sides(self) -> list[tuple[float, str]]:
        """What stands left of each row of maps (its middle): `example 1`."""
        side = self.sizes[self.rows]
        if not self.down:
            return [(row + 0.5, f"example {row + 1}") for row in range(side)]
        return [(number * (side + GAP) + side / 2, f"example {number + 1}") for number in range(self.sizes[0])]

    def caption(self) -> str:
        """What is drawn of it: `drawn: 2 of 32 examples, rows are height (4 of 28), ...`."""
        parts = [] if self.down == () else [f"batch ({self._part(0)})"]
        parts += [f"down {self.names[self.rows]} ({self._part(self.rows)})"]
        parts += [f"across {self.names[self.columns]} ({self._part(self.columns)})"]
        parts += [f"from map to map {self.names[k]} ({self._part(k)})" for k in self.right]
        return "Drawn: " + ", ".join(parts) + "."

    def _part(self, axis: int) -> str:
        size = self.shape[axis]
        return f"{self.sizes[axis]} of {'any' if size is None else size}"

    def _which(self, index: Index, axes: Sequence[int]) -> int:
        number = 0
        for k in axes:
            number = number * self.sizes[k] + index[k]
        return number


def number_statistics(resolved: ResolvedSite, sizes: Sequence[int]) -> dict[Index, int]:
    """The number (from 1) of the statistic behind each value of a batch, by its index (example, *axes).

    Args:
        resolved: a strategy at a site.
        sizes: how many indexes of each axis are wanted, the batch's among them.
    """
    found: dict[Index, int] = {}
    numbers: dict[Index, int] = {}
    for index in itertools.product(*map(range, sizes)):
        if resolved.kind == "none":
            numbers[index] = 0
            continue
        kept = [index[axis] for axis in resolved.axis]
        if resolved.groups:
            kept[-1] = index[-1] * min(resolved.groups, sizes[-1]) // sizes[-1]
        if resolved.kind == "ghost" and resolved.ghost:
            kept.append(index[0] // resolved.ghost)
        numbers[index] = found.setdefault(tuple(kept), len(found) + 1)
    return numbers
