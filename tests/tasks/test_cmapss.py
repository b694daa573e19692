"""The C-MAPSS reader, on files written here and, where they are at hand, on the real ones; faults are real faults."""

import shutil

import numpy as np
import pandas as pd
import pytest

from harness.types import UserError
from tasks import cmapss, degradation

LIVES = {"train": (12, 9, 15), "test": (4, 11)}
LEFT = (30, 150)


def table(lives, rng):
    """Unit, cycle, 3 settings and 21 sensors `(row, column)`; sensor s of unit u at cycle c is near 100 u + s."""
    rows = [(unit, cycle) for unit, life in enumerate(lives, start=1) for cycle in range(1, life + 1)]
    keys = np.array(rows, float)
    settings = rng.normal(size=(len(rows), 3))
    sensors = 100 * keys[:, :1] + np.arange(1, 22) + 0.01 * rng.normal(size=(len(rows), 21))
    return np.hstack([keys, settings, sensors])


@pytest.fixture
def directory(tmp_path):
    """Three training and two test engines in the format of subset FD002."""
    rng = np.random.default_rng(0)
    for part, lives in LIVES.items():
        np.savetxt(tmp_path / f"{part}_FD002.txt", table(lives, rng), fmt="%.6f")
    np.savetxt(tmp_path / "RUL_FD002.txt", LEFT, fmt="%d")
    return tmp_path


def load(directory, **options):
    return cmapss.load(
        path=str(directory), **{"subset": "FD002", "published": False, "steps": 6, "validation_engines": 1, **options}
    )


def rewrite(path, change):
    lines = path.read_text().splitlines()
    path.write_text("\n".join(change(lines)) + "\n")


def test_windows_targets_and_split_by_hand(directory):
    data = load(directory)
    # 12 - 5, 9 - 5 and 15 - 5 windows train; the last window of either test engine tests.
    assert data.x.shape == (7 + 4 + 10 + 2, 6, 5)
    split = data.splitter(np.random.default_rng(0))
    assert split.test.tolist() == [21, 22]
    assert (data.y[:7] * 125).tolist() == pytest.approx([6, 5, 4, 3, 2, 1, 0])
    assert (data.y[21:] * 125).tolist() == pytest.approx([30, 125])
    # Sensors 4, 7, 11, 12, 15 of test engine 1, which has 4 rows: the first stands three times.
    raw = np.loadtxt(directory / "test_FD002.txt")
    assert np.allclose(data.x[21], raw[[0, 0, 0, 1, 2, 3]][:, [8, 11, 15, 16, 19]])


def test_validation_engines_are_whole_training_engines(directory):
    data = load(directory)
    for seed in range(5):
        split = data.splitter(np.random.default_rng(seed))
        engines = data.splitter.groups
        assert len(set(engines[split.validation])) == 1
        assert not set(engines[split.validation]) & set(engines[split.train])


def test_the_cap_can_spare_the_test_engines(directory):
    assert (load(directory, cap_test=False).y[21:] * 125).tolist() == pytest.approx([30, 150])
    assert (load(directory, cap=10).y * 125).max() == pytest.approx(10)


def test_any_sensors_in_the_order_given(directory):
    data = load(directory, sensors=[21, 2])
    raw = np.loadtxt(directory / "train_FD002.txt")
    assert np.allclose(data.x[0], raw[:6][:, [25, 6]])


@pytest.mark.parametrize("sensors", [[0], [22], [2, 2], [], ["2"], [2.5], 7.5, 22, "T30"], ids=str)
def test_an_unknown_sensor_is_refused(directory, sensors):
    with pytest.raises(UserError, match=r"task.data.sensors .*Received: "):
        load(directory, sensors=sensors)


def test_drift_is_a_dial_of_the_real_data_too(directory):
    data, drifted = load(directory), load(directory, drift=1.0)
    assert np.array_equal(data.y, drifted.y)
    assert not np.allclose(data.x, drifted.x)


def test_without_a_path_the_option_is_named():
    with pytest.raises(UserError, match=r"task=cmapss needs task.data.path=DIR"):
        cmapss.load()


