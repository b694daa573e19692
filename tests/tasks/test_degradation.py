"""Generated engines: they wear out, fail and are split by engine; nonsense is refused before anything is made."""

import numpy as np
import pytest

from harness.types import UserError
from tasks import degradation
from tasks.turbofans import SHORTEST_LIFE, generate_engines


@pytest.fixture(scope="module")
def data():
    return degradation.load()


def run(seed=0, **options):
    options = {"engines": 30, "sensors": 5, "regimes": 3, "noise": 0.3, **options}
    return generate_engines(**options, rng=np.random.default_rng(seed))


def test_every_engine_runs_to_failure():
    series = run()
    for engine in range(30):
        remaining = series.remaining[series.engine == engine]
        assert len(remaining) >= SHORTEST_LIFE
        assert np.array_equal(remaining, np.arange(len(remaining))[::-1])


def test_wear_moves_each_sensor_one_way():
    # Without noise and with one regime, what is left is wear alone, which never heals.
    series = run(noise=0.0, regimes=1)
    for engine in range(30):
        steps = np.diff(series.values[series.engine == engine], axis=0)
        assert np.all((steps > 0).all(axis=0) | (steps < 0).all(axis=0))
        moved = np.abs(np.ptp(series.values[series.engine == engine], axis=0))
        # At most the gain of 3; at least 1 - sqrt(0.1) of the gain of 2, for an engine worn by 0.1 when new.
        assert np.all((moved > 2 * (1 - np.sqrt(0.1))) & (moved <= 3.0))


def test_noise_is_the_dial_of_the_noise():
    quiet, loud = run(noise=0.0), run(noise=0.7)
    assert (loud.values - quiet.values).std() == pytest.approx(0.7, rel=0.02)


def test_regimes_shift_the_levels_and_stay_for_a_while():
    quiet, one = run(noise=0.0), run(noise=0.0, regimes=1)
    within = np.diff(quiet.engine) == 0
    # Wear moves a sensor by less than 0.3 a cycle; a change of regime by about 0.5 * sqrt(2).
    jumps = np.abs(np.diff(quiet.values, axis=0)).max(axis=1)[within] > 0.3
    assert not (np.abs(np.diff(one.values, axis=0)).max(axis=1)[within] > 0.3).any()
    # One cycle in ten draws a regime, two draws in three another one than before.
    assert 0.04 < jumps.mean() < 0.08


def test_the_default_data(data):
    assert data.x.shape[1:] == (100, 5)
    assert data.axes == ("time", "feature")
    assert data.x.dtype == data.y.dtype == np.float32
    assert 1500 < len(data.x) < 3000
    assert (data.y.min(), data.y.max()) == (0.0, 1.0)
    assert [metric.name for metric in data.metrics] == ["rmse", "mae", "r2", "nasa_score"]
    assert np.isfinite(data.x).all()


def test_no_engine_is_on_two_sides(data):
    engines = data.splitter.groups
    for seed in range(10):
        split = data.splitter(np.random.default_rng(seed))
        train, validation, test = (set(engines[side]) for side in (split.train, split.validation, split.test))
        assert train.isdisjoint(validation | test)
        assert validation.isdisjoint(test)
        assert (len(train), len(validation), len(test)) == (70, 15, 15)


def test_windows_of_one_engine_overlap_so_that_a_split_by_window_would_leak(data):
    first, second = np.flatnonzero(data.splitter.groups == 0)[:2]
    assert np.array_equal(data.x[first, 5:], data.x[second, :-5])


def test_same_seed_same_data_and_another_seed_another(data):
    assert data.digest() == degradation.load().digest() != degradation.load(seed=1).digest()


@pytest.mark.parametrize("dial", [{"drift": 1.0}, {"noise": 0.5}, {"regimes": 1}, {"stride": 10}, {"cap": None}])
def test_every_dial_changes_the_data(data, dial):
    assert degradation.load(**dial).digest() != data.digest()


def test_the_drift_dial_does_not_touch_the_engines_behind_it(data):
    aligned, shuffled = degradation.load(drift=1.0), degradation.load(drift=1.0, random_offset=True)
    assert np.array_equal(data.y, aligned.y)
    assert np.array_equal(data.y, shuffled.y)

    def between_steps(task):
        return task.x.mean(axis=0).std(axis=0) / task.x.std(axis=(0, 1))

    assert np.all(between_steps(aligned) > between_steps(shuffled))


@pytest.mark.parametrize(
    "option",
    [
        {"engines": 3},
        {"engines": 12.5},
        {"regimes": 0},
        {"noise": -0.1},
        {"noise": float("nan")},
        {"steps": 1},
        {"stride": 0},
        {"cap": -125},
        {"drift": -1.0},
        {"drift": "strong"},
        {"random_offset": "false"},
        {"seed": -1},
        {"sensors": [2, 3]},
    ],
    ids=str,
)
def test_an_option_that_makes_no_sense_is_one_line(option):
    (name,) = option
    with pytest.raises(UserError, match=f"task.data.{name} .*Received: .*{name}=") as raised:
        degradation.load(**option)
    assert "\n" not in str(raised.value)
