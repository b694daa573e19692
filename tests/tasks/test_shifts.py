"""What the tasks' shifts do to examples that can be followed by eye."""

from __future__ import annotations

import numpy as np
import pytest

from tasks import adding, degradation, hyperspectral, mnist
from tasks.shifts import BandOffset, Moved, SensorDrift, band_gain, sensor_shifts

MIDDLE = np.zeros((4, 9, 9, 1), np.float32)
MIDDLE[:, 4, 4, 0] = 1.0


@pytest.mark.parametrize("pixels", [1, 2, 3, 4])
def test_a_pixel_moves_by_exactly_so_many_to_each_side(pixels):
    moved = Moved(pixels)(MIDDLE)
    assert np.argwhere(moved[..., 0]).tolist() == [
        [0, 4, 4 + pixels],  # right
        [1, 4 + pixels, 4],  # down
        [2, 4, 4 - pixels],  # left
        [3, 4 - pixels, 4],  # up
    ]
    assert moved.max() == 1.0


def test_what_leaves_an_image_is_lost_and_zeros_come_in():
    x = np.arange(1, 7, dtype=np.float32).reshape(1, 2, 3, 1)
    assert Moved(1)(x)[0, :, :, 0].tolist() == [[0, 1, 2], [0, 4, 5]]
    assert Moved(1)(np.concatenate([x] * 4))[3, :, :, 0].tolist() == [[4, 5, 6], [0, 0, 0]]
    assert not Moved(4)(np.concatenate([x] * 4)).any()


def test_the_gain_multiplies_each_band():
    x = np.array([1.0, 2.0, -3.0], np.float32).reshape(1, 1, 1, 3)
    np.testing.assert_allclose(band_gain(x).ravel(), [0.9, 2.0, -3.3], rtol=1e-6)


def test_the_offset_falls_from_the_first_band_to_the_last():
    x = np.ones((2, 1, 1, 3), np.float32)
    np.testing.assert_allclose(BandOffset(5.0)(x)[1].ravel(), [2.0, 1.5, 1.0], rtol=1e-6)


def test_the_drift_rises_from_the_first_step_to_the_last_in_each_sensors_own_unit():
    drifted = SensorDrift((1.0, 10.0))(np.zeros((2, 3, 2), np.float32))
    np.testing.assert_allclose(drifted[0], [[0.0, 0.0], [0.25, 2.5], [0.5, 5.0]], rtol=1e-6)
    x = np.array([[[0.0, 7.0], [2.0, 7.0]]], np.float32)
    assert sensor_shifts(x)["sensor_drift"].apply.deviations == (1.0, 0.0)  # what never varies does not drift


@pytest.mark.parametrize(
    ("load", "names"),
    [
        (lambda: mnist.load(source="embedded"), ["moved_1", "moved_2", "moved_3", "moved_4"]),
        (lambda: hyperspectral.load(size=60), ["band_gain", "band_offset"]),
        (lambda: degradation.load(engines=20), ["sensor_drift"]),
        (lambda: adding.load(examples=20), []),
    ],
)
def test_each_task_has_its_own_and_they_leave_its_examples_alone(load, names):
    data = load()
    assert list(data.shifts) == names
    few = data.floats(slice(8))
    before = few.copy()
    for shift in data.shifts.values():
        shifted = shift(few)
        assert (shifted.shape, shifted.dtype) == (few.shape, np.float32)
        assert not np.array_equal(shifted, few)
        assert np.array_equal(shifted, shift(few))
        # Whole rounds of directions: a part of the examples is shifted as it is among all.
        assert np.array_equal(shifted[4:], shift(few[4:]))
        assert np.array_equal(few, before)
