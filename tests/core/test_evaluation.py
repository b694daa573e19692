"""The three inference statistics, against NumPy and against what the layers themselves compute."""

from __future__ import annotations

import hypothesis.strategies as st
import keras
import numpy as np
import pytest
from hypothesis import given

from harness.axes import AxisStrategy
from harness.axes.norm import NormFactory
from harness.cell.data import Arrays
from harness.cell.evaluation import INFERENCE_BATCH, Evaluator, cover, mixed, pooled_axes
from harness.cell.training import batch_order
from harness.types import Metric
from tests.needs import needs_renorm

X = np.random.default_rng(0).normal(1.0, 2.0, size=(50, 4, 3)).astype(np.float32)
Y = np.random.default_rng(1).integers(2, size=50).astype(np.int32)
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
ACCURACY = Metric("accuracy", "max", lambda target, output: float((output.argmax(axis=1) == target).mean()))
EPSILON = 1e-3


class Measured:
    """Normalize, square, normalize, drop half, classify: the second site sees what the first makes of the batch."""

    def __init__(self, strategy: AxisStrategy, *, batch_size: int = 10, dropout: float = 0.5) -> None:
        self.norm = NormFactory(strategy, batch_size=batch_size, epsilon=EPSILON)
        inputs = keras.Input((4, 3))
        x = self.norm(inputs, axes=("time", "feature"), name="norm_1")
        x = self.norm(keras.layers.Lambda(keras.ops.square)(x), axes=("time", "feature"), name="norm_2")
        x = keras.layers.Dropout(dropout, seed=5)(x)
        x = keras.layers.Dense(2, kernel_initializer=keras.initializers.GlorotUniform(seed=1))(
            keras.layers.Flatten()(x)
        )
        self.model = keras.Model(inputs, x)
        rng = np.random.default_rng(2)
        for layer in self.norm.layers:
            for weight in layer.weights:
                weight.assign(rng.uniform(0.5, 2.0, size=weight.shape))
        self.evaluator = Evaluator(self.model, self.norm.layers, loss=LOSS, batch_size=batch_size)


@pytest.fixture(scope="module")
def measured():
    return Measured(AxisStrategy(("feature",)))


def bits(model):
    return [keras.ops.convert_to_numpy(variable).tobytes() for variable in model.variables]


def test_moving_statistics_are_those_of_plain_inference(measured):
    output = measured.evaluator.outputs(X)

    assert output.dtype == np.float64
    np.testing.assert_allclose(output, measured.model(X, training=False), rtol=1e-5, atol=1e-6)


def site(x, gamma, beta, mean, variance):
    return (x - mean) / np.sqrt(variance + EPSILON) * gamma + beta


@pytest.mark.parametrize("axes", [("feature",), ("time", "feature"), ("time",), ()])
def test_precise_statistics_by_hand(axes):
    measured = Measured(AxisStrategy(axes))
    order = batch_order(0, 0, len(X), 10)
    pooled = (0, *(k for k, name in enumerate(("time", "feature"), start=1) if name not in axes))
    first = measured.norm.layers[0]
    shape = [1, *(size if name in axes else 1 for name, size in (("time", 4), ("feature", 3)))]
    gamma, beta = (
        keras.ops.convert_to_numpy(weight).astype(np.float64).reshape(shape) for weight in (first.gamma, first.beta)
    )

    batch_moments = [[], []]
    for batch in order:
        x = X[batch].astype(np.float64)
        mean, variance = x.mean(axis=pooled, keepdims=True), x.var(axis=pooled, keepdims=True)
        batch_moments[0].append((mean, variance))
        y = site(x, gamma, beta, mean, variance) ** 2
        batch_moments[1].append((y.mean(axis=pooled, keepdims=True), y.var(axis=pooled, keepdims=True)))
    found = measured.evaluator.precise_statistics(X, order)

    for (mean, variance), moments in zip(found, batch_moments, strict=True):
        means, variances = (np.array(part) for part in zip(*moments, strict=True))
        # Wu & Johnson 2021, section 3.
        mu = means.mean(axis=0)
        np.testing.assert_allclose(mean, mu.reshape(mean.shape), rtol=1e-5)
        expected = (means**2 + variances).mean(axis=0) - mu**2
        np.testing.assert_allclose(variance, expected.reshape(variance.shape), rtol=1e-5)


