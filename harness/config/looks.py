"""How a strategy's yaml may say that it is drawn: `look: {colour: "#0072B2", marker: o}`."""

from __future__ import annotations

import re
from typing import Any

from harness.types import UserError
from harness.words import choose_from

COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
MARKERS = ("o", "s", "D", "^", "v", "P", "h", "p")


def check_look(look: Any) -> None:
    """Refuse what no figure could draw.

    Raises:
        UserError: another key, a colour that is not `#RRGGBB`, or another marker.
    """
    if not isinstance(look, dict) or not look.keys() <= {"colour", "marker"}:
        raise UserError(f"look: expected a mapping such as {{colour: '#0072B2', marker: o}}. Received: {look}")
    if "colour" in look and not COLOUR.fullmatch(str(look["colour"])):
        raise UserError(f"look.colour: expected '#RRGGBB', in quotes. Received: {look['colour']}")
    if "marker" in look and look["marker"] not in MARKERS:
        raise UserError(f"look.marker: {choose_from(str(look['marker']), MARKERS)}")
