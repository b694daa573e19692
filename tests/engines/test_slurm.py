"""The SLURM engine: what it makes of jobs that come and go, and, with SLURM's daemons on this machine, whole grids."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.cell.cell import Cell
from harness.cell.record import record_of
from harness.engines import Event
from harness.engines.dispatch import Dispatch
from harness.engines.slurm_engine import SlurmEngine, _Run
from harness.records.locks import lock_cell, locks_dir, read_locks
from harness.records.store import prepare_results_dir, read_records, write_record
from harness.types import UserError
from tests.engines.cells import finish, plan
from tests.engines.processes import wait_until
from tests.engines.slurm_daemons import daemons, why_not
from tests.faults.grid import outcome, run, start

WHY_NOT = why_not() or ("" if importlib.util.find_spec("submitit") else "submitit is not installed")
needs_slurm = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jobs": 0}, "engine.jobs: expected a whole number of at least 1. Received: 0"),
        ({"minutes": 1.5}, "engine.minutes: expected a whole number of at least 1. Received: 1.5"),
        ({"gpus_per_job": -1}, "engine.gpus_per_job: expected a whole number of at least 0. Received: -1"),
        ({"parameters": "qos=long"}, "engine.parameters: expected names and values, .*. Received: qos=long"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        SlurmEngine(**options)


def test_gpus_say_how_many_workers_a_job_has() -> None:
    assert SlurmEngine(jobs=3, workers_per_job=4).workers == 12
    assert SlurmEngine(jobs=3, workers_per_job=4, gpus_per_job=2, workers_per_gpu=3).workers == 18


class Scripted:
    """Jobs without SLURM: each does at once what the script says of it, and is over."""

    def __init__(
        self, *scripts: Callable[[Sequence[Cell], Path], None], end: tuple[str, str] = ("error", "gone")
    ) -> None:
        self.scripts = list(scripts)
        self.submitted: list[list[str]] = []
        self.logs: list[str] = []
        self.end = end

    def submit(self, function: Callable[..., None], cells: Sequence[Cell], results_dir: Path, options: Any) -> str:
        self.submitted.append([cell.id for cell in cells])
        self.scripts.pop(0)(cells, results_dir)
        return str(len(self.submitted))

    def listed(self) -> set[str]:
        return set()

    def end_of(self, job: str) -> tuple[str, str]:
        return self.end

    def keep_log(self, job: str) -> None:
        self.logs.append(job)


def die_at(number: int) -> Callable[[Sequence[Cell], Path], None]:
    """A job that is killed at its cell of that number: cells before it are done, its lock is left behind."""

    def script(cells: Sequence[Cell], results_dir: Path) -> None:
        for cell in cells[:number]:
            finish(cell, results_dir)
        locks_dir(results_dir).mkdir(exist_ok=True)
        (locks_dir(results_dir) / cells[number].id).write_text("{}")

    return script


def finish_all(cells: Sequence[Cell], results_dir: Path) -> None:
    for cell in cells:
        finish(cell, results_dir)


def do_nothing(cells: Sequence[Cell], results_dir: Path) -> None:
    """A job that ends before its first cell."""


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    return plan("axis=channel", "seed=range(4)")


def play(cells: Sequence[Cell], results_dir: Path, scripted: Scripted, **options: Any) -> list[tuple[str, str]]:
    """Run the cells on scripted jobs and return the events, as `(kind, cell)`."""
    prepare_results_dir(results_dir)
    events: list[Event] = []
    engine = SlurmEngine(**{"jobs": 1, "poll_seconds": 0.01, **options})
    dispatch = Dispatch(cells, results_dir=results_dir, on_event=events.append, retries=engine.retries)
    _Run(engine, dispatch, scripted).to_the_end()  # type: ignore[arg-type]
    finished = [event.cell.id for event in events if event.kind == "finished"]
    assert sorted(finished) == sorted(cell.id for cell in cells), "each cell ends once"
    assert sorted(record["id"] for record in read_records(results_dir)) == sorted(finished)
    return [(event.kind, event.cell.id) for event in events if event.kind in ("retried", "finished")]


def test_a_job_that_dies_costs_a_try_of_the_cell_that_it_was_at(cells: list[Cell], tmp_path: Path) -> None:
    first, second, third, fourth = (cell.id for cell in cells)
    jobs = Scripted(die_at(1), finish_all)
    events = play(cells, tmp_path, jobs, retries=1)
    assert events[:2] == [("finished", first), ("retried", second)]
    # The cells behind it had no part in it.
    assert [event for event in events if event[0] == "retried"] == [("retried", second)]
    assert sorted(jobs.submitted[1]) == sorted([second, third, fourth])
    assert jobs.logs == ["1"]
    assert {record["status"] for record in read_records(tmp_path)} == {"ok"}


def test_a_cell_that_takes_every_job_with_it_is_recorded(cells: list[Cell], tmp_path: Path) -> None:
    jobs = Scripted(
        die_at(0), finish_all_but(cells[0]), end=("oom", "its SLURM job ended before it did (OUT_OF_MEMORY)")
    )
    play(cells, tmp_path, jobs, retries=1)
    statuses = {record["id"]: (record["status"], record["reason"]) for record in read_records(tmp_path)}
    assert statuses.pop(cells[0].id) == ("oom", "its SLURM job ended before it did (OUT_OF_MEMORY), 2 times")
    assert set(statuses.values()) == {("ok", "")}


def finish_all_but(cell: Cell) -> Callable[[Sequence[Cell], Path], None]:
    def script(cells: Sequence[Cell], results_dir: Path) -> None:
        finish_all([other for other in cells if other.id != cell.id], results_dir)
        (locks_dir(results_dir) / cell.id).write_text("{}")

    return script


def test_jobs_that_never_come_to_a_cell_end_the_run(cells: list[Cell], tmp_path: Path) -> None:
    jobs = Scripted(do_nothing, do_nothing, do_nothing)
    play(cells, tmp_path, jobs, retries=2)
    assert len(jobs.submitted) == 3
    assert {(r["status"], r["reason"]) for r in read_records(tmp_path)} == {("error", "gone, 3 times")}


def test_a_lock_of_an_earlier_run_is_not_taken_for_this_jobs(cells: list[Cell], tmp_path: Path) -> None:
    locks_dir(tmp_path).mkdir(parents=True)
    (locks_dir(tmp_path) / cells[3].id).write_text("{}")
    jobs = Scripted(die_at(1), finish_all)
    events = play(cells, tmp_path, jobs)
    assert [event for event in events if event[0] == "retried"] == [("retried", cells[1].id)]


def test_a_job_that_is_gone_is_not_lost_while_its_cell_is_locked(cells: list[Cell], tmp_path: Path) -> None:
    """SLURM may forget a job, or be started anew with other numbers, while the job's processes go on."""
    held: list[Any] = []
    looks: list[int] = []

    def go_on(cells: Sequence[Cell], results_dir: Path) -> None:
        held.append(lock_cell(results_dir, cells[0].id))
        assert held[0].__enter__() is not None

    class Forgetful(Scripted):
        def listed(self) -> set[str]:
            looks.append(1)
            if len(looks) == 20:
                finish(cells[0], tmp_path)
                held[0].__exit__(None, None, None)
            return set()

    jobs = Forgetful(go_on)
    assert play(cells[:1], tmp_path, jobs, retries=0) == [("finished", cells[0].id)]
    assert len(looks) >= 20
    assert [record["status"] for record in read_records(tmp_path)] == ["ok"]


