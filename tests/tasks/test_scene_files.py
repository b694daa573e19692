"""One small scene in each kind of file: whichever it is, the same cube and labels come out, or one line."""

import sys

import h5py
import numpy as np
import pytest
from scipy import io

from harness.types import UserError
from tasks import hyperspectral
from tasks.real_scenes import read_scene

# 6 rows, 4 columns and 3 bands, no two of them alike, so that no axis can be taken for another.
CUBE = np.random.default_rng(0).integers(1, 1000, (6, 4, 3)).astype(np.uint16)
LABELS = np.arange(24).reshape(6, 4) % 4  # 0: unlabelled


def save_newer(path, *, matlab=True, **arrays):
    """As MATLAB writes version 7.3: HDF5 with the axes of each array reversed and its class in an attribute."""
    with h5py.File(path, "w", userblock_size=512 if matlab else 0) as file:
        for name, array in arrays.items():
            node = file.create_dataset(name, data=np.asarray(array).T if matlab else array)
            if matlab:
                node.attrs["MATLAB_class"] = np.bytes_("double")
        file.create_group("#refs#")
    if matlab:
        with path.open("r+b") as stream:
            stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path


def save_envi(path, array, interleave):
    """An ENVI image by hand: `array (row, column, band)`, little-endian, beside a header of text."""
    order = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}[interleave]
    kinds = {"uint16": 12, "float32": 4, "uint8": 1}
    path.with_suffix(".img").write_bytes(np.ascontiguousarray(array.transpose(order)).tobytes())
    rows, columns, bands = array.shape
    path.write_text(
        f"ENVI\nsamples = {columns}\nlines = {rows}\nbands = {bands}\nheader offset = 0\nfile type = ENVI Standard\n"
        f"data type = {kinds[array.dtype.name]}\ninterleave = {interleave}\nbyte order = 0\n"
    )
    return path


def check(scene):
    np.testing.assert_allclose(scene.cube, CUBE / CUBE.max(), rtol=1e-6)
    np.testing.assert_array_equal(scene.labels, LABELS - 1)


def test_matlab_of_both_formats(tmp_path):
    io.savemat(tmp_path / "old.mat", {"scene": CUBE, "truth": LABELS})
    check(read_scene(tmp_path / "old.mat"))
    check(read_scene(save_newer(tmp_path / "new.mat", scene=CUBE, truth=LABELS)))
    check(read_scene(save_newer(tmp_path / "python.h5", matlab=False, scene=CUBE, truth=LABELS)))


def test_numpy_files(tmp_path):
    np.savez(tmp_path / "scene.npz", scene=CUBE, truth=LABELS, names=np.array(["a", "b"]))
    check(read_scene(tmp_path / "scene.npz"))
    np.save(tmp_path / "cube.npy", CUBE)
    np.save(tmp_path / "labels.npy", LABELS)
    check(read_scene(tmp_path / "cube.npy", labels_path=tmp_path / "labels.npy"))
    with pytest.raises(UserError, match=r"expected whole-number labels .*Received: cube \(6, 4, 3\)"):
        read_scene(tmp_path / "cube.npy")


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
def test_envi_however_it_is_interleaved(tmp_path, interleave):
    pytest.importorskip("spectral")
    cube = save_envi(tmp_path / "cube.hdr", CUBE, interleave)
    labels = save_envi(tmp_path / "labels.hdr", LABELS.astype(np.uint8)[..., None], interleave)
    check(read_scene(cube, labels_path=labels))


def test_bands_may_come_first(tmp_path):
    path = tmp_path / "scene.mat"
    io.savemat(path, {"scene": np.moveaxis(CUBE, -1, 0), "truth": LABELS})
    check(read_scene(path))
    check(read_scene(path, cube_key="scene", labels_key="truth"))
    # Where both would fit, they come last, as everywhere else.
    square = CUBE[:4, :, [0, 1, 2, 0]]
    io.savemat(path, {"scene": square, "truth": LABELS[:4]})
    np.testing.assert_allclose(read_scene(path).cube, square / square.max(), rtol=1e-6)


