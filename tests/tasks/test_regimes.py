"""Sensors standardised within the six operating regimes of FD002 and FD004, on files written here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.cell.data import check_data, draw_split, prepare_split
from harness.types import UserError
from tasks import cmapss
from tasks.regimes import POINTS, find_regimes

LEVELS = np.array([500.0, 490, 445, 480, 460, 420])
SETTINGS = slice(2, 5)


def table(lives, rng):
    """Sensor s at regime r reads `LEVELS[r] + s`, and falls by 1 over an engine's life; settings scatter as NASA's."""
    keys = [(unit, cycle, cycle / life) for unit, life in enumerate(lives, 1) for cycle in range(1, life + 1)]
    unit, cycle, age = np.array(keys, float).T
    regime = rng.integers(6, size=len(unit))
    settings = POINTS[regime] + rng.uniform(0, 0.002, (len(unit), 3)) * [4, 1, 0] - [0.003, 0, 0]
    noise = 0.1 * rng.standard_normal((len(unit), 21))
    sensors = LEVELS[regime][:, None] * (1 + np.arange(1, 22) / 100) - age[:, None] + noise
    return np.column_stack([unit, cycle, settings, sensors]), regime


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("cmapss"), np.random.default_rng(0)
    for part, engines in (("train", 12), ("test", 6)):
        rows, regime = table(rng.integers(60, 90, engines), rng)
        np.savetxt(folder / f"{part}_FD002.txt", rows, fmt="%.4f")
        np.save(folder / f"{part}.npy", regime)
    np.savetxt(folder / "RUL_FD002.txt", np.arange(6) + 20, fmt="%d")
    return folder


def load(directory, **options):
    options = {"subset": "FD002", "published": False, "steps": 20, "validation_engines": 3, **options}
    return cmapss.load(path=str(directory), **options)


def test_regimes_are_told_by_the_settings_alone(directory):
    for part in ("train", "test"):
        rows = np.loadtxt(directory / f"{part}_FD002.txt")
        assert np.array_equal(find_regimes(rows[:, SETTINGS]), np.load(directory / f"{part}.npy"))


def test_settings_at_no_point_are_refused(directory):
    with pytest.raises(UserError, match=r"normalize=none does without. Received: 30/0.5/80, and 1 such rows"):
        find_regimes(np.array([[0, 0, 100], [30, 0.5, 80]]))


def share_between(x, groups):
    """The share of the first sensor's variance that lies between regimes."""
    within = sum(x[groups == regime][:, 0].var() * (groups == regime).mean() for regime in range(6))
    return 1 - within / x[:, :, 0].var()


def test_nothing_but_the_regime_is_taken_out(directory):
    data = load(directory, normalize="regime")
    check_data(data)
    assert np.array_equal(data.x, load(directory).x)
    _, plain = prepare_split(load(directory), 0)
    split, parts = prepare_split(data, 0)
    groups = data.standardize_groups[split.train]
    assert share_between(plain["train"].x, groups) > 0.99
    assert share_between(parts["train"].x, groups) < 0.05
    # An engine's wear is seen through it: readings fall with age, by much more than they scatter.
    train = parts["train"]
    wear = np.corrcoef(train.x[:, -5:, 0].mean(axis=1), train.y[:, 0])[0, 1]
    assert wear > 0.8 > np.corrcoef(plain["train"].x[:, -5:, 0].mean(axis=1), plain["train"].y[:, 0])[0, 1] + 0.3


def test_statistics_come_from_training_engines_alone(directory):
    data = load(directory, normalize="regime")
    split, parts = prepare_split(data, 3)
    x, groups = data.x.astype(np.float64), data.standardize_groups
    for regime in range(6):
        readings = x[split.train][groups[split.train] == regime]
        mean, deviation = readings.mean(axis=0), readings.std(axis=0)
        for name in ("train", "validation", "test"):
            index = getattr(split, name)
            here = groups[index] == regime
            np.testing.assert_allclose(parts[name].x[here], (x[index][here] - mean) / deviation, rtol=1e-3, atol=1e-3)
    # What becomes of the test engines moves nothing.
    other = x.astype(np.float32)
    other[split.test] += 1000
    changed = prepare_split(replace(data, x=other), 3)[1]
    np.testing.assert_array_equal(changed["train"].x, parts["train"].x)


def test_a_drifting_sensor_drifts_by_deviations_within_its_regime(directory):
    plain, by_regime = (load(directory, normalize=how) for how in ("none", "regime"))
    drifts = [data.shifts["sensor_drift"](data.x)[:, -1, 0] - data.x[:, -1, 0] for data in (plain, by_regime)]
    assert drifts[0].mean() > 10 > 1 > drifts[1].mean() > 0.1


def test_it_is_another_cell_and_the_default_the_one_it_was(directory):
    plain, by_regime = (load(directory, normalize=how) for how in ("none", "regime"))
    assert plain.digest() == load(directory).digest() != by_regime.digest()
    assert draw_split(plain, 5).digest() == draw_split(by_regime, 5).digest()


def test_a_note_says_where_regimes_are_left_in(directory):
    assert "task.data.normalize=regime takes it out" in load(directory).note
    assert "standardised by operating regime" in load(directory, normalize="regime").note
    for part in ("train", "test", "RUL"):
        (directory / f"{part}_FD003.txt").write_text((directory / f"{part}_FD002.txt").read_text())
    assert "regime" not in load(directory, subset="FD003").note


@pytest.mark.parametrize("normalize", ["regimes", "minmax", None, True, 6])
def test_another_way_is_refused(directory, normalize):
    with pytest.raises(UserError, match=r"task.data.normalize must be one of none, regime"):
        load(directory, normalize=normalize)


def test_the_drift_is_measured_over_all_regimes(directory):
    with pytest.raises(UserError, match=r"needs task.data.normalize=none. Received: normalize=regime, drift=1"):
        load(directory, normalize="regime", drift=1.0)
