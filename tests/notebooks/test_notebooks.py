"""The notebooks say what the committed records say, and would be caught if they did not."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from harness.commands.publish.notebooks import differences, execute, studies_of, tidied
from harness.config.composer import config_directory
from harness.records.archive import Archived, read_archive, write_archive
from harness.records.store import read_records
from harness.report.stamp import digest_records
from harness.report.study import Study

ROOT = config_directory().parent
REFERENCE = ROOT / "results" / "reference"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
HEAVY = ("tensorflow", "keras")

# Of a model and data of one's own, which are trained there.
OWN = ROOT / "notebooks" / "05_your_own_model.ipynb"
OF_STUDIES = [path for path in NOTEBOOKS if path != OWN]

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_of_a_study = pytest.mark.parametrize("path", OF_STUDIES, ids=lambda path: path.stem)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(path):
    return [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]


def test_there_is_a_notebook_for_every_study():
    read_by = {study for path in NOTEBOOKS for study in studies_of(path)}

    assert read_by == {path.stem for path in (ROOT / "conf" / "study").glob("*.yaml")}


@each_notebook
def test_a_notebook_is_stored_without_what_changes_from_machine_to_machine(path):
    stored = read(path)

    nbformat.validate(nbformat.from_dict(stored))
    assert stored == json.loads(nbformat.writes(nbformat.from_dict(tidied(nbformat.read(path, as_version=4)))))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", cell["id"]) for cell in stored["cells"])
    assert path.stat().st_size < 500_000


@each_notebook
def test_a_notebook_is_short_cells_with_prose_and_was_executed_in_order(path):
    cells = code_cells(path)

    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert all(len(cell["source"]) <= 12 for cell in cells)
    assert all(cell["outputs"] for cell in cells if cell["id"] != "imports")
    assert not [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
    assert len(read(path)["cells"]) - len(cells) >= len(cells) / 2


@each_of_a_study
def test_a_notebook_carries_the_stamp_of_the_committed_records(path):
    said = [
        "".join(cell["outputs"][0]["data"].get("text/markdown", "")) for cell in code_cells(path) if cell["outputs"]
    ]
    stamps = [one for one in said if "Records `sha256" in one]
    studies = studies_of(path)

    assert sorted(stamps) == sorted(str(Study.open_published(REFERENCE / study).stamp) for study in studies)
    for study in studies:
        digest = digest_records(read_records(REFERENCE / study))[:16]
        assert sum(f"`sha256 {digest}`" in stamp for stamp in stamps) == 1


@each_of_a_study
def test_executed_anew_a_notebook_says_what_is_stored(path):
    assert differences(read(path), execute(path)) == []


def test_what_the_notebooks_import_computes_nothing():
    imports = {"".join(cell["source"]) for path in OF_STUDIES for cell in code_cells(path) if cell["id"] == "imports"}
    assert imports
    code = "\n".join([*imports, "import sys", f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"])
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True, env=environment
    )

    assert done.stdout.strip() == "[]"


@pytest.fixture
def checkout(tmp_path):
    """A checkout of one's own: notebooks, and the records that they read."""
    shutil.copytree(REFERENCE, tmp_path / "results" / "reference")
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    return tmp_path


def change_one_number(folder: Path, name: str, change) -> str:
    """Change a metric of the first finished cell of `channel` that another seed does not share; returns its id."""
    archive = read_archive(folder)
    cell = next(
        one for one in sorted(archive) if "-channel-s" in one and json.loads(archive[one].text)["status"] == "ok"
    )
    record = json.loads(archive[cell].text)
    record["metrics"][name] = change(record["metrics"][name])
    write_archive(folder, archive | {cell: Archived(json.dumps(record), 1, 0)})
    return cell


@pytest.mark.slow
@each_of_a_study
def test_one_number_that_is_changed_is_noticed_and_not_by_the_stamp_alone(path, checkout):
    study = studies_of(path)[0]
    folder = checkout / "results" / "reference" / study
    metric = f"test_{read_records(folder)[0]['measures'][0]['name']}"
    change_one_number(folder, metric, lambda value: value * 1.5)
    found = differences(read(path), execute(checkout / "notebooks" / path.name))

    assert any(": +" in line and "Records `sha256" in line for line in found)
    assert any("Records `sha256" not in line for line in found)


@pytest.mark.slow
def test_a_record_that_is_gone_is_noticed(checkout):
    path = checkout / "notebooks" / "01_mnist.ipynb"
    folder = checkout / "results" / "reference" / "mnist"
    archive = read_archive(folder)
    write_archive(folder, dict(sorted(archive.items())[1:]))
    found = differences(read(path), execute(path))

    assert any("1 missing" in line for line in found if line.startswith("stamp: +"))


def outputs(notebook):
    """Cell id -> the kinds of what it puts out."""
    return {
        cell["id"]: [sorted(output.get("data", [output["output_type"]])) for output in cell["outputs"]]
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    }


def test_the_notebook_of_ones_own_model_says_what_was_found_of_it():
    cells = {cell["id"]: json.dumps(cell["outputs"]) for cell in code_cells(OWN)}

    assert "axis=1 keeps height, and the channels are axis 3" in cells["audit"]
    assert "against as_built" in cells["verdict"]
    assert all(name in cells["compare"] for name in ("as_built", "channel", "none", "<table>"))


@pytest.mark.slow
def test_the_notebook_of_ones_own_model_can_be_executed_by_anybody(tmp_path):
    (tmp_path / "notebooks").mkdir()
    path = Path(shutil.copy(OWN, tmp_path / "notebooks"))
    first = execute(path)

    assert outputs(first) == outputs(read(OWN))
    assert (tmp_path / "results" / "runs" / "own_model" / "records").is_dir()
