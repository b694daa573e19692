"""What trackers are told of a record: settings, curves by epoch, last scores, when it was."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

Record = Mapping[str, Any]
# Settings that say what a cell is; the whole config follows as text where a tracker takes text.
_TOLD = ("train", "norm")


def settings_of(record: Record) -> dict[str, bool | float | int | str]:
    """What tells cells apart, by name: task, architecture, strategy, seed and the settings of training."""
    config = record.get("config") or {}
    told: dict[str, Any] = {key: record.get(key) for key in ("task", "architecture", "axis", "seed")}
    told |= {key: value for part in _TOLD for key, value in (config.get(part) or {}).items()}
    data = (config.get("task") or {}).get("data") or {}
    told |= {f"data.{key}": value for key, value in data.items() if not key.startswith("_")}
    return {key: value for key, value in told.items() if isinstance(value, bool | float | int | str)}


def curves_of(record: Record) -> Iterator[tuple[str, int, float]]:
    """(name, epoch, value) of all that was written down by epoch and is finite: `train/loss`, `validation/accuracy`."""
    history = record.get("history") or {}
    epochs = [int(epoch) for epoch in history.get("epoch", ())]
    for column, values in history.items():
        if column != "epoch":
            for epoch, value in zip(epochs, values, strict=False):
                if (number := _finite(value)) is not None:
                    yield _grouped(column), epoch, number


def finals_of(record: Record) -> dict[str, float]:
    """What the trained model scores, by name, where it is finite: `test/accuracy`, `test/accuracy_precise`."""
    metrics = record.get("metrics") or {}
    return {_grouped(name): number for name, value in metrics.items() if (number := _finite(value)) is not None}


def times_of(record: Record) -> tuple[float, float]:
    """When a cell began and ended (seconds since 1970); both 0 where that is not known."""
    finished = (record.get("provenance") or {}).get("finished")
    seconds = _finite((record.get("seconds") or {}).get("total")) or 0.0
    end = datetime.fromisoformat(finished).timestamp() if finished else 0.0
    return max(end - seconds, 0.0), end


def _grouped(column: str) -> str:
    part, _, name = column.partition("_")
    return f"{part}/{name}" if part in ("train", "validation", "test") and name else f"cell/{column}"


def _finite(value: Any) -> float | None:
    number = float("nan") if value is None else float(value)
    return number if math.isfinite(number) else None