def test_precise_statistics_of_all_data_in_one_batch_are_its_own(measured):
    order = np.arange(50, dtype=np.int32)[None]
    [(mean, variance), _] = measured.evaluator.precise_statistics(X, order)

    np.testing.assert_allclose(mean, X.mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(variance, X.var(axis=(0, 1)), rtol=1e-5)


def test_what_does_not_vary_has_no_negative_variance():
    measured = Measured(AxisStrategy(("feature",)))
    constant = np.full_like(X, 12345.678)
    statistics = measured.evaluator.precise_statistics(constant, batch_order(0, 0, 50, 7))

    for _, variance in statistics:
        assert (variance >= 0).all()
        assert np.abs(variance).max() < 1e-3


def test_other_statistics_are_used_and_put_back(measured):
    before = bits(measured.model)
    plain = measured.evaluator.outputs(X)
    statistics = measured.evaluator.precise_statistics(X, batch_order(0, 0, 50, 10))
    with measured.evaluator.using(statistics):
        precise = measured.evaluator.outputs(X)
        for layer, (mean, variance) in zip(measured.norm.layers, statistics, strict=True):
            np.testing.assert_array_equal(layer.moving_mean, mean)
            np.testing.assert_array_equal(layer.moving_variance, variance)

    assert not np.allclose(plain, precise)
    assert bits(measured.model) == before
    np.testing.assert_array_equal(measured.evaluator.outputs(X), plain)


def by_hand_in_batches(measured, x):
    """The model with each site called as in training and all else as in inference."""
    for layer in measured.model.layers[1:]:
        x = layer(x, training=True) if layer in measured.norm.layers else layer(x)
    return np.array(x)


def test_batch_statistics_are_the_sites_own_in_training_and_dropout_stays_off(measured):
    found = measured.evaluator.outputs(X, statistics="batch")
    with measured.evaluator.preserved():
        expected = np.empty((50, 2))
        for rows in mixed(50).reshape(5, 10):
            expected[rows] = by_hand_in_batches(measured, X[rows])

    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    # With dropout on, two looks would differ.
    np.testing.assert_array_equal(found, measured.evaluator.outputs(X, statistics="batch"))


def test_the_last_batch_is_filled_up_with_examples_before_it(measured):
    found = measured.evaluator.outputs(X[:23], statistics="batch")
    order = mixed(23)
    with measured.evaluator.preserved():
        last = by_hand_in_batches(measured, X[order[13:]])

    assert found.shape == (23, 2)
    np.testing.assert_allclose(found[order[20:]], last[-3:], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("examples", [100, 500, 1000, 10_000])
def test_examples_that_lie_class_by_class_make_batches_of_many_classes(examples):
    """32 draws from ten classes leave out 10 * 0.9^32 = 0.34 of them at the mean; as 1,000 lie, a batch has two."""
    classes = np.repeat(np.arange(10), examples // 10)
    batches = classes[mixed(examples)[cover(examples, 32)]]

    assert min(len(np.unique(batch)) for batch in batches) >= 6
    assert sorted(mixed(examples)) == list(range(examples))
    np.testing.assert_array_equal(mixed(examples), mixed(examples))


def test_what_batch_statistics_make_does_not_hang_on_how_the_data_lie():
    """Two far-off classes: in batches of one class the model would see each of them moved to zero."""
    measured = Measured(AxisStrategy(("feature",)))
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.normal(mean, 1, size=(500, *X.shape[1:])) for mean in (-5, 5)]).astype(np.float32)
    shuffled = rng.permutation(1000)

    lying, mixed_up = measured.evaluator.outputs(x, statistics="batch"), np.empty((1000, 2))
    mixed_up[shuffled] = measured.evaluator.outputs(x[shuffled], statistics="batch")
    with measured.evaluator.preserved():
        of_one_class = np.concatenate([by_hand_in_batches(measured, x[k : k + 10]) for k in range(0, 1000, 10)])
    apart = np.abs(mixed_up - of_one_class).mean()
    assert np.abs(lying - mixed_up).mean() < apart / 2


def test_fewer_examples_than_a_batch_are_one_batch(measured):
    found = measured.evaluator.outputs(X[:4], statistics="batch")
    with measured.evaluator.preserved():
        np.testing.assert_allclose(found, by_hand_in_batches(measured, X[:4]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["batch", pytest.param("renorm", marks=needs_renorm)])
def test_no_evaluation_leaves_a_trace(kind):
    measured = Measured(AxisStrategy(("feature",), kind=kind))
    before = bits(measured.model)

    measured.evaluator.outputs(X)
    measured.evaluator.outputs(X, statistics="batch")
    measured.evaluator.scores(Arrays(X, Y), (ACCURACY,), 1.0, statistics="batch")
    statistics = measured.evaluator.precise_statistics(X, batch_order(0, 0, 50, 10))
    with measured.evaluator.using(statistics):
        measured.evaluator.outputs(X, statistics="batch")
    with pytest.raises(ZeroDivisionError), measured.evaluator.using(statistics):
        _ = 1 / 0

    assert bits(measured.model) == before
    assert all("call" not in vars(layer) for layer in measured.norm.layers)


@pytest.mark.parametrize("kind", ["none", "layer", "group", "rms"])
def test_where_nothing_is_averaged_over_the_batch_batch_statistics_are_plain_inference(kind):
    measured = Measured(AxisStrategy(kind=kind, fallback="none"), dropout=0.0)

    assert not measured.evaluator.has_statistics
    np.testing.assert_array_equal(measured.evaluator.outputs(X, statistics="batch"), measured.evaluator.outputs(X))
    # An example's output hangs on no other example.
    np.testing.assert_allclose(measured.evaluator.outputs(X)[7:8], measured.model(X[7:8]), rtol=1e-5, atol=1e-6)


def test_scores_are_the_loss_and_each_metric(measured):
    output = np.array(measured.model(X, training=False))
    scores = measured.evaluator.scores(Arrays(X, Y), (ACCURACY,), 1.0)

    assert scores.keys() == {"loss", "accuracy"}
    assert scores["accuracy"] == (output.argmax(axis=1) == Y).mean()
    assert scores["loss"] == pytest.approx(float(LOSS(Y, output)), rel=1e-5)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_scores_of_outputs_that_are_not_finite_are_nan(broken):
    measured = Measured(AxisStrategy(kind="none"))
    measured.model.layers[-1].bias.assign([broken, 0.0])
    scores = measured.evaluator.scores(Arrays(X, Y), (ACCURACY,), 1.0)

    assert np.isnan(list(scores.values())).all()


@given(examples=st.integers(1, 600), size=st.integers(1, 300))
def test_batches_cover_every_example_once_but_for_the_fill(examples, size):
    batches = cover(examples, size)
    size = min(size, examples)
    tail = examples - (len(batches) - 1) * size

    assert batches.shape[1] == size
    assert 1 <= tail <= size
    counted = np.concatenate([batches[:-1].ravel(), batches[-1][size - tail :]])
    np.testing.assert_array_equal(counted, np.arange(examples))


@pytest.mark.parametrize(
    "examples", [1, INFERENCE_BATCH - 1, INFERENCE_BATCH, INFERENCE_BATCH + 1, 2 * INFERENCE_BATCH]
)
def test_outputs_come_in_the_order_of_the_examples(measured, examples):
    x = np.resize(X, (examples, 4, 3)) + np.arange(examples, dtype=np.float32)[:, None, None] / 100

    np.testing.assert_allclose(measured.evaluator.outputs(x), measured.model(x, training=False), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("axis", "rank", "pooled"),
    [(-1, 4, [0, 1, 2]), (1, 3, [0, 2]), ((1, 2), 4, [0, 3]), ((), 3, [0, 1, 2]), ((-1, 1), 3, [0])],
)
def test_statistics_average_over_the_axes_that_are_not_kept(axis, rank, pooled):
    class Layer:
        pass

    layer = Layer()
    layer.axis = axis
    assert pooled_axes(layer, rank) == pooled
