"""Words for people: what there is and what is nearest to a misspelt word, how long it takes, what can be printed."""

from __future__ import annotations

import difflib
import hashlib
import math
import re
import textwrap
from collections.abc import Sequence


def choose_from(received: str, options: Sequence[str]) -> str:
    """The tail of an error message: `expected one of a, b, the nearest is b. Received: bb`."""
    nearest = difflib.get_close_matches(received, options, n=1, cutoff=0.5)
    hint = f", the nearest is {nearest[0]}" if nearest else ""
    return f"expected one of {', '.join(options)}{hint}. Received: {received}"


def describe_seconds(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 05 min`."""
    if not math.isfinite(seconds):
        return "a time that is not known"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


# Of terminals' control codes, of text from right to left, and bytes of a name that are no UTF-8.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def examples_of(number: int, given: int, what: str = "examples") -> str:
    """How many examples were looked at, and of how many where it was not all of those that were given."""
    return f"the first {number:,} of {given:,} {what}" if number < given else f"{number:,} {what}"


def visible(text: str) -> str:
    """A text whose control characters are shown (`\\x1b`) rather than obeyed; line ends and tabs stay."""
    return _UNSEEN.sub(lambda found: found.group().encode("unicode_escape", "surrogatepass").decode("ascii"), text)


def first_line(error: BaseException) -> str:
    """The first line of what an error says, empty where it says nothing."""
    return (str(error).strip().splitlines() or [""])[0]


_MOST_IN_NAME = 120


def in_one_line(text: str, most: int = 300) -> str:
    """`text` as a line of at most `most` characters, with what a terminal would obey spelled out."""
    line = visible(" ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 3]}..."


def file_name(text: str) -> str:
    """`text` as the name of one file or folder: small letters, digits, `.`, `_` and `-`.

    Where other characters had to go, a digest tells it from another text of the same letters.
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-").lower()
    harmless = len(plain) <= _MOST_IN_NAME and plain.strip(".") and not plain.startswith(".")
    if harmless and not re.search(r"[^A-Za-z0-9._ (),\[\]'-]", text):
        return plain
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain[:_MOST_IN_NAME].strip('.-') or 'unnamed'}-{digest}"


def broken(name: str, width: int = 22) -> str:
    """A long strategy name on two lines, broken at underscores or blanks."""
    return "\n".join(textwrap.wrap(name.replace("_", "_ "), width)).replace("_ ", "_")
