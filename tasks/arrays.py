"""A task from arrays of a user's own: `x` and `y` in one `.npz` file, or as `.npy` files in a directory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.types import TaskData, UserError
from tasks.checks import check_file, check_path, list_some
from tasks.given import Given, make_task, sides_of
from tasks.memory import check_memory
from tasks.npy import Header, read_array, read_headers

# The first is what it is called, the others are what it may be called in its place.
NAMES = {"x": ("x", "x_train"), "y": ("y", "y_train"), "x_test": ("x_test",), "y_test": ("y_test",)}
OPTIONAL = ("x_test", "y_test", "group", "split", "classes")


def load(
    *,
    path: str | None = None,
    axes: Sequence[str] | None = None,
    kind: str = "auto",
    standardize_axes: Sequence[str] | str | None = "auto",
    validation: float = 0.1,
    test: float = 0.3,
) -> TaskData:
    """A user's own arrays.

    Args:
        path: an `.npz` file, or a directory of `.npy` files, with `x (example, ...)` and `y (example,)`. Optional:
            `group (example,)`, whose examples stay together; a fixed test set by `split (example,)` or as `x_test` and
            `y_test`; `classes`, their names. `x_train` and `y_train` will do for `x` and `y`.
        axes, kind, standardize_axes, validation, test: see `tasks.given.make_task`.

    Raises:
        UserError: an array that is absent, damaged or does not fit the others, an option that makes no sense.
        MemoryError: more examples than memory can hold.
    """
    if path is None:
        raise UserError("task=arrays needs task.data.path=FILE.npz or DIR, which holds x and y. Received: path=None")
    given = read_arrays(check_path("task.data.path", path))
    return make_task(
        "arrays",
        given,
        axes=axes,
        kind=kind,
        standardize_axes=standardize_axes,
        validation=validation,
        test=test,
    )


def read_arrays(path: Path) -> Given:
    """The arrays in a file or a directory."""
    if not path.is_dir() and path.suffix != ".npz":
        check_file(path, what="an .npz file, or a directory of .npy files,")
        raise UserError(f"expected an .npz file, or a directory of .npy files. Received: {path}")
    headers = read_headers(path)
    names = {name: _find(path, headers, known) for name, known in NAMES.items()}
    for name in ("x", "y"):
        if names[name] is None:
            raise UserError(f"expected an array {name} in {path}. Received: {list_some(sorted(headers))}")
    if (names["x_test"] is None) != (names["y_test"] is None):
        raise UserError(
            f"expected both x_test and y_test in {path}, or neither. Received: {list_some(sorted(headers))}"
        )
    wanted = {known for known in (*names.values(), *OPTIONAL) if known in headers}
    for name in wanted:
        if headers[name].dtype.hasobject:
            raise UserError(
                f"expected numbers or names in {path}, no Python objects, which can run code when they are read. "
                f"Received: {name} of type object"
            )
    check_memory(
        sum(math.prod(headers[name].shape) for name in wanted), what=f"the arrays in {path}", smaller="fewer examples"
    )
    arrays = {name: read_array(path, name) for name in wanted}
    return _assemble(path, arrays, names)


def _assemble(path: Path, arrays: dict[str, NDArray[Any]], names: dict[str, str | None]) -> Given:
    x, y = (arrays[str(names[name])] for name in ("x", "y"))
    if not x.ndim or not len(x):
        raise UserError(f"expected x (example, ...) in {path}. Received: {names['x']} of shape {x.shape}")
    group, split = arrays.get("group"), arrays.get("split")
    classes = tuple(map(str, arrays["classes"].ravel())) if "classes" in arrays else ()
    if "x_test" not in arrays:
        side = None if split is None else sides_of(split, str(path))
        return Given(path.name, x, y, group, side, classes=classes)
    x_test, y_test = arrays["x_test"], arrays["y_test"]
    if split is not None or group is not None:
        named = "split" if split is not None else "group"
        raise UserError(f"expected {named}, or x_test and y_test, in {path}. Received: both")
    if x.shape[1:] != x_test.shape[1:] or x_test.ndim != x.ndim:
        raise UserError(f"expected x and x_test of one shape in {path}. Received: {x.shape} and {x_test.shape}")
    for of, targets in ((x, y), (x_test, y_test)):
        if len(of) != len(np.atleast_1d(targets)):
            raise UserError(f"expected a target for each example in {path}. Received: {of.shape} and {targets.shape}")
    side = np.repeat([0, 2], [len(x), len(x_test)])
    return Given(path.name, np.concatenate([x, x_test]), np.concatenate([y, y_test]), None, side, classes=classes)


def _find(path: Path, headers: dict[str, Header], known: tuple[str, ...]) -> str | None:
    """Which of the names that an array may have is there.

    Raises:
        UserError: more than one is.
    """
    found = [name for name in known if name in headers]
    if len(found) > 1:
        raise UserError(f"expected one of {' and '.join(known)} in {path}. Received: both")
    return found[0] if found else None
