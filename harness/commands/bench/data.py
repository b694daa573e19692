"""The data that contenders share, and where their programs lie."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.cell.data import draw_split, load_task, standardizer
from harness.commands.bench.workloads import Workload
from harness.config.composer import hydra_session
from harness.config.grid import expand
from harness.types import UserError

CONTENDERS = Path(__file__).resolve().parents[3] / "benchmarks" / "contenders"


def write_data(overrides: Sequence[str], path: Path, config_dirs: Sequence[Path] = ()) -> Path:
    """Write the examples that a cell of these overrides sees under seed 0, as an `.npz` that any program reads.

    Its arrays are `x_<part>` `(example, *axes)` and `y_<part>` `(example,)` or `(example, 1)`, for `train`,
    `validation` and `test`.
    """
    with hydra_session(config_dirs) as composer:
        [config] = expand(composer, [*overrides, "seed=0"])
    data = load_task(config["task"]["data"]).data
    split = draw_split(data, 0)
    x = standardizer(data, split.train)(data.floats())
    y = data.y.astype(np.int32) if data.outputs > 1 else data.y.astype(np.float32).reshape(-1, 1)
    arrays: dict[str, NDArray[Any]] = {}
    for part, index in (("train", split.train), ("validation", split.validation), ("test", split.test)):
        arrays |= {f"x_{part}": x[index], f"y_{part}": y[index]}
    np.savez(path, **arrays)  # type: ignore[arg-type]  # its stub takes `allow_pickle` for one of the arrays
    return path


def write_model(workload: Workload, path: Path) -> Path:
    """Write a workload's description, of which a contender makes its model."""
    path.write_text(json.dumps(workload.description), encoding="utf-8")
    return path


def contender_script(name: str) -> Path:
    """A contender's file in the checkout's `benchmarks/`.

    Raises:
        UserError: there is none, as where the package alone is installed.
    """
    path = CONTENDERS / f"{name}.py"
    if not path.is_file():
        raise UserError(
            f"bench needs the scripts of benchmarks/contenders, which come with a checkout. Received: {path}"
        )
    return path
