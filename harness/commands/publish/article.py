"""The checkable claims of the article that this project began with, and what decides each."""

from __future__ import annotations

from dataclasses import dataclass

from harness.statistics.rules import DIVERGED, Rule


@dataclass(frozen=True)
class Claim:
    """A claim and its check: on the layers, by rules over studies, or by how much the choice matters.

    Attributes:
        statement: what is claimed, in brief.
        how: how it is checked.
        check: the name of one of `layer_checks.CHECKS`.
        rules: studies with rules like those of their own `predictions`; all must hold.
        larger: two lists of studies, of which the choice is claimed to matter more in the first.
    """

    statement: str
    how: str
    check: str = ""
    rules: tuple[tuple[str, Rule], ...] = ()
    larger: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


IMAGES = ("mnist", "fashion_mnist")
BEYOND_IMAGES = ("cmapss", "degradation", "japanese_vowels", "basic_motions", "hyperspectral", "scenes")
_ON_LAYERS = "on the layers"

CLAIMS = (
    Claim(
        "`axis` names the dimensions *along which* normalization is performed.",
        f"{_ON_LAYERS}: over which axes does `axis=-1` average?",
        check="names_the_kept",
    ),
    Claim(
        "`axis` is interpreted as a tuple or list of dimensions.",
        f"{_ON_LAYERS}: is `[1, 2]` or `(1, 2)` taken?",
        check="takes_a_list",
    ),
    Claim(
        "`-1` normalizes each channel independently within a given batch *and spatial location*.",
        f"{_ON_LAYERS}: does a value elsewhere change the result here?",
        check="each_position",
    ),
    Claim("`[-1]` equals `-1`.", f"{_ON_LAYERS}: are the results the same?", check="list_of_one"),
    Claim(
        "`[1, 2, 3]` normalizes along height, width and channel.",
        f"{_ON_LAYERS}: over which axes does it average?",
        check="all_three",
    ),
    Claim(
        "`[1, 2, 3]` is rarely useful.",
        "records: is `elementwise`, which it is, worse than `channel` on images?",
        rules=tuple((study, Rule("worse", "elementwise", "channel")) for study in IMAGES),
    ),
    Claim(
        "`None` disables normalization.",
        f"{_ON_LAYERS}: do values come out as they went in?",
        check="none_disables",
    ),
    Claim(
        "`[1, 2]` normalizes across height and width *within each channel*.",
        f"{_ON_LAYERS}: over which axes does it average?",
        check="within_each_channel",
    ),
    Claim(
        "On sequences `-1` normalizes features *independently for each time step*.",
        f"{_ON_LAYERS}: does a value at another step change the result at this one?",
        check="each_time_step",
    ),
    Claim(
        "A wrong axis degrades performance.",
        "records: is every choice but `channel` worse than it on images?",
        rules=(
            *(("mnist", Rule("worse", name, "channel")) for name in ("height", "spatial", "elementwise", "global")),
            *(("fashion_mnist", Rule("worse", name, "channel")) for name in ("spatial", "elementwise")),
        ),
    ),
    Claim(
        "A wrong axis makes training fail.",
        "records: does every choice but `channel` diverge more often than it at the largest learning rate?",
        rules=tuple(
            ("stability", Rule("worse", strategy, "channel", measure=DIVERGED, where={"train.learning_rate": 0.1}))
            for strategy in ("height", "spatial", "elementwise", "global")
        ),
    ),
    Claim(
        "The right axis gives accurate predictions.",
        "records: is `channel`, at one learning rate, better than no normalization on images?",
        rules=tuple((study, Rule("better", "channel", "none")) for study in IMAGES),
    ),
    Claim(
        "The right axis gives stable training.",
        "records: does `channel` stand a wider range of learning rates than no normalization, and diverge less often "
        "at the largest?",
        rules=(
            ("stability", Rule("wider", "channel", "none")),
            ("stability", Rule("better", "channel", "none", measure=DIVERGED, where={"train.learning_rate": 0.1})),
        ),
    ),
    Claim(
        "The choice matters more beyond images.",
        "records: is the largest difference from `channel`, in margins, larger on each task beyond images than on each "
        "of images?",
        larger=(BEYOND_IMAGES, IMAGES),
    ),
)
