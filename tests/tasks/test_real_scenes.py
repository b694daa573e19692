"""Scenes from MATLAB files, written here and, where it is at hand, the real one; faults are real faults."""

import numpy as np
import pytest
from scipy import io

from harness.types import UserError
from tasks import hyperspectral
from tasks.real_scenes import read_scene


def cube(rows=6, columns=4, bands=3):
    return np.random.default_rng(0).integers(1, 1000, (rows, columns, bands)).astype(np.uint16)


LABELS = np.arange(24).reshape(6, 4) % 4  # 0: unlabelled


def save(path, **arrays):
    io.savemat(path, arrays)
    return path


def unmixed(path, **changes):
    """The layout of Jasper Ridge, with 2 rows and 3 columns: abundance 1 of endmember (row + column) % 2."""
    image = np.arange(2 * 3 * 5, dtype=float).reshape(2, 3, 5)
    dominant = np.add.outer(np.arange(2), np.arange(3)) % 2
    arrays = {
        "Y": image.transpose(1, 0, 2).reshape(6, 5).T,
        "A": np.eye(2)[dominant].transpose(1, 0, 2).reshape(6, 2).T,
        "M": np.ones((5, 2)),
        "nRow": 2,
        "nCol": 3,
        "maxValue": 10,
        **changes,
    }
    return save(path, **{name: value for name, value in arrays.items() if value is not None}), image, dominant


def test_cube_and_labels_of_one_file_are_found_by_their_shapes(tmp_path):
    scene = read_scene(save(tmp_path / "scene.mat", scene=cube(), truth=LABELS))
    assert np.allclose(scene.cube, cube() / cube().max())
    assert np.array_equal(scene.labels, LABELS - 1)
    assert scene.classes == 3


def test_labels_can_be_in_a_file_of_their_own(tmp_path):
    labels_path = save(tmp_path / "gt.mat", anything=LABELS)
    scene = read_scene(save(tmp_path / "scene.mat", scene=cube()), labels_path=labels_path)
    assert np.array_equal(scene.labels, LABELS - 1)


def test_classes_are_numbered_without_gaps(tmp_path):
    scene = read_scene(save(tmp_path / "scene.mat", scene=cube(), truth=np.where(LABELS == 2, 9, LABELS)))
    assert sorted(np.unique(scene.labels)) == [-1, 0, 1, 2]
    assert scene.labels[0, 2] == 2


def test_keys_choose_among_arrays_that_fit(tmp_path):
    path = save(tmp_path / "scene.mat", raw=cube(), corrected=cube() + 1, truth=LABELS, other=LABELS.T.reshape(6, 4))
    with pytest.raises(UserError, match=r"task.data.cube_key. Received: \['corrected', 'raw'\]"):
        read_scene(path)
    with pytest.raises(UserError, match=r"task.data.labels_key. Received: \['other', 'truth'\]"):
        read_scene(path, cube_key="raw")
    with pytest.raises(UserError, match=r"did you mean truth\?"):
        read_scene(path, cube_key="raw", labels_key="truht")
    assert np.array_equal(read_scene(path, cube_key="raw", labels_key="truth").labels, LABELS - 1)


def test_spectra_and_abundances_are_laid_out_column_by_column(tmp_path):
    path, image, dominant = unmixed(tmp_path / "scene.mat")
    scene = read_scene(path)
    assert np.allclose(scene.cube, image / 10)
    assert np.array_equal(scene.labels, dominant)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"truth": LABELS}, r"expected a cube .*Received: truth \(6, 4\)"),
        ({"scene": cube()}, r"expected whole-number labels \(6, 4\)"),
        ({"scene": cube(), "truth": LABELS.T}, r"expected whole-number labels .*truth \(4, 6\)"),
        ({"scene": cube(), "truth": LABELS + 0.5}, "expected whole-number labels"),
        ({"scene": cube(), "truth": LABELS - 1}, "expected whole-number labels"),
        ({"scene": np.where(cube() > 900, np.nan, cube()), "truth": LABELS}, "expected finite reflectances"),
        ({"scene": cube() * 0, "truth": LABELS}, "expected reflectances, some of them positive"),
    ],
)
def test_arrays_that_do_not_fit_are_one_line(tmp_path, arrays, message):
    with pytest.raises(UserError, match=message) as raised:
        read_scene(save(tmp_path / "scene.mat", **arrays))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nRow": None}, "nRow and nCol"),
        ({"nCol": 4}, "nRow and nCol"),
        ({"A": None}, r"expected abundances \(endmember, 6\)"),
        ({"A": np.full((2, 6), np.nan)}, "expected finite abundances"),
        ({"A": np.ones((2, 7))}, r"expected abundances \(endmember, 6\)"),
    ],
)
def test_a_damaged_unmixed_scene_is_one_line(tmp_path, change, message):
    path, _, _ = unmixed(tmp_path / "scene.mat", **change)
    with pytest.raises(UserError, match=message):
        read_scene(path)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_truncated_file_is_one_line(tmp_path, share):
    path = save(tmp_path / "scene.mat", scene=cube(40, 40, 8), truth=np.ones((40, 40)))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError) as raised:
        read_scene(path)
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_newer_format_that_is_damaged_is_one_line(tmp_path):
    path = tmp_path / "scene.mat"
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    path.write_bytes(header + bytes(512))
    with pytest.raises(UserError, match="expected a complete MATLAB file"):
        read_scene(path)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"absent.mat, where there is no file"):
        hyperspectral.load(path=str(tmp_path / "absent.mat"))


def test_the_real_scene_against_an_independent_reading(real_scene):
    data = hyperspectral.load(path=str(real_scene), bands=None, patch=1, block=10)
    raw = io.loadmat(real_scene)
    # patch=1 and blocks that fill the scene: every pixel is an example, in the order of rows.
    assert data.x.shape == (10000, 1, 1, 198)
    assert data.source == "scene"
    pixels = raw["Y"].T.reshape(100, 100, 198).swapaxes(0, 1).reshape(10000, 198)
    assert np.allclose(data.x[:, 0, 0], pixels / 5000)
    assert np.bincount(data.y).tolist() == np.bincount(raw["A"].argmax(axis=0)).tolist()
    # The endmember of a pixel's label explains its spectrum better than the other three.
    distance = np.linalg.norm(data.x[:, 0, 0, :, None] - raw["M"], axis=1)
    assert (distance.argmin(axis=1) == data.y).mean() > 0.8


def test_the_real_scene_with_some_of_its_bands(real_scene):
    few, every = (hyperspectral.load(path=str(real_scene), bands=bands) for bands in (3, None))
    assert np.array_equal(few.x, every.x[..., [0, 98, 197]])
    with pytest.raises(UserError, match=r"between 1 and 198. Received: task.data.bands=199"):
        hyperspectral.load(path=str(real_scene), bands=199)


def test_the_real_scene_truncated_is_one_line(real_scene, tmp_path):
    path = tmp_path / "scene.mat"
    path.write_bytes(real_scene.read_bytes()[:2_000_000])
    with pytest.raises(UserError, match="expected a complete MATLAB file"):
        hyperspectral.load(path=str(path))
