"""How long a grid will still take is said from the pace of warm workers, and not before there is one."""

from __future__ import annotations

from harness.engines.progress import seconds_left


def test_the_first_cell_of_each_worker_is_no_basis():
    assert seconds_left([], 10, 2) is None
    assert seconds_left([14.0], 10, 2) is None
    assert seconds_left([14.0, 15.0], 10, 2) is None


def test_the_pace_is_that_after_the_workers_are_warm():
    # Two more cells in the 2 s after both workers had ended one: 1 s a cell, 6 are left.
    assert seconds_left([14.0, 15.0, 16.0, 17.0], 10, 2) == 6.0
    # One worker: its first cell took 14 s, the next two 3 s each.
    assert seconds_left([14.0, 17.0, 20.0], 5, 1) == 6.0


def test_nothing_is_said_at_the_end_and_of_more_workers_than_cells():
    assert seconds_left([1.0, 2.0], 2, 1) is None
    assert seconds_left([1.0, 2.0], 3, 8) is None
