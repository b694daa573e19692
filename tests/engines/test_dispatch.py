"""What all engines rest on: deaths are counted, and a cell ends once, with a record, whoever else is at it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from unittest.mock import Mock

import pytest

from harness.cell.cell import Cell
from harness.engines import Event, worker
from harness.engines.dispatch import Dispatch
from harness.engines.local import LocalEngine, _Run, _Slot
from harness.engines.worker import Finished
from harness.records.locks import lock_cell
from harness.records.store import find_record, prepare_results_dir
from harness.types import UserError
from tests.engines.cells import finish, plan


@pytest.fixture(scope="module")
def cell() -> Cell:
    [cell] = plan("axis=channel", "seed=0")
    return cell


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def dispatch(cell: Cell, events: list[Event], tmp_path: Path) -> Callable[[int], Dispatch]:
    prepare_results_dir(tmp_path)
    return lambda retries: Dispatch([cell], results_dir=tmp_path, on_event=events.append, retries=retries)


def said(events: list[Event]) -> list[tuple[str, str, str]]:
    return [(event.kind, event.status, event.reason) for event in events]


def test_a_cell_whose_workers_die_is_tried_again_and_then_recorded(
    dispatch: Callable[[int], Dispatch], cell: Cell, events: list[Event], tmp_path: Path
) -> None:
    grid = dispatch(2)
    for _ in range(2):
        grid.died(grid.take(0), status="error", cause="the worker died")
        assert grid.waiting == 1
    assert find_record(tmp_path, cell.id) is None
    grid.died(grid.take(0), status="oom", cause="no memory")
    assert not grid.outstanding
    assert said(events) == [("retried", "error", "the worker died")] * 2 + [("finished", "oom", "no memory, 3 times")]
    record = find_record(tmp_path, cell.id)
    assert record is not None
    assert (record["status"], record["reason"]) == ("oom", "no memory, 3 times")


def test_a_cell_is_not_given_up_while_something_of_its_worker_holds_it(
    dispatch: Callable[[int], Dispatch], cell: Cell, events: list[Event], tmp_path: Path
) -> None:
    """A killed process ends a moment after it was killed; on a lost node, later."""
    grid = dispatch(0)
    with lock_cell(tmp_path, cell.id):
        grid.fail(grid.take(0), status="timeout", reason="too long")
        assert grid.look_again(idle=True)
        assert grid.outstanding
        assert events == []
        assert find_record(tmp_path, cell.id) is None
    assert not grid.look_again(idle=True)
    assert not grid.outstanding
    assert said(events) == [("finished", "timeout", "too long")]


def test_what_another_has_finished_is_not_given_up(
    dispatch: Callable[[int], Dispatch], cell: Cell, events: list[Event], tmp_path: Path
) -> None:
    grid = dispatch(0)
    work = grid.take(0)
    finish(cell, tmp_path)
    grid.fail(work, status="timeout", reason="too long")
    assert said(events) == [("finished", "ok", "")]


def test_a_cell_of_another_run_is_waited_for(
    dispatch: Callable[[int], Dispatch], cell: Cell, events: list[Event], tmp_path: Path
) -> None:
    grid = dispatch(0)
    with lock_cell(tmp_path, cell.id):
        grid.end(grid.take(0), Finished("", elsewhere=True))
        assert grid.look_again(idle=False)
        assert grid.waiting == 0
        finish(cell, tmp_path)
        assert not grid.look_again(idle=False)
    assert said(events) == [("finished", "ok", "")]


def test_a_cell_that_another_run_has_dropped_is_ours_again(
    dispatch: Callable[[int], Dispatch], cell: Cell, events: list[Event], tmp_path: Path
) -> None:
    grid = dispatch(0)
    grid.end(grid.take(0), Finished("", elsewhere=True))
    assert not grid.look_again(idle=False)
    assert grid.take(0).cell is cell
    assert events == []


def test_a_record_that_cannot_be_written_ends_the_run(
    dispatch: Callable[[int], Dispatch], cell: Cell, tmp_path: Path
) -> None:
    grid = dispatch(0)
    (tmp_path / "records").rmdir()
    (tmp_path / "records").touch()
    with pytest.raises(UserError, match=f"the record of {cell.id} cannot be written .* Received: {tmp_path}"):
        grid.fail(grid.take(0), status="error", reason="the worker died")


@pytest.mark.slow
def test_the_local_pool_runs_a_cell_whose_sites_it_has_not_looked_for(cell: Cell, tmp_path: Path) -> None:
    """It used to lose the first cell of each worker, whose process had been started for that cell only."""
    prepare_results_dir(tmp_path)
    events: list[Event] = []
    with LocalEngine(workers=1) as engine:
        engine.run([cell], results_dir=tmp_path, on_event=events.append)
    assert [(event.cell.id, event.status) for event in events if event.kind == "finished"] == [(cell.id, "ok")]


@pytest.mark.parametrize("worn", [False, True])
def test_a_worker_that_has_grown_too_much_is_replaced(
    dispatch: Callable[[int], Dispatch], cell: Cell, events: list[Event], tmp_path: Path, worn: bool
) -> None:
    grid = dispatch(0)
    pool = Mock()
    slot = _Slot(0, None, pool=pool, work=grid.take(0), future=Future())
    finish(cell, tmp_path)
    slot.future.set_result(Finished("ok", worn=worn))

    _Run(LocalEngine(workers=1), [slot], grid)._take(slot)

    assert said(events) == [("finished", "ok", "")]
    assert pool.stop.called == worn
    assert (slot.pool is None) == worn


def test_a_worker_has_grown_too_much_by_half_a_gib_over_its_first_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter([900, 1300, 900 + 512, 900 + 513])
    monkeypatch.setattr(worker, "_first_peak", None)
    monkeypatch.setattr(worker.sys, "platform", "linux")
    monkeypatch.setattr(worker.resource, "getrusage", lambda who: Mock(ru_maxrss=next(peaks) * 1024))

    assert [worker._is_worn() for _ in range(4)] == [False, False, False, True]
