"""One look a strategy: the same colour, marker and dashes in every figure, whatever else the figure shows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

# Okabe & Ito (2008), black and yellow left out, olive and wine from Tol (2021) added: told apart with any
# colour vision, and visible on white and on dark grey.
COLOURS = ("#0072B2", "#E69F00", "#D55E00", "#56B4E9", "#CC79A7", "#009E73", "#999933", "#AA3C5F")
MARKERS = ("o", "s", "D", "^", "v", "P", "h", "p")
DASHES = ("-", (0, (5, 1.5)), (0, (2, 1)), (0, (6, 1.5, 1.5, 1.5)))
GREY = "#7F7F7F"

# Strategies that are often seen together, each (colour, marker); any other name is hashed.
_ASSIGNED = {
    "channel": (0, 0),
    "spatial": (1, 1),
    "elementwise": (2, 2),
    "channel_stats_elementwise_params": (3, 3),
    "elementwise_stats_channel_params": (4, 4),
    "layer": (5, 5),
    "instance": (6, 6),
    "group": (7, 7),
    "global": (4, 1),
    "timestep": (1, 3),
    "per_timestep": (5, 0),
    "per_timestep_full": (7, 2),
    "band": (6, 4),
    "height": (3, 1),
    "width": (2, 6),
    "renorm": (7, 3),
    "rms": (6, 1),
}


@dataclass(frozen=True)
class Look:
    """How a strategy is drawn."""

    colour: str
    marker: str
    dashes: str | tuple[int, tuple[float, ...]]


def look_of(strategy: str) -> Look:
    """The look of a strategy, from its name alone: `none` is grey, and colour is never the only key."""
    if strategy == "none":
        return Look(GREY, "o", "-")
    hashed = int.from_bytes(hashlib.sha256(strategy.encode()).digest()[:4], "big")
    colour, marker = _ASSIGNED.get(strategy, (hashed % len(COLOURS), hashed // len(COLOURS) % len(MARKERS)))
    return Look(COLOURS[colour], MARKERS[marker], DASHES[marker % len(DASHES)])
