from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from harness.config.provenance import (
    _closure,
    _source_file,
    current_provenance,
    is_stale,
    package_versions,
    source_digest,
)

CONFIG = {
    "task": {
        "data": {"_target_": "bench_project.task.load"},
        "loss": {"_target_": "keras.losses.MeanSquaredError"},
    },
    "architecture": {"_target_": "harness.architectures.seed_cnn.build"},
    "axis": {"_target_": "bench_project.axis.rows"},
}
TASK = '''
"""Documentation."""
from . import helpers
from bench_project.deep.inner import value

def load():
    """More of it."""
    return f"{value!r:>{helpers.width}}" + 'text'  # why
'''


@pytest.fixture
def project(tmp_path, monkeypatch, fresh):
    """A user's package: without __init__.py at its top, with relative imports, not imported by anybody."""
    root = tmp_path / "bench_project"
    (root / "deep").mkdir(parents=True)
    (root / "task.py").write_text(TASK)
    (root / "helpers.py").write_text("width = 3\n")
    (root / "axis.py").write_text("def rows(): ...\n")
    (root / "deep" / "__init__.py").write_text("")
    (root / "deep" / "inner.py").write_text("from ..other import value\n")
    (root / "other.py").write_text("value = 1\n")
    (root / "apart.py").write_text("nobody = 'imports me'\n")
    monkeypatch.syspath_prepend(tmp_path)
    return root


@pytest.fixture(autouse=True)
def fresh():
    forget()
    yield
    forget()


def forget():
    """Digests are made once a process; these tests edit the code between two looks at it."""
    importlib.invalidate_caches()
    source_digest.cache_clear()
    _source_file.cache_clear()


def digest():
    forget()
    return current_provenance(CONFIG)["source"]


def test_local_imports_are_followed_and_nothing_else(project):
    names = _closure(["bench_project.task"])

    assert set(names) == {f"bench_project.{name}" for name in ("task", "helpers", "deep.inner", "other")}


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("task.py", "'text'", "'other'"),
        ("helpers.py", "3", "4"),
        ("other.py", "1", "2"),
        ("axis.py", "rows()", "rows(x)"),
    ],
)
def test_code_that_computes_counts(project, file, old, new):
    before = digest()
    edit(project / file, old, new)

    assert digest() != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("task.py", "# why", "# another reason"),
        ("task.py", '"""More of it."""', '"""Less."""'),
        ("task.py", '"""Documentation."""', ""),
        ("task.py", "'text'", '"text"'),
        ("task.py", "\ndef", "\n\n\ndef"),
        ("apart.py", "nobody", "somebody"),
    ],
)
def test_comments_docstrings_formatting_and_strangers_do_not(project, file, old, new):
    before = digest()
    edit(project / file, old, new)

    assert digest() == before


def test_a_record_is_stale_once_its_code_or_versions_changed(project):
    record = {"config": CONFIG, "provenance": current_provenance(CONFIG)}
    assert not is_stale(record)

    other_versions = {**package_versions(), "keras": "0.0"}
    assert is_stale({**record, "provenance": {**record["provenance"], "versions": other_versions}})
    # Another Python reads the same code.
    assert not is_stale({**record, "provenance": {**record["provenance"], "python": "3.99.0"}})

    edit(project / "other.py", "1", "2")
    forget()
    assert is_stale(record)


def test_a_record_whose_code_is_gone_or_broken_is_stale_rather_than_an_error(project):
    record = {"config": CONFIG, "provenance": current_provenance(CONFIG)}
    edit(project / "other.py", "1", "1 +")
    forget()
    assert is_stale(record)
    (project / "other.py").unlink()
    forget()
    assert is_stale(record)
    for broken in ({}, {"config": None}, {"config": {}}, {"config": 3}, {"config": {"task": "tiny"}}):
        assert is_stale(broken)


def test_reading_reports_and_commands_are_not_part_of_what_computes():
    names = set(_closure(["harness.cell.run"]))

    assert {
        "harness.cell.training",
        "harness.cell.evaluation",
        "harness.layers.normalization",
        "harness.axes.strategy",
    } <= names
    outside = {
        *("frame", "comparison", "statistics", "tables", "figures", "reporting"),
        *("cli", "commands", "engines", "plan"),
    }
    assert not {name for name in names if name.split(".")[1:2] and name.split(".")[1] in outside}


def test_the_packages_own_code_is_told_by_their_versions():
    assert {"tensorflow", "keras", "numpy"} == set(package_versions())


def test_nothing_heavy_is_imported_to_tell_by_what_code_a_record_was_made():
    code = (
        "import sys\n"
        "from harness.config.provenance import current_provenance\n"
        "current_provenance({'task': {'data': {'_target_': 'tasks.mnist.load'}},"
        " 'architecture': {'_target_': 'harness.architectures.seed_lstm.build'}})\n"
        "print(sorted({'tensorflow', 'keras', 'tasks', 'harness.cell.run'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert found.stdout.strip() == "[]"
