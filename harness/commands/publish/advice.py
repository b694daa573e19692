"""What to do with data of one kind, and the rules over studies by which anyone sees how far the records bear it out."""

from __future__ import annotations

from dataclasses import dataclass

from harness.statistics.rules import DIVERGED, GAP, Rule


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


_SCENES = ("jasperRidge2_R198", "samson_dataset")


def _of(architecture: str, scene: str) -> dict[str, str]:
    return {"architecture": architecture, "task.data.path": scene}


_FOUR = {"train.batch_size": 4}
_PRECISE = "test_accuracy_precise"

ADVICE = (
    Advice(
        "images into convolutions, batches of about a hundred",
        "the channels: `axis=-1` where they come last",
        "Compare with statistics re-estimated after training too: early on, moving averages lag.",
        (
            ("mnist", Rule("better", "channel", "none")),
            ("mnist", Rule("equivalent", "spatial", "channel", measure=_PRECISE)),
            ("mnist", Rule("equivalent", "height", "channel", measure=_PRECISE)),
        ),
    ),
    Advice(
        "images into convolutions, batches of a few examples",
        "what does without the batch (`group`), or nothing",
        "The channels lose by moving averages over so few; re-estimated after training, `group` is equivalent.",
        (
            ("batch_size", Rule("better", "group", "channel", where=_FOUR)),
            ("batch_size", Rule("better", "none", "channel", where=_FOUR)),
            ("batch_size", Rule("worse", "channel", measure=GAP, where=_FOUR)),
            ("batch_size", Rule("equivalent", "group", "channel", measure=_PRECISE, where=_FOUR)),
        ),
    ),
    Advice(
        "images into a network of several normalizations",
        "the channels, with moving averages that had time to follow",
        "Compare with statistics re-estimated after training too: the moving averages of few steps cost much here.",
        (
            ("fashion_mnist", Rule("better", "channel", "none")),
            ("fashion_mnist", Rule("worse", "elementwise", "channel")),
            ("fashion_mnist", Rule("worse", "spatial", "channel", measure=_PRECISE)),
            ("fashion_mnist", Rule("worse", "channel", measure=GAP)),
        ),
    ),
    Advice(
        "sequences into an LSTM",
        "the features: `axis=-1`",
        "A statistic for each time step ties a model to windows of one length and rests on the batch alone. Whether "
        "none at all does better differs from one data set to another.",
        (
            ("japanese_vowels", Rule("worse", "per_timestep", "channel")),
            ("japanese_vowels", Rule("worse", "none", "channel")),
            ("cmapss", Rule("better", "none", "channel")),
            ("cmapss", Rule("worse", "per_timestep", "channel")),
            ("cmapss", Rule("equivalent", "timestep", "channel")),
        ),
    ),
    Advice(
        "spectra of bands that differ in scale",
        "the bands: of feature maps (band, channel) `axis=1`",
        "These scenes are generated, with scales that differ on purpose.",
        (
            ("hyperspectral", Rule("better", "band", "channel", where={"task.data.band_scale": 1})),
            ("hyperspectral", Rule("equivalent", "band", "channel", where={"task.data.band_scale": 0})),
        ),
    ),
    Advice(
        "scenes and spectra as they are",
        "the channels; and try none at all",
        "Statistics for each place, band and channel by itself (`elementwise`) rest on the batch alone.",
        (
            *(
                ("scenes", Rule("worse", "elementwise", "channel", where=_of("hyper_cnn2d", scene)))
                for scene in _SCENES
            ),
            *(("scenes", Rule("equivalent", "band", "channel", where=_of("hyper_cnn3d", scene))) for scene in _SCENES),
            ("scenes", Rule("better", "none", "channel", where=_of("hyper_cnn1d", _SCENES[1]))),
        ),
    ),
    Advice(
        "a learning rate that nobody has tuned",
        "the channels, or no axis (`global`)",
        "The finest statistics diverge oftener at high rates and stand fewer of them.",
        (
            ("stability", Rule("wider", "channel", "none")),
            ("stability", Rule("wider", "global", "channel")),
            ("stability", Rule("narrower", "elementwise", "channel")),
            (
                "stability",
                Rule("worse", "elementwise", "channel", measure=DIVERGED, where={"train.learning_rate": 0.1}),
            ),
        ),
    ),
    Advice(
        "trainings of less than a thousand steps",
        "as above, with `momentum=0.9`, or `harness.models.recalibrate` after training",
        "The default of 0.99 leaves moving averages behind the weights.",
        (("mnist", Rule("worse", "channel", measure=GAP)),),
    ),
)
