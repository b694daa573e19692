"""What of the test set a model has seen in training, or cannot have: found by hashing, told in the note of the data."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from harness.types import Split, TaskData

LARGEST_PATCH = 16
"""Pixels: what is larger is a picture of its own and no patch of a scene, and not looked through for neighbours."""
MOST_HASHES = 2_000_000
"""Pieces of training windows that are looked through, some seconds' worth; where there are more, nothing is said."""


def find_leaks(data: TaskData, split: Split) -> list[str]:
    """What should be known of a split before its test score is believed, each in words.

    - Test examples that are also training examples, to the bit.
    - Where examples are patches (axes height and width, 16 pixels at the most): test patches of which a training patch
      is the neighbour one pixel away, so that they share most of their pixels.
    - Where they are windows (an axis time): test windows that share half of their steps or more with a training window.
    - Classes that are not on all sides.
    """
    found = []
    train, test = data.x[split.train], data.x[split.test]
    same = int(np.isin(_hashes(test), _hashes(train)).sum())
    if same:
        found.append(f"{same:,} of {len(test):,} test examples are also training examples")
    for kind, overlaps in (("patch", _overlapping_patches), ("window", _overlapping_windows)):
        count = int(overlaps(data.axes, train, test).sum())
        if count:
            plural = f"{kind}{'es' if kind == 'patch' else 's'}"
            found.append(f"{count:,} of {len(test):,} test {plural} overlap a training {kind}")
    return [*found, *_missing_classes(data, split)]


def _hashes(examples: NDArray[np.float32]) -> NDArray[np.int64]:
    """A hash of 64 bits of each example `(example,)`."""
    return np.fromiter((hash(example.tobytes()) for example in examples), np.int64, len(examples))


def _telling(pieces: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which pieces `(piece,)` are not all of one value: an empty margin is like any other."""
    rows = pieces.reshape(len(pieces), -1)
    telling: NDArray[np.bool_] = rows.min(axis=1) < rows.max(axis=1)
    return telling


def _shared(mine: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which pieces `(piece,)` are among the others."""
    return np.isin(_hashes(mine), _hashes(others)) & _telling(mine)


def _overlapping_patches(
    axes: tuple[str, ...], train: NDArray[np.float32], test: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Which test examples `(example,)` are moved by one pixel from a training example."""
    overlap = np.zeros(len(test), bool)
    if not {"height", "width"} <= set(axes):
        return overlap
    places = [axes.index(name) + 1 for name in ("height", "width")]
    if not all(2 <= train.shape[place] <= LARGEST_PATCH for place in places):
        return overlap
    for place in places:
        first, last = (
            [np.delete(part, edge, axis=place) for part in (train, test)] for edge in (train.shape[place] - 1, 0)
        )
        overlap |= _shared(first[1], last[0]) | _shared(last[1], first[0])
    return overlap


def _overlapping_windows(
    axes: tuple[str, ...], train: NDArray[np.float32], test: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Which test examples `(example,)` have their first or last half of steps in common with a training example."""
    overlap = np.zeros(len(test), bool)
    if "time" not in axes:
        return overlap
    train, test = (np.moveaxis(part, axes.index("time") + 1, 1) for part in (train, test))
    steps = test.shape[1]
    half = math.ceil(steps / 2)
    if steps < 4 or len(train) * (steps - half + 1) > MOST_HASHES:
        return overlap
    known = np.unique(np.concatenate([_hashes(train[:, i : i + half]) for i in range(steps - half + 1)]))
    for piece in (test[:, :half], test[:, steps - half :]):
        overlap |= np.isin(_hashes(piece), known) & _telling(piece)
    return overlap


def _missing_classes(data: TaskData, split: Split) -> Iterator[str]:
    """Which classes are not on a side of the split."""
    if data.outputs == 1:
        return
    for name, part in (("training", split.train), ("validation", split.validation), ("test", split.test)):
        missing = np.setdiff1d(data.y, data.y[part])
        if len(missing):
            listed = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
            yield f"no {name} example is of class {listed}"
