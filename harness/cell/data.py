"""A task's data by its config: loaded once a process, split by a cell's seed, and summed up for planning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.cell.cell import Cell
from harness.config.build import build, what_went_wrong
from harness.config.identity import canonical
from harness.seeds import derive_rng
from harness.types import Split, TaskData, UserError

# What the metrics' other suffixes are called: a task's shift of the same name would write over them.
_TAKEN = ("precise", "batch", "one_at_a_time")


@dataclass(frozen=True)
class Arrays:
    """Examples and targets of one part of the split: `x (example, *axes)`, `y (example,)` or `(example, 1)`."""

    x: NDArray[Any]
    y: NDArray[Any]

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def on_device(self) -> tuple[Any, Any]:
        """Both as tensors, put on the device once; classes as int64, since a GPU leaves int32 on the host."""
        import tensorflow as tf

        return tf.constant(self.x), tf.constant(self.y, tf.int64 if self.y.dtype.kind in "iu" else tf.float32)


@dataclass(frozen=True)
class LoadedTask:
    """A task's data and its digest, which takes a second for large data and is therefore made once."""

    data: TaskData
    digest: str


_loaded: dict[str, LoadedTask] = {}


def load_task(config: Mapping[str, Any]) -> LoadedTask:
    """The data that `task.data` describes. The last two are kept, as neighbouring cells share them.

    Raises:
        UserError: the data are not to be had or not as they should be.
    """
    key = canonical(config)
    if key not in _loaded:
        data = _build(config)
        try:
            check_data(data)
        except UserError:
            raise
        except Exception as error:  # what is there may be of any kind: lists for arrays, None for a shape
            raise UserError(
                f"task.data: expected TaskData as harness.types describes it ({what_went_wrong(error, config)}). "
                f"Received: _target_={config['_target_']}"
            ) from error
        while len(_loaded) >= 2:
            del _loaded[next(iter(_loaded))]
        _loaded[key] = LoadedTask(data, data.digest())
    return _loaded[key]


def load_planned(cell: Cell) -> TaskData:
    """The data of a planned cell.

    Raises:
        UserError: they are not what they were when the cell was planned.
    """
    loaded = load_task(cell.config["task"]["data"])
    if loaded.digest != cell.data["digest"]:
        raise UserError(
            f"the data of task {cell.config['task']['name']} changed between planning and running: expected the digest "
            f"{cell.data['digest'][:12]}. Received: {loaded.digest[:12]}"
        )
    return loaded.data


def check_data(data: TaskData) -> None:
    """Hold a task, ours or a user's, to what `TaskData` promises.

    Raises:
        UserError: it does not keep to it.
    """
    problem = _problem_of(data)
    if problem:
        raise UserError(f"task {data.name}: expected examples as TaskData describes them. Received: {problem}")


def _problem_of(data: TaskData) -> str:
    if len(data.x) != len(data.y):
        return f"{len(data.x)} examples but {len(data.y)} targets"
    if data.x.ndim != len(data.axes) + 1 or data.y.ndim != 1:
        return f"x of shape {data.x.shape} and y of shape {data.y.shape} for axes {data.axes}"
    if len(set(data.axes)) < len(data.axes):
        return f"axes {data.axes}, of which two have one name"
    if data.x.dtype != np.float32:
        return f"x of type {data.x.dtype}"
    if not np.isfinite(data.x).all() or not np.isfinite(data.y.astype(np.float64)).all():
        return "values that are not finite"
    if data.outputs > 1 and not (data.y.dtype.kind in "iu" and data.y.min() >= 0 and data.y.max() < data.outputs):
        return f"y of type {data.y.dtype} from {data.y.min()} to {data.y.max()} for {data.outputs} classes"
    return _problem_of_shifts(data) if data.metrics else "no metric"


def _problem_of_shifts(data: TaskData) -> str:
    for name, shift in data.shifts.items():
        if not name.isidentifier() or name in _TAKEN or name.startswith("length_"):
            return f"a shift called {name!r}, which cannot end a metric's name or is taken"
        few = data.x[:2].copy()
        shifted = shift(few)
        if shifted.shape != few.shape or shifted.dtype != few.dtype or not np.isfinite(shifted).all():
            return f"the shift {name} from {few.dtype} {few.shape} to {shifted.dtype} {shifted.shape}, or not finite"
    return ""


def draw_split(data: TaskData, seed: int) -> Split:
    """The split that a cell's seed draws.

    Raises:
        UserError: a part is empty, or an example is in two of them.
    """
    split = data.splitter(derive_rng(seed, "split"))
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    sizes = ", ".join(f"{len(part)} to {name}" for name, part in parts.items())
    together = np.concatenate(list(parts.values()))
    if not all(map(len, parts.values())) or len(np.unique(together)) < len(together):
        raise UserError(
            f"task {data.name}: expected three parts, none empty, without an example in common. Received: {sizes}"
        )
    return split


def standardizer(data: TaskData, train: NDArray[np.int64]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """How a task's examples `(example, *axes)` are made ready for a model, from the training examples alone.

    Where the task asks for it, they are standardised by the mean and standard deviation of the examples `train`.
    """
    if data.standardize_axes is None:
        return lambda x: x
    pooled = (0, *(i for i, name in enumerate(data.axes, start=1) if name not in data.standardize_axes))
    part = data.x[train].astype(np.float64)
    mean, deviation = part.mean(axis=pooled, keepdims=True), part.std(axis=pooled, keepdims=True)
    scale = np.where(deviation > 0, deviation, 1.0)
    return lambda x: ((x - mean) / scale).astype(np.float32)


def prepare_split(data: TaskData, seed: int) -> tuple[Split, dict[str, Arrays]]:
    """The split that a cell's seed draws, and its three parts as arrays ready for the model.

    Where the task asks for it, examples are standardised by the training part's mean and standard deviation.
    """
    split = draw_split(data, seed)
    x = standardizer(data, split.train)(data.x)
    y = data.y.astype(np.int32) if data.outputs > 1 else data.y.astype(np.float32).reshape(-1, 1)
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    return split, {name: Arrays(x[index], y[index]) for name, index in parts.items()}


def sizes_of(split: Split) -> dict[str, int]:
    """Number of examples in each part."""
    return {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)}


def summarize(loaded: LoadedTask, *, seed: int = 0) -> dict[str, Any]:
    """What plans and records keep of the data: the `data` entry of docs/records.md."""
    data = loaded.data
    return {
        "source": data.source,
        "digest": loaded.digest,
        "axes": list(data.axes),
        "shape": list(data.spec.shape),
        "outputs": data.outputs,
        "sizes": sizes_of(draw_split(data, seed)),
        "note": data.note,
    }


def _build(config: Mapping[str, Any]) -> TaskData:
    try:
        data = build(config)
    except (UserError, MemoryError):
        raise
    except Exception as error:
        raise UserError(
            f"task.data: {what_went_wrong(error, config)}. Received: _target_={config['_target_']}"
        ) from error
    if not isinstance(data, TaskData):
        raise UserError(
            f"task.data._target_: expected a function that returns TaskData. Received: {type(data).__name__}"
        )
    return data
