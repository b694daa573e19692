"""The adding problem: two marks, their sum, and time steps that do not differ."""

import numpy as np
import pytest

from harness.types import UserError
from tasks import adding


@pytest.fixture(scope="module")
def data():
    return adding.load()


def test_the_target_is_the_sum_of_the_two_marked_numbers(data):
    numbers, marks = data.x[:, :, 0], data.x[:, :, 1]
    assert set(np.unique(marks)) == {0.0, 1.0}
    assert np.all(marks[:, :50].sum(axis=1) == 1)
    assert np.all(marks[:, 50:].sum(axis=1) == 1)
    assert np.allclose(data.y, (numbers * marks).sum(axis=1))


def test_always_answering_1_has_the_error_of_the_docstring(data):
    rmse = data.metrics[0].compute(data.y, np.ones((len(data.y), 1)))
    assert rmse == pytest.approx(np.sqrt(1 / 6), rel=0.05)


def test_no_time_step_differs_from_another(data):
    numbers = data.x[:, :, 0]
    # Five standard errors of a mean of 3,000 draws of U(0, 1).
    assert np.all(np.abs(numbers.mean(axis=0) - 0.5) < 5 * np.sqrt(1 / 12 / 3000))


def test_an_odd_number_of_steps_can_mark_the_last():
    marks = adding.load(examples=500, steps=3).x[:, :, 1]
    assert marks.sum(axis=0).tolist()[0] == 500
    assert marks[:, 2].sum() > 0


def test_same_seed_same_data_and_another_seed_another(data):
    assert data.digest() == adding.load().digest() != adding.load(seed=1).digest()


@pytest.mark.parametrize("option", [{"examples": 0}, {"steps": 1}, {"seed": "a"}, {"steps": 10.5}], ids=str)
def test_an_option_that_makes_no_sense_is_refused(option):
    (name,) = option
    with pytest.raises(UserError, match=f"Received: task.data.{name}="):
        adding.load(**option)
