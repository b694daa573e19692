"""Scenes that are not as they should be: fill values are left out with a note, all else is one line."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import io, sparse

from harness.cell.data import check_data
from harness.types import UserError
from tasks import hyperspectral
from tasks.real_scenes import read_scene

ROWS, COLUMNS, BANDS = 24, 20, 6


def scene():
    """Three stripes of classes with spectra of their own, and a frame of two pixels without a label."""
    rng = np.random.default_rng(0)
    labels = np.broadcast_to(1 + np.arange(COLUMNS) * 3 // COLUMNS, (ROWS, COLUMNS)).copy()
    cube = 1000 * labels[:, :, None] + 100 * np.arange(BANDS) + rng.integers(0, 50, (ROWS, COLUMNS, BANDS))
    framed = np.zeros_like(labels)
    framed[2:-2, 2:-2] = labels[2:-2, 2:-2]
    return cube.astype(np.float64), framed


def save(path, **arrays):
    io.savemat(path, arrays)
    return path


def load(tmp_path, cube, labels, **options):
    path = save(tmp_path / "scene.mat", cube=cube, truth=labels)
    return hyperspectral.load(path=str(path), **{"bands": None, "patch": 3, "block": 5, **options})


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(-9999, "i2"), (-9999, "f4"), (-2e9, "f8"), (65535, "u2"), (0, "u2"), (255, "f4"), (np.nan, "f8"), (np.inf, "f4")],
)
def test_unlabelled_pixels_that_hold_a_fill_value_count_nowhere(tmp_path, value, dtype):
    cube, labels = scene()
    filled = labels == 0
    filled[:, 2:] = False  # the left frame: 2 columns
    cube[filled] = value
    data = load(tmp_path, cube.astype(dtype), labels)
    check_data(data)
    assert f"{2 * ROWS} of {ROWS * COLUMNS} pixels hold a fill value ({value:g}) and are left out" in data.note
    # Reflectances are divided by the largest one that was measured.
    measured = cube[~filled].max()
    assert data.x.max() <= 1
    assert data.x.min() >= np.float32(cube[~filled].min() / measured)
    # The same patches as of a scene whose first two columns no patch may touch.
    whole = load(tmp_path, scene()[0].astype(dtype), labels)
    assert len(data.x) < len(whole.x)
    assert "fill value" not in whole.note
    kept = {patch.tobytes() for patch in whole.x}
    assert all(patch.tobytes() in kept for patch in data.x)


def test_a_fill_value_in_some_of_the_bands_is_one_too(tmp_path):
    cube, labels = scene()
    cube[0, :, 1:3] = -9999
    assert f"{COLUMNS} of 480 pixels hold a fill value" in load(tmp_path, cube, labels).note


def test_what_is_bright_or_dark_and_unlabelled_stays(tmp_path):
    cube, labels = scene()
    cube[0] *= 5  # a cloud
    cube[1] *= 0.01  # a shadow
    assert "fill value" not in load(tmp_path, cube, labels).note


def test_labelled_pixels_that_hold_a_fill_value_are_counted_apart(tmp_path):
    cube, labels = scene()
    cube[4, 4:9] = -9999
    assert (
        "5 of 480 pixels hold a fill value (-9999) and are left out, 5 of them labelled"
        in load(tmp_path, cube, labels).note
    )


def test_a_scene_without_fill_is_read_as_it_was(tmp_path):
    cube, labels = scene()
    found = read_scene(save(tmp_path / "scene.mat", cube=cube, truth=labels))
    assert found.sound is None
    assert np.array_equal(found.cube, (cube / cube.max()).astype(np.float32))


def refuse(path, said, **options):
    with pytest.raises(UserError, match=said) as raised:
        read_scene(path, **options)
    assert "\n" not in str(raised.value)


CUBE, TRUTH = scene()


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (
            {"truth": np.minimum(TRUTH, 1)},
            r"labelled pixels of two classes or more .*Received: 320 labelled pixels of 1 class$",
        ),
        ({"truth": TRUTH * 0}, "Received: 0 labelled pixels of 0 classes"),
        ({"truth": TRUTH + 0.5}, "expected whole-number labels"),
        ({"truth": TRUTH - 1}, "expected whole-number labels"),
        ({"truth": TRUTH * 1e300}, "expected whole-number labels"),
        ({"truth": np.where(TRUTH, TRUTH, np.nan)}, "expected whole-number labels"),
        ({"truth": TRUTH * 1j}, r"Received: cube \(24, 20, 6\), truth \(24, 20\) of complex numbers"),
        ({"truth": TRUTH.astype(str)}, r"truth \(24, 20\) of text"),
        ({"truth": sparse.csc_matrix(TRUTH)}, "truth of type csc_"),
        ({"truth": TRUTH[:, :9]}, "expected whole-number labels"),
        ({"cube": CUBE * 1j}, r"expected a cube .*cube \(24, 20, 6\) of complex numbers"),
        ({"cube": CUBE[:0]}, r"cube \(0, 20, 6\) without values"),
        ({"cube": CUBE[:, :, :0]}, "without values"),
        ({"cube": CUBE[:, :, 0]}, "expected a cube"),
        ({"cube": CUBE * 0}, "some of them positive"),
        ({"cube": -CUBE}, "some of them positive"),
        ({"cube": np.where(CUBE > 2000, np.nan, CUBE)}, r"finite reflectances of labelled pixels .* in \d+ of them"),
        ({"cube": "text"}, "expected a cube"),
        ({"maxValue": -5}, r"expected maxValue to be a number above 0 .*Received: maxValue=\[-5\]"),
        ({"maxValue": 0}, r"Received: maxValue=\[0\]"),
        ({"maxValue": []}, "Received: maxValue=nothing of the kind"),
        ({"maxValue": "many"}, "Received: maxValue=nothing of the kind"),
        ({"maxValue": np.nan}, r"Received: maxValue=\[nan\]"),
        ({"maxValue": np.inf}, r"Received: maxValue=\[inf\]"),
        ({"maxValue": [1, 2]}, r"Received: maxValue=\[1, 2\]"),
        ({"maxValue": 1j}, "Received: maxValue=nothing of the kind"),
    ],
)
def test_arrays_that_no_scene_has(tmp_path, arrays, said):
    refuse(save(tmp_path / "scene.mat", **{"cube": CUBE, "truth": TRUTH, **arrays}), said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nRow": 4.5}, r"expected nRow to be a whole number above 0 .*Received: nRow=\[4.5\]"),
        ({"nRow": -2, "nCol": -3}, r"Received: nRow=\[-2\]"),
        ({"nCol": -3}, r"Received: nCol=\[-3\]"),
        ({"nCol": 0}, r"Received: nCol=\[0\]"),
        ({"nCol": np.nan}, r"Received: nCol=\[nan\]"),
        ({"nRow": 1e300}, r"Received: nRow=\[1e\+300\]"),
        ({"nRow": "two"}, "Received: nRow=nothing of the kind"),
        ({"nRow": [2, 2]}, r"Received: nRow=\[2, 2\]"),
        ({"nRow": 4}, "expected a cube"),
        ({"A": np.eye(2)[np.zeros(6, int)].T}, "of 1 class$"),
        ({"A": np.full((2, 6), np.inf)}, "expected finite abundances"),
        ({"Y": np.full((5, 6), 3.0)}, "0 labelled pixels|some of them positive"),
        ({"maxValue": -1}, r"Received: maxValue=\[-1\]"),
    ],
)
def test_an_unmixed_scene_that_says_what_cannot_be(tmp_path, change, said):
    arrays = {"Y": np.arange(30.0).reshape(5, 6), "A": np.eye(2)[np.arange(6) % 2].T, "nRow": 2, "nCol": 3, **change}
    refuse(save(tmp_path / "scene.mat", **arrays), said)


@pytest.mark.parametrize(
    "content", [b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(512), b"\x89HDF\r\n\x1a\n"]
)
def test_a_newer_file_is_one_line(tmp_path, content):
    (tmp_path / "scene.mat").write_bytes(content)
    refuse(tmp_path / "scene.mat", "expected a complete MATLAB file at")


@pytest.mark.parametrize("length", [0, 3, 100, 128, 136, 200, 5000])
def test_a_truncated_file_is_one_line(tmp_path, length):
    path = save(tmp_path / "scene.mat", cube=CUBE, truth=TRUTH)
    path.write_bytes(path.read_bytes()[:length])
    refuse(path, "scene.mat")


def test_a_key_that_fits_by_shape_but_not_by_value_says_so(tmp_path):
    path = save(tmp_path / "scene.mat", cube=CUBE, truth=TRUTH + 0.5)
    refuse(path, r"from 0 in .*Received: truth from 0.5 to 3.5", labels_key="truth")


def test_a_class_without_a_patch_leaves_one_and_is_refused_before_training(tmp_path):
    cube, labels = scene()
    labels[:] = 1
    labels[::5] = 2  # the first row of each block, around which no patch has room
    data = load(tmp_path, cube, labels, block=5)
    assert data.outputs == 2
    with pytest.raises(UserError, match=f"two classes or more to tell apart. Received: {len(data.x)} examples of one"):
        check_data(data)