def test_a_failed_record_of_an_earlier_run_is_not_taken_for_a_new_one(cells: list[Cell], tmp_path: Path) -> None:
    prepare_results_dir(tmp_path)
    write_record(tmp_path, record_of(cells[0], {"status": "error", "reason": "before"}))
    looks: list[int] = []

    class Slow(Scripted):
        def listed(self) -> set[str]:
            looks.append(1)
            if len(looks) == 5:
                finish(cells[0], tmp_path)
            return {"1"}

    assert play(cells[:1], tmp_path, Slow(do_nothing)) == [("finished", cells[0].id)]
    assert len(looks) == 5


def test_cells_are_divided_evenly_and_those_that_share_graphs_stay_together(tmp_path: Path) -> None:
    scripted = Scripted(finish_all, finish_all)
    play(plan("axis=none,channel", "seed=range(4)"), tmp_path, scripted, jobs=2)
    strategies = [{name.split("-")[2] for name in names} for names in scripted.submitted]
    assert strategies == [{"none"}, {"channel"}]
    assert list(map(len, scripted.submitted)) == [4, 4]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with daemons(tmp_path_factory.mktemp("slurm")) as configuration, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(configuration))
        yield


def ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.slurm
@pytest.mark.slow
@needs_slurm
def test_two_chunks_leave_the_same_bits_and_nothing_else(
    slurm: None, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    finished = run(tmp_path / "results", tmp_path / "markers", "engine=slurm", "engine.jobs=2")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert outcome(tmp_path / "results") == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["results"], "submitit's folder is gone"
    assert not [path for path in tmp_path.rglob("*") if "pkl" in path.name or "pickle" in path.name]
    states = ask("scontrol", "--oneliner", "show", "jobs").splitlines()
    assert len(states) == 2
    assert all("JobState=COMPLETED" in state for state in states)


@pytest.mark.slurm
@pytest.mark.slow
@needs_slurm
def test_a_cancelled_job_costs_nothing_but_time(slurm: None, undisturbed: dict[str, Any], tmp_path: Path) -> None:
    markers, results = tmp_path / "markers", tmp_path / "results"
    markers.mkdir()
    (markers / "hang-1").touch()
    process = start(results, markers, "engine=slurm", "engine.jobs=1")
    wait_until(lambda: (read_locks(results) and not list(markers.iterdir())) or process.poll() is not None)
    job = ask("squeue", "--noheader", "--format=%i")
    subprocess.run(["scancel", job], check=True)
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    assert f"its SLURM job {job} ended before it did (CANCELLED)" in printed
    assert outcome(results) == undisturbed
    assert (results / "logs" / f"slurm-{job}.log").read_text()


@pytest.mark.slurm
@pytest.mark.slow
@needs_slurm
def test_in_a_job_too_a_fault_costs_its_own_cell_and_no_other(slurm: None, tmp_path: Path) -> None:
    overrides = ("architecture.fault=none,hang,sigkill", "axis=channel", "seed=0", "engine.timeout=30")
    finished = run(tmp_path / "results", tmp_path / "markers", *overrides, "engine=slurm", "engine.jobs=2")
    assert finished.returncode == 1
    ended = {
        r["config"]["architecture"]["fault"]: (r["status"], r["reason"]) for r in read_records(tmp_path / "results")
    }
    assert ended == {
        "none": ("ok", ""),
        "hang": ("timeout", "took longer than engine.timeout=30 seconds"),
        "sigkill": ("error", "the worker died (signal 9), 2 times"),
    }


@pytest.mark.slurm
@pytest.mark.slow
@needs_slurm
def test_ctrl_c_cancels_the_jobs(slurm: None, tmp_path: Path) -> None:
    process = start(
        tmp_path / "results", tmp_path / "markers", "architecture.fault=hang", "engine=slurm", "engine.jobs=2"
    )
    wait_until(lambda: len(read_locks(tmp_path / "results")) == 2 or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130, printed
    wait_until(lambda: not ask("squeue", "--noheader") and not read_locks(tmp_path / "results"), seconds=60)
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
    assert read_records(tmp_path / "results") == []


@pytest.mark.slurm
@needs_slurm
def test_what_sbatch_refuses_is_said_in_one_line(slurm: None, tmp_path: Path, cells: list[Cell]) -> None:
    prepare_results_dir(tmp_path / "results")
    for options, message in (
        ({"partition": "nowhere"}, "sbatch refuses the job: .*[Ii]nvalid partition"),
        ({"parameters": {"partytion": "main"}}, r"engine.parameters: .*partytion.*partition"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            SlurmEngine(**options).run(cells, results_dir=tmp_path / "results", on_event=lambda event: None)
        assert "\n" not in str(caught.value)
        assert [path.name for path in tmp_path.iterdir()] == ["results"]
