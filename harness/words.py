"""Words for people: what there is and what is nearest to a misspelt word, and how long something takes."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def choose_from(received: str, options: Sequence[str]) -> str:
    """The tail of an error message: `expected one of a, b, the nearest is b. Received: bb`."""
    nearest = difflib.get_close_matches(received, options, n=1, cutoff=0.5)
    hint = f", the nearest is {nearest[0]}" if nearest else ""
    return f"expected one of {', '.join(options)}{hint}. Received: {received}"


def describe_seconds(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def first_line(error: BaseException) -> str:
    """The first line of what an error says, empty where it says nothing."""
    return (str(error).strip().splitlines() or [""])[0]
