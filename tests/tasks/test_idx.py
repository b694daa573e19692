"""IDX directories: what four small files hold, what is damaged about them, and the published ones where they are."""

import gzip
import hashlib
import json
import struct

import numpy as np
import pytest

from harness.commands.cli import main
from harness.types import UserError
from tasks import idx, mnist

NAMES = {part: f"{part}-idx{1 if part.endswith('labels') else 3}-ubyte" for part in idx.PARTS}
needs_fashion = pytest.mark.skipif(
    not idx.DEBIAN["fashion_mnist"].is_dir(), reason="Debian's package dataset-fashion-mnist is not installed"
)
# 40 and 20 images of 5 rows and 4 columns, whose every pixel is told apart by hand: i * 20 + row * 4 + column, mod 251.
X = {"train": (np.arange(40 * 20) % 251).reshape(40, 5, 4), "t10k": (np.arange(20 * 20) % 241).reshape(20, 5, 4)}
Y = {"train": np.arange(40) % 10, "t10k": np.arange(20) % 10}


def packed(values, *, kind=8):
    """The bytes of an IDX file, by `struct` and not by what is tested."""
    values = np.asarray(values)
    return struct.pack(f">HBB{values.ndim}I", 0, kind, values.ndim, *values.shape) + values.astype(np.uint8).tobytes()


@pytest.fixture
def directory(tmp_path):
    for side in ("train", "t10k"):
        (tmp_path / NAMES[f"{side}-images"]).write_bytes(packed(X[side]))
        (tmp_path / f"{NAMES[f'{side}-labels']}.gz").write_bytes(gzip.compress(packed(Y[side])))
    return tmp_path


def replace(directory, part, content):
    for path in directory.glob(f"{NAMES[part]}*"):
        path.unlink()
    (directory / NAMES[part]).write_bytes(content)


def test_four_files_gzipped_or_not_are_the_arrays(directory):
    data = mnist.load_idx(path=str(directory))
    assert (data.name, data.source, data.outputs) == ("idx", "files", 10)
    pixels = np.concatenate([X["train"], X["t10k"]])[..., None]
    np.testing.assert_array_equal(data.x, pixels)
    np.testing.assert_array_equal(data.floats(), pixels.astype(np.float32) / np.float32(255))
    assert data.y.tolist() == [*Y["train"], *Y["t10k"]]
    split = data.splitter(np.random.default_rng(0))
    assert split.test.tolist() == list(range(40, 60))
    assert len(split.validation) == 4
    assert sorted([*split.train, *split.validation]) == list(range(40))
    assert data.note.endswith(": 40 training and 20 test images")


def test_names_with_a_dot_and_images_of_three_channels(directory):
    for side in ("train", "t10k"):
        replace(directory, f"{side}-images", packed(np.repeat(X[side][..., None], 3, axis=-1)))
        (directory / NAMES[f"{side}-images"]).rename(directory / f"{side}-images.idx3-ubyte")
    assert mnist.load_idx(path=str(directory)).x.shape == (60, 5, 4, 3)


def test_labels_are_numbered_from_0(directory):
    for side in ("train", "t10k"):
        replace(directory, f"{side}-labels", packed(Y[side] * 2 + 1))
    data = mnist.load_idx(path=str(directory))
    assert (data.outputs, data.y.max()) == (10, 9)


def test_other_files_than_the_published_are_another_source_and_say_so(directory):
    data = mnist.load(path=str(directory))
    assert data.source == "files"
    assert data.note.endswith("40 training and 20 test images, not the published files of mnist")


def test_published_files_are_told_by_what_is_in_them_or_as_they_lie(directory, monkeypatch):
    contents = {f"{side}-images": packed(X[side]) for side in X} | {f"{side}-labels": packed(Y[side]) for side in Y}
    unpacked = {part: hashlib.md5(content).hexdigest() for part, content in contents.items()}
    monkeypatch.setitem(idx.PUBLISHED, "mnist", unpacked)
    assert mnist.load(path=str(directory)).source == "full"
    as_it_lies = hashlib.md5((directory / f"{NAMES['t10k-labels']}.gz").read_bytes()).hexdigest()
    monkeypatch.setitem(idx.PUBLISHED, "kmnist", {**unpacked, "t10k-labels": as_it_lies})
    data = mnist.load(dataset="kmnist", source="full", path=str(directory))
    assert data.source == "full"
    assert data.note.endswith(": kmnist, complete")


IMAGES, LABELS = packed(X["train"]), packed(Y["train"])


