"""The comparison or dial that a rule's settings name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.statistics.comparison import Comparison
from harness.statistics.dials import Dial, dials_of
from harness.statistics.rules import Rule

_DATA = "task.data.path"


class NotThereError(Exception):
    """Records do not hold what a rule is about."""


def the_one(found: Sequence[Comparison], where: Mapping[str, Any]) -> Comparison:
    """The one comparison that there is to be with these settings, or `NotThereError`."""
    if len(found) != 1:
        titles = "; ".join(one.title for one in found)
        told = f"expected one comparison{said_with(where)}, and there are" if found else f"no records{said_with(where)}"
        raise NotThereError(f"{told} {titles}".strip())
    return found[0]


def at_value(found: Sequence[Comparison], rule: Rule, value: Any) -> Comparison:
    """The comparison at a value of the setting that a rule goes over."""
    where = {str(rule.over): value}
    return the_one([one for one in found if meets(one, where)], {**rule.where, **where})


def rates_of(found: Sequence[Comparison], where: Mapping[str, Any]) -> Dial:
    """The one dial of learning rates that comparisons hold, or `NotThereError`."""
    dials = [dial for dial in dials_of(found) if dial.is_learning_rate]
    if len(dials) != 1:
        raise NotThereError(f"expected one grid of learning rates{said_with(where)}, and there are {len(dials)}")
    return dials[0]


def meets(comparison: Comparison, where: Mapping[str, Any]) -> bool:
    """Whether a comparison has these settings, by their dotted names."""
    return all(_same(_value(comparison, path), _told(path, value)) for path, value in where.items())


def _told(path: str, value: Any) -> Any:
    """A value as comparisons have it: data by the name of their file, which is the same on another machine."""
    return Path(str(value)).stem if path == _DATA and value is not None else value


def _value(comparison: Comparison, path: str) -> Any:
    """A setting's value in a comparison, by its dotted name; None where it is not set."""
    if path in ("task", "architecture"):
        return getattr(comparison, path)
    if path == _DATA and "data" in comparison.settings:
        return comparison.settings["data"]
    column = column_of(comparison, path)
    if column is None:
        return None
    if column in comparison.settings:
        return _told(path, comparison.settings[column])
    values = comparison.cells[column].tolist()
    return _told(path, values[0]) if values and all(_same(one, values[0]) for one in values) else None


def column_of(comparison: Comparison, path: str) -> str | None:
    """A setting's column by its dotted name; None where no cell has it."""
    return next((column for column, dotted in comparison.source.settings.items() if dotted == path), None)


def _same(value: Any, other: Any) -> bool:
    if value is None or value != value or other is None:
        return (value is None or value != value) and other is None
    if all(isinstance(one, (int, float, np.number, np.bool_)) for one in (value, other)):
        return math.isclose(float(value), float(other), rel_tol=1e-6)
    return bool(value == other)


def said_with(where: Mapping[str, Any]) -> str:
    """Settings as a message has them: ` with drift=1`."""
    values = {key: str(value).lower() if isinstance(value, bool) else value for key, value in where.items()}
    said = ", ".join(f"{key}={value}" for key, value in values.items())
    return f" with {said}" if said else ""
