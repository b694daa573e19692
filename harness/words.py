"""Words for people: what there is and what is nearest to a misspelt word, and how long something takes."""

from __future__ import annotations

import difflib
import re
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


# Of terminals' control codes, of text from right to left, and bytes of a name that are no UTF-8.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """A text whose control characters are shown (`\\x1b`) rather than obeyed; line ends and tabs stay."""
    return _UNSEEN.sub(lambda found: found.group().encode("unicode_escape", "surrogatepass").decode("ascii"), text)


def first_line(error: BaseException) -> str:
    """The first line of what an error says, empty where it says nothing."""
    return (str(error).strip().splitlines() or [""])[0]
