"""One look a strategy: the same colour, marker and dashes in every figure, whatever else the figure shows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from harness.config.looks import COLOUR, MARKERS

# Okabe & Ito (2008), black and yellow left out, olive and wine from Tol (2021) added: told apart with any
# colour vision, and visible on white and on dark grey.
COLOURS = ("#0072B2", "#E69F00", "#D55E00", "#56B4E9", "#CC79A7", "#009E73", "#999933", "#AA3C5F")
# Of cells that share a statistic: Paul Tol's "light" scheme, told apart by colour-blind readers, and dark figures
# can be read on every one of them.
CELLS = ("#77AADD", "#EE8866", "#EEDD88", "#FFAABB", "#99DDFF", "#44BB99", "#BBCC33", "#AAAA00", "#DDDDDD")
DASHES = ("-", (0, (5, 1.5)), (0, (2, 1)), (0, (6, 1.5, 1.5, 1.5)))

# Strategy -> the `colour` and `marker` that it declares.
Looks = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Look:
    """How a strategy is drawn."""

    colour: str
    marker: str
    dashes: str | tuple[int, tuple[float, ...]]


def look_of(strategy: str, declared: Looks) -> Look:
    """The look of a strategy: as its yaml declares it, else one that its name alone decides.

    Args:
        strategy: its name.
        declared: as `Comparison.looks`.
    """
    hashed = int.from_bytes(hashlib.sha256(strategy.encode()).digest()[:4], "big")
    colour, marker = COLOURS[hashed % len(COLOURS)], MARKERS[hashed // len(COLOURS) % len(MARKERS)]
    said = declared.get(strategy)
    if isinstance(said, Mapping):  # what a stranger's record says goes into pages: nothing but a look may get there
        colour = said["colour"] if COLOUR.fullmatch(str(said.get("colour"))) else colour
        marker = said["marker"] if said.get("marker") in MARKERS else marker
    # Colour is never the only key.
    return Look(colour, marker, DASHES[MARKERS.index(marker) % len(DASHES)])
