from __future__ import annotations

import multiprocessing

from harness.records.locks import claim, claims_dir, epoch_of, read_claims


def test_a_claim_is_held_once_and_told_to_whoever_watches(tmp_path):
    with claim(tmp_path, "cell") as held:
        assert held is not None
        assert epoch_of(tmp_path, "cell") == 0
        for epoch in (1, 2, 10):
            held.report_epoch(epoch)
            assert epoch_of(tmp_path, "cell") == epoch
            assert [(found["id"], found["epoch"]) for found in read_claims(tmp_path)] == [("cell", epoch)]
        with claim(tmp_path, "cell") as second:
            assert second is None
        assert epoch_of(tmp_path, "cell") == 10
        with claim(tmp_path, "other") as other:
            assert other is not None
            assert len(read_claims(tmp_path)) == 2

    assert read_claims(tmp_path) == []
    assert epoch_of(tmp_path, "cell") is None
    assert list(claims_dir(tmp_path).iterdir()) == []


def _claim_and_die(folder):
    import os

    with claim(folder, "cell"):
        os._exit(1)


def test_the_claim_of_a_process_that_died_is_free(tmp_path):
    process = multiprocessing.get_context("spawn").Process(target=_claim_and_die, args=(tmp_path,))
    process.start()
    process.join(60)

    assert process.exitcode == 1
    assert (claims_dir(tmp_path) / "cell").exists()
    assert read_claims(tmp_path) == []
    with claim(tmp_path, "cell") as held:
        assert held is not None
