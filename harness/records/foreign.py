"""Other tools' results as records: a table with one row a run, so that all that is said of ours is said of theirs.

Exports come as they are: a Weights & Biases table of runs (`State` says which of them crashed), an MLflow table
(`params.` and `metrics.` before its columns' names), and a folder of TensorBoard's CSV files, one a run and tag.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.records.frames import FACTS, IDENTIFYING
from harness.types import Direction, UserError
from harness.words import choose_from, first_line

# What a metric's name says of its direction, the first that is in it.
_LESS = ("loss", "error", "rmse", "mse", "mae", "perplexity", "nll", "bpd", "fid", "wer", "cer")
_MORE = ("acc", "f1", "auc", "precision", "recall", "score", "reward", "return", "iou", "bleu", "r2", "psnr", "map")
_TOLD_BY = {
    "group": "that says what is compared",
    "seed": "by which runs are paired",
    "metric": "of the result",
    "block": "that tells tasks apart",
}
_ENDED = ("finished", "crashed", "failed", "killed", "scheduled", "running")
_OPEN = ("running", "scheduled")
_TENSORBOARD = ["Wall time", "Step", "Value"]
_RUN_FILE = re.compile(r"^(?:run-)?(?P<run>.+?)-tag-(?P<tag>.+)$")
_RUN_NAME = re.compile(r"^(?P<group>.+?)[-_./ ]*(?:seed|run|rep|s)[-_= ]*(?P<seed>\d+)(?:\D.*)?$", re.IGNORECASE)


def read_table(path: Path) -> pd.DataFrame:
    """A table of runs from a CSV or Parquet file, or from a folder of TensorBoard's CSV files.

    Raises:
        UserError: there is none, or it cannot be read as one.
    """
    if path.is_dir():
        return _tensorboard(path)
    if not path.is_file():
        raise UserError(f"expected a .csv or .parquet file, or a folder of TensorBoard's CSV files. Received: {path}")
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise UserError(f"expected a file whose name ends in .csv or .parquet. Received: {path}")
    frame = _read(path)
    if list(frame.columns) == _TENSORBOARD:
        raise UserError(
            f"expected a folder of TensorBoard's CSV files, as one of them is one run. Received: {path}, by itself"
        )
    return frame


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path) if path.suffix.lower() == ".parquet" else pd.read_csv(path)
    except (ValueError, OSError, pd.errors.ParserError) as error:
        raise UserError(f"expected a table with a row a run ({first_line(error)}). Received: {path}") from error


def records_of(
    frame: pd.DataFrame,
    *,
    group: str,
    seed: str,
    metric: str,
    direction: str = "",
    block: str = "",
    name: str = "results",
) -> list[dict[str, Any]]:
    """One record a row, as far as a table knows it.

    Args:
        frame: one row a run.
        group: the column that says what is compared.
        seed: the column by which runs are paired: whole numbers.
        metric: the column of the result; empty: the only one that is left. What is no finite number there is a run that
            was lost, which is worse than any that was not.
        direction: whether more (`max`) or less (`min`) is better; empty: by the metric's name.
        block: the column that tells tasks apart, each a comparison of its own; empty: there is one.
        name: of the task where there is one.

    Raises:
        UserError: a column that is not there, text where numbers are expected, a run that is still going on, two runs
            of one group and seed, or a metric whose direction cannot be guessed.
    """
    metric = metric or _only_other(frame, [group, seed, block])
    columns = {key: _column(frame, key, asked) for key, asked in _asked(group, seed, metric, block).items()}
    chosen = frame[list(columns.values())].set_axis(list(columns), axis="columns")
    chosen = chosen.assign(state=_states(frame), block=chosen["block"] if block else name)
    _refuse_text(chosen, columns)
    label = columns["metric"].removeprefix("metrics.")
    quantity = _declare(label, chosen["metric"], _direction(label, direction))
    _refuse_twice(chosen, columns)
    return [_record({str(key): value for key, value in row.items()}, quantity) for row in chosen.to_dict("records")]


def _asked(group: str, seed: str, metric: str, block: str) -> dict[str, str]:
    return {"group": group, "seed": seed, "metric": metric, **({"block": block} if block else {})}


def _only_other(frame: pd.DataFrame, known: list[str]) -> str:
    others = [str(column) for column in frame.columns if column not in known and frame[column].dtype.kind in "if"]
    return others[0] if len(others) == 1 else ""


def _column(frame: pd.DataFrame, key: str, asked: str) -> str:
    """The column's name: as it was asked for, or as MLflow writes it."""
    there = [str(column) for column in frame.columns]
    for one in (asked, f"params.{asked}", f"metrics.{asked}", f"tags.{asked}"):
        if one in there:
            return one
    named = f"{key}=COLUMN names the column {_TOLD_BY[key]}"
    if not asked:
        raise UserError(f"{named}: expected one of {', '.join(there)}. Received: nothing")
    raise UserError(f"{named}: {choose_from(asked, there)}")


