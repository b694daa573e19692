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


_FOUR = {"train.batch_size": 4}
_HIGHEST = {"train.learning_rate": 0.1}
_PRECISE = "test_accuracy_precise"
_SCENES = ("jasperRidge2_R198", "samson_dataset")


def _scenes(kind: str, strategy: str, *networks: str, measure: str | None = None) -> tuple[tuple[str, Rule], ...]:
    """Of every scene and each of these networks."""
    places = [{"architecture": network, "task.data.path": scene} for network in networks for scene in _SCENES]
    return tuple(("scenes", Rule(kind, strategy, "channel", measure=measure, where=where)) for where in places)


def _all(study: str, kind: str, *strategies: str, measure: str | None = None) -> tuple[tuple[str, Rule], ...]:
    return tuple((study, Rule(kind, strategy, "channel", measure=measure)) for strategy in strategies)


ADVICE = (
    Advice(
        "digits into a network of one normalization, batches of 128",
        "whichever: the differences are within 0.01",
        "As trained, `channel` is the worst of the axes by a little; re-estimate statistics before comparing.",
        (
            ("mnist", Rule("better", "channel", "none")),
            *_all("mnist", "equivalent", "height", "spatial", "elementwise", "global"),
            *_all("mnist", "equivalent", "height", "spatial", "elementwise", "global", measure=_PRECISE),
        ),
    ),
    Advice(
        "digits into a network of one normalization, batches of 4",
        "what does without the batch (`group`), or nothing",
        "`channel` loses by its moving averages here, which re-estimating mends; why `elementwise` gains is not known.",
        (
            *(("batch_size", Rule("better", one, "channel", where=_FOUR)) for one in ("group", "none", "elementwise")),
            ("batch_size", Rule("worse", "channel", measure=GAP, where=_FOUR)),
            *(
                ("batch_size", Rule("equivalent", one, "channel", measure=_PRECISE, where=_FOUR))
                for one in ("group", "none", "elementwise")
            ),
        ),
    ),
    Advice(
        "clothes into a network of six normalizations, batches of 32",
        "the channels, with statistics re-estimated after training (`harness.models.recalibrate`)",
        "As trained, moving averages of 939 steps cost more than most choices of axes do.",
        (
            ("fashion_mnist", Rule("better", "channel", "none")),
            *_all("fashion_mnist", "worse", "elementwise", "spatial", "layer"),
            *_all("fashion_mnist", "worse", "elementwise", "spatial", "layer", measure=_PRECISE),
            ("fashion_mnist", Rule("worse", "channel", measure=GAP)),
        ),
    ),
    Advice(
        "sequences into an LSTM",
        "the features: `axis=-1`; compare with none at all",
        "`per_timestep` ties a model to windows of one length and rests on the batch alone, and on fewer examples "
        "where sequences end early.",
        (
            *_all("japanese_vowels", "worse", "per_timestep", "none"),
            *_all("cmapss", "worse", "per_timestep", "none"),
            *_all("japanese_vowels", "equivalent", "timestep", "global"),
            *_all("cmapss", "equivalent", "timestep", "global"),
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
        "the channels, bands or places; not all of them at once (`elementwise`)",
        "Two scenes only, which each seed splits anew; on Samson's spectra re-estimate statistics before comparing.",
        (
            *_scenes("worse", "elementwise", "hyper_cnn1d", "hyper_cnn2d", "hyper_cnn3d"),
            *_scenes("equivalent", "band", "hyper_cnn1d", "hyper_cnn3d"),
            *_scenes("equivalent", "spatial", "hyper_cnn2d", "hyper_cnn3d"),
            *_scenes("better", "none", "hyper_cnn1d", "hyper_cnn2d", "hyper_cnn3d"),
            *_scenes(
                *("better", "none", "hyper_cnn1d", "hyper_cnn2d", "hyper_cnn3d"),
                measure="test_overall_accuracy_precise",
            ),
        ),
    ),
    Advice(
        "a learning rate that nobody has tuned",
        "any but the finest (`elementwise`)",
        "`none` learns too slowly at rates that are low for some 470 steps; at 0.1 the finest diverge oftener.",
        (
            ("stability", Rule("narrower", "elementwise", "channel")),
            ("stability", Rule("narrower", "none", "channel")),
            ("stability", Rule("worse", "elementwise", "channel", measure=DIVERGED, where=_HIGHEST)),
            ("stability", Rule("worse", "none", "channel", measure=DIVERGED, where=_HIGHEST)),
        ),
    ),
    Advice(
        "trainings of about a thousand steps and less",
        "as above, with statistics re-estimated after training",
        "Moving averages of momentum 0.99 may be behind the weights, or not: see what they cost.",
        tuple(
            (study, Rule("worse", "channel", measure=GAP)) for study in ("mnist", "fashion_mnist", "japanese_vowels")
        ),
    ),
)
