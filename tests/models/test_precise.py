"""Statistics estimated anew against NumPy and against those of the harness's own cells; the gap against `predict`."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from harness.axes import AxisNormalization
from harness.cell.evaluation import Evaluator
from harness.layers.variants import FrozenNormalization
from harness.models import recalibrate
from harness.models.gap import measure_gap
from harness.models.precise import outputs_of
from tests.needs import needs_renorm

RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, (20, 6, 5, 2)).astype(np.float32)


def batches(size):
    return [X[start : start + size].astype(np.float64) for start in range(0, len(X), size)]


@pytest.mark.parametrize(("axis", "averaged"), [(-1, (0, 1, 2)), ((1, 2), (0, 3)), ((), (0, 1, 2, 3))])
def test_by_hand(axis, averaged):
    model = keras.Sequential([keras.Input(X.shape[1:]), AxisNormalization(axis=axis)])
    assert recalibrate(model, X, batch_size=5) == [model.layers[0].name]
    means = np.array([batch.mean(averaged) for batch in batches(5)])
    squares = np.array([(batch**2).mean(averaged) for batch in batches(5)])

    np.testing.assert_allclose(model.layers[0].moving_mean, means.mean(0), rtol=1e-5)
    np.testing.assert_allclose(model.layers[0].moving_variance, squares.mean(0) - means.mean(0) ** 2, rtol=1e-5)


def deep():
    parts = [layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU(), layers.Conv2D(3, 2)]
    return keras.Sequential([keras.Input(X.shape[1:]), *parts, AxisNormalization(axis=[1, 2]), layers.Flatten()])


def test_as_the_harness_estimates_its_own_cells():
    model = deep()
    found = [layer for layer in model.layers if hasattr(layer, "moving_mean")]
    order = np.arange(20, dtype=np.int32).reshape(4, 5)
    loss = keras.losses.MeanSquaredError()
    expected = Evaluator(model, found, loss=loss, batch_size=5).precise_statistics(X, order)
    recalibrate(model, X, batch_size=5)

    for layer, (mean, variance) in zip(found, expected, strict=True):
        np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-4, atol=1e-5)


def test_one_batch_recalibrated_on_itself_is_normalized_as_in_training():
    model = deep()
    recalibrate(model, X, batch_size=len(X))

    np.testing.assert_allclose(outputs_of(model, X, batch_size=20), model(X, training=True), rtol=1e-3, atol=1e-4)


def test_nothing_else_changes():
    model = keras.Sequential([keras.Input(X.shape[1:]), layers.Dropout(0.5, seed=1), layers.BatchNormalization()])
    before = [np.array(variable) for variable in model.variables]
    outputs_of(model, X, batch_size=7, by_batch=True)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    recalibrate(model, X)
    changed = {v.path for v, value in zip(model.variables, before, strict=True) if (np.array(v) != value).any()}

    assert {path.rpartition("/")[2] for path in changed} == {"moving_mean", "moving_variance"}


def test_frozen_layers_keep_theirs():
    parts = [layers.BatchNormalization(trainable=False), FrozenNormalization(), layers.BatchNormalization(name="moves")]
    model = keras.Sequential([keras.Input(X.shape[1:]), *parts])

    assert recalibrate(model, X) == ["moves"]
    assert (np.array(model.layers[0].moving_mean) == 0).all()


def test_calls_of_a_shared_layer_count_alike():
    shared = layers.BatchNormalization()
    a, b = keras.Input((2,)), keras.Input((2,))
    model = keras.Model([a, b], layers.Add()([shared(a), shared(b)]))
    first, second = RNG.normal(0, 1, (8, 2)), RNG.normal(5, 1, (8, 2))
    recalibrate(model, [first, second], batch_size=8)
    both = np.concatenate([first, second])

    np.testing.assert_allclose(shared.moving_mean, both.mean(0), rtol=1e-5)
    np.testing.assert_allclose(shared.moving_variance, both.var(0), rtol=1e-5)


def test_masked_values_count_in_none():
    inputs = keras.Input((6, 3))
    norm = layers.BatchNormalization()
    model = keras.Model(inputs, norm(layers.Masking()(inputs)))
    x = RNG.normal(4, 1, (10, 6, 3)).astype(np.float32)
    x[:, 4:] = 0
    recalibrate(model, x, batch_size=10)

    np.testing.assert_allclose(norm.moving_mean, x[:, :4].mean((0, 1), dtype=np.float64), rtol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, x[:, :4].var((0, 1), dtype=np.float64), rtol=1e-4)


def test_what_a_mask_leaves_empty_stays_as_it_was():
    inputs = keras.Input((6, 3))
    norm = AxisNormalization((1, 2))
    model = keras.Model(inputs, norm(layers.Masking()(inputs)))
    norm.moving_mean.assign(np.full((6, 3), 7.0))
    norm.moving_variance.assign(np.full((6, 3), 9.0))
    x = RNG.normal(4, 1, (10, 6, 3)).astype(np.float32)
    x[:, 4:] = 0
    recalibrate(model, x, batch_size=10)

    np.testing.assert_allclose(norm.moving_mean[:4], x[:, :4].mean(0, dtype=np.float64), rtol=1e-5)
    np.testing.assert_allclose(norm.moving_variance[:4], x[:, :4].var(0, dtype=np.float64), rtol=1e-4)
    np.testing.assert_array_equal(norm.moving_mean[4:], 7)
    np.testing.assert_array_equal(norm.moving_variance[4:], 9)


def test_what_is_not_finite_is_not_hidden():
    model = keras.Sequential([keras.Input((2,)), layers.BatchNormalization()])
    recalibrate(model, np.array([[1.0, np.nan], [2.0, 3.0]], np.float32))
    np.testing.assert_array_equal(np.isnan(model.layers[0].moving_mean), [False, True])


@needs_renorm
def test_renormalization_has_all_its_statistics():
    model = keras.Sequential([keras.Input((2,)), layers.BatchNormalization(renorm=True)])
    x = RNG.normal(3, 2, (16, 2))
    recalibrate(model, x, batch_size=16)
    layer = model.layers[0]

    np.testing.assert_allclose(layer.renorm_mean, x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.renorm_stddev, np.sqrt(x.var(0) + 1e-3), rtol=1e-5)


def test_the_gap_of_a_classifier():
    model = keras.Sequential(
        [keras.Input(X.shape[1:]), layers.BatchNormalization(), layers.Flatten(), layers.Dense(3, activation="softmax")]
    )
    y = RNG.integers(0, 3, len(X))
    gap = measure_gap(model, {"x": X, "y": y}, batch_size=5)
    moving = (model.predict(X, verbose=0).argmax(1) == y).mean()
    recalibrate(model, X, batch_size=5)
    precise = (model.predict(X, verbose=0).argmax(1) == y).mean()

    assert (gap.metric, gap.moving, gap.precise) == ("accuracy", moving, precise)
    assert gap.lag + gap.dependence == pytest.approx(gap.moving - gap.batch)
    one_hot = measure_gap(model, {"x": X, "y": np.eye(3)[y]}, batch_size=5)
    assert one_hot.moving == precise


def test_the_gap_of_numbers_and_training_examples_of_their_own():
    model = keras.Sequential([keras.Input(X.shape[1:]), layers.BatchNormalization(), layers.Flatten(), layers.Dense(1)])
    y = RNG.normal(size=len(X))
    gap = measure_gap(model, {"x": X, "y": y, "x_train": X[:10]}, batch_size=5)
    moving = np.sqrt(((model.predict(X, verbose=0)[:, 0] - y) ** 2).mean())
    recalibrate(model, X[:10], batch_size=5)
    precise = np.sqrt(((model.predict(X, verbose=0)[:, 0] - y) ** 2).mean())

    assert gap.metric == "rmse"
    assert gap.of_training
    np.testing.assert_allclose([gap.moving, gap.precise], [moving, precise], rtol=1e-5)


def test_what_recalibration_gives_back_is_an_error():
    model = keras.Sequential([keras.Input((1,)), layers.BatchNormalization(), layers.Dense(2)])
    x = np.linspace(5, 15, 40)[:, None].astype(np.float32)
    model.layers[1].set_weights([np.array([[-1.0, 1.0]], np.float32), np.zeros(2, np.float32)])
    gap = measure_gap(model, {"x": x, "y": (x[:, 0] > 10).astype(int)}, batch_size=40)

    assert (gap.moving, gap.precise, gap.batch) == (0.5, 1.0, 1.0)
    assert [(one.level, one.kind) for one in gap.findings] == [("error", "inference-gap")]
    few = measure_gap(model, {"x": x[[0, 39]], "y": np.array([0, 1]), "x_train": x}, batch_size=40)
    assert (few.moving, few.precise) == (0.5, 1.0)
    assert [one.level for one in few.findings] == ["warning"]  # one of two examples may be chance
