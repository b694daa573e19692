"""Probes where the answer is known: on a quadratic loss, and on one whose gradient is the same everywhere."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.cell.probes import STEP_FACTORS, LandscapeProbe, summarize_probe
from harness.cell.run import run_cell

CURVATURES = np.array([3.0, 1.0, 0.5], dtype=np.float32)
START = np.array([1.0, -2.0, 4.0], dtype=np.float32)


@pytest.fixture
def point() -> keras.Model:
    """A model whose one weight, a vector of three, is a place on a landscape."""
    inputs = keras.Input((3,), name="input")
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False, name="output")(inputs))
    model.layers[-1].set_weights([START[:, None]])
    return model


def probe_of(model: keras.Model, loss: Any) -> LandscapeProbe:
    weight = model.layers[-1].kernel
    return LandscapeProbe(model, model.trainable_variables, lambda x, y: loss(tf.squeeze(tf.convert_to_tensor(weight))))


def look(probe: LandscapeProbe, *, learning_rate: float = 0.1, hessian: bool = False) -> dict[str, float]:
    return probe.probe(
        np.zeros((1, 3), np.float32), np.zeros((1, 1), np.float32), learning_rate=learning_rate, hessian=hessian
    )


def test_a_quadratic_has_the_smoothness_of_its_curvature(point: keras.Model) -> None:
    # L = sum(a w^2) / 2 has gradient a w, which changes by a * (step): beta is |a g| / |g| along the gradient.
    seen = look(probe_of(point, lambda w: tf.reduce_sum(CURVATURES * w**2) / 2), hessian=True)
    gradient = CURVATURES * START
    lengths = 0.1 * np.array(STEP_FACTORS)
    changes = lengths * np.linalg.norm(CURVATURES * gradient)
    losses = [np.sum(CURVATURES * (START - step * gradient) ** 2) / 2 for step in lengths]
    assert seen["beta_smoothness"] == pytest.approx(
        np.linalg.norm(CURVATURES * gradient) / np.linalg.norm(gradient), rel=1e-5
    )
    assert seen["gradient_predictiveness"] == pytest.approx(changes.max() - changes.min(), rel=1e-5)
    assert seen["loss_variation"] == pytest.approx(max(losses) - min(losses), rel=1e-5)
    assert seen["probe_loss"] == pytest.approx(np.sum(CURVATURES * START**2) / 2, rel=1e-6)
    assert seen["hessian_eigenvalue"] == pytest.approx(3.0, rel=1e-4)


def test_a_constant_gradient_predicts_itself(point: keras.Model) -> None:
    seen = look(probe_of(point, lambda w: tf.reduce_sum(CURVATURES * w)))
    assert seen["gradient_predictiveness"] == 0.0
    assert seen["beta_smoothness"] == 0.0
    # The loss falls by s * rate * |g|^2: from s = 1/2 to 4 that is 3.5 * 0.1 * 10.25.
    assert seen["loss_variation"] == pytest.approx(3.5 * 0.1 * float(np.sum(CURVATURES**2)), rel=1e-5)


def test_a_probe_leaves_every_variable_as_it_was(point: keras.Model) -> None:
    before = [np.copy(weight) for weight in point.get_weights()]
    look(probe_of(point, lambda w: tf.reduce_sum(CURVATURES * w**2)), hessian=True)
    for old, new in zip(before, point.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_where_there_is_no_gradient_there_is_no_smoothness_to_speak_of() -> None:
    flat = np.zeros(len(STEP_FACTORS))
    seen = summarize_probe(flat + 2.0, flat, 0.0, 0.1)
    assert seen["loss_variation"] == 0.0
    assert np.isnan(seen["beta_smoothness"])


@pytest.mark.parametrize("axis", ["channel", "elementwise", "none"])
def test_with_probes_or_without_a_cell_ends_in_the_same_bits(cell: Any, axis: str) -> None:
    plain = run_cell(cell(f"axis={axis}", "seed=1"))
    probed = run_cell(cell(f"axis={axis}", "seed=1", "probe=full", "probe.every=3", "probe.hessian=true"))
    assert (plain["status"], plain["reason"]) == (probed["status"], probed["reason"]) == ("ok", "")
    assert plain["hashes"] == probed["hashes"]
    shared = set(plain["metrics"]) & set(probed["metrics"])
    assert {name: plain["metrics"][name] for name in shared} == {name: probed["metrics"][name] for name in shared}
    assert plain["history"]["train_loss"] == probed["history"]["train_loss"]
    steps = probed["probes"]["step"]
    assert steps == list(range(0, probed["counts"]["steps"], 3))
    for name in ("loss_variation", "gradient_predictiveness", "beta_smoothness", "hessian_eigenvalue"):
        assert np.isfinite(probed["probes"][name]).all(), name
        assert probed["metrics"][name] == pytest.approx(np.mean(probed["probes"][name]))
    assert not plain["probes"]


def test_strategies_of_one_seed_are_probed_on_the_same_examples(cell: Any) -> None:
    # Before the first step the shared weights are the same: without normalization in between, so is the loss seen.
    # On the graphs of the test before, if that came before: they are long in building.
    probed = ("axis=none", "seed=1", "probe=full", "probe.every=3", "probe.hessian=true")
    first, other = (run_cell(cell(*probed, f"train.learning_rate={rate}")) for rate in (0.01, 0.02))
    assert first["probes"]["probe_loss"][0] == other["probes"]["probe_loss"][0]
    assert first["probes"]["probe_loss"][1] != other["probes"]["probe_loss"][1]
