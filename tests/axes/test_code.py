"""The lines of code that `explain` prints are run, and do what NumPy in float64 does."""

from __future__ import annotations

import numpy as np
import pytest

from harness.axes.code import FRAMEWORKS, code_of
from harness.axes.explained import USUAL_AXES, explain, explain_axes
from harness.axes.strategy import AxisStrategy
from harness.types import Site
from tests.axes.oracle import Reference, compact, every_axis_set, normal
from tests.needs import needs_renorm

SETS = every_axis_set()
# Kept axes, those of scale and shift, for ranks 3 and 4.
APART = [((6, 3, 2), (1, 2), (2,)), ((6, 3, 2), (2,), (1,)), ((5, 4, 3, 2), (1, 3), (2,)), ((5, 4, 3, 2), (), (3,))]


def site_of(shape):
    return Site("s", USUAL_AXES[len(shape) - 1], tuple(shape[1:]))


def expected(x, axis, param_axis=None):
    param_axis = axis if param_axis is None else param_axis
    shape = compact(x.shape, param_axis)
    return Reference(x, axis, param_axis, np.ones(shape), np.zeros(shape)).y()


def in_keras(code, x):
    """What a model of the lines gives in training."""
    import keras

    names = {"keras": keras, "x": keras.Input(x.shape[1:])}
    exec(code, names)
    return np.asarray(keras.Model(names["x"], names["y"])(x, training=True))


def in_torch(code, x):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    names = {"torch": torch, "x": torch.tensor(x)}
    exec(code, names)
    return names["y"].detach().numpy()


RUN = {"Keras 3": in_keras, "this project": in_keras, "PyTorch": in_torch}


def outputs(resolved, x):
    """Each framework's output, where it has lines of code for it."""
    for framework, code in code_of(resolved).items():
        if not code.startswith("#"):
            yield framework, RUN[framework](code, x)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(("shape", "axis"), SETS, ids=str)
def test_any_kept_axes(framework, shape, axis):
    x = normal(shape)
    code = code_of(explain_axes(axis, site_of(shape), shape[0]).resolved)[framework]

    np.testing.assert_allclose(RUN[framework](code, x), expected(x, axis), atol=2e-5)


@pytest.mark.parametrize("framework", ["this project", "PyTorch"])
@pytest.mark.parametrize(("shape", "axis", "param_axis"), APART, ids=str)
def test_scale_and_shift_of_their_own(framework, shape, axis, param_axis):
    x = normal(shape)
    code = code_of(explain(AxisStrategy(axis, param_axis), site_of(shape), shape[0]).resolved)

    assert code["Keras 3"].startswith("# Keras 3 ties scale and shift")
    np.testing.assert_allclose(RUN[framework](code[framework], x), expected(x, axis, param_axis), atol=2e-5)


def test_scale_and_shift_have_the_shape_that_is_told():
    import keras

    resolved = explain(AxisStrategy((1, 2), (2,)), site_of((6, 3, 2)), 6).resolved
    names = {"x": keras.Input((3, 2))}
    exec(code_of(resolved)["this project"], names)
    layer = keras.Model(names["x"], names["y"]).layers[1]

    assert layer.gamma.shape == (2,)
    assert layer.moving_mean.shape == (3, 2)


@pytest.mark.parametrize(
    ("kind", "averaged", "root"),
    [("layer", (-1,), False), ("rms", (-1,), True), ("instance", (1, 2), False)],
)
def test_statistics_of_one_example(kind, averaged, root):
    x = normal((4, 3, 5, 6))
    wide = x.astype(np.float64)
    mean = 0 if root else wide.mean(averaged, keepdims=True)
    y = (wide - mean) / np.sqrt(((wide - mean) ** 2).mean(averaged, keepdims=True) + 1e-3)
    found = dict(outputs(explain(AxisStrategy(kind=kind), site_of(x.shape), 4).resolved, x))

    assert {"Keras 3", "this project"} <= set(found)
    for output in found.values():
        np.testing.assert_allclose(output, y, atol=2e-5)


def test_groups_of_channels():
    x = normal((4, 3, 5, 6))
    wide = x.astype(np.float64).reshape(4, 15, 3, 2)
    y = (wide - wide.mean((1, 3), keepdims=True)) / np.sqrt(wide.var((1, 3), keepdims=True) + 1e-3)
    found = dict(outputs(explain(AxisStrategy(kind="group", groups=3), site_of(x.shape), 4).resolved, x))

    assert {"Keras 3", "this project"} <= set(found)
    for output in found.values():
        np.testing.assert_allclose(output, y.reshape(x.shape), atol=2e-5)


def test_ghosts_of_the_batch():
    x = normal((8, 3, 2))
    y = np.concatenate([expected(x[:4], (2,)), expected(x[4:], (2,))])
    code = code_of(explain(AxisStrategy("feature", kind="ghost", ghost=4), site_of(x.shape), 8).resolved)

    assert code["Keras 3"].startswith("#")
    np.testing.assert_allclose(in_keras(code["this project"], x), y, atol=2e-5)


@needs_renorm
@pytest.mark.parametrize("axis", [(2,), (1, 2)])
def test_what_differs_in_training_alone_has_its_axes(axis):
    import keras

    x = normal((8, 3, 2))
    for kind in ("renorm", "frozen"):
        code = code_of(explain(AxisStrategy(axis, kind=kind), site_of(x.shape), 8).resolved)
        for framework in ("Keras 3", "this project"):
            if code[framework].startswith("#"):
                continue
            names = {"keras": keras, "x": keras.Input(x.shape[1:])}
            exec(code[framework], names)
            layer = next(one for one in keras.Model(names["x"], names["y"]).layers if hasattr(one, "moving_mean"))
            assert np.prod(layer.moving_mean.shape) == np.prod(compact(x.shape, axis))
            assert getattr(layer, "renorm", False) == (kind == "renorm")


def test_a_kept_batch_has_no_code():
    code = code_of(explain_axes((0, 1), site_of((6, 3, 2)), 6).resolved)

    assert all(lines.startswith("#") for lines in code.values())


def test_sizes_that_are_not_fixed():
    import keras

    x = normal((8, 7, 2))
    code = code_of(explain_axes((2,), Site("s", ("time", "feature"), (None, 2)), 8).resolved)
    for framework in ("Keras 3", "this project"):
        names = {"keras": keras, "x": keras.Input((None, 2))}
        exec(code[framework], names)
        output = keras.Model(names["x"], names["y"])(x, training=True)
        np.testing.assert_allclose(output, expected(x, (2,)), atol=2e-5)
