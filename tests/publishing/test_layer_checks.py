"""The checks on layers decide by what layers do: one whose axes are turned round gives other verdicts."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from harness.commands.publish import layer_checks
from harness.commands.publish.checks import read_checks
from harness.commands.publish.examples import EXAMPLES, what_happens
from harness.commands.publish.layer_checks import CHECKS, IMAGES, normalized, values_of
from harness.config.composer import config_directory
from harness.layers.normalization import AxisNormalization

COMMITTED = read_checks(config_directory().parent / "results" / "reference")


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_gives_what_is_committed(name):
    verdict, evidence = CHECKS[name]()

    # What Python says of int([1]) is its own from version to version.
    assert verdict == COMMITTED["checks"][name]["verdict"]
    assert evidence.partition("`")[0] == COMMITTED["checks"][name]["evidence"].partition("`")[0]


class Turned(keras.layers.Layer):
    """Normalizes along the axes that it is given, each example by itself, as the article has it; None: not at all."""

    def __init__(self, axis, **_):
        super().__init__()
        self.along = axis

    def call(self, x, training=False):
        if self.along is None:
            return x
        return layer_checks.normalized(np.asarray(x, np.float64), tuple(np.atleast_1d(self.along)))


@pytest.mark.parametrize("name", [name for name in CHECKS if name not in ("each_position", "each_time_step")])
def test_with_the_meaning_turned_round_the_claims_hold(name, monkeypatch):
    for made in ("keras_layer", "our_layer"):
        monkeypatch.setattr(layer_checks, made, Turned)

    assert CHECKS[name]()[0] == "holds"


def test_a_layer_for_each_time_step_and_position_would_bear_the_claims_out(monkeypatch):
    monkeypatch.setattr(layer_checks, "keras_layer", lambda axis: AxisNormalization([1, 2]))
    assert CHECKS["each_time_step"]()[0] == "holds"

    monkeypatch.setattr(layer_checks, "keras_layer", lambda axis: AxisNormalization([1, 2, 3]))
    assert CHECKS["each_position"]()[0] == "holds"


def test_no_two_choices_of_axes_agree_on_the_values():
    x = values_of(IMAGES)
    choices = [(0,), (0, 1), (0, 2), (0, 3), (0, 1, 2), (0, 1, 3), (0, 2, 3), (0, 1, 2, 3), (1, 2), (3,), (1, 2, 3)]
    results = [normalized(x, averaged) for averaged in choices]

    for place, one in enumerate(results):
        assert not any(layer_checks.agrees(one, other) for other in results[:place])
    # Mean 0 and variance v / (v + epsilon), by definition.
    np.testing.assert_allclose(results[4].mean((0, 1, 2)), 0, atol=1e-12)


def test_the_examples_do_what_is_committed():
    committed = {one["title"]: one for one in COMMITTED["examples"]}
    assert set(committed) == set(EXAMPLES)
    titles = list(EXAMPLES)

    code, shape = EXAMPLES[titles[1]]
    refused = what_happens(code, shape, keras.layers.BatchNormalization)
    assert refused.startswith("TypeError: int() argument must be")
    assert committed[titles[1]]["happens"]["BatchNormalization"].startswith("TypeError")
    for title in titles[:2]:
        code, shape = EXAMPLES[title]
        happens = what_happens(code, shape, AxisNormalization)
        assert happens == committed[title]["happens"]["AxisNormalization"]
    assert happens == "trains, with a finite loss; means kept: 26 × 26"
