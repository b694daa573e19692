"""A task's data by its config: loaded once a process, split by a cell's seed, and summed up for planning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.cell.cell import Cell
from harness.cell.leaks import find_leaks
from harness.cell.promises import check_data, check_split, name_kind
from harness.config.build import build, what_went_wrong
from harness.config.identity import canonical
from harness.seeds import derive_rng
from harness.types import Split, TaskData, UserError
from harness.words import first_line

CONSTANT = 1e-12
"""A deviation of no more than so much of its mean is that of a constant: float32 has no neighbours so near."""


@dataclass(frozen=True)
class Arrays:
    """Examples and targets of one part of the split: `x (example, *axes)`, `y (example,)` or `(example, 1)`.

    `divisor` is that of the task (`TaskData.divisor`), to be applied on the device.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    divisor: float | None = None

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def on_device(self) -> tuple[Any, Any]:
        """Both as tensors, put on the device once; classes as int64, since a GPU leaves int32 on the host."""
        import tensorflow as tf

        x = tf.constant(self.x)
        # A quotient of two floats is rounded alike on every device: the bits of NumPy's.
        x = x if self.divisor is None else tf.cast(x, tf.float32) / self.divisor
        return x, tf.constant(self.y, tf.int64 if self.y.dtype.kind in "iu" else tf.float32)


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
        data = build_task(config)
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


def draw_split(data: TaskData, seed: int) -> Split:
    """The split that a cell's seed draws.

    Raises:
        UserError: it does not keep to what `Split` promises.
    """
    try:
        split = data.splitter(derive_rng(seed, "split"))
    except (UserError, MemoryError):
        raise
    except Exception as error:  # whatever a user's function raises
        raise UserError(
            f"task {data.name}: its splitter failed: {type(error).__name__}: {first_line(error)}"
        ) from error
    check_split(data, split)
    return split


def standardizer(data: TaskData, train: NDArray[np.int64]) -> Callable[..., NDArray[Any]]:
    """How a task's examples `(example, *axes)` are made ready for a model, from the training examples alone.

    Where the task asks for it, they are standardised by the mean and standard deviation of the examples `train`,
    in each group for itself if it has groups.

    Returns:
        A function of examples and of their indices in the pool, which may be left out for the whole pool.
    """
    blank = _blanker(data)
    if data.standardize_axes is None:
        return blank
    pooled = (0, *(i for i, name in enumerate(data.axes, start=1) if name not in data.standardize_axes))
    part = data.x[train].astype(np.float64)
    mean, scale = _moments(part, pooled, _steps_of(data, train, part.shape))
    if data.standardize_groups is None:
        return lambda x, examples=slice(None): blank(((x - mean) / scale).astype(np.float32), examples)
    groups = data.standardize_groups.reshape(
        *data.standardize_groups.shape, *[1] * (part.ndim - data.standardize_groups.ndim)
    )
    of_part = groups[train]
    moments = {
        group: _moments(part, pooled, np.broadcast_to(of_part == group, part.shape)) for group in np.unique(of_part)
    }

    def standardize(x: NDArray[Any], examples: Any = slice(None)) -> NDArray[Any]:
        # What no training example tells of is standardised by all of them.
        result = (x - mean) / scale
        for group, (mean_of, scale_of) in moments.items():
            np.copyto(result, (x - mean_of) / scale_of, where=groups[examples] == group)
        return result.astype(np.float32)

    return standardize


def _steps_of(data: TaskData, examples: Any, shape: tuple[int, ...]) -> Any:
    """Which values of examples of `shape` are there and no padding; all of them where none are shorter than others."""
    if data.lengths is None:
        return True
    steps = np.arange(shape[1]) < data.lengths[examples, None]
    return np.broadcast_to(steps.reshape(*steps.shape, *[1] * (len(shape) - 2)), shape)


def _blanker(data: TaskData) -> Callable[..., NDArray[Any]]:
    """Makes the steps that an example has not zeros, and no other step: by that the model tells them apart."""
    if data.lengths is None:
        return lambda x, examples=None: x

    def blank(x: NDArray[Any], examples: Any = slice(None)) -> NDArray[Any]:
        there = _steps_of(data, examples, x.shape)
        result = np.where(there, x, np.float32(0))
        flat = result.reshape(*x.shape[:2], -1)
        flat[there.reshape(flat.shape)[..., 0] & ~flat.any(axis=2), 0] = np.finfo(np.float32).tiny
        return result

    return blank


def _moments(
    part: NDArray[np.float64], pooled: tuple[int, ...], where: Any = True
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of `part` over the axes `pooled`, and what to divide by: the deviation, or 1 where there is none."""
    mean, deviation = (find(part, axis=pooled, keepdims=True, where=where) for find in (np.mean, np.std))
    # A constant's deviation can come out as rounding error of its mean, by which the next example would be blown up.
    return mean, np.where(deviation > CONSTANT * np.abs(mean), deviation, 1.0)


def prepare_split(data: TaskData, seed: int) -> tuple[Split, dict[str, Arrays]]:
    """The split that a cell's seed draws, and its three parts as arrays ready for the model.

    Where the task asks for it, examples are standardised by the training part's mean and standard deviation.
    """
    split = draw_split(data, seed)
    x = standardizer(data, split.train)(data.x)
    y = data.y.astype(np.int32) if data.outputs > 1 else data.y.astype(np.float32).reshape(-1, 1)
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    return split, {name: Arrays(x[index], y[index], data.divisor) for name, index in parts.items()}


def sizes_of(split: Split) -> dict[str, int]:
    """Number of examples in each part."""
    return {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)}


def summarize(loaded: LoadedTask, *, seed: int = 0) -> dict[str, Any]:
    """What plans and records keep of the data: the `data` entry of docs/records.md."""
    data = loaded.data
    split = draw_split(data, seed)
    leaks = "; ".join(find_leaks(data, split))
    return {
        "source": data.source,
        "digest": loaded.digest,
        "axes": list(data.axes),
        "shape": list(data.spec.shape),
        "outputs": data.outputs,
        "sizes": sizes_of(split),
        **({} if data.spec.present is None else {"present": list(data.spec.present)}),
        "note": "; ".join(filter(None, (data.note, leaks and f"{leaks}, as seed {seed} splits them"))),
    }


def summarize_planned(config: Mapping[str, Any]) -> dict[str, Any]:
    """`summarize` of a config's data, for whoever plans.

    Raises:
        UserError: the data are not to be had, not as they should be, or too large for this machine's memory.
    """
    try:
        return summarize(load_task(config["task"]["data"]))
    except MemoryError as error:
        reason = first_line(error) or "out of memory"
        raise UserError(
            f"task {config['task']['name']}: expected data that memory can hold. Received: {reason}"
        ) from error


def build_task(config: Mapping[str, Any]) -> TaskData:
    """What the loader that `task.data` names returns, each time anew."""
    try:
        data = build(config)
    except (UserError, MemoryError):
        raise
    except Exception as error:
        raise UserError(
            f"task.data: {what_went_wrong(error, config)}. Received: _target_={config['_target_']}"
        ) from error
    if not isinstance(data, TaskData):
        raise UserError(f"task.data._target_: expected a function that returns TaskData. Received: {name_kind(data)}")
    return data
