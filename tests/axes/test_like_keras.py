"""What code that is written for `keras.layers.BatchNormalization` finds in its drop-in, and what files keep of it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from harness.axes import AxisNormalization
from tests.needs import needs_renorm


def test_arguments_stand_where_keras_has_them() -> None:
    ours, keras_own = (
        inspect.signature(layer.__init__).parameters for layer in (AxisNormalization, keras.layers.BatchNormalization)
    )
    positional = [name for name, parameter in ours.items() if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    assert positional[: len(keras_own) - 1] == [name for name in keras_own if name != "kwargs"]
    layer = AxisNormalization(-1, 0.9, 1e-5, False)
    assert (layer.momentum, layer.epsilon, layer.center) == (0.9, 1e-5, False)
    with pytest.raises(TypeError):
        AxisNormalization(*[1] * 19)


@pytest.mark.parametrize("name", ["moving_mean", "moving_variance", "gamma", "beta"])
def test_variables_are_none_until_there_are_some(name: str) -> None:
    layer = AxisNormalization()
    assert getattr(layer, name) is None
    layer.build((None, 3))
    assert getattr(layer, name).shape == (3,)


@pytest.mark.parametrize("name", ["renorm", "synchronized"])
def test_what_it_does_not_do_is_off(name: str) -> None:
    assert getattr(AxisNormalization(), name) is False


@pytest.mark.parametrize("axis", [np.array(1), np.int64(1), np.array([1]), np.array([1, 2]), range(1, 3)])
def test_axes_may_be_numpys(axis: Any) -> None:
    layer = AxisNormalization(axis=axis)
    layer.build((None, 4, 6))
    assert layer.moving_mean.shape == ((4,) if np.size(axis) == 1 else (4, 6))


@needs_renorm
@pytest.mark.parametrize("axis", [-1, 1, 2])
def test_a_config_of_one_axis_is_keras_own_too(axis: int) -> None:
    config = AxisNormalization(axis, 0.9, name="norm").get_config()
    layer = keras.layers.BatchNormalization.from_config(config)
    assert (layer.axis, layer.momentum, layer.name) == (axis, 0.9, "norm")


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize("axis", [-1, 1, (1,), (1, 2), (), (1, 3)])
@pytest.mark.parametrize("param_axis", [None, 3, (2, 3), ()])
@pytest.mark.filterwarnings("ignore")
def test_a_file_keeps_the_axes(tmp_path: Path, axis: Any, param_axis: Any, suffix: str) -> None:
    model = keras.Sequential([keras.Input((4, 6, 3)), AxisNormalization(axis=axis, param_axis=param_axis)])
    x = np.random.default_rng(0).normal(size=(5, 4, 6, 3)).astype(np.float32)
    model(x, training=True)
    model.save(tmp_path / f"model.{suffix}")
    loaded = keras.saving.load_model(tmp_path / f"model.{suffix}")
    np.testing.assert_array_equal(loaded(x), model(x))