def _states(frame: pd.DataFrame) -> pd.Series:
    """How each run ended, where the table is of a tracker that says so."""
    for column in ("State", "status", "Status"):
        if column in frame and frame[column].dtype.kind not in "if":
            states = frame[column].astype(str).str.lower()
            if states.isin(_ENDED).all():
                return states
    return pd.Series("finished", index=frame.index)


def _refuse_text(chosen: pd.DataFrame, columns: Mapping[str, str]) -> None:
    if chosen.empty:
        raise UserError(f"expected a table with a row a run. Received: none, under {', '.join(columns.values())}")
    going_on = int(chosen["state"].isin(_OPEN).sum())
    if going_on:
        raise UserError(f"expected runs that have ended. Received: {going_on} of {len(chosen)} that are still going on")
    if chosen["group"].isna().any():
        raise UserError(f"group: expected a name in each row of {columns['group']}. Received: rows without one")
    for key, whole in (("seed", True), ("metric", False)):
        given = chosen[key]
        numbers = pd.to_numeric(given, errors="coerce")
        wrong = given[numbers.isna() & given.notna() & ~given.astype(str).str.lower().isin(("nan", "none", ""))]
        if whole:
            wrong = pd.concat([wrong, given[numbers.notna() & (numbers % 1 != 0)], given[given.isna()]])
        if len(wrong):
            what = "whole numbers" if whole else "numbers"
            raise UserError(f"{key}: expected {what} in {columns[key]}. Received: {wrong.iloc[0]}")
        chosen[key] = numbers


def _refuse_twice(chosen: pd.DataFrame, columns: Mapping[str, str]) -> None:
    twice = chosen[chosen.duplicated(["block", "group", "seed"], keep=False)]
    if len(twice):
        first = twice.iloc[0]
        raise UserError(
            f"expected one run a {columns['group']} and {columns['seed']}"
            f"{' and ' + columns['block'] if 'block' in columns else ''}; block=COLUMN tells tasks apart. Received: "
            f"{len(twice)} rows that share them, as {first['group']} with {first['seed']:g}"
        )


def _direction(metric: str, asked: str) -> Direction:
    if asked:
        if asked not in ("max", "min"):
            raise UserError(f"direction: {choose_from(asked, ['max', 'min'])}")
        return "max" if asked == "max" else "min"
    words = metric.lower()
    if any(word in words for word in _LESS):
        return "min"
    if any(word in words for word in _MORE):
        return "max"
    raise UserError(
        f"direction: expected direction=max (more is better) or direction=min. Received: nothing, and {metric} "
        "does not tell"
    )


def _declare(name: str, values: pd.Series, direction: Direction) -> dict[str, Any]:
    """The metric's declaration: shares lie between 0 and 1, what is never negative has its least at 0."""
    finite = values[np.isfinite(values.astype(float))]
    low = 0.0 if (finite >= 0).all() else "-Infinity"
    high = 1.0 if direction == "max" and low == 0.0 and (finite <= 1).all() else "Infinity"
    taken = {*FACTS, *IDENTIFYING, "status"}
    return {
        "name": f"{name} reached" if name in taken else name,
        "direction": direction,
        "unit": "",
        "low": low,
        "high": high,
    }


def _record(row: Mapping[str, Any], quantity: Mapping[str, Any]) -> dict[str, Any]:
    value = float(row["metric"])
    ok = row["state"] == "finished" and math.isfinite(value)
    group, task, seed = str(row["group"]), str(row["block"]), int(row["seed"])
    return {
        "id": f"{task}-{group}-s{seed}",
        "identity": f"{task}-{group}-s{seed}",
        "task": task,
        "architecture": "",
        "axis": group,
        "seed": seed,
        "status": "ok" if ok else "diverged",
        "reason": "" if ok else f"{row['state']}, with a result of {value:g}",
        "config": {},
        "data": {"source": ""},
        "measures": [dict(quantity)],
        "metrics": {quantity["name"]: value} if ok else {},
    }


def _tensorboard(folder: Path) -> pd.DataFrame:
    """The last value of each run's file, whose name says run and tag; group and seed are in the run's name."""
    rows = []
    for path in sorted(folder.glob("*.csv")):
        frame = _read(path)
        if list(frame.columns) != _TENSORBOARD or frame.empty:
            raise UserError(f"expected TensorBoard's columns {', '.join(_TENSORBOARD)} and a step. Received: {path}")
        named = _RUN_FILE.match(path.stem)
        run, tag = (named["run"], named["tag"]) if named else (path.stem, "value")
        parts = _RUN_NAME.match(run)
        if parts is None:
            raise UserError(f"expected run names that end in a seed, as adam_seed3. Received: {path.name}")
        last = frame.sort_values("Step")["Value"].iloc[-1]
        rows.append({"run": run, "group": parts["group"], "seed": int(parts["seed"]), "tag": tag, "value": last})
    if not rows:
        raise UserError(f"expected TensorBoard's CSV files, one a run and tag. Received: {folder}, without any")
    table = pd.DataFrame(rows)
    if table.duplicated(["run", "tag"]).any():
        raise UserError(f"expected one file a run and tag. Received: {folder}, with several of one")
    return table.pivot(index=["group", "seed"], columns="tag", values="value").reset_index().rename_axis(None, axis=1)
