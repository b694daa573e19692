"""The command line as a user meets it, on a task of the user's own."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import tiny_model
import yaml

from harness.commands.arguments import Arguments, parse
from harness.commands.cli import VERBS, main
from harness.records.store import record_path
from harness.types import UserError
from tests.core.conftest import CONF

ROOT = CONF.parents[3]


TINY = ("task=tiny", "architecture=tiny", "axis=none,rows", "seed=0", "train.epochs=1", "engine=serial")
OWN = ("--config-dir", str(CONF))


@pytest.fixture(autouse=True, scope="module")
def wide():
    with pytest.MonkeyPatch.context() as patch:
        # Rich takes a terminal's width and colours from here, where there is one.
        patch.setenv("COLUMNS", "140")
        patch.delenv("FORCE_COLOR", raising=False)
        yield


class Shell:
    """Runs verbs in this process, in a results folder of its own."""

    def __init__(self, folder: Path, capsys) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, verb, *arguments):
        self._capsys.readouterr()
        status = main([verb, *arguments, f"results_dir={self.folder}"])
        printed = self._capsys.readouterr()
        assert "Traceback" not in printed.err
        return status, printed.out

    def run(self, *arguments):
        return self("run", *TINY, *OWN, *arguments)

    def plan(self, *arguments):
        return self("plan", *TINY, *OWN, *arguments)

    def records(self):
        return {path.stem: json.loads(path.read_text()) for path in (self.folder / "records").glob("*.json")}


@pytest.fixture
def shell(tmp_path, capsys):
    return Shell(tmp_path / "runs", capsys)


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """The grid run into a new folder: status, what was printed, the folder."""
    folder = tmp_path_factory.mktemp("first") / "runs"
    with redirect_stdout(io.StringIO()) as printed:
        status = main(["run", *TINY, *OWN, f"results_dir={folder}"])
    return status, printed.getvalue(), folder


@pytest.fixture
def ran(shell, first_run):
    """A shell whose folder is a copy of the grid's that has been run."""
    shutil.copytree(first_run[2], shell.folder)
    return shell


def table_of(output):
    return [line for line in output.splitlines() if line.startswith((" none", " rows", " strategy"))]


def test_a_grid_from_plan_to_reproduction(shell, first_run, monkeypatch):
    status, out = shell.plan()
    assert status == 0
    assert "2 cells: 2 to run" in out
    assert not shell.folder.exists()

    status, out, folder = first_run
    shutil.copytree(folder, shell.folder)
    assert status == 0
    assert "2 cells: 0 done, 2 to run" in out
    assert len(table_of(out)) == 3
    records = shell.records()
    assert {record["axis"] for record in records.values()} == {"none", "rows"}
    assert {record["status"] for record in records.values()} <= {"ok", "diverged"}

    with monkeypatch.context() as patch:
        patch.setattr("harness.engines.serial.run_cell", None)  # would raise, were it called
        status, again = shell.run()
    assert status == 0
    assert "2 cells: 2 done, 0 to run" in again
    assert table_of(again) == table_of(out)
    assert shell.records() == records

    status, out = shell.plan()
    assert "2 cells: 2 done" in out
    assert "nothing to run" in out

    [name] = (name for name in records if "-rows-" in name)
    status, out = shell("reproduce", name[:-6], "--config-dir", str(CONF))
    assert (status, "equal bit for bit" in out) == (0, True)

    tampered = records[name]
    tampered["metrics"]["test_loss"] += 1e-12
    record_path(shell.folder, name).write_text(json.dumps(tampered))
    status, out = shell("reproduce", name, "--config-dir", str(CONF))
    assert status == 1
    assert "metrics.test_loss: recorded" in out
    assert "1 values differ" in out


def test_adding_to_a_grid_runs_what_is_new_alone(ran):
    before = ran.records()
    status, out = ran.run("axis=columns,none,rows")

    assert status == 0
    assert "3 cells: 2 done, 1 to run" in out
    assert {name: ran.records()[name] for name in before} == before


def test_every_cell_that_fails_is_listed_and_tried_again(shell, monkeypatch):
    def build(task, norm, *, dropout):
        model = plain(task, norm, dropout=dropout)
        if len(model.layers) > 6:  # with something at its sites
            raise RuntimeError("no such luck")
        return model

    plain = tiny_model.build
    with monkeypatch.context() as patch:
        patch.setattr(tiny_model, "build", build)
        status, out = shell.run("axis=none,rows,columns")

    assert status == 1
    assert "error: RuntimeError: no such luck (2)" in out
    failed = {name: record for name, record in shell.records().items() if record["status"] == "error"}
    assert {record["axis"] for record in failed.values()} == {"rows", "columns"}
    for name, record in failed.items():
        assert f"\n    {name}\n" in out
        assert "in build" in record["traceback"]

    status, out = shell.run("axis=none,rows,columns")
    assert status == 0
    assert "3 cells: 1 done, 2 to run, 2 of them failed before and are tried again" in out
    assert len(list((shell.folder / "records" / "superseded").iterdir())) == 2


