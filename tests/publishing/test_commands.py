"""`publish` and `browse` as a user meets them, in a checkout of their own."""

from __future__ import annotations

import importlib.util
import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from harness.commands import browse
from harness.commands.cli import main, parse
from harness.commands.publish import read_request
from harness.commands.publish.notebooks import tidied, write_notebook
from harness.report.study import Study
from harness.types import UserError

OWN = Path(__file__).parents[1] / "core" / "own" / "conf"
FIND_SPEC = importlib.util.find_spec


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """An empty checkout with one notebook, which counts the cells of the study `rates`."""
    (tmp_path / "notebooks").mkdir()
    opened = "from harness.report.notebook import open_study\nstudy = open_study('../results/reference/rates')"
    source = f"{opened}\nlen(study.cells.rows)"
    cell = {"cell_type": "code", "id": "count", "execution_count": None, "outputs": [], "source": source}
    write_notebook(tmp_path / "notebooks" / "count.ipynb", tidied({"cells": [cell]}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")
    return tmp_path


@pytest.fixture
def shell(capsys):
    def call(*arguments):
        capsys.readouterr()
        status = main(arguments)
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return call


def without(monkeypatch, *packages):
    """Let packages seem not to be installed."""
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in packages else FIND_SPEC(name, *rest)
    )


def counted(checkout):
    (cell,) = json.loads((checkout / "notebooks" / "count.ipynb").read_text())["cells"]
    return ["".join(output["data"]["text/plain"]) for output in cell["outputs"]]


def test_a_request_names_studies_parts_and_what_goes_to_each_run():
    request = read_request(parse(["study=mnist,stability", "seeds=30", "only=records,report", "engine=ray"]))

    assert request.studies == ("mnist", "stability")
    assert request.parts == ("records", "report")
    assert request.command("mnist") == "python -m harness publish study=mnist seeds=30 engine=ray"
    assert request.of("mnist").overrides == (
        *("study=mnist", "seed=range(30)", "engine=ray"),
        f"results_dir={Path('results/publish')}",
    )
    # It takes any task: the digits that can be had everywhere, unless another is named.
    assert request.of("stability").overrides[1:4] == ("task=mnist", "task.data.source=embedded", "task.data.test=0.1")
    own = read_request(parse(["study=stability", "task=degradation"])).of("stability").overrides
    assert own[1:2] == ("task=degradation",)


def test_where_data_lie_is_told_to_the_studies_that_read_some():
    request = read_request(parse(["study=cmapss,stability", "data_root=elsewhere"]))

    assert "data_root=elsewhere" in request.of("cmapss").overrides
    assert "data_root=elsewhere" not in request.of("stability").overrides


def test_a_study_whose_data_are_missing_is_named_and_left_as_it_is(checkout, shell):
    status, said = shell("publish", "study=cmapss", "only=records,report", "data_root=nowhere")

    assert status == 1
    assert "left as it is: it needs nowhere/cmapss, which is not there; say where with data_root=DIR" in said
    assert not (checkout / "results" / "reference" / "cmapss").exists()


def test_every_study_is_published_unless_some_are_named():
    studies = {path.stem for path in (Path(__file__).parents[2] / "conf" / "study").glob("*.yaml")}

    assert set(read_request(parse([])).studies) == studies
    assert read_request(parse([])).parts == ("records", "checks", "report", "notebooks")
    assert "rates" in read_request(parse(["--config-dir", str(OWN)])).studies


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["study=mnit"], r"study: expected one of .*, the nearest is mnist\. Received: mnit"),
        (["only=report,tables"], r"only: expected one of records, checks, report, notebooks.* Received: tables"),
        (["seeds=0"], r"seeds: expected a whole number of at least 1\. Received: 0"),
        (["seeds=many"], r"Received: many"),
        (["results_dir=elsewhere"], r"publish writes to results/reference .* Received: results_dir=elsewhere"),
        (["mnist"], r"publish takes options .* Received: mnist"),
    ],
)
def test_what_cannot_be_published_is_refused_in_one_line(arguments, said):
    with pytest.raises(UserError, match=said):
        read_request(parse(arguments))


def test_notebooks_are_checked_for_before_anything_is_trained(checkout, shell, monkeypatch):
    without(monkeypatch, "nbclient")
    status, said = shell("publish", "study=mnist")
    assert status == 2
    assert "executing notebooks expects nbclient: pip install 'bn-axis-harness[notebooks]'" in said

    shutil.rmtree(checkout / "notebooks")
    status, said = shell("publish", "study=mnist")
    assert status == 2
    assert "publish expects to be called in a checkout, where notebooks/ is; only=records,report needs none." in said
    assert not (checkout / "results").exists()


