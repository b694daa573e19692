"""What to do with data of one kind, and the rules over studies by which anyone sees how far the records bear it out."""

from __future__ import annotations

from dataclasses import dataclass

from harness.statistics.rules import Rule


@dataclass(frozen=True)
class Advice:
    """A piece of advice.

    Attributes:
        data: of which data.
        keep: the axes to keep.
        beware: of what.
        rules: studies with rules like those of their own `predictions`, which the advice rests on.
    """

    data: str
    keep: str
    beware: str
    rules: tuple[tuple[str, Rule], ...]


ADVICE = (
    Advice(
        "images into convolutions, batches of tens and more",
        "the channels: `axis=-1` where they come last",
        "Statistics of pixel positions tie a model to where things stand.",
        (("mnist", Rule("better", "channel", "none")), ("mnist", Rule("equivalent", "spatial", "channel"))),
    ),
)
