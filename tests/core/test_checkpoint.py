"""An interrupted cell goes on from its last epoch to the same bits as one that never stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.cell.cell import Cell
from harness.cell.course import Checkpoint, State
from harness.cell.run import run_cell

STATE = State(2, [np.arange(6.0).reshape(2, 3), np.array(7, dtype=np.int64)], np.array([0.5, np.nan]), {"reason": ""})


@pytest.fixture
def long_cell(cell: Any) -> Cell:
    return cell("task=tiny", "axis=channel", "seed=3", "train.epochs=4", "train.checkpoint_seconds=0")


def stop_after(epoch: int) -> Any:
    def on_epoch(done: int) -> None:
        if done == epoch:
            raise KeyboardInterrupt  # what run_cell does not turn into a record

    return on_epoch


def outcome(record: dict[str, Any]) -> Any:
    history = {name: values for name, values in record["history"].items() if name != "seconds"}
    return record["status"], record["hashes"], record["metrics"], history, record["counts"]


@pytest.mark.parametrize("epoch", [1, 3])
def test_resuming_gives_the_bits_of_an_uninterrupted_run(long_cell: Cell, tmp_path: Path, epoch: int) -> None:
    whole = run_cell(long_cell)
    path = tmp_path / "state.npz"
    with pytest.raises(KeyboardInterrupt):
        run_cell(long_cell, on_epoch=stop_after(epoch), checkpoint_path=path)
    assert path.exists()
    seen: list[int] = []
    resumed = run_cell(long_cell, on_epoch=seen.append, checkpoint_path=path)
    assert seen == list(range(epoch + 1, 5))
    assert outcome(resumed) == outcome(whole)


def test_a_short_cell_writes_no_state(cell: Any, tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    record = run_cell(cell("task=tiny", "axis=channel", "seed=3"), checkpoint_path=path)
    assert record["status"] == "ok"
    assert not path.exists()


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "state.npz", code="a", every_seconds=0)
    checkpoint.save(STATE)
    back = checkpoint.load()
    assert back is not None
    assert (back.epoch, back.progress) == (2, {"reason": ""})
    for value, expected in zip(back.values, STATE.values, strict=True):
        np.testing.assert_array_equal(value, expected)
        assert value.dtype == expected.dtype
    np.testing.assert_array_equal(back.step_losses, STATE.step_losses)
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]


def test_a_state_of_other_code_or_in_pieces_is_not_gone_on_from(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    Checkpoint(path, code="a", every_seconds=0).save(STATE)
    assert Checkpoint(path, code="b", every_seconds=0).load() is None
    whole = path.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"not an archive"):
        path.write_bytes(damaged)
        assert Checkpoint(path, code="a", every_seconds=0).load() is None
    assert Checkpoint(tmp_path / "absent.npz", code="a", every_seconds=0).load() is None


def test_a_state_holds_no_pickle(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    Checkpoint(path, code="a", every_seconds=0).save(STATE)
    with np.load(path, allow_pickle=False) as content:
        assert json.loads(str(content["header"]))["epoch"] == 2
