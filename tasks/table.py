"""A task from a table of a user's own: a row an example, a column a feature, one of them what is to be predicted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.types import TaskData, UserError
from tasks.checks import check_choice, check_file, check_path
from tasks.given import Given, make_task, sides_of
from tasks.memory import check_memory

PARQUET = (".parquet", ".pq")
TEXT = {".csv": ",", ".tsv": "\t"}


def load(
    *,
    path: str | None = None,
    target: str | None = None,
    group: str | None = None,
    split: str | None = None,
    drop: Sequence[str] = (),
    kind: str = "auto",
    standardize_axes: Sequence[str] | str | None = "auto",
    validation: float = 0.1,
    test: float = 0.3,
) -> TaskData:
    """A user's own table.

    Args:
        path: a CSV file with a header (`.csv`, `.tsv`, also gzipped) or a Parquet file.
        target: the column to predict.
        group: a column whose rows of one value stay together.
        split: a column that says `train`, `validation` or `test`, or 0, 1 or 2, or whether a row tests.
        drop: columns to leave out.
        kind, standardize_axes, validation, test: see `tasks.given.make_task`.

    Returns:
        The axis (feature,): the other columns, which hold numbers or flags.

    Raises:
        UserError: no such column, text or missing values among the features, a damaged file.
        MemoryError: more rows than memory can hold.
    """
    if path is None:
        raise UserError(
            "task=table needs task.data.path=FILE, a .csv, .tsv or .parquet file, and task.data.target=COLUMN. "
            "Received: path=None"
        )
    file = check_path("task.data.path", path)
    table = read_table(file)
    if target is None:
        raise UserError(f"task.data.target must name the column to predict. {_columns(table)}Received: target=None")
    y, groups, split_of = (
        _column(table, option, name) for option, name in (("target", target), ("group", group), ("split", split))
    )
    left_out = [target, group, split, *_check_drop(table, drop)]
    features = table.drop(columns=[name for name in left_out if name is not None])
    given = Given(
        file.name,
        _numbers(features, file),
        _whole(y, "target", file),
        None if group is None else _whole(groups, "group", file),
        None if split is None else sides_of(_whole(split_of, "split", file), str(file)),
    )
    return make_task(
        "table",
        given,
        axes=["feature"],
        kind=kind,
        standardize_axes=standardize_axes,
        validation=validation,
        test=test,
    )


def read_table(path: Path) -> pd.DataFrame:
    """The rows of a CSV or Parquet file.

    Raises:
        UserError: it is neither, or damaged, or empty.
    """
    check_file(path, what="a table")
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix not in (*PARQUET, *TEXT):
        raise UserError(f"expected a .csv, .tsv or .parquet file. Received: {path}")
    check_memory(path.stat().st_size / 4, what=f"the rows of {path}", smaller="another file")
    try:
        table = pd.read_parquet(path) if suffix in PARQUET else pd.read_csv(path, sep=TEXT[suffix])
    except (OSError, ValueError, EOFError) as error:  # pandas' own parser errors are ValueErrors, pyarrow's too
        raise UserError(f"expected a complete table at {path}. Received: {' '.join(str(error).split())}") from error
    if table.empty:
        raise UserError(f"expected rows and columns in {path}. Received: a table of shape {table.shape}")
    return table.rename(columns=str)


def _column(table: pd.DataFrame, option: str, name: Any) -> pd.Series[Any]:
    if name is None:
        return pd.Series(dtype=object)
    if len(table.columns) <= 30:
        check_choice(f"task.data.{option}", name, table.columns)
    elif not isinstance(name, str) or name not in table:
        raise UserError(
            f"task.data.{option} must name one of {len(table.columns)} columns. Received: {option}={name!r}"
        )
    column: pd.Series[Any] = table[name]
    return column


def _check_drop(table: pd.DataFrame, drop: Any) -> list[str]:
    listed = list(drop) if isinstance(drop, Iterable) and not isinstance(drop, str | dict) else [drop]
    for name in listed:
        _column(table, "drop", str(name) if name is None else name)
    return listed


def _numbers(features: pd.DataFrame, path: Path) -> NDArray[Any]:
    """The features `(row, column)`, float64.

    Raises:
        UserError: there are none, or some are not numbers.
    """
    if not len(features.columns):
        raise UserError(f"expected a column of features in {path} beside the others. Received: none")
    texts = [name for name in features if not pd.api.types.is_numeric_dtype(features[name].dtype)]
    if texts:
        raise UserError(
            f"expected features of numbers in {path}; task.data.drop leaves columns out. "
            f"Received: column {texts[0]} of type {features[texts[0]].dtype}"
            + (f", and {len(texts) - 1} more such" if len(texts) > 1 else "")
        )
    for name in features:
        _refuse_missing(features[name], path)
    return features.to_numpy(np.float64)


def _whole(column: pd.Series[Any], option: str, path: Path) -> NDArray[Any]:
    """A column as an array, of text where it holds neither numbers nor flags."""
    _refuse_missing(column, path)
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.to_numpy(bool)
    if pd.api.types.is_integer_dtype(column.dtype):
        return column.to_numpy(np.int64)
    if pd.api.types.is_float_dtype(column.dtype):
        return column.to_numpy(np.float64)
    return column.astype(str).to_numpy().astype(str)


def _refuse_missing(column: pd.Series[Any], path: Path) -> None:
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        raise UserError(
            f"expected a value in each row of column {column.name} in {path}. "
            f"Received: {len(missing):,} rows without one, the first row {missing[0] + 1}"
        )


def _columns(table: pd.DataFrame) -> str:
    return f"There are {', '.join(table.columns)}. " if len(table.columns) <= 30 else ""