@pytest.mark.parametrize(
    ("part", "content", "said"),
    [
        ("train-images", IMAGES[:-1], r"expected 800 bytes after the header .*\(40, 5, 4\). Received: 799 bytes"),
        ("train-images", IMAGES + b"\0", "Received: more"),
        ("train-images", IMAGES[:10], r"expected sizes of 3 axes .* Received: \(40,"),
        ("train-images", b"", "Received: magic number 0"),
        ("train-images", LABELS, r"3 or 4 axes \(magic number 2051 or 2052\).*Received: magic number 2049"),
        ("train-images", packed(X["train"], kind=13), "Received: magic number 3331"),
        ("train-labels", IMAGES, r"1 axes \(magic number 2049\).*Received: magic number 2051"),
        ("train-labels", packed(Y["train"][:39]), "Received: 39 labels for the 40 images in train-images-idx3-ubyte"),
        ("train-images", packed(np.zeros((0, 5, 4))), r"Received: \(0, 5, 4\)"),
        ("t10k-images", packed(X["t10k"].reshape(20, 4, 5)), r"one size in .*Received: \(5, 4, 1\) and \(4, 5, 1\)"),
    ],
)
def test_a_damaged_file_is_one_line(directory, part, content, said):
    replace(directory, part, content)
    with pytest.raises(UserError, match=said) as raised:
        mnist.load_idx(path=str(directory))
    assert "\n" not in str(raised.value)


def test_a_damaged_gzip_is_one_line(directory):
    path = directory / f"{NAMES['train-labels']}.gz"
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:-1], whole[:12] + b"\xff\xff" + whole[14:], b"no gzip at all"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=f"expected a complete IDX file at {path}") as raised:
            mnist.load_idx(path=str(directory))
        assert "\n" not in str(raised.value)


def test_sizes_beyond_memory_are_refused_before_anything_is_read(directory):
    replace(directory, "train-images", struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**10, 2**10))
    with pytest.raises(MemoryError, match="2,147,483,648 examples"):
        mnist.load_idx(path=str(directory))


def test_one_class_is_refused(directory):
    for side in ("train", "t10k"):
        replace(directory, f"{side}-labels", packed(Y[side] * 0 + 3))
    with pytest.raises(UserError, match="Received: 60 of one class, 3"):
        mnist.load_idx(path=str(directory))


def test_a_missing_file_is_told_with_what_there_is(directory):
    (directory / NAMES["t10k-images"]).unlink()
    with pytest.raises(UserError, match=r"expected t10k-images-idx3-ubyte or .*gz in .*Received: t10k-labels-idx1"):
        mnist.load_idx(path=str(directory))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"source": "embedded"}, "does not go together with task.data.source=embedded"),
        ({"dataset": "cifar10"}, "cifar10, which is not in IDX files"),
        ({"data_dir": "x"}, "does not go together with task.data.data_dir"),
    ],
)
def test_a_path_does_not_go_unheard(directory, options, said):
    with pytest.raises(UserError, match=said):
        mnist.load(path=str(directory), **options)


def test_idx_files_in_the_place_of_prepared_data_are_named(directory):
    with pytest.raises(UserError, match=f"holds IDX files, which task.data.path={directory} reads"):
        mnist.load(data_dir=str(directory))


def test_what_else_a_data_directory_holds_is_named(tmp_path):
    (tmp_path / "photographs").mkdir()
    with pytest.raises(UserError, match=r"is not prepared in .* \(which holds photographs\) and its host"):
        mnist.load(dataset="kmnist", data_dir=str(tmp_path), probe=lambda url, size: False)


def test_the_whole_of_mnist(real_mnist):
    data = mnist.load(path=str(real_mnist))
    assert (data.source, data.x.shape) == ("full", (70000, 28, 28, 1))
    assert data.note == "IDX files in mnist: mnist, complete"
    # The class sizes that LeCun et al. give, training and test.
    assert np.bincount(data.y[:60000]).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(data.y[60000:]).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert mnist.load(dataset="kmnist", path=str(real_mnist)).source == "files"


@needs_fashion
def test_debians_fashion_mnist_is_found_by_itself():
    data = mnist.load(dataset="fashion_mnist", source="full", probe=lambda url, size: 1 / 0)
    assert (data.source, data.note) == ("full", "IDX files in fashion-mnist: fashion_mnist, complete")
    assert np.bincount(data.y).tolist() == [7000] * 10
    assert len(data.splitter(np.random.default_rng(0)).test) == 10000


@needs_fashion
def test_a_whole_real_data_set_is_trained_on(tmp_path):
    cell = ["task=fashion_mnist", "architecture=mlp", "axis=channel", "seed=0", "engine=serial"]
    assert main(["run", *cell, "train.epochs=1", "train.batch_size=128", f"results_dir={tmp_path}"]) == 0
    (record,) = (json.loads(path.read_text()) for path in (tmp_path / "records").glob("*.json"))
    assert record["data"]["source"] == "full"
    assert record["data"]["sizes"] == {"train": 55000, "validation": 5000, "test": 10000}
    # An epoch of this network ends above 0.8; answering always the same would be 0.1.
    assert record["metrics"]["test_accuracy"] > 0.75
