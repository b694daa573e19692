"""Runs too short for their moving averages: what these still hold of where they began is no statistic of the data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from harness.axes.resolved import ResolvedSite

MOST_LEFT = 0.05
"""Share of the start that moving averages may still hold without a word."""
_AVERAGED = ("batch", "renorm", "ghost")


def lag_note(config: Mapping[str, Any], data: Mapping[str, Any], sites: Sequence[ResolvedSite]) -> str:
    """What to say of a planned cell's moving averages; empty where they move far enough, or where there are none.

    After n steps an average of momentum p holds p^n of its start: a mean of 0 and a variance of 1, which no data have.

    Args:
        config: of the cell.
        data: the summary of its data, with the sizes of the split.
        sites: its strategy at each site.
    """
    train, momentum = config["train"], config["norm"]["momentum"]
    if momentum is None:  # each site's own, as in the model's file
        return ""
    steps = int(train["epochs"]) * (int(data["sizes"]["train"]) // int(train["batch_size"]))
    left = momentum**steps
    if left <= MOST_LEFT or not any(site.kind in _AVERAGED for site in sites):
        return ""
    enough = math.floor(100 * MOST_LEFT ** (1 / max(steps, 1))) / 100
    longer = f"train for {_steps_for(momentum):,} steps or more, or " if momentum < 1 else ""
    return (
        f"after {steps:,} step{'' if steps == 1 else 's'} moving averages still hold {100 * left:.0f} % of where they "
        f"began ({momentum:g}^{steps}), so that scores with them say little of a strategy: {longer}"
        f"norm.momentum={min(enough, 0.9):g}"
    )


def _steps_for(momentum: float) -> int:
    return math.ceil(math.log(MOST_LEFT) / math.log(momentum))