def test_a_run_with_late_averages_ends_with_what_helps_and_not_with_more_seeds(first_run, shell):
    remedy = "train.epochs=50 or more, or norm.momentum=0.9 with train.epochs=5 or more"
    said = first_run[1].splitlines()
    assert said[0].endswith(f"scores with them say little of a strategy: {remedy}")
    assert said[-1] == f"The moving averages had too few steps to say much of a strategy. First {remedy}."
    assert "adds seeds" not in first_run[1]

    _, out = shell.run("norm.momentum=0.5")
    assert out.splitlines()[-1].endswith("the same command with until=decided adds seeds until that is known.")
    assert "too few steps" not in out


def test_strategies_that_fit_nowhere_are_planned_as_such_and_can_be_left_out(shell):
    status, out = shell.plan("axis=none,per_timestep")
    assert status == 1
    assert "invalid" in out
    assert "no site of this architecture has the axes" in out
    assert "run would refuse this grid: skip_invalid=true leaves the invalid cells out" in out
    assert shell.plan("axis=none,per_timestep", "skip_invalid=true")[0] == 0
    status, out = shell.plan("axis=per_timestep", "skip_invalid=true")
    assert status == 1
    assert "run would refuse this grid: none is left" in out

    status, out = shell.run("axis=none,per_timestep", "skip_invalid=true")
    assert status == 0
    assert "1 invalid and left out" in out
    assert {record["axis"] for record in shell.records().values()} == {"none"}


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_plan_loses_no_word_at_any_width(columns, shell, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    strategies = "axis=elementwise_stats_channel_params,channel_stats_elementwise_params,rows"
    status, out = shell.plan(strategies, "seed=range(100)")
    said = " ".join(out.split())
    table = out[out.index("tiny · generated data") : out.index("300 cells")]

    assert status == 0
    assert max(map(len, table.splitlines())) <= columns
    for word in ("(scale", "shift:", "height", "width", "channel)", "elementwise_params", "300"):
        assert word in said
    assert ("scale+shift" in said.partition("Left out for want of width: ")[2]) == (columns == 60)


def test_nothing_to_skip_to_is_refused(shell, capsys):
    status, _ = shell.run("axis=per_timestep", "skip_invalid=true")

    assert status == 2
    assert not shell.folder.exists()


def test_a_cell_is_reproduced_by_as_much_of_its_id_as_names_one(ran, capsys):
    assert ran("reproduce", "tiny-tiny-n", "--config-dir", str(CONF))[0] == 0
    assert main(["reproduce", "tiny-", f"results_dir={ran.folder}"]) == 2
    assert "tiny- begins the ids of 2 cells" in capsys.readouterr().err
    assert main(["reproduce", "tiny-tiny-raws", f"results_dir={ran.folder}"]) == 2
    assert "no such cell: expected one of" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    assert main([verb, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: python -m harness {verb}")
    assert len(out.splitlines()) > 3


def test_help_lists_every_verb(capsys):
    assert main(["--help"]) == 0
    assert main([]) == 2
    out = capsys.readouterr().out
    assert all(f"\n  {verb} " in out for verb in VERBS)


def test_arguments_are_told_apart():
    assert parse(
        ["word", "a=1", "~b", "+c=2", "--config-dir", "x", "--config-dir=y", "-m", "--cfg", "job", "--resolve"]
    ) == (Arguments(("word",), ("a=1", "~b", "+c=2"), (Path("x"), Path("y")), ("--cfg", "job", "--resolve")))
    with pytest.raises(UserError, match="--cfg expects a value"):
        parse(["--cfg"])


def python(*arguments, cwd):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(CONF.parent)]), "COLUMNS": "140"}
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments, "--config-dir", str(CONF)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=cwd,
        env=environment,
    )


@pytest.mark.slow
def test_hydras_own_ways_to_print_a_config(tmp_path):
    done = python("run", "task=tiny", "axis=rows,none", "train.epochs=7", "--cfg", "job", cwd=tmp_path)
    config = yaml.safe_load(done.stdout)

    assert done.returncode == 0
    assert (config["train"]["epochs"], config["axis"]["_target_"]) == (7, "tiny.rows")
    assert list(tmp_path.iterdir()) == []

    done = python("run", "task=tiny", "train.epoch=7", "--cfg", "job", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("harness: error: no such setting: train.epoch")


@pytest.mark.slow
def test_another_process_gets_the_same_bits(tmp_path):
    folder = f"results_dir={tmp_path / 'runs'}"
    done = python("run", *TINY, folder, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""

    again = python("run", *TINY, folder, cwd=tmp_path)
    assert "2 done, 0 to run" in again.stdout
    assert table_of(again.stdout) == table_of(done.stdout)

    [name] = (path.stem for path in (tmp_path / "runs" / "records").glob("*rows*.json"))
    reproduced = python("reproduce", name, folder, cwd=tmp_path)
    assert reproduced.returncode == 0, reproduced.stdout
    assert "equal bit for bit" in reproduced.stdout


@pytest.mark.slow
def test_a_gpu_that_is_not_there_is_bad_input(tmp_path):
    done = python("run", *TINY, "train.device=gpu:9", f"results_dir={tmp_path / 'runs'}", cwd=tmp_path)

    assert done.returncode == 2
    assert "train.device: expected one of the" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_output_may_be_cut_short_by_a_pipe():
    for command in ("--help", "plan --help", "plan task=mnist task.data.source=embedded"):
        line = f"{sys.executable} -m harness {command} | true"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
        assert done.stderr == ""
