from __future__ import annotations

import multiprocessing

from harness.records.locks import epoch_of, lock_cell, locks_dir, read_locks


def test_a_lock_is_held_once_and_told_to_whoever_watches(tmp_path):
    with lock_cell(tmp_path, "cell") as held:
        assert held is not None
        assert epoch_of(tmp_path, "cell") == 0
        for epoch in (1, 2, 10):
            held.report_epoch(epoch)
            assert epoch_of(tmp_path, "cell") == epoch
            assert [(found["id"], found["epoch"]) for found in read_locks(tmp_path)] == [("cell", epoch)]
        with lock_cell(tmp_path, "cell") as second:
            assert second is None
        assert epoch_of(tmp_path, "cell") == 10
        with lock_cell(tmp_path, "other") as other:
            assert other is not None
            assert len(read_locks(tmp_path)) == 2

    assert read_locks(tmp_path) == []
    assert epoch_of(tmp_path, "cell") is None
    assert list(locks_dir(tmp_path).iterdir()) == []


def _lock_and_die(folder):
    import os

    with lock_cell(folder, "cell"):
        os._exit(1)


def test_the_lock_of_a_process_that_died_is_free(tmp_path):
    process = multiprocessing.get_context("spawn").Process(target=_lock_and_die, args=(tmp_path,))
    process.start()
    process.join(60)

    assert process.exitcode == 1
    assert (locks_dir(tmp_path) / "cell").exists()
    assert read_locks(tmp_path) == []
    with lock_cell(tmp_path, "cell") as held:
        assert held is not None
