"""C-MAPSS files that are not as NASA published them, or not as such files are: one line that names file and row."""

from __future__ import annotations

import numpy as np
import pytest

from harness.types import UserError
from tasks import cmapss
from tasks.cmapss_files import PUBLISHED
from tests.tasks.conftest import real

LIVES, LEFT = {"train": (5, 4, 6), "test": (3, 7)}, (30, 150)


@pytest.fixture
def directory(tmp_path):
    """Three training and two test engines in the format of subset FD004."""
    rng = np.random.default_rng(0)
    for part, lives in LIVES.items():
        keys = [(unit, cycle) for unit, life in enumerate(lives, start=1) for cycle in range(1, life + 1)]
        np.savetxt(tmp_path / f"{part}_FD004.txt", np.hstack([keys, rng.random((len(keys), 24))]), fmt="%.4f")
    np.savetxt(tmp_path / "RUL_FD004.txt", LEFT, fmt="%d")
    return tmp_path


def refuse(directory, said, **options):
    options = {"subset": "FD004", "steps": 3, "validation_engines": 1, "published": False, **options}
    with pytest.raises(UserError, match=said) as raised:
        cmapss.load(path=str(directory), **options)
    assert "\n" not in str(raised.value)


def change(directory, name, row, column, value):
    path = directory / f"{name}_FD004.txt"
    rows = [line.split() for line in path.read_text().splitlines()]
    rows[row][column] = value
    path.write_text("\n".join(map(" ".join, rows)))


@pytest.mark.parametrize(
    ("name", "row", "column", "value", "said"),
    [
        ("RUL", 1, 0, "-1", "remaining lives between 0 and 1e.06 in .*RUL_FD004.txt. Received: -1 in row 2"),
        ("RUL", 0, 0, "12.5", "remaining lives in whole cycles in .*RUL_FD004.txt. Received: 12.5 in row 1"),
        ("RUL", 0, 0, "1e300", r"Received: 1e\+300 in row 1, column 1"),
        ("RUL", 0, 0, "inf", "NaN or infinity in row 1"),
        ("RUL", 0, 0, "nan", "NaN or infinity in row 1"),
        ("RUL", 0, 0, "30 cycles", "expected rows of 1 numbers"),
        ("train", 2, 9, "1e308", r"readings between -1e\+12 and 1e\+12 .* 1e\+308 in row 3, column 10"),
        ("test", 4, 25, "-1e308", r"test_FD004.txt. Received: -1e\+308 in row 5, column 26"),
        ("test", 0, 3, "1e13", r"1e\+13 in row 1, column 4"),
        ("train", 3, 7, "nan", "NaN or infinity in row 4"),
        ("train", 3, 7, "-inf", "NaN or infinity in row 4"),
        ("train", 3, 7, "N/A", "could not convert string 'N/A'"),
        ("train", 3, 7, "1,5", "could not convert string '1,5'"),
        ("train", 3, 7, "1 5", "expected rows of 26 numbers"),
        ("train", 1, 1, "3", "cycles 1, 2, ... in .*train_FD004.txt. Received: unit 1, cycle 3 in row 2"),
        ("train", 1, 1, "1", "Received: unit 1, cycle 1 in row 2"),
        ("train", 0, 1, "0", "Received: unit 1, cycle 0 in row 1"),
        ("train", 1, 1, "2.5", "Received: unit 1, cycle 2.5 in row 2"),
        ("train", 5, 0, "3", "Received: unit 3, cycle 1 in row 6"),
        ("train", 0, 0, "0", "Received: unit 0, cycle 1 in row 1"),
        ("test", 3, 0, "1.5", "Received: unit 1.5, cycle 1 in row 4"),
        ("test", 9, 0, "1", "Received: unit 1, cycle 7 in row 10"),
    ],
)
def test_a_value_that_no_engine_has(directory, name, row, column, value, said):
    change(directory, name, row, column, value)
    refuse(directory, said)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# nothing\n", bytes(range(128, 256)), b"1 1 " * 12, b"1,1\n"])
@pytest.mark.parametrize("name", ["train", "test", "RUL"])
def test_a_file_that_holds_something_else(directory, name, content):
    (directory / f"{name}_FD004.txt").write_bytes(content)
    refuse(directory, rf"{name}_FD004.txt. Received: ")


def test_a_folder_in_the_place_of_a_file(directory):
    (directory / "RUL_FD004.txt").unlink()
    (directory / "RUL_FD004.txt").mkdir()
    refuse(directory, "RUL_FD004.txt, where there is no file")


@pytest.mark.parametrize("lives", [(30,), (30, 150, 9), ()])
def test_lives_that_are_not_one_an_engine(directory, lives):
    np.savetxt(directory / "RUL_FD004.txt", lives, fmt="%d")
    refuse(directory, "RUL_FD004.txt")


def test_files_of_ones_own_need_an_option_that_says_so(directory):
    said = "expected 61249 rows of 249 engines in .*train_FD004.txt, as published; .* needs task.data.published=false"
    refuse(directory, f"{said}. Received: 15 rows of 3 engines", published=True)
    options = {"subset": "FD004", "steps": 3, "validation_engines": 1}
    assert len(cmapss.load(path=str(directory), published=False, **options).x) == (3 + 2 + 4) + 2


@pytest.mark.parametrize("published", ["false", 0, None])
def test_the_option_is_a_flag(directory, published):
    refuse(directory, "task.data.published must be true or false", published=published)


def test_one_training_engine_cannot_be_split(directory):
    path = directory / "train_FD004.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:5]))
    refuse(directory, "expected two training engines or more.* Received: 1")


def write_as_large_as_published(directory, subset):
    """Files with the published numbers of rows and engines, each engine but the last of two cycles."""
    for part in ("train", "test"):
        rows, engines = PUBLISHED[f"{part}_{subset}"]
        unit = np.minimum(np.arange(rows) // 2 + 1, engines)
        cycle = np.arange(rows) - 2 * (unit - 1) + 1
        table = np.hstack([unit[:, None], cycle[:, None], np.ones((rows, 24))])
        np.savetxt(directory / f"{part}_{subset}.txt", table, fmt="%d")
    np.savetxt(directory / f"RUL_{subset}.txt", np.ones(PUBLISHED[f"test_{subset}"].engines), fmt="%d")


def cut(path, lines):
    path.write_text("\n".join(path.read_text().splitlines()[:lines]))


@pytest.mark.parametrize("subset", cmapss.SUBSETS)
def test_a_file_cut_off_between_two_rows_is_noticed(tmp_path, subset):
    write_as_large_as_published(tmp_path, subset)
    options = {"subset": subset, "published": True, "stride": 50}
    cmapss.load(path=str(tmp_path), validation_engines=1, **options)
    for part in ("train", "test"):
        rows, engines = PUBLISHED[f"{part}_{subset}"]
        whole = (tmp_path / f"{part}_{subset}.txt").read_text()
        cut(tmp_path / f"{part}_{subset}.txt", rows - 1)
        if part == "test":
            refuse(tmp_path, f"expected {rows} rows of {engines} .*Received: {rows - 1} rows of {engines}", **options)
        else:
            refuse(tmp_path, f"{part}_{subset}.txt.*Received: {rows - 1} rows of {engines}", **options)
        (tmp_path / f"{part}_{subset}.txt").write_text(whole)


def test_the_published_sizes_of_the_first_subset():
    folder = real("cmapss")
    for part in ("train", "test"):
        units = [line.split()[0] for line in (folder / f"{part}_FD001.txt").read_text().splitlines()]
        assert PUBLISHED[f"{part}_FD001"] == (len(units), len(set(units)))
