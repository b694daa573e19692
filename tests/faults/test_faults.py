"""Faults injected for real: after each, every planned cell has one row, and the rest is as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from folders import unreadable_records

from harness.records.locks import read_locks
from harness.records.store import read_records
from tests.faults.conftest import Campaign
from tests.faults.grid import CELLS, PROJECT, command, environment, leftovers, outcome, run, start

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("fault", ["sigkill", "sigsegv", "sigabrt"])
def test_a_worker_that_dies_costs_nothing_but_time(
    fault: str, undisturbed: dict[str, Any], markers: Path, tmp_path: Path, campaign: Campaign
) -> None:
    (markers / f"{fault}-1").touch()
    finished = run(tmp_path / "results", markers)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "tried again" in finished.stdout
    assert outcome(tmp_path / "results") == undisturbed
    campaign(f"worker dies by {fault} in mid-cell", 1, 0)


def test_a_cell_that_always_kills_its_worker_is_recorded_and_costs_no_other(
    undisturbed: dict[str, Any], markers: Path, tmp_path: Path, campaign: Campaign
) -> None:
    finished = run(tmp_path / "results", markers, "architecture.fault=none,sigkill", "axis=channel", "seed=0,1")
    assert finished.returncode == 1
    found = outcome(tmp_path / "results")
    assert len(found) == 4
    for seed in (0, 1):
        assert found[str(("channel", seed, "none"))] == undisturbed[str(("channel", seed, "none"))]
        assert found[str(("channel", seed, "sigkill"))][0] == "error"
    assert finished.stdout.count("the worker died (signal 9), 2 times") >= 1
    campaign("cell that kills its worker every time", 2, 2)


def test_a_cell_over_its_time_limit_is_stopped(markers: Path, tmp_path: Path, campaign: Campaign) -> None:
    overrides = ("architecture.fault=none,hang", "axis=channel", "seed=0", "engine.timeout=40")
    finished = run(tmp_path / "results", markers, *overrides)
    assert finished.returncode == 1
    statuses = {key: value[0] for key, value in outcome(tmp_path / "results").items()}
    assert statuses == {str(("channel", 0, "none")): "ok", str(("channel", 0, "hang")): "timeout"}
    campaign("cell over its time limit", 1, 1)


def test_a_cell_over_its_memory_limit_is_recorded_as_oom(markers: Path, tmp_path: Path, campaign: Campaign) -> None:
    overrides = ("architecture.fault=none,allocate", "axis=channel", "seed=0", "engine.memory_gib=4")
    finished = run(tmp_path / "results", markers, *overrides)
    assert finished.returncode == 1
    statuses = {key: value[0] for key, value in outcome(tmp_path / "results").items()}
    assert statuses == {str(("channel", 0, "none")): "ok", str(("channel", 0, "allocate")): "oom"}
    campaign("cell over its memory limit", 1, 1)


def test_every_error_is_listed_and_has_a_log(markers: Path, tmp_path: Path) -> None:
    finished = run(tmp_path / "results", markers, "architecture.fault=raise", "axis=none,channel", "seed=0,1")
    assert finished.returncode == 1
    assert "4 cells failed" in finished.stdout
    assert finished.stdout.count("RuntimeError: as asked for") >= 1
    for record in read_records(tmp_path / "results"):
        assert record["id"] in finished.stdout
        assert 'raise RuntimeError("as asked for")' in record["traceback"]
        assert "as asked for" in (tmp_path / "results" / "logs" / f"{record['id']}.log").read_text()


@pytest.mark.parametrize("moments", [20])
def test_a_killed_parent_loses_the_cells_in_flight_at_most(
    moments: int, undisturbed: dict[str, Any], markers: Path, tmp_path: Path, campaign: Campaign
) -> None:
    rng = random.Random(2026)
    results = tmp_path / "results"
    kills, lost = 0, 0
    while kills < moments:
        process = start(results, markers)
        time.sleep(rng.uniform(1.0, 14.0))
        before = len(read_records(results))
        if process.poll() is None:
            kills += 1
        process.kill()
        process.wait()
        lost += max(0, before - len(read_records(results)))
        assert not unreadable_records(results)
        # What is there is whole and right, whenever the kill came.
        found = outcome(results)
        assert found == {key: undisturbed[key] for key in found}
        _wait_until_nobody_works(results)
        if len(found) == CELLS:
            # Begin anew, so that kills fall on grids at work and not on finished ones.
            for path in (results / "records").glob("*.json"):
                path.unlink()
            (results / "records.parquet").unlink(missing_ok=True)
    finished = run(results, markers)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert outcome(results) == undisturbed
    campaign("parent killed by SIGKILL, then resumed", kills, lost)


def test_interrupting_keeps_what_is_done_and_leaves_nobody_behind(
    undisturbed: dict[str, Any], markers: Path, tmp_path: Path, campaign: Campaign
) -> None:
    results = tmp_path / "results"
    process = start(results, markers, "train.epochs=300", "seed=range(20)")
    _wait_for(lambda: len(read_records(results)) >= 2)
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does at Ctrl-C: the workers get it too
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "goes on from there" in output
    assert "Traceback" not in output
    done = len(read_records(results))
    assert done >= 2
    assert not unreadable_records(results)
    _wait_until_nobody_works(results)
    campaign("Ctrl-C", 1, 0)


def test_eight_runs_at_once_share_one_grid(
    undisturbed: dict[str, Any], markers: Path, tmp_path: Path, campaign: Campaign
) -> None:
    results = tmp_path / "results"
    processes = [start(results, markers, "engine.workers=1") for _ in range(8)]
    outputs = [process.communicate(timeout=600)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, outputs
    assert outcome(results) == undisturbed
    # Whoever wrote a cell twice would have put the first one aside.
    assert not (results / "records" / "superseded").exists()
    campaign("eight runs of one grid at once", 8, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
def test_a_full_disk_is_said_and_survived(
    undisturbed: dict[str, Any], markers: Path, tmp_path: Path, campaign: Campaign
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    results = disk / "results"
    try:
        finished = run(results, markers)
        assert finished.returncode == 2
        assert "No space left on device" in finished.stderr
        assert "Traceback" not in finished.stderr
        assert not unreadable_records(results)
        found = outcome(results)
        assert 0 < len(found) < CELLS, "the disk should have filled up in the middle of the grid"
        assert found == {key: undisturbed[key] for key in found}
        subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)
        again = run(results, markers)
        assert again.returncode == 0, again.stdout + again.stderr
        assert outcome(results) == undisturbed
        assert not leftovers(results)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
    campaign("disk full in the middle of a grid, then not", 1, 0)


def test_damaged_records_are_run_again(
    undisturbed: dict[str, Any], markers: Path, tmp_path: Path, campaign: Campaign
) -> None:
    results = tmp_path / "results"
    assert run(results, markers).returncode == 0
    whole = sorted((results / "records").glob("*.json"))
    text = whole[0].read_text()
    whole[0].write_text(text[: len(text) // 2])
    whole[1].write_text("")
    whole[2].write_text(json.dumps({**json.loads(whole[2].read_text()), "format": 99}))
    whole[3].write_bytes(random.Random(1).randbytes(4096))
    assert unreadable_records(results) == whole[:4]
    assert len(outcome(results)) == CELLS - 4
    finished = run(results, markers)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "4 done, 4 to run" in finished.stdout
    assert outcome(results) == undisturbed
    campaign("records truncated, emptied, of the future, random bytes", 4, 0)


def test_workers_stop_when_their_parent_is_gone(markers: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    process = start(results, markers, "architecture.fault=hang", "axis=channel", "seed=0,1")
    _wait_for(lambda: len(read_locks(results)) == 2)
    workers = [lock["pid"] for lock in read_locks(results)]
    process.kill()
    process.wait()
    began = time.monotonic()
    _wait_for(lambda: not any(_alive(pid) for pid in workers), seconds=30)
    assert time.monotonic() - began < 10  # the promise itself, with a check every second behind it


def test_a_second_run_of_a_finished_grid_trains_nothing_and_says_the_same(markers: Path, tmp_path: Path) -> None:
    first = run(tmp_path / "results", markers)
    second = run(tmp_path / "results", markers)
    assert "8 done, 0 to run" in second.stdout
    table = first.stdout[first.stdout.index("faulty (generated)") :]
    assert table == second.stdout[second.stdout.index("faulty (generated)") :]


def test_a_finished_grid_is_found_finished_without_tensorflow(markers: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    assert run(results, markers).returncode == 0
    code = (
        "import sys; from harness.commands.cli import main; main(sys.argv[1:]); "
        "print('loaded:', 'tensorflow' in sys.modules)"
    )
    arguments = command(results, markers)[3:]
    finished = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(),
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "8 done, 0 to run" in finished.stdout
    assert finished.stdout.endswith("loaded: False\n")


def _wait_for(condition: Any, *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


def _wait_until_nobody_works(results: Path) -> None:
    _wait_for(lambda: not read_locks(results), seconds=30)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie of somebody else's is no longer at work.
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
