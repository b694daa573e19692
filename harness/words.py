"""Errors about misspelt words: what there is, and what is nearest."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def choose_from(received: str, options: Sequence[str]) -> str:
    """The tail of an error message: `expected one of a, b, the nearest is b. Received: bb`."""
    nearest = difflib.get_close_matches(received, options, n=1, cutoff=0.5)
    hint = f", the nearest is {nearest[0]}" if nearest else ""
    return f"expected one of {', '.join(options)}{hint}. Received: {received}"