def test_a_study_without_records_cannot_be_shown(checkout, shell):
    status, said = shell("publish", "study=mnist", "only=report")

    assert status == 2
    assert "expected a study with records in results/reference. Received: study=mnist" in said


@pytest.mark.slow
def test_a_study_is_run_published_resumed_and_extended(checkout, shell):
    def publish(*more):
        return shell("publish", "study=rates", "--config-dir", str(OWN), "engine=serial", *more)

    status, said = publish()
    folder = checkout / "results" / "reference" / "rates"
    archive = (folder / "records.parquet").read_bytes()
    assert status == 0
    assert "4 cells: 0 done, 4 to run" in said
    assert counted(checkout) == ["4"]
    assert "4 of 4 planned cells have a record" in (folder / "README.md").read_text()
    assert "| [rates](rates/README.md) | 4 of 4 | 1 |" in (folder.parent / "README.md").read_text()
    assert not (folder / "records").exists()

    # As in a fresh clone: what is committed is there, and nothing that is not.
    shutil.rmtree(checkout / "results" / "publish")
    status, said = publish()
    assert status == 0
    assert "4 cells: 4 done, 0 to run" in said
    assert (folder / "records.parquet").read_bytes() == archive

    status, said = publish("seed=7,8")
    assert status == 0
    assert "8 cells: 4 done, 4 to run" in said
    assert counted(checkout) == ["8"]
    digest = Study.open_published(folder).stamp.digest[:16]
    assert f"`sha256 {digest}`" in (folder / "README.md").read_text()

    # Only what is asked for is made again.
    (folder / "README.md").unlink()
    status, said = publish("only=notebooks")
    assert status == 0
    assert "cells:" not in said
    assert not (folder / "README.md").exists()


@pytest.mark.slow
def test_records_that_today_s_code_did_not_make_are_said_to_be_stale(checkout, published, shell):
    shutil.copytree(published / "digits", checkout / "results" / "reference" / "rates")
    status, said = shell("publish", "study=rates", "--config-dir", str(OWN), "only=report,notebooks")

    assert status == 0
    assert "rates: 18 of 18 records are stale: made by other code or versions than are installed here" in said
    assert counted(checkout) == ["18"]


def test_jupyterlab_is_opened_where_it_is_installed(checkout, shell, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: object())
    monkeypatch.setattr(browse.os, "geteuid", lambda: 1000)
    notebook = checkout / "notebooks" / "count.ipynb"
    command = [sys.executable, "-m", "jupyterlab", str(notebook)]
    status, said = shell("browse", "open=false")
    assert status == 0
    assert shlex.split(said) == command

    monkeypatch.setattr(browse.os, "geteuid", lambda: 0)
    assert shlex.split(shell("browse", "open=false")[1]) == [*command, "--allow-root"]
    monkeypatch.setattr(browse.os, "geteuid", lambda: 1000)

    called = []
    monkeypatch.setattr(browse.os, "execve", lambda *given: called.append(given) or sys.exit(7))
    with pytest.raises(SystemExit, match="7"):
        main(["browse"])
    ((program, given, environment),) = called
    assert (program, given) == (sys.executable, command)
    assert environment["PYTHONPATH"].split(":")[0] == str(checkout)
    assert Path.cwd() == checkout


def test_without_jupyterlab_the_published_results_become_a_page(checkout, published, shell, monkeypatch):
    without(monkeypatch, "jupyterlab")
    shutil.move(published, checkout / "results" / "reference")
    opened = []
    monkeypatch.setattr(browse.webbrowser, "open", lambda address: opened.append(address) or True)
    page = checkout / "results" / "browse" / "report" / "index.html"

    assert shell("browse", "open=false") == (
        0,
        f"making a page of the published results, which takes a minute\n{page}\n",
    )
    assert opened == []
    made = page.stat().st_mtime_ns
    assert shell("browse") == (0, f"{page}\n")
    assert opened == [page.as_uri()]
    assert page.stat().st_mtime_ns == made
    assert "18 of 18 planned cells have a record" in page.read_text()


def test_what_there_is_not_cannot_be_browsed(tmp_path, shell, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "harness.config.composer.config_directory", lambda: tmp_path / "site-packages" / "harness" / "conf"
    )
    status, said = shell("browse")

    assert status == 2
    assert "browse expects a checkout: an installed package has no notebooks and no results" in said
    assert f"Received: {tmp_path}, which has no notebooks/ and no results/reference/" in said


def test_browse_refuses_other_options(checkout, shell):
    assert shell("browse", "opened=false")[0] == 2
    assert "open: expected true or false. Received: no" in shell("browse", "open=no")[1]
    assert shell("browse", "mnist")[0] == 2
