"""How a seed divides a pool of examples; each splitter is called with a NumPy generator and returns a `Split`.

Examples of one group (an engine, a spatial block) always end on the same side. The training indices come shuffled, so
that a `limit` of n keeps the first n of what a larger limit keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.types import Split, UserError
from tasks.checks import check_integer

_DRAWS = 200


@dataclass(frozen=True, eq=False)
class FixedTestSplit:
    """An official test set stays as it is; the seed draws validation groups from the other examples.

    Attributes:
        groups: group of each example `(example,)`; one group an example where examples stand alone.
        is_test: which examples are the official test set `(example,)`, bool.
        validation: number of groups to validate on.
        limit: number of training examples to keep, or `None` for all.
    """

    groups: NDArray[np.int64]
    is_test: NDArray[np.bool_]
    validation: int
    limit: int | None = None

    def __call__(self, rng: np.random.Generator) -> Split:
        """Draw the split."""
        rest = rng.permutation(np.flatnonzero(~self.is_test))
        held_out = rng.permutation(np.unique(self.groups[rest]))[: self.validation]
        validates = np.isin(self.groups[rest], held_out)
        return Split(rest[~validates][: self.limit], np.sort(rest[validates]), np.flatnonzero(self.is_test))


@dataclass(frozen=True, eq=False)
class FixedSplit:
    """Who trains, validates and tests is fixed; the seed draws nothing but the order of the training examples.

    Attributes:
        side: of each example `(example,)`: 0 trains, 1 validates, 2 tests.
    """

    side: NDArray[np.int64]

    def __call__(self, rng: np.random.Generator) -> Split:
        """The split, its training examples shuffled."""
        train, validation, test = (np.flatnonzero(self.side == side) for side in range(3))
        return Split(rng.permutation(train), validation, test)


@dataclass(frozen=True, eq=False)
class StratifiedSplit:
    """Examples stand alone; each class is divided in the same proportions.

    Attributes:
        labels: class of each example `(example,)`.
        validation: share of each class to validate on, rounded to whole examples.
        test: share of each class to test on.
        limit: number of training examples to keep, or `None` for all.
    """

    labels: NDArray[np.int64]
    validation: float
    test: float
    limit: int | None = None

    def __call__(self, rng: np.random.Generator) -> Split:
        """Draw the split."""
        train, validation, test = [], [], []
        for label in np.unique(self.labels):
            members = rng.permutation(np.flatnonzero(self.labels == label))
            first, second = np.cumsum(np.rint(len(members) * np.array([self.test, self.validation])).astype(int))
            test.append(members[:first])
            validation.append(members[first:second])
            train.append(members[second:])
        shuffled = rng.permutation(np.concatenate(train))
        return Split(shuffled[: self.limit], np.sort(np.concatenate(validation)), np.sort(np.concatenate(test)))


@dataclass(frozen=True, eq=False)
class GroupSplit:
    """Whole groups go to training, validation or test.

    Attributes:
        groups: group of each example `(example,)`.
        validation: share of the groups to validate on; at least one group.
        test: share of the groups to test on; at least one group.
        labels: class of each example `(example,)`. If given, several assignments of groups are drawn and the first is
            taken in which every class is present on all three sides; where none of 200 is, the one with the fewest
            classes missing (a class that lies in one group alone can only be on one side).
    """

    groups: NDArray[np.int64]
    validation: float
    test: float
    labels: NDArray[np.int64] | None = None

    def __call__(self, rng: np.random.Generator) -> Split:
        """Draw the split."""
        names, of_example = np.unique(self.groups, return_inverse=True)
        side = self._assign(rng, self._classes_by_group(of_example, len(names)))[of_example]
        train = rng.permutation(np.flatnonzero(side == 0))
        return Split(train, np.flatnonzero(side == 1), np.flatnonzero(side == 2))

    def _assign(self, rng: np.random.Generator, present: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Side of each group `(group,)`, of the draws the first with the fewest classes missing."""
        best, fewest = self._draw(rng, len(present)), np.inf
        candidate = best
        for _ in range(_DRAWS):
            missing = sum(int((~present[candidate == side].any(axis=0)).sum()) for side in range(3))
            if missing < fewest:
                best, fewest = candidate, missing
            if fewest == 0:
                break
            candidate = self._draw(rng, len(present))
        return best

    def _draw(self, rng: np.random.Generator, groups: int) -> NDArray[np.int64]:
        """Side of each group `(group,)`: 0 trains, 1 validates, 2 tests."""
        tests, validates = (max(1, round(groups * share)) for share in (self.test, self.validation))
        sides = np.zeros(groups, np.int64)
        sides[:tests] = 2
        sides[tests : tests + validates] = 1
        return rng.permutation(sides)

    def _classes_by_group(self, of_example: NDArray[np.int64], groups: int) -> NDArray[np.bool_]:
        """Which classes each group holds `(group, class)`; no columns without labels, so that nothing is missing."""
        if self.labels is None:
            return np.zeros((groups, 0), bool)
        classes, label = np.unique(self.labels, return_inverse=True)
        present = np.zeros((groups, len(classes)), bool)
        present[of_example, label] = True
        return present


def check_limit(limit: Any, available: int) -> int | None:
    """A number of training examples to keep, or `None` for all `available` ones.

    Raises:
        UserError: it is not a positive whole number, or more than there are.
    """
    if limit is None:
        return None
    if (kept := check_integer("task.data.limit", limit)) > available:
        raise UserError(
            f"task.data.limit must be at most {available}, the number of training examples. Received: limit={kept}"
        )
    return kept
