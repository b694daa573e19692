"""Windows and the drift dial: worked out by hand, then measured."""

import numpy as np
import pytest

from tasks.windows import Series, add_drift, cut_windows, scaled_life

# Engine 0: five cycles, readings 0 ... 4; engine 1: two cycles, readings 10, 11, cut off with 7 cycles to go.
SERIES = Series(
    values=np.array([0, 1, 2, 3, 4, 10, 11], float)[:, None],
    engine=np.array([0, 0, 0, 0, 0, 1, 1]),
    remaining=np.array([4, 3, 2, 1, 0, 8, 7]),
)


def test_windows_end_every_stride_cycles_counted_from_the_last():
    windows = cut_windows(SERIES, steps=2, stride=2)
    assert windows.x[:, :, 0].tolist() == [[1, 2], [3, 4], [10, 11]]
    assert windows.remaining.tolist() == [2, 0, 7]
    assert windows.engine.tolist() == [0, 0, 1]


def test_a_short_engine_repeats_its_first_row_and_no_other_engines():
    windows = cut_windows(SERIES, steps=4)
    assert windows.x[:, :, 0].tolist() == [[0, 1, 2, 3], [1, 2, 3, 4], [10, 10, 10, 11]]
    assert windows.remaining.tolist() == [1, 0, 7]


def test_last_only_gives_one_window_an_engine():
    windows = cut_windows(SERIES, steps=3, last_only=True)
    assert windows.x[:, :, 0].tolist() == [[2, 3, 4], [10, 10, 11]]


def test_remaining_life_is_capped_and_scaled():
    assert scaled_life(np.array([0, 125, 250]), 125).tolist() == [0, 1, 1]
    assert scaled_life(np.array([0, 125, 250]), None).tolist() == [0, 1, 2]


@pytest.fixture(scope="module")
def stationary():
    """White noise `(window, time, feature)` in units of its own: no time step differs from another."""
    return 5.0 + 3.0 * np.random.default_rng(0).standard_normal((4000, 20, 2))


def drifted(x, drift, *, random_offset=False, seed=0):
    return add_drift(x, drift=drift, random_offset=random_offset, rng=np.random.default_rng(seed))


def test_no_drift_changes_nothing(stationary):
    assert np.array_equal(drifted(stationary, 0.0, random_offset=True), stationary)


@pytest.mark.parametrize("drift", [0.5, 1.0, 2.0])
def test_drift_gives_each_time_step_the_mean_and_spread_of_the_formula(stationary, drift):
    x = (drifted(stationary, drift) - 5.0) / 3.0
    angle = 2 * np.pi * (np.arange(20)[:, None] / 20 + np.arange(2) / 2)
    spread = np.exp(drift / 2 * np.cos(angle))
    # Five standard errors of a mean and of a standard deviation over 4,000 windows.
    assert np.all(np.abs(x.mean(axis=0) - drift * np.sin(angle)) < 5 * spread / np.sqrt(4000))
    assert np.all(np.abs(x.std(axis=0) / spread - 1) < 5 / np.sqrt(8000))


def test_a_random_offset_takes_the_alignment_away_but_not_the_drift(stationary):
    aligned, shuffled = (drifted(stationary, 1.0, random_offset=offset) for offset in (False, True))
    # Between time steps, the means of windows no longer differ ...
    assert aligned.mean(axis=0).std(axis=0).min() > 2.0
    assert shuffled.mean(axis=0).std(axis=0).max() < 0.2
    assert np.ptp(shuffled.std(axis=0), axis=0).max() < 0.3 < np.ptp(aligned.std(axis=0), axis=0).min()
    # ... but over all windows and steps the readings are spread as before.
    assert shuffled.std() == pytest.approx(aligned.std(), rel=0.02)


def test_offsets_follow_the_generator(stationary):
    first, again, other = (drifted(stationary, 1.0, random_offset=True, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
