"""Metrics against scikit-learn and against numbers worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from tasks.metrics import ACCURACY, AVERAGE_ACCURACY, HYPERSPECTRAL, KAPPA, NASA_SCORE, R2, REMAINING_LIFE, mae, rmse


@pytest.fixture
def classified():
    rng = np.random.default_rng(0)
    return rng.integers(4, size=200), rng.normal(size=(200, 4))


@pytest.fixture
def regressed():
    rng = np.random.default_rng(0)
    target = rng.uniform(0, 125, 200)
    return target, target[:, None] + rng.normal(0, 15, (200, 1))


def test_classification_agrees_with_scikit_learn(classified):
    target, logits = classified
    predicted = logits.argmax(axis=1)
    assert ACCURACY.compute(target, logits) == pytest.approx(sklearn_metrics.accuracy_score(target, predicted))
    expected = sklearn_metrics.balanced_accuracy_score(target, predicted)
    assert AVERAGE_ACCURACY.compute(target, logits) == pytest.approx(expected)
    assert KAPPA.compute(target, logits) == pytest.approx(sklearn_metrics.cohen_kappa_score(target, predicted))


def test_regression_agrees_with_scikit_learn(regressed):
    target, output = regressed
    assert rmse().compute(target, output) == pytest.approx(
        math.sqrt(sklearn_metrics.mean_squared_error(target, output[:, 0]))
    )
    assert mae().compute(target, output) == pytest.approx(sklearn_metrics.mean_absolute_error(target, output[:, 0]))
    assert R2.compute(target, output) == pytest.approx(sklearn_metrics.r2_score(target, output[:, 0]))


def test_accuracies_by_hand():
    # Class 0: 3 of 4 correct; class 1: 0 of 1.
    target = np.array([0, 0, 0, 0, 1])
    logits = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert ACCURACY.compute(target, logits) == pytest.approx(3 / 5)
    assert AVERAGE_ACCURACY.compute(target, logits) == pytest.approx((3 / 4 + 0) / 2)
    # Agreement by chance: 4/5 * 4/5 + 1/5 * 1/5 = 17/25; (15/25 - 17/25) / (8/25).
    assert KAPPA.compute(target, logits) == pytest.approx(-1 / 4)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_output_that_is_not_finite_is_wrong_whatever_argmax_says(bad):
    # argmax takes a NaN for the largest: class 0 would come out right by accident.
    logits = np.array([[bad, 0.0], [0.0, 1.0]])
    assert ACCURACY.compute(np.array([0, 1]), logits) == 0.5


def test_kappa_of_a_single_class_is_undefined():
    assert math.isnan(KAPPA.compute(np.array([0, 0]), np.array([[1.0, 0.0], [1.0, 0.0]])))


def test_nasa_score_by_hand():
    # 13 cycles early: e - 1. 10 cycles late: e - 1. On time: 0.
    target = np.array([50.0, 50.0, 50.0])
    assert NASA_SCORE.compute(target, np.array([[37.0], [60.0], [50.0]])) == pytest.approx(2 * (math.e - 1) / 3)


@given(st.floats(0.1, 100))
def test_nasa_score_punishes_late_predictions_more_than_early_ones(distance):
    target = np.array([125.0])
    late = NASA_SCORE.compute(target, target[:, None] + distance)
    assert late > NASA_SCORE.compute(target, target[:, None] - distance) > 0


def test_regression_metrics_refuse_shapes_that_would_broadcast(regressed):
    target, output = regressed
    with pytest.raises(ValueError, match=r"Received: target.shape=\(200,\), output.shape=\(200,\)"):
        rmse().compute(target, output[:, 0])


@pytest.mark.parametrize("metric", REMAINING_LIFE, ids=lambda metric: metric.name)
def test_regression_metrics_of_a_diverged_model_are_not_finite_numbers_or_huge(metric):
    target = np.array([1.0, 2.0])
    assert math.isnan(metric.compute(target, np.array([[np.nan], [2.0]])))
    assert abs(metric.compute(target, np.array([[1e200], [2.0]]))) > 1e100


def test_r2_of_targets_that_are_all_the_same_is_undefined():
    assert math.isnan(R2.compute(np.array([1.0, 1.0]), np.array([[1.0], [2.0]])))


@pytest.mark.parametrize("metric", [ACCURACY, *HYPERSPECTRAL], ids=lambda metric: metric.name)
def test_perfect_classification_is_the_top_of_the_declared_range(metric):
    assert metric.direction == "max"
    assert metric.compute(np.array([0, 1, 2]), np.eye(3)) == metric.high


@pytest.mark.parametrize("metric", REMAINING_LIFE, ids=lambda metric: metric.name)
def test_perfect_regression_is_the_good_end_of_the_declared_range(metric):
    best = metric.high if metric.direction == "max" else metric.low
    assert metric.compute(np.array([1.0, 5.0]), np.array([[1.0], [5.0]])) == best
