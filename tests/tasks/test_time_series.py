"""The `.ts` reader on files written here and, where they are at hand, real ones; faults are one line."""

import numpy as np
import pytest

from harness.cell.promises import check_data
from harness.types import UserError
from tasks import time_series

HEADER = "#A comment\n@problemName Mine\n@timeStamps false\n@univariate false\n@dimensions 2\n@equalLength false\n"
LABELS = "@classLabel true up down\n@data\n"
ROWS = "1,2,3:4,5,6:up\n-1,-2:-3,-4.5:down\n7:8:up\n1e0,0:0,0:down\n"


def save(path, text):
    path.write_text(text)
    return str(path)


@pytest.fixture
def directory(tmp_path):
    save(tmp_path / "Mine_TRAIN.ts", HEADER + LABELS + ROWS)
    save(tmp_path / "Mine_TEST.ts", HEADER + LABELS + "9,9,9,9:1,1,1,1:down\n2,2:3,3:up\n")
    return tmp_path


def test_recordings_of_unequal_lengths_by_hand(directory):
    for path in (directory, directory / "Mine_TRAIN.ts"):
        data = time_series.load(path=str(path))
        check_data(data)
        assert (data.axes, data.x.shape, data.outputs) == (("time", "feature"), (6, 4, 2), 2)
        assert data.lengths.tolist() == [3, 2, 1, 2, 4, 2]
        assert data.x[0].tolist() == [[1, 4], [2, 5], [3, 6], [0, 0]]
        assert data.x[1].tolist() == [[-1, -3], [-2, -4.5], [0, 0], [0, 0]]
        assert data.y.tolist() == [1, 0, 1, 0, 0, 1]  # down, up
        split = data.splitter(np.random.default_rng(0))
        assert split.test.tolist() == [4, 5]
        assert "of 1 to 4 steps (median 2)" in data.note


def test_one_file_of_equal_lengths_is_split_by_the_seed(tmp_path):
    rows = "".join(f"{i},{i + 1}:{['a', 'b'][i % 2]}\n" for i in range(40))
    data = time_series.load(path=save(tmp_path / "one.ts", "@problemName x\n@classLabel true a b\n@data\n" + rows))
    check_data(data)
    assert (data.lengths, data.x.shape) == (None, (40, 2, 1))
    assert len(data.splitter(np.random.default_rng(0)).test) == 12


def test_values_to_predict(tmp_path):
    rows = "".join(f"{i},{i + 1}:{i / 7}\n" for i in range(40))
    data = time_series.load(path=save(tmp_path / "one.ts", "@targetLabel true\n@data\n" + rows))
    assert (data.outputs, data.metrics[0].name) == (1, "rmse")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            HEADER.replace("@problemName", "@problem") + LABELS + ROWS,
            "expected a known header or @data in line 2 .*'@problem",
        ),
        ("1,2:up\n" + LABELS, "in line 1 of .*Received: '1,2:up'"),
        (HEADER + "@classLabel true up down\n" + "#\n", "expected a line @data"),
        (HEADER + LABELS, "recordings after @data in .*Received: none"),
        (HEADER + "@classLabel false\n@data\n" + ROWS, "Received: neither"),
        (HEADER.replace("timeStamps false", "timeStamps true") + LABELS + ROWS, "Received: @timeStamps true"),
        (
            HEADER + LABELS + ROWS.replace("4,5,6", "4,5"),
            "features of one length in line 9 of .*Received: 2 to 3 steps",
        ),
        (HEADER + LABELS + ROWS.replace("7:8:up", "7:up"), "Received: 2 in the first and 1 in recording 3"),
        (HEADER + LABELS + ROWS.replace("-2:", "?:"), "expected numbers in line 10"),
        (HEADER + LABELS + ROWS.replace("-2:", "NaN:"), "no missing values in line 10"),
        (HEADER + LABELS + "up\n", "divided by colons, in line 9"),
        (HEADER + LABELS + ROWS + "1:2:left\n", "labels of @classLabel, up, down, in .*Received: 'left'"),
        (HEADER + "@targetLabel true\n@data\n" + ROWS, "expected numbers as targets"),
        (HEADER + LABELS + ROWS.replace("down", "up"), "Received: 4 of one class, up"),
        ("", "expected a line @data"),
    ],
)
def test_files_that_do_not_do_are_one_line(tmp_path, text, said):
    path = save(tmp_path / "one.ts", text)
    with pytest.raises(UserError, match=said) as raised:
        time_series.load(path=path)
    assert "\n" not in str(raised.value)
    assert "Received: " in str(raised.value)


def test_places_that_hold_none_are_one_line(directory):
    def refuse(said, path):
        with pytest.raises(UserError, match=said):
            time_series.load(path=path)

    refuse("task=time_series needs task.data.path", None)
    refuse("where there is no file", str(directory / "nothing.ts"))
    save(directory / "Mine_TEST.ts", HEADER + LABELS + "9:up\n8:down\n")
    refuse("Received: 2 features, <U4 and 1 features, <U4", str(directory))
    (directory / "raw.ts").write_bytes(b"\xff\xfe\x81")
    refuse("which is text", str(directory / "raw.ts"))
    save(directory / "Other_TRAIN.ts", HEADER + LABELS + ROWS)
    refuse("FILE.ts chooses one. Received: Mine_TRAIN.ts, Other_TRAIN.ts", str(directory))


def test_japanese_vowels(real_japanese_vowels):
    data = time_series.load(path=str(real_japanese_vowels))
    check_data(data)
    assert (data.x.shape, data.outputs) == ((640, 29, 12), 9)
    assert (data.lengths.min(), data.lengths.max()) == (7, 29)
    # Its description: 30 utterances of each speaker to train on, and 24 to 88 to test on.
    assert np.bincount(data.y[:270]).tolist() == [30] * 9
    assert (np.bincount(data.y[270:]).min(), np.bincount(data.y[270:]).max()) == (24, 88)


def test_basic_motions(real_basic_motions):
    data = time_series.load(path=str(real_basic_motions))
    assert (data.x.shape, data.outputs, data.lengths) == ((80, 100, 6), 4, None)
