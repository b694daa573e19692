"""The `.ts` files of sktime, aeon and the UCR and UEA archives: a recording a line, its features divided by colons."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.types import UserError
from tasks.checks import check_file
from tasks.memory import check_memory

KNOWN = {
    "problemname",
    "timestamps",
    "missing",
    "univariate",
    "dimension",
    "dimensions",
    "equallength",
    "serieslength",
    "classlabel",
    "targetlabel",
}


class Recordings(NamedTuple):
    """What a file holds: each recording `(time, feature)`, and its label `(recording,)`, a word or a number."""

    series: list[NDArray[np.float32]]
    labels: NDArray[np.str_] | NDArray[np.float64]


def read_ts(path: Path) -> Recordings:
    """The recordings of a file.

    Raises:
        UserError: an unknown header, time stamps, missing values, features of different lengths or numbers, no labels.
        MemoryError: it is larger than memory.
    """
    check_file(path, what="a .ts file")
    check_memory(path.stat().st_size / 4, what=f"the recordings in {path}", smaller="another file")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"expected a .ts file, which is text, at {path}. Received: {error}") from error
    header, start = _read_header(path, lines)
    is_value = header.get("targetlabel", "false").split()[0] == "true"
    if not is_value and header.get("classlabel", "false").split()[0] != "true":
        raise UserError(f"expected labels, @classLabel true or @targetLabel true, in {path}. Received: neither")
    series, labels = [], []
    for number, line in enumerate(lines[start:], start=start + 1):
        if line.strip() and not line.startswith("#"):
            *features, label = line.strip().split(":")
            series.append(_read_features(features, path, number))
            labels.append(label.strip())
    if not series:
        raise UserError(f"expected recordings after @data in {path}. Received: none")
    for index, one in enumerate(series):
        if one.shape[1] != series[0].shape[1]:
            raise UserError(
                f"expected as many features in each recording of {path}. "
                f"Received: {series[0].shape[1]} in the first and {one.shape[1]} in recording {index + 1}"
            )
    if is_value:
        return Recordings(series, _as_numbers(labels, path))
    declared = header["classlabel"].split()[1:]
    unknown = sorted({label for label in labels if declared and label.lower() not in declared})
    if unknown:
        raise UserError(
            f"expected labels of @classLabel, {', '.join(declared[:10])}, in {path}. Received: {unknown[0]!r}"
        )
    return Recordings(series, np.array(labels))


def _read_header(path: Path, lines: list[str]) -> tuple[dict[str, str], int]:
    """The tags before `@data`, in small letters, and the line after it."""
    header: dict[str, str] = {}
    for number, line in enumerate(lines):
        text = line.strip().lower()
        if not text or text.startswith("#"):
            continue
        if text == "@data":
            break
        tag, _, value = text.removeprefix("@").partition(" ")
        if not text.startswith("@") or tag not in KNOWN:
            raise UserError(f"expected a known header or @data in line {number + 1} of {path}. Received: {text[:60]!r}")
        header[tag] = value.strip() or "false"
    else:
        raise UserError(f"expected a line @data in {path}. Received: {len(lines)} lines without one")
    if header.get("timestamps", "false") == "true":
        raise UserError(f"expected values without time stamps in {path}. Received: @timeStamps true")
    return header, number + 1


def _read_features(features: list[str], path: Path, number: int) -> NDArray[np.float32]:
    """One recording `(time, feature)`."""
    if not features:
        raise UserError(f"expected features and a label, divided by colons, in line {number} of {path}. Received: one")
    try:
        columns = [np.array(feature.split(","), np.float64) for feature in features]
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise UserError(f"expected numbers in line {number} of {path}. Received: {reason}") from error
    lengths = sorted({len(column) for column in columns})
    if len(lengths) > 1:
        raise UserError(
            f"expected features of one length in line {number} of {path}. Received: {lengths[0]} to {lengths[-1]} steps"
        )
    recording = np.stack(columns, axis=1)
    if not np.isfinite(recording).all():
        raise UserError(f"expected no missing values in line {number} of {path}. Received: NaN or infinity")
    with np.errstate(over="ignore"):  # infinity, which is told of all tasks alike
        return recording.astype(np.float32)


def _as_numbers(labels: list[str], path: Path) -> NDArray[np.float64]:
    try:
        return np.array(labels, np.float64)
    except ValueError as error:
        raise UserError(f"expected numbers as targets in {path}. Received: {error}") from error
