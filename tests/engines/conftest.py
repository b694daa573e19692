"""The grid that engines are compared on, run in the simplest way: one cell after another in one process."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.faults.grid import CELLS, PROJECT, outcome, run

# Where the faulty task lies, for tests that plan its cells in this process.
sys.path.insert(0, str(PROJECT))


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("undisturbed")
    finished = run(folder / "results", folder / "markers", "engine=serial")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    found = outcome(folder / "results")
    assert len(found) == CELLS
    return found
