"""What `harness.compare` and `harness.run` are given in Python, as overrides of the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.files import replacing
from harness.types import UserError, digest_arrays
from harness.words import first_line, in_one_line

ARRAYS = ("x", "y", "x_test", "y_test", "group", "split", "classes")


def texts_of(overrides: Iterable[str]) -> list[str]:
    """Overrides as a list, each of which has to be a text."""
    if isinstance(overrides, str):
        raise UserError(f"overrides: expected a list of texts such as ['task=mnist']. Received: {overrides!r}")
    texts = list(overrides)
    for one in texts:
        if not isinstance(one, str):
            raise UserError(f"overrides: expected texts such as 'train.epochs=3'. Received: {one!r}")
    return texts


def quoted(text: str) -> str:
    """A text as one word of an override, whatever it holds."""
    from harness.config.grammar import quote

    return quote(text)


def in_grammar(axes: Any) -> str:
    """Names of axes, or such lists by site, as Hydra reads them, which takes no key in quotes."""
    if isinstance(axes, Mapping):
        return "{" + ",".join(f"{site}:{in_grammar(names)}" for site, names in axes.items()) + "}"
    return json.dumps(axes if isinstance(axes, str) else list(axes))


def training_overrides(epochs: int | None, batch_size: int | None, margin: float | None) -> list[str]:
    """Those of training and of the margin that were given."""
    named = {"train.epochs": epochs, "train.batch_size": batch_size, "margin": margin}
    return [f"{key}={value}" for key, value in named.items() if value is not None]


def seeds_text(seeds: int | Sequence[int]) -> str:
    """How many seeds or which, as a value of `seed`."""
    if isinstance(seeds, (int, np.integer)) and not isinstance(seeds, bool):
        if seeds < 1:
            raise UserError(f"seeds: expected at least 1. Received: {seeds}")
        return f"range({seeds})"
    if isinstance(seeds, (str, bool)) or not isinstance(seeds, Iterable) or not (found := list(seeds)):
        raise UserError(f"seeds: expected how many, or a list of them. Received: {seeds!r}")
    return ",".join(map(str, found))


def strategy_overrides(strategies: Sequence[Any] | None) -> list[list[str]]:
    """The overrides of each grid: one of strategies with names, one of axes."""
    if strategies is None:
        return [[]]
    if isinstance(strategies, str) or not isinstance(strategies, Iterable) or not (given := list(strategies)):
        raise UserError(f"strategies: expected a list such as ['channel', [1, 2]]. Received: {strategies!r}")
    names = [one for one in given if isinstance(one, str)]
    kept = [json.dumps(_kept(one)) for one in given if not isinstance(one, str)]
    grids = [[f"axis={','.join(names)}"]] if names else []
    return [*grids, [f"axis.keep={','.join(kept)}"]] if kept else grids


def _kept(axes: Any) -> list[int | str]:
    items = list(axes) if isinstance(axes, (list, tuple)) else [axes]
    for item in items:
        if isinstance(item, bool) or not isinstance(item, (int, str)):
            raise UserError(f"strategies: expected names, and lists of axes such as [1, 2]. Received: {axes!r}")
    return items


def data_overrides(data: Any, folder: Path, axes: Sequence[str] | None) -> list[str]:
    """The task and its data: arrays are kept in a file under `folder` that is named by what they hold."""
    named = [] if axes is None else [f"task.data.axes={json.dumps(list(axes))}"]
    if isinstance(data, Path) or (isinstance(data, str) and (data.endswith(".npz") or Path(data).is_dir())):
        return ["task=arrays", f"task.data.path={quoted(str(data))}", *named]
    if isinstance(data, str):
        return [f"task={data}", *named]
    arrays = data
    if isinstance(data, (tuple, list)) and len(data) in (2, 4):
        arrays = dict(zip(("x", "y", "x_test", "y_test"), data, strict=False))
    if not isinstance(arrays, Mapping) or not {"x", "y"} <= arrays.keys() or not arrays.keys() <= {*ARRAYS}:
        keys = list(arrays) if isinstance(arrays, Mapping) else type(data).__name__
        raise UserError(
            f"data: expected arrays as {{'x': x, 'y': y}}, maybe with {', '.join(ARRAYS[2:])}; (x, y); the path of an "
            f".npz file; or the name of a task. Received: {in_one_line(str(keys))}"
        )
    given = {key: np.asarray(arrays[key]) for key in ARRAYS if key in arrays}
    for key, array in given.items():
        if array.dtype == object:
            raise UserError(f"data: expected numbers or texts of one shape in {key}. Received: {array.dtype}")
    path = folder / "data" / f"{digest_arrays(*(given[key] for key in given))[:16]}.npz"
    if not path.is_file():
        _keep(path, lambda file: np.savez(file, **given))  # type: ignore[arg-type]
    return ["task=arrays", f"task.data.path={quoted(str(path))}", *named]


def _keep(path: Path, write: Callable[[Any], None]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            write(file)
    except OSError as error:
        raise UserError(
            f"results_dir: expected a folder that can be written to ({first_line(error)}). Received: {path.parents[1]}"
        ) from error
