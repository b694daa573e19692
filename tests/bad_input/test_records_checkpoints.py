"""A checkpoint of any content: the cell starts anew and ends as it would have without one."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.cell.course import Checkpoint, Course, State

PROGRESS = {"initial_loss": 1.0, "history": {"epoch": [1.0]}, "probes": {}, "diagnostics": [], "reason": ""}
STATE = State(1, [np.arange(6.0, dtype=np.float32).reshape(2, 3)], np.array([0.5, 0.4]), PROGRESS)
HEADER = {"code": "a", "epoch": 1, "values": 1, "progress": PROGRESS}


def checkpoint_of(folder: Path) -> Checkpoint:
    return Checkpoint(folder / "checkpoints" / "state.npz", code="a", every_seconds=0)


def saved(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def with_header(header: Any) -> bytes:
    return saved(header=np.array(json.dumps(header)), step_losses=np.zeros(2), value_0=np.zeros(1))


def plain_array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


def a_zip_of_other_things() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("header.npy", "no array")
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        b"\x80\x04\x95pickle",
        bytes(1000),
        plain_array(),
        a_zip_of_other_things(),
        saved(header=np.array("{"), step_losses=np.zeros(2)),
        saved(header=np.array(100_000 * "["), step_losses=np.zeros(2)),
        saved(header=np.zeros(3)),
        saved(step_losses=np.zeros(2)),
        saved(header=np.array(json.dumps(HEADER)), step_losses=np.zeros(2)),
        saved(header=np.array(json.dumps(HEADER)), value_0=np.zeros(2)),
        saved(header=np.array([object()], dtype=object), step_losses=np.zeros(2)),
        with_header(None),
        with_header([]),
        with_header({}),
        with_header({**HEADER, "code": "b"}),
        with_header({**HEADER, "code": None}),
        with_header({**HEADER, "values": "1"}),
        with_header({**HEADER, "values": 2}),
        with_header({**HEADER, "values": 10**9}),
        with_header({key: HEADER[key] for key in ("code", "values")}),
    ],
    ids=lambda content: f"{len(content)} bytes",
)
def test_bytes_that_are_no_state(content, tmp_path):
    checkpoint = checkpoint_of(tmp_path)
    checkpoint.save(STATE)
    checkpoint.path.write_bytes(content)

    assert checkpoint.load() is None


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_state_that_was_cut_off(share, tmp_path):
    checkpoint = checkpoint_of(tmp_path)
    checkpoint.save(STATE)
    content = checkpoint.path.read_bytes()
    checkpoint.path.write_bytes(content[: int(share * len(content))])

    assert checkpoint.load() is None


@pytest.mark.parametrize("place", range(0, 1000, 97))
def test_a_state_of_which_a_byte_was_turned(place, tmp_path):
    checkpoint = checkpoint_of(tmp_path)
    checkpoint.save(STATE)
    content = bytearray(checkpoint.path.read_bytes())
    content[place % len(content)] ^= 0xFF
    checkpoint.path.write_bytes(bytes(content))

    loaded = checkpoint.load()
    # Some bytes of a ZIP file say nothing; whatever is loaded is what was saved.
    assert loaded is None or (
        np.array_equal(loaded.values[0], STATE.values[0]) and np.array_equal(loaded.step_losses, STATE.step_losses)
    )


@pytest.mark.parametrize("kind", ["folder", "pipe", "link out"])
def test_what_is_no_file(kind, tmp_path):
    checkpoint = checkpoint_of(tmp_path)
    checkpoint.save(STATE)
    elsewhere = checkpoint.path.rename(tmp_path / "elsewhere.npz")
    if kind == "folder":
        checkpoint.path.mkdir()
    elif kind == "pipe":
        os.mkfifo(checkpoint.path)
    else:
        checkpoint.path.symlink_to(elsewhere)

    assert checkpoint.load() is None


def test_a_whole_state_is_gone_on_from(tmp_path):
    checkpoint = checkpoint_of(tmp_path)
    checkpoint.save(STATE)

    loaded = checkpoint.load()
    assert loaded is not None
    course = Course.of(loaded)
    assert course is not None
    assert (course.epoch, course.history, course.initial_loss) == (1, {"epoch": [1.0]}, 1.0)


@pytest.mark.parametrize(
    "state",
    [
        State(1, [], np.zeros(2), None),  # type: ignore[arg-type]
        State(1, [], np.zeros(2), {}),
        State(1, [], np.zeros(2), {**PROGRESS, "more": 1}),
        State(1, [], np.zeros(2), {**PROGRESS, "initial_loss": "1"}),
        State(1, [], np.zeros(2), {**PROGRESS, "history": []}),
        State(1, [], np.zeros(2), {**PROGRESS, "history": {"epoch": 1.0}}),
        State(1, [], np.zeros(2), {**PROGRESS, "history": {"epoch": ["1"]}}),
        State(2, [], np.zeros(2), PROGRESS),
        State("1", [], np.zeros(2), PROGRESS),  # type: ignore[arg-type]
        State(1, [], np.zeros((2, 1)), PROGRESS),
        State(1, [], np.zeros(2, np.float32), PROGRESS),  # type: ignore[arg-type]
        State(1, [], np.zeros(2), {**PROGRESS, "reason": None}),
        State(1, [], np.zeros(2), {**PROGRESS, "diagnostics": {}}),
    ],
)
def test_a_state_whose_parts_are_not_what_training_leaves(state):
    assert Course.of(state) is None
