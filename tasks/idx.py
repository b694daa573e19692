"""IDX files, the format of MNIST and its kin: four files in a directory, held to what their headers promise.

A header is two zero bytes, the type of the values (8: uint8), the number of axes and the size of each as a big-endian
32-bit integer; the values follow in C order (LeCun, Cortes & Burges).
"""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from harness.types import UserError
from tasks.checks import list_directory, list_some
from tasks.memory import check_memory
from tasks.prepared import Images

UINT8 = 8
PARTS = ("train-images", "train-labels", "t10k-images", "t10k-labels")
DEBIAN = {"fashion_mnist": Path("/usr/share/datasets/fashion-mnist")}
"""Where Debian's packages put data sets: `dataset-fashion-mnist`."""

PUBLISHED = {
    "mnist": {
        "train-images": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels": "a25bea736e30d166cdddb491f175f624",
        "t10k-images": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels": "27ae3e4e09519cfbb04c329615203637",
    },
    "fashion_mnist": {
        "train-images": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels": "15d484375f8d13e6eb1aabb0c3f46965",
    },
    "kmnist": {  # of the files as they are offered, gzipped
        "train-images": "bdb82020997e1d708af4cf47b453dcf7",
        "train-labels": "e144d726b3acfaa3e44228e80efcd344",
        "t10k-images": "5c965bf0a639b31b8f53240b1b52f4d7",
        "t10k-labels": "7320c461ea6c1c855c0b718fb2a4b134",
    },
}
"""MD5 of the files that were published, unpacked where nothing else is said."""


class IdxFile(NamedTuple):
    """What one file holds, and the MD5 of its content and of itself, which differ where it is gzipped."""

    values: NDArray[np.uint8]
    digests: frozenset[str]


class IdxSet(NamedTuple):
    """The images of a directory, and the MD5s of its files by part."""

    images: Images
    digests: dict[str, frozenset[str]]

    def is_published(self, dataset: str) -> bool:
        """Whether all four files are those that were published as `dataset`."""
        return all(md5 in self.digests[part] for part, md5 in PUBLISHED[dataset].items())


def read_directory(directory: Path) -> IdxSet:
    """The training and test images of the four files in `directory`, gzipped or not.

    Returns:
        Images `(example, height, width, channel)`; of files with three axes, one channel.

    Raises:
        UserError: a file that is absent, truncated, longer than it says, of another kind, or does not fit the others.
        MemoryError: more images than memory can hold.
    """
    files = find_files(directory)
    read = {part: _read(path, axes=(1,) if part.endswith("labels") else (3, 4)) for part, path in files.items()}
    for side in ("train", "t10k"):
        images, labels = read[f"{side}-images"].values, read[f"{side}-labels"].values
        if len(images) != len(labels):
            raise UserError(
                f"expected as many labels as images in {files[f'{side}-labels']}. "
                f"Received: {len(labels):,} labels for the {len(images):,} images in {files[f'{side}-images'].name}"
            )
    train, test = (_with_channel(read[f"{side}-images"].values) for side in ("train", "t10k"))
    if train.shape[1:] != test.shape[1:]:
        raise UserError(
            f"expected training and test images of one size in {directory}. "
            f"Received: {train.shape[1:]} and {test.shape[1:]}"
        )
    y_train, y_test = (read[f"{side}-labels"].values.astype(np.int64) for side in ("train", "t10k"))
    return IdxSet(Images(train, y_train, test, y_test), {part: file.digests for part, file in read.items()})


def find_files(directory: Path) -> dict[str, Path]:
    """The four files of an IDX directory by their usual names, also with a dot before `idx`.

    Raises:
        UserError: there is no such directory, or one of the files is not in it.
    """
    names = list_directory(directory, what="the four IDX files")
    found = {}
    for part in PARTS:
        rank = 1 if part.endswith("labels") else 3
        usual = f"{part}-idx{rank}-ubyte"
        known = (usual, f"{usual}.gz", f"{part}.idx{rank}-ubyte", f"{part}.idx{rank}-ubyte.gz")
        name = next((name for name in known if name in names), None)
        if name is None:
            raise UserError(f"expected {usual} or {usual}.gz in {directory}. Received: {list_some(names)}")
        found[part] = directory / name
    return found


def holds_idx(directory: Path) -> bool:
    """Whether there are IDX files of the usual names in a directory."""
    return any(any(directory.glob(f"{part}?idx*")) for part in PARTS)


def _read(path: Path, *, axes: tuple[int, ...]) -> IdxFile:
    """The values of a file that has one of the numbers of axes `axes`."""
    try:
        with path.open("rb") as raw:
            whole = _md5(raw)
            raw.seek(0)
            stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw
            header, shape = _read_header(stream, path, axes)
            # One byte more would be there in a file that is longer than it says.
            content = stream.read(math.prod(shape) + 1)
    except (OSError, EOFError, zlib.error) as error:  # cut off or damaged within what gzip holds
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UserError(f"expected a complete IDX file at {path}. Received: {' '.join(reason.split())}") from error
    if len(content) != math.prod(shape):
        received = f"{len(content):,} bytes" if len(content) < math.prod(shape) else "more"
        raise UserError(
            f"expected {math.prod(shape):,} bytes after the header of {path}, for an array of shape {shape}. "
            f"Received: {received}"
        )
    values = np.frombuffer(content, np.uint8).reshape(shape)
    return IdxFile(values, frozenset({whole, hashlib.md5(header + content, usedforsecurity=False).hexdigest()}))


def _read_header(stream: IO[bytes], path: Path, axes: tuple[int, ...]) -> tuple[bytes, tuple[int, ...]]:
    """The header's bytes, and the shape that it tells."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:3] != bytes((0, 0, UINT8)) or magic[3] not in axes:
        expected = " or ".join(f"{256 * UINT8 + rank}" for rank in axes)
        raise UserError(
            f"expected an IDX file of uint8 with {' or '.join(map(str, axes))} axes (magic number {expected}) "
            f"at {path}. Received: magic number {int.from_bytes(magic, 'big')}"
        )
    sizes = stream.read(4 * magic[3])
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
    if len(sizes) < 4 * magic[3] or 0 in shape:
        raise UserError(f"expected sizes of {magic[3]} axes in the header of {path}. Received: {shape}")
    check_memory(math.prod(shape), what=f"the {shape[0]:,} examples of {path}", smaller="another file")
    return magic + sizes, shape


def _with_channel(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return images if images.ndim == 4 else images[..., None]


def _md5(stream: IO[bytes]) -> str:
    total = hashlib.md5(usedforsecurity=False)
    while block := stream.read(2**20):
        total.update(block)
    return total.hexdigest()
