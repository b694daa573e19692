"""Checks of what a user asked a task for; each failure is one line that says what was expected."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.types import UserError


def check_number(name: str, value: Any, *, low: float = -math.inf, high: float = math.inf) -> float:
    """`value` as a float, if it is a finite number in `[low, high]`.

    Raises:
        UserError: it is not.
    """
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not low <= value <= high:
        raise UserError(f"{name} must be a number{_range(low, high)}. Received: {name}={value!r}")
    return float(value)


def check_integer(name: str, value: Any, *, low: int = 1, high: int | None = None) -> int:
    """`value` as an int, if it is a whole number in `[low, high]`.

    Raises:
        UserError: it is not.
    """
    top = math.inf if high is None else high
    is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_integer or not low <= value <= top:
        raise UserError(f"{name} must be a whole number{_range(low, top)}. Received: {name}={value!r}")
    return int(value)


def check_flag(name: str, value: Any) -> bool:
    """`value`, if it is `True` or `False`.

    Raises:
        UserError: it is not; the text "false" would otherwise count as true.
    """
    if not isinstance(value, bool):
        raise UserError(f"{name} must be true or false. Received: {name}={value!r}")
    return value


def check_choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """`value`, if it is one of `choices`.

    Raises:
        UserError: it is not; the message names the nearest choice.
    """
    known = list(choices)
    if value in known:
        return str(value)
    close = difflib.get_close_matches(str(value), known, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise UserError(f"{name} must be one of {', '.join(known)}{hint}. Received: {name}={value!r}")


def check_path(name: str, value: Any) -> Path:
    """`value` as a path, `~` at its front the user's home.

    Raises:
        UserError: it is no text.
    """
    if not isinstance(value, str | Path) or not str(value):
        raise UserError(f"{name} must be a path. Received: {name}={value!r}")
    try:
        return Path(value).expanduser()
    except RuntimeError as error:  # `~nobody`
        raise UserError(f"{name} must be a path below a home that there is. Received: {name}={value!r}") from error


def check_file(path: Path, *, what: str) -> Path:
    """`path`, if it is a file that can be read.

    Raises:
        UserError: it is not; `what` says what was looked for.
    """
    try:
        found = path.is_file()
    except (OSError, ValueError) as error:  # a folder that may not be looked into, a name that is too long
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"expected {what} at {path}. Received: {reason}") from error
    if not found:
        raise UserError(f"expected {what} at {path}, where there is no file. Received: path={str(path)!r}")
    return path


def list_directory(path: Path, *, what: str) -> list[str]:
    """The names in the directory `path`, in order.

    Raises:
        UserError: it is none, or may not be looked into; `what` says what was looked for.
    """
    try:
        return sorted(entry.name for entry in path.iterdir())
    except (OSError, ValueError) as error:  # a file, nothing at all, a name that is too long
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"expected {what} in the directory {path}. Received: {reason}") from error


def list_some(names: Sequence[str], most: int = 8) -> str:
    """The first of some names, for a message."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "") or "nothing"


def _range(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return ""
    if math.isinf(high):
        return f" of at least {low:g}"
    return f" between {low:g} and {high:g}"