@pytest.mark.parametrize("name", ["train_FD002.txt", "test_FD002.txt", "RUL_FD002.txt"])
def test_an_absent_file_is_named(directory, name):
    (directory / name).unlink()
    with pytest.raises(UserError, match=f"{name}, where there is no file"):
        load(directory)


def cut_within_a_row(lines):
    return [*lines[:-1], lines[-1][:40]]


def drop_a_column(lines):
    return [line.rsplit(" ", 1)[0] for line in lines]


def put_a_nan(lines):
    return [lines[0].rsplit(" ", 1)[0] + " nan", *lines[1:]]


def put_a_word(lines):
    return ["unit cycle and so on", *lines]


def lose_a_row(lines):
    return lines[:5] + lines[6:]


def lose_everything(lines):
    return []


FAULTS = {
    cut_within_a_row: "expected rows of 26 numbers",
    drop_a_column: r"Received: a table of shape \(36, 25\)",
    put_a_nan: "Received: NaN or infinity in row 1",
    put_a_word: "expected rows of 26 numbers .* could not convert string 'unit'",
    lose_a_row: "Received: unit 1, cycle 7 in row 6",
    lose_everything: "expected rows of 26 numbers",
}


@pytest.mark.parametrize(("fault", "message"), FAULTS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_damaged_file_is_one_line(directory, fault, message):
    rewrite(directory / "train_FD002.txt", fault)
    with pytest.raises(UserError, match=message) as raised:
        load(directory)
    assert "\n" not in str(raised.value)
    assert "train_FD002.txt" in str(raised.value)


def test_binary_junk_is_one_line(directory):
    (directory / "test_FD002.txt").write_bytes(bytes(range(128, 256)) * 20)
    with pytest.raises(UserError, match=r"expected rows of 26 numbers in .*test_FD002.txt"):
        load(directory)


def test_a_life_too_few_is_noticed(directory):
    rewrite(directory / "RUL_FD002.txt", lambda lines: lines[:-1])
    with pytest.raises(UserError, match=r"each of the 2 engines .*Received: 1 lives"):
        load(directory)


def test_more_validation_engines_than_there_are_is_refused(directory):
    with pytest.raises(UserError, match=r"between 1 and 2. Received: task.data.validation_engines=3"):
        load(directory, validation_engines=3)


def test_an_unknown_subset_names_the_nearest(directory):
    with pytest.raises(UserError, match="did you mean FD001"):
        load(directory, subset="FD01")


def test_the_real_files_against_an_independent_reading(real_cmapss):
    data = degradation.load(path=str(real_cmapss), stride=5)
    assert (data.name, data.source) == ("degradation", "cmapss")
    train, test = (pd.read_csv(real_cmapss / f"{part}_FD001.txt", sep=r"\s+", header=None) for part in LIVES)
    left = pd.read_csv(real_cmapss / "RUL_FD001.txt", header=None)[0]
    windows = sum((life - 100) // 5 + 1 for life in train.groupby(0).size())
    assert data.x.shape == (windows + 100, 100, 5)
    split = data.splitter(np.random.default_rng(0))
    assert np.allclose(data.y[split.test] * 125, left.clip(upper=125))
    columns = [4 + sensor for sensor in cmapss.DEFAULT_SENSORS]
    last_cycles = test.groupby(0).last()
    assert np.allclose(data.x[split.test, -1], last_cycles[columns], atol=1e-3)
    assert data.digest() == degradation.load(path=str(real_cmapss), stride=5).digest()


def test_the_real_training_file_cut_at_a_row_is_noticed(real_cmapss, tmp_path):
    # A whole number of rows: only the published size gives it away.
    for path in real_cmapss.iterdir():
        shutil.copy(path, tmp_path / path.name)
    rewrite(tmp_path / "train_FD001.txt", lambda lines: lines[:15000])
    with pytest.raises(UserError, match=r"expected 20631 rows of 100 engines in .*Received: 15000 rows of 75"):
        cmapss.load(path=str(tmp_path))
