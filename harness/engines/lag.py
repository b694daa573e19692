"""Runs too short for their moving averages: what these still hold of where they began is no statistic of the data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.axes.resolved import ResolvedSite

MOST_LEFT = 0.05
"""Share of the start that moving averages may still hold without a word."""
QUICK = 0.9
"""The least momentum that is advised: with less, averages rest on fewer than ten batches, and inference with them."""
_AVERAGED = ("batch", "renorm", "ghost")
_KERAS_MOMENTUM = 0.99  # of a layer whose config says nothing else


@dataclass(frozen=True)
class Lag:
    """How far the moving averages of a cell are behind.

    After n steps an average of momentum p holds p^n of its start: a mean of 0 and a variance of 1, which no data have.

    Attributes:
        momentum: of the slowest of its averages.
        steps: that the cell trains.
        epoch: steps of one epoch.
    """

    momentum: float
    steps: int
    epoch: int

    @property
    def note(self) -> str:
        """What to say before anything is trained."""
        return (
            f"after {self.steps:,} step{'' if self.steps == 1 else 's'} moving averages still hold "
            f"{100 * self.momentum**self.steps:.0f} % of where they began ({self.momentum:g}^{self.steps}), so that "
            f"scores with them say little of a strategy: {self.remedy}"
        )

    @property
    def remedy(self) -> str:
        """What would do: training longer, which serves the weights too, before averages that forget more quickly."""
        longer = f"train.epochs={self._epochs(self.momentum)} or more" if self.momentum < 1 else ""
        if self.momentum <= QUICK:
            return longer
        quicker = f"norm.momentum={QUICK:g}"
        if QUICK**self.steps > MOST_LEFT:
            quicker += f" with train.epochs={self._epochs(QUICK)} or more"
        return f"{longer}, or {quicker}" if longer else quicker

    def _epochs(self, momentum: float) -> int:
        return math.ceil(math.log(MOST_LEFT) / math.log(momentum) / self.epoch)


def lag_of(config: Mapping[str, Any], data: Mapping[str, Any], sites: Sequence[ResolvedSite]) -> Lag | None:
    """The lag of a planned cell's moving averages; None where they move far enough, or where there are none.

    Args:
        config: of the cell.
        data: the summary of its data, with the sizes of the split.
        sites: its strategy at each site.
    """
    train = config["train"]
    epoch = int(data["sizes"]["train"]) // int(train["batch_size"])
    begins = [site for site in sites if site.kind in _AVERAGED and not _goes_on(config, site)]
    momenta = [momentum for site in begins if (momentum := _momentum(config, site)) is not None]
    if not momenta or epoch < 1:
        return None
    lag = Lag(max(momenta), int(train["epochs"]) * epoch, epoch)
    return lag if lag.momentum**lag.steps > MOST_LEFT else None


def _momentum(config: Mapping[str, Any], site: ResolvedSite) -> float | None:
    """Of a site's averages; None where it is its own layer's, which a record does not tell."""
    given = config["norm"]["momentum"]
    own = site.site.own
    if given is None and own is not None:
        given = own.config.get("momentum", _KERAS_MOMENTUM) if own.config else None
    return None if given is None else float(given)


def _goes_on(config: Mapping[str, Any], site: ResolvedSite) -> bool:
    """Whether averages begin as they are in a model's file: weights are kept, and the axes include the model's own."""
    own = site.site.own
    return own is not None and config["architecture"].get("weights") == "keep" and {*own.axis} <= {*site.axis}
