"""A task's data by its config: loaded once a process, and summed up for planning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hydra.errors import InstantiationException
from hydra.utils import instantiate

from harness.identity import canonical
from harness.seeds import derive_rng
from harness.types import TaskData, UserError

_loaded: dict[str, TaskData] = {}


def load_task(config: Mapping[str, Any]) -> TaskData:
    """The data that `task.data` describes. The last two are kept, as neighbouring cells share them.

    Raises:
        UserError: the data are not to be had or not as they should be.
    """
    key = canonical(config)
    if key not in _loaded:
        data = _instantiate(config)
        check_data(data)
        while len(_loaded) >= 2:
            del _loaded[next(iter(_loaded))]
        _loaded[key] = data
    return _loaded[key]


def check_data(data: TaskData) -> None:
    """Hold a task, ours or a user's, to what `TaskData` promises."""
    problem = ""
    if len(data.x) != len(data.y):
        problem = f"{len(data.x)} examples but {len(data.y)} targets"
    elif data.x.ndim != len(data.axes) + 1:
        problem = f"examples of rank {data.x.ndim - 1} but axes {data.axes}"
    elif not np.isfinite(data.x).all() or not np.isfinite(data.y.astype(np.float64)).all():
        problem = "values that are not finite"
    elif not data.metrics:
        problem = "no metric"
    if problem:
        raise UserError(f"task {data.name}: expected examples as TaskData describes them. Received: {problem}")


def summarize(data: TaskData, *, seed: int = 0) -> dict[str, Any]:
    """What plans and records keep of the data: the `data` entry of docs/records.md."""
    split = data.splitter(derive_rng(seed, "split"))
    return {
        "source": data.source,
        "digest": data.digest(),
        "axes": list(data.axes),
        "shape": list(data.spec.shape),
        "outputs": data.outputs,
        "sizes": {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)},
        "note": data.note,
    }


def _instantiate(config: Mapping[str, Any]) -> TaskData:
    try:
        data = instantiate(config, _convert_="all")
    except InstantiationException as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        raise UserError(f"task.data: {_cause(error)}") from error
    if not isinstance(data, TaskData):
        raise UserError(f"task.data._target_: expected a function that returns TaskData. Received: {type(data).__name__}")
    return data


def _cause(error: BaseException) -> str:
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {str(cause).splitlines()[0] if str(cause) else ''}"
