"""The factory that architectures call: which layer a strategy becomes at a site, and what is recorded."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from omegaconf import OmegaConf

from harness.axes import AxisNormalization, AxisStrategy, NormFactory, SiteRecorder
from harness.config.build import build_strategy
from harness.types import Norm, Site, UserError
from tests.needs import KERAS_HAS_RENORM

CONF = Path(__file__).parents[2] / "conf" / "axis"
SHAPES = {
    ("height", "width", "channel"): (3, 4, 6),
    ("time", "feature"): (5, 4),
    ("feature",): (6,),
    ("height", "width", "band", "channel"): (2, 3, 4, 2),
    ("band", "channel"): (4, 3),
}


def build(norm: Norm, axes: tuple[str, ...], name: str = "site") -> keras.Model:
    inputs = keras.Input(SHAPES[axes])
    outputs = norm(inputs, axes=axes, name=name)
    # Keras 3.12, the last for Python 3.10, builds no model whose output is its input.
    return keras.Model(inputs, keras.layers.Identity()(inputs) if outputs is inputs else outputs)


@pytest.mark.parametrize("path", sorted({*CONF.glob("*.yaml")} - {CONF / "as_built.yaml"}), ids=lambda path: path.stem)
def test_every_strategy_takes_a_step_at_every_site(path: Path) -> None:
    if path.stem == "renorm" and not KERAS_HAS_RENORM:
        pytest.skip("batch renormalization came with Keras 3.14")
    for axes, shape in SHAPES.items():
        norm = NormFactory(build_strategy(OmegaConf.load(path)), batch_size=8, momentum=0.9, epsilon=1e-4)
        model = build(norm, axes)
        x = np.random.default_rng(0).normal(3, 2, (8, *shape)).astype(np.float32)
        y = model(x, training=True).numpy()
        [resolved] = norm.sites
        assert np.isfinite(y).all()
        assert resolved.site == Site("site", axes, shape)
        if resolved.kind == "none":
            assert not norm.layers
            np.testing.assert_array_equal(y, x)
            continue
        [layer] = norm.layers
        assert layer.name == "site"
        assert layer.epsilon == 1e-4
        assert sum(int(np.prod(v.shape)) for v in layer.trainable_variables) == resolved.parameters
        if resolved.kind == "batch":
            assert np.prod(layer.moving_mean.shape) == resolved.statistics
            assert layer.momentum == 0.9


def deviations(y: np.ndarray, x: np.ndarray, averaged: tuple[int, ...]) -> np.ndarray:
    wanted = (x - x.mean(averaged, keepdims=True)) / np.sqrt(x.var(averaged, keepdims=True) + 1e-3)
    return np.abs(y - wanted)


@pytest.mark.parametrize(("kind", "averaged"), [("layer", (3,)), ("instance", (1, 2))])
def test_references_average_over_what_their_yaml_says(kind: str, averaged: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(3, 2, (8, 3, 4, 6))
    model = build(NormFactory(AxisStrategy(kind=kind), batch_size=8), ("height", "width", "channel"))  # type: ignore[arg-type]
    assert deviations(model(x).numpy(), x, averaged).max() < 1e-4


def test_one_group_is_all_of_one_example() -> None:
    x = np.random.default_rng(0).normal(3, 2, (8, 3, 4, 6))
    model = build(NormFactory(AxisStrategy(kind="group", groups=1), batch_size=8), ("height", "width", "channel"))
    assert deviations(model(x).numpy(), x, (1, 2, 3)).max() < 1e-4


def test_rms_divides_by_the_root_mean_square() -> None:
    x = np.random.default_rng(0).normal(3, 2, (8, 5, 4))
    model = build(NormFactory(AxisStrategy(kind="rms"), batch_size=8), ("time", "feature"))
    np.testing.assert_allclose(model(x), x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-3), rtol=1e-5)


def test_layers_and_sites_are_recorded_in_order() -> None:
    norm = NormFactory(AxisStrategy("channel", "all"), batch_size=8)
    inputs = keras.Input((3, 4, 6))
    x = norm(inputs, axes=("height", "width", "channel"), name="first")
    x = keras.layers.Flatten()(x)
    norm(x, axes=("feature",), name="second")
    assert [layer.name for layer in norm.layers] == [r.site.name for r in norm.sites] == ["first", "second"]
    assert isinstance(norm.layers[0], AxisNormalization)
    assert norm.layers[0].gamma.shape == (3, 4, 6)
    assert norm.sites[0].samples_per_statistic == 8 * 3 * 4


def test_site_recorder_adds_nothing() -> None:
    recorder = SiteRecorder()
    inputs = keras.Input((5, 4))
    assert recorder(inputs, axes=("time", "feature"), name="here") is inputs
    assert recorder.sites == [Site("here", ("time", "feature"), (5, 4))]


@pytest.mark.parametrize("norm", [SiteRecorder(), NormFactory(AxisStrategy("channel"), batch_size=8)])
def test_every_axis_must_be_named(norm: Norm) -> None:
    with pytest.raises(ValueError, match=r"Received: axes=\('height', 'channel'\), x.shape=\(None, 3, 4, 6\)"):
        norm(keras.Input((3, 4, 6)), axes=("height", "channel"), name="site")


@pytest.mark.parametrize("kind", ["renorm", "ghost", "frozen"])
def test_what_averages_over_the_batch_keeps_any_axes(kind: str) -> None:
    norm = NormFactory(AxisStrategy("all", "feature", kind=kind), batch_size=8)  # type: ignore[arg-type]
    model = build(norm, ("time", "feature"))
    model(np.ones((8, 5, 4)), training=True)
    assert norm.layers[0].moving_mean.shape == (5, 4)
    assert norm.layers[0].gamma.shape == (4,)


def test_ghosts_are_of_as_many_examples_each() -> None:
    strategy = AxisStrategy("channel", kind="ghost", ghost=8)
    site = Site("site", ("height", "width", "channel"), (3, 4, 6))
    assert strategy.resolve(site, batch_size=32).samples_per_statistic == 8 * 3 * 4
    assert strategy.resolve(site, batch_size=4).samples_per_statistic == 4 * 3 * 4
    with pytest.raises(UserError, match=r"must divide the batch size.*Received: axis.ghost=8, batch size 20"):
        strategy.resolve(site, batch_size=20)
