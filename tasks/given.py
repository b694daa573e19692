"""What a user's own examples come to as a task: their axes, classes or values, and who trains, validates and tests."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.types import Metric, Split, TaskData, UserError
from tasks.checks import check_choice, check_number, list_some
from tasks.metrics import ACCURACY, AVERAGE_ACCURACY, KAPPA, R2, mae, rmse
from tasks.splits import FixedSplit, FixedTestSplit, GroupSplit, StratifiedSplit

Array = NDArray[Any]

KINDS = ("auto", "classification", "regression")
BY_RANK = {1: ("feature",), 2: ("time", "feature"), 3: ("height", "width", "channel")}
"""What the axes of an example are called where nobody says."""
SIDES = ("train", "validation", "test")
_LAST = ("channel", "feature", "band")


@dataclass(frozen=True)
class Given:
    """Examples as they lie in a user's files.

    Attributes:
        where: the file or directory, for messages.
        x: `(example, ...)`, numbers.
        y: `(example,)`, numbers or names.
        group: what each example belongs to `(example,)`, or None where they stand alone.
        side: index in `SIDES` of each example `(example,)`, or None where a seed is to split them.
        lengths: steps of each example, the rest of which is padding, or None where all are as long.
        classes: names of the classes, where they have names.
    """

    where: str
    x: Array
    y: Array
    group: Array | None = None
    side: NDArray[np.int64] | None = None
    lengths: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Target:
    """Classes `(example,)` from 0, or values of mean 0 and deviation 1 in the unit `scale`; in words what they are."""

    y: Array
    outputs: int
    scale: float
    metrics: tuple[Metric, ...]
    words: str


def make_task(
    name: str, given: Given, *, axes: Any, kind: Any, standardize_axes: Any, validation: Any, test: Any
) -> TaskData:
    """The task of a user's own examples.

    Args:
        name: the task's name.
        given: the examples.
        axes: names of an example's axes; `None`: by how many there are (`BY_RANK`). One more than there are adds an
            axis of size 1 at the end.
        kind: `classification`, `regression`, or `auto`: classes where `y` is of whole numbers, names or flags.
        standardize_axes: as in `TaskData`, or `auto`: `feature` where there is such an axis, else none.
        validation, test: shares of the examples, or of the groups, that a seed draws.

    Raises:
        UserError: what is given does not fit together, or an option makes no sense.
    """
    check_choice("task.data.kind", kind, KINDS)
    shares = check_shares(validation, test)
    _check_lengths(given)
    x, names = _named(given, axes)
    kept = _kept_axes(standardize_axes, names)
    target = _target(given, kind)
    splitter, division = _splitter(given, target, *shares)
    shape = " × ".join(map(str, x.shape[1:]))
    spread = "not standardised" if kept is None else f"standardised by {' × '.join(kept) or 'one mean and deviation'}"
    with np.errstate(over="ignore"):  # infinity, which is told of all tasks alike
        x = np.ascontiguousarray(x, np.float32)
    return TaskData(
        name=name,
        source="files",
        axes=names,
        x=x,
        y=target.y,
        outputs=target.outputs,
        splitter=splitter,
        metrics=target.metrics,
        target_scale=target.scale,
        standardize_axes=kept,
        lengths=given.lengths,
        note=f"{given.where}: {len(x):,} examples of {shape} ({', '.join(names)}){_words_of_lengths(given)}, "
        f"{given.x.dtype}, {spread}; "
        f"{target.words}; {division}",
    )


def _words_of_lengths(given: Given) -> str:
    if given.lengths is None:
        return ""
    return f" of {given.lengths.min():,} to {given.lengths.max():,} steps (median {np.median(given.lengths):,g})"


def check_shares(validation: Any, test: Any) -> tuple[float, float]:
    """The shares that validate and test.

    Raises:
        UserError: they are none, or leave nothing to train on.
    """
    shares = (check_number("task.data.validation", validation), check_number("task.data.test", test))
    if min(shares) <= 0 or sum(shares) >= 1:
        raise UserError(
            "task.data.validation and task.data.test must be shares above 0 that leave something to train on. "
            f"Received: validation={validation}, test={test}"
        )
    return shares


def sides_of(split: Array, where: str) -> NDArray[np.int64]:
    """Index in `SIDES` of each example `(example,)`, from what a file says of it: a word, a number, or a flag.

    Raises:
        UserError: something else, or nobody trains or tests.
    """
    if split.dtype.kind == "b":
        side = np.where(split, 2, 0)
    elif split.dtype.kind in "iu":
        side = split.astype(np.int64)
    else:
        words = np.char.lower(split.astype(str))
        side = np.full(len(words), -1)
        for index, word in enumerate(SIDES):
            side[words == word] = index
    unknown = np.flatnonzero((side < 0) | (side > 2))
    if len(unknown):
        raise UserError(
            f"expected split to be train, validation or test (or 0, 1, 2, or whether it tests) in {where}. "
            f"Received: {split[unknown[0]]!s} for example {unknown[0]}"
        )
    for index, name in ((0, "train"), (2, "test")):
        if not (side == index).any():
            raise UserError(f"expected split to leave examples to {name} on in {where}. Received: none is {name}")
    return side


def _check_lengths(given: Given) -> None:
    for name in ("y", "group", "side"):
        array = getattr(given, name)
        if array is not None and array.ndim == 2 and array.shape[1] == 1 and name == "y":
            continue
        if array is not None and array.shape != given.x.shape[:1]:
            name = "split" if name == "side" else name
            raise UserError(
                f"expected {name} (example,) in {given.where}, one for each of {len(given.x):,} examples. "
                f"Received: {name} of shape {array.shape}"
            )


def _named(given: Given, axes: Any) -> tuple[Array, tuple[str, ...]]:
    """The examples, and what their axes are called."""
    x = given.x
    if x.dtype.kind not in "biuf":
        raise UserError(f"expected x of real numbers in {given.where}. Received: x of type {x.dtype}")
    rank = x.ndim - 1
    if axes is None:
        if rank not in BY_RANK:
            raise UserError(
                f"task.data.axes must name the {rank} axes of an example of {given.where}. "
                f"Received: axes=None for x of shape {x.shape}"
            )
        return x, BY_RANK[rank]
    names = tuple(axes) if isinstance(axes, Iterable) and not isinstance(axes, str | dict) else (axes,)
    if not all(isinstance(axis, str) and axis.isidentifier() for axis in names) or len(set(names)) < len(names):
        raise UserError(f"task.data.axes must list different names, such as [time,feature]. Received: axes={axes!r}")
    if len(names) == rank + 1 and names[-1] in _LAST:
        return x[..., None], names
    if len(names) != rank:
        raise UserError(
            f"task.data.axes must name the {rank} axes of an example of {given.where}, of shape {x.shape[1:]}. "
            f"Received: axes={list(names)}"
        )
    return x, names


def _kept_axes(standardize_axes: Any, axes: tuple[str, ...]) -> tuple[str, ...] | None:
    if standardize_axes is None:
        return None
    if isinstance(standardize_axes, str) and standardize_axes == "auto":
        return ("feature",) if "feature" in axes else ()
    if isinstance(standardize_axes, list | tuple) and all(axis in axes for axis in standardize_axes):
        return tuple(standardize_axes)
    raise UserError(
        f"task.data.standardize_axes must list some of {', '.join(axes)}, or be auto or null. "
        f"Received: standardize_axes={standardize_axes!r}"
    )


def _target(given: Given, kind: str) -> _Target:
    y = given.y.reshape(len(given.x))
    if y.dtype.kind == "O":
        y = y.astype(str)
    if y.dtype.kind not in "biufUS":
        raise UserError(f"expected y of numbers or names in {given.where}. Received: y of type {y.dtype}")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        wrong = np.flatnonzero(~np.isfinite(y))
        raise UserError(f"expected y without NaN in {given.where}. Received: y[{wrong[0]}] is {y[wrong[0]]}")
    if kind == "auto":
        return _values(given, y) if y.dtype.kind == "f" else _classes(given, y, asked=False)
    return _values(given, y) if kind == "regression" else _classes(given, y, asked=True)


def _classes(given: Given, y: Array, *, asked: bool) -> _Target:
    if y.dtype.kind == "f" and (y != np.rint(y)).any():
        wrong = int(np.flatnonzero(y != np.rint(y))[0])
        raise UserError(
            f"expected labels in whole numbers in {given.where}; task.data.kind=regression takes others. "
            f"Received: y[{wrong}] is {y[wrong]:g}"
        )
    labels, index, counts = np.unique(y, return_inverse=True, return_counts=True)
    if len(labels) < 2:
        raise UserError(
            f"expected labels of two classes or more in {given.where}. Received: {len(y):,} of one class, {labels[0]!s}"
        )
    if len(labels) > len(y) // 2 and not asked:
        raise UserError(
            f"expected classes with several examples each in {given.where}; task.data.kind=regression takes whole "
            f"numbers as values. Received: {len(labels):,} different y in {len(y):,} examples"
        )
    names = given.classes if len(given.classes) == len(labels) else tuple(str(label) for label in labels)
    words = f"{len(labels)} classes ({list_some(names)}) of {counts.min():,} to {counts.max():,} examples"
    return _Target(index.astype(np.int64), len(labels), 1.0, (ACCURACY, AVERAGE_ACCURACY, KAPPA), words)


def _values(given: Given, y: Array) -> _Target:
    """Values of mean 0 and deviation 1: of the errors that metrics are made of, a shift changes none."""
    if y.dtype.kind in "US":
        raise UserError(f"expected y of numbers for task.data.kind=regression in {given.where}. Received: y of names")
    values = y.astype(np.float64)
    known = values if given.side is None else values[given.side < 2]
    mean, scale = float(known.mean()), float(known.std())
    if not math.isfinite(scale) or scale <= abs(mean) * 1e-12:
        raise UserError(f"expected y that differ in {given.where}. Received: {len(y):,} of about {mean:g}")
    words = f"values from {values.min():g} to {values.max():g}"
    return _Target(((values - mean) / scale).astype(np.float32), 1, scale, (rmse(), mae(), R2), words)


def _splitter(
    given: Given, target: _Target, validation: float, test: float
) -> tuple[Callable[[np.random.Generator], Split], str]:
    """How a seed divides the examples, and that in words."""
    examples = len(given.x)
    groups = np.arange(examples) if given.group is None else np.unique(given.group, return_inverse=True)[1]
    of = "" if given.group is None else f" of {len(np.unique(groups)):,} groups"
    if given.side is not None:
        both = _on_both_sides(groups, given.side)
        leak = f", {both:,} groups on both sides" if both else ""
        if (given.side == 1).any():
            return FixedSplit(given.side), f"the file says who trains, validates and tests{of}{leak}"
        is_test = given.side == 2
        held_out = max(1, round(validation * len(np.unique(groups[~is_test]))))
        return FixedTestSplit(groups, is_test, held_out), f"a fixed test set{of}{leak}"
    if given.group is not None:
        if len(np.unique(groups)) < 3:
            raise UserError(
                f"expected three groups or more in {given.where}, to train, validate and test on. "
                f"Received: {len(np.unique(groups))}"
            )
        labels = target.y if target.outputs > 1 else None
        return GroupSplit(groups, validation, test, labels), f"split{of}, each as a whole"
    if target.outputs > 1:
        return StratifiedSplit(target.y, validation, test), "split at random within each class"
    return GroupSplit(groups, validation, test), "split at random"


def _on_both_sides(groups: NDArray[np.int64], side: NDArray[np.int64]) -> int:
    """Groups with examples to train on and others to test on; 0 where each example is a group of its own."""
    return len(np.intersect1d(groups[side == 0], groups[side == 2]))