def test_unmixing_without_sides_is_a_square_whatever_the_abundances_are_called(tmp_path):
    image = np.arange(9 * 5, dtype=float).reshape(3, 3, 5) + 1
    dominant = np.add.outer(np.arange(3), np.arange(3)) % 2
    arrays = {
        "Y": image.transpose(1, 0, 2).reshape(9, 5).T,
        "abundances": np.eye(2)[dominant].transpose(1, 0, 2).reshape(9, 2).T,
        "M": np.ones((5, 4)),  # four columns are a square number too, and fewer than there are bands
    }
    io.savemat(tmp_path / "scene.mat", arrays)
    scene = read_scene(tmp_path / "scene.mat")
    np.testing.assert_allclose(scene.cube, image / 45, rtol=1e-6)
    np.testing.assert_array_equal(scene.labels, dominant)
    io.savemat(tmp_path / "scene.mat", {name: array[:, :8] for name, array in arrays.items()})
    with pytest.raises(UserError, match="of a square scene or with nRow and nCol"):
        read_scene(tmp_path / "scene.mat")


def test_a_newer_file_leads_to_no_other(tmp_path):
    secret = save_newer(tmp_path / "secret.mat", scene=CUBE, truth=LABELS)
    path = save_newer(tmp_path / "scene.mat", truth=LABELS)
    with h5py.File(path, "r+") as file:
        file["scene"] = h5py.ExternalLink(str(secret), "/scene")
        outside = [(str(secret), 0, CUBE.nbytes)]
        file.create_dataset("raw", CUBE.shape, CUBE.dtype, external=outside).attrs["MATLAB_class"] = np.bytes_("uint16")
    with pytest.raises(UserError, match=r"expected a cube .*Received: truth \(6, 4\)"):
        read_scene(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_newer_file_cut_off_is_one_line(tmp_path, share):
    path = save_newer(tmp_path / "scene.mat", scene=CUBE.repeat(20, axis=0), truth=LABELS.repeat(20, axis=0))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match="expected a complete MATLAB file at") as raised:
        read_scene(path)
    assert "\n" not in str(raised.value)


def test_envi_files_that_do_not_do_are_one_line(tmp_path, monkeypatch):
    pytest.importorskip("spectral")
    path = save_envi(tmp_path / "cube.hdr", CUBE, "bsq")
    image = path.with_suffix(".img")
    image.write_bytes(image.read_bytes()[:40])
    for content in (path.read_text(), "no ENVI header", "ENVI\nlines = x\n", ""):
        path.write_text(content)
        with pytest.raises(UserError, match="expected a complete ENVI image, header and data, at") as raised:
            read_scene(path)
        assert "\n" not in str(raised.value)
    monkeypatch.setitem(sys.modules, "spectral.io", None)
    with pytest.raises(UserError, match=r"needs the package spectral: pip install 'bn-axis-harness\[envi\]'"):
        read_scene(path)


def test_samson(real_samson):
    data = hyperspectral.load(path=str(real_samson), bands=None, patch=1, block=5)
    raw = io.loadmat(real_samson)
    assert data.x.shape == (9025, 1, 1, 156)
    pixels = raw["Y"].T.reshape(95, 95, 156).swapaxes(0, 1).reshape(9025, 156)
    assert np.allclose(data.x[:, 0, 0], pixels)
    # The endmember of a pixel's label is nearer to its spectrum, by their angle, than the other two.
    cosine = data.x[:, 0, 0] @ raw["M"] / np.linalg.norm(raw["M"], axis=0)
    assert (cosine.argmax(axis=1) == data.y).mean() > 0.8
    assert np.bincount(data.y).tolist() == np.bincount(raw["A"].argmax(axis=0)).tolist()
