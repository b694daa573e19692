"""What a task's loader promises by returning `TaskData`, held against what it returned; what is amiss is one line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.types import Metric, Split, TaskData, UserError
from harness.words import first_line

# What the metrics' other suffixes are called: a task's shift of the same name would write over them.
_TAKEN = ("precise", "batch", "one_at_a_time")
# The square of what is larger overflows float32, so that no variance can be had of it.
_LARGEST = 1e18


def check_data(data: TaskData) -> None:
    """Hold a task, ours or a user's, to what `TaskData` promises.

    Raises:
        UserError: it does not keep to it; the first thing that is wrong.
    """
    # Each relies on those before it.
    for problems in (_axes, _examples, _lengths, _targets, _standardization, _scoring, _shifts):
        for problem in problems(data):
            raise UserError(f"task {data.name}: expected {problem}")


def check_split(data: TaskData, split: Any) -> None:
    """Hold what a task's splitter gave to what `Split` promises.

    Raises:
        UserError: it is no `Split`, a part is empty or no indices of examples, an example is in two of them, or
            there is one class alone to train on.
    """
    for problem in _split(data, split):
        raise UserError(f"task {data.name}: expected {problem}")


def name_kind(value: Any) -> str:
    """What a loader returned in place of `TaskData`, for a message."""
    if value is None:
        return "None; a function without `return` gives that"
    if hasattr(value, "__next__"):
        return f"{type(value).__name__}; `return` in the place of `yield` gives TaskData itself"
    return type(value).__name__


def _axes(data: TaskData) -> Iterator[str]:
    axes = data.axes
    if not isinstance(axes, tuple) or not axes or not all(isinstance(axis, str) for axis in axes):
        yield f"axes to be a tuple of names such as ('time', 'feature'). Received: axes={axes!r}"
    elif len(set(axes)) < len(axes):
        yield f"a name of its own for each axis. Received: axes {axes}, of which two have one name"


def _examples(data: TaskData) -> Iterator[str]:
    x: Any = data.x
    if not isinstance(x, np.ndarray) or isinstance(x, np.ma.MaskedArray):
        yield f"x to be a NumPy array, which np.asarray(x, np.float32) makes. Received: x of type {type(x).__name__}"
    elif x.ndim != len(data.axes) + 1:
        yield f"x (example, {', '.join(data.axes)}){_mend_shape(x, data.axes)}. Received: x of shape {x.shape}"
    elif not x.size:
        yield f"examples, none of their axes of size 0. Received: x of shape {x.shape}"
    elif x.dtype == np.uint8 and data.divisor is not None:
        yield from _divided(data)
    elif x.dtype != np.float32:
        scaled = ", or divisor=255 if they are pixels" if x.dtype == np.uint8 else ""
        yield f"x of type float32, which x.astype(np.float32) makes{scaled}. Received: x of type {x.dtype}"
    elif data.divisor is not None:
        yield f"no divisor, which is for x of type uint8. Received: x of type float32, divisor={data.divisor!r}"
    else:
        yield from _range_of(x)


def _divided(data: TaskData) -> Iterator[str]:
    divisor: Any = data.divisor
    if isinstance(divisor, bool) or not isinstance(divisor, int | float) or not 1e-9 < divisor < math.inf:
        yield f"divisor to be a number above 0, 255 for pixels. Received: divisor={divisor!r}"
    elif data.standardize_axes is not None or data.lengths is not None:
        yield "x of type float32 where there are standardize_axes or lengths. Received: x of type uint8"


def _lengths(data: TaskData) -> Iterator[str]:
    lengths: Any = data.lengths
    if lengths is None:
        return
    if data.axes[0] != "time" or len(data.axes) < 2:
        yield f"lengths only where the first of two axes or more is time. Received: axes={data.axes}"
    elif not isinstance(lengths, np.ndarray) or lengths.dtype.kind not in "iu" or lengths.shape != data.x.shape[:1]:
        kind = f"{lengths.dtype} {lengths.shape}" if isinstance(lengths, np.ndarray) else type(lengths).__name__
        yield f"lengths (example,) in whole numbers for {len(data.x)} examples. Received: lengths of type {kind}"
    elif lengths.min() < 1 or lengths.max() > data.x.shape[1]:
        yield (
            f"lengths from 1 to {data.x.shape[1]}, the steps of x. Received: from {lengths.min()} to {lengths.max()}"
        )
    elif data.standardize_groups is not None:
        yield "standardize_groups or lengths. Received: both"


def _mend_shape(x: NDArray[Any], axes: tuple[str, ...]) -> str:
    if x.ndim == len(axes):
        return f"; x[..., np.newaxis] adds an axis {axes[-1]} of size 1"
    return "; as many axes must be named as an example has"


def _range_of(x: NDArray[np.float32]) -> Iterator[str]:
    # NaN and infinity come through minimum and maximum, which take no memory as a mask would.
    low, high = float(x.min()), float(x.max())
    if not np.isfinite([low, high]).all():
        where = np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1))
        yield f"finite examples. Received: values that are not finite in {len(where)} examples, the first x[{where[0]}]"
    elif max(-low, high) > _LARGEST:
        yield f"values whose squares float32 can hold, up to {_LARGEST:g}. Received: x from {low:g} to {high:g}"


def _targets(data: TaskData) -> Iterator[str]:
    y: Any = data.y
    if isinstance(data.outputs, bool) or not isinstance(data.outputs, int | np.integer) or data.outputs < 1:
        yield f"outputs: the number of classes, or 1 for regression. Received: outputs={data.outputs!r}"
    elif not isinstance(y, np.ndarray):
        yield f"y to be a NumPy array, which np.asarray(y) makes. Received: y of type {type(y).__name__}"
    elif len(y.shape) == 0 or len(data.x) != len(y):
        yield f"a target for each example. Received: {len(data.x)} examples but {y.size} targets"
    elif y.ndim != 1:
        yield f"y (example,){_mend_targets(y, data.outputs)}. Received: y of shape {y.shape}"
    elif y.dtype.kind not in "iuf":
        yield f"y of numbers{_mend_type(y)}. Received: y of type {y.dtype}"
    elif not np.isfinite(y).all():
        yield f"finite targets. Received: values that are not finite, the first y[{np.flatnonzero(~np.isfinite(y))[0]}]"
    else:
        yield from _classes(y, data.outputs) if data.outputs > 1 else _values(y)


def _mend_targets(y: NDArray[Any], outputs: int) -> str:
    if y.ndim == 2 and y.shape[1] == 1:
        return ", which y.ravel() makes"
    if y.ndim == 2 and y.shape[1] == outputs:
        return ", the class and not one column a class, which y.argmax(axis=1) makes"
    return ""


def _mend_type(y: NDArray[Any]) -> str:
    if y.dtype.kind == "b":
        return ", which y.astype(np.int64) makes"
    return ", which np.unique(y, return_inverse=True)[1] makes of names" if y.dtype.kind in "USO" else ""


def _classes(y: NDArray[Any], outputs: int) -> Iterator[str]:
    low, high = y.min(), y.max()
    if y.dtype.kind == "f":
        yield f"whole-number classes, which y.astype(np.int64) makes. Received: y of type {y.dtype}"
    elif low < 0 or high >= outputs:
        mend = f", which y - {low} makes" if low > 0 and high - low < outputs else ""
        yield (
            f"classes from 0 to {outputs - 1}{mend}. Received: y of type {y.dtype} from {low} to {high} "
            f"for {outputs} classes"
        )
    elif low == high:
        yield f"two classes or more to tell apart. Received: {len(y)} examples of one class, {low}"


def _values(y: NDArray[Any]) -> Iterator[str]:
    low, high = float(y.min()), float(y.max())
    if max(-low, high) > _LARGEST:
        yield f"targets whose squares float32 can hold, up to {_LARGEST:g}. Received: y from {low:g} to {high:g}"
    elif low == high:
        yield f"targets that differ. Received: {len(y)} targets of one value, {low:g}"


def _standardization(data: TaskData) -> Iterator[str]:
    kept, groups = data.standardize_axes, data.standardize_groups
    if kept is not None and (isinstance(kept, str) or not set(kept) <= set(data.axes)):
        yield f"standardize_axes to be some of the axes {data.axes}, or None. Received: standardize_axes={kept!r}"
    elif groups is not None and kept is None:
        yield "standardize_groups only where there are standardize_axes. Received: standardize_axes=None"
    elif groups is not None and (
        groups.dtype.kind not in "iu" or groups.shape != data.x.shape[: groups.ndim] or not groups.ndim
    ):
        yield (
            f"standardize_groups to be whole numbers along the first axes of x {data.x.shape}. "
            f"Received: {groups.dtype} {groups.shape}"
        )


def _scoring(data: TaskData) -> Iterator[str]:
    metrics, scale = data.metrics, data.target_scale
    if isinstance(metrics, Metric) or not all(isinstance(metric, Metric) for metric in metrics):
        yield f"metrics to be a tuple of harness.types.Metric. Received: metrics={metrics!r}"
    elif not metrics:
        yield "a metric to score by. Received: no metric"
    elif not isinstance(scale, int | float | np.number) or not np.isfinite(scale) or scale <= 0:
        yield f"target_scale to be a number above 0. Received: target_scale={scale!r}"
    elif not callable(data.splitter):
        yield f"splitter to be a function of a generator. Received: splitter of type {type(data.splitter).__name__}"


def _shifts(data: TaskData) -> Iterator[str]:
    if not isinstance(data.shifts, Mapping):
        yield f"shifts to be a mapping of names to functions. Received: shifts of type {type(data.shifts).__name__}"
        return
    for name, shift in data.shifts.items():
        if not name.isidentifier() or name in _TAKEN or name.startswith("length_"):
            yield (
                "names of shifts that can end a metric's name and are not taken. "
                f"Received: a shift called {name!r}, which cannot end a metric's name or is taken"
            )
        else:
            yield from _shift(name, shift, data.floats(slice(2)).copy())


def _shift(
    name: str, shift: Callable[[NDArray[np.float32]], NDArray[np.float32]], few: NDArray[np.float32]
) -> Iterator[str]:
    try:
        shifted = shift(few.copy())
        kept = shifted.shape == few.shape and shifted.dtype == few.dtype and bool(np.isfinite(shifted).all())
    except Exception as error:  # whatever a user's function raises
        yield f"the shift {name} to take examples. Received: {type(error).__name__}: {first_line(error)}"
        return
    if not kept:
        yield (
            "a shift to keep type and shape of its examples. "
            f"Received: the shift {name} from {few.dtype} {few.shape} to {shifted.dtype} {shifted.shape}, or not finite"
        )


def _split(data: TaskData, split: Any) -> Iterator[str]:
    if not isinstance(split, Split):
        mend = "; Split(*parts) makes one of three" if isinstance(split, tuple | list) and len(split) == 3 else ""
        yield f"splitter to return harness.types.Split{mend}. Received: {type(split).__name__}"
        return
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    for name, part in parts.items():
        yield from _indices(name, part, len(data.x))
    sizes = ", ".join(f"{len(part)} to {name}" for name, part in parts.items())
    together = np.concatenate(list(parts.values()))
    common = len(together) - len(np.unique(together))
    if not all(map(len, parts.values())):
        yield f"three parts, none of them empty. Received: {sizes}"
    elif common:
        yield f"three parts without an example in common. Received: {sizes}, and {common} of them twice"
    elif data.outputs > 1 and len(np.unique(data.y[split.train])) < 2:
        yield f"two classes or more to train on. Received: {sizes}, of one class, {data.y[split.train[0]]}"


def _indices(name: str, part: Any, examples: int) -> Iterator[str]:
    if isinstance(part, np.ndarray) and part.dtype == bool:
        yield f"indices of examples, which np.flatnonzero makes of a mask. Received: {name} of type bool"
    elif not isinstance(part, np.ndarray) or part.ndim != 1 or (len(part) and part.dtype.kind not in "iu"):
        kind = f"{part.dtype} {part.shape}" if isinstance(part, np.ndarray) else type(part).__name__
        yield (
            f"indices of examples (example,), int64, which np.asarray(part, np.int64) makes. "
            f"Received: {name} of type {kind}"
        )
    elif len(part) and not (part.min() >= 0 and part.max() < examples):
        yield f"indices from 0 to {examples - 1}. Received: {name} from {part.min()} to {part.max()}"
