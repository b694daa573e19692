"""The undisturbed grid that every disturbed one is compared with, and a table of the campaign at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.grid import CELLS, outcome, run

Campaign = Callable[[str, int, int], None]


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("undisturbed")
    finished = run(folder / "results", folder / "markers")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    found = outcome(folder / "results")
    assert len(found) == CELLS
    return found


@pytest.fixture
def campaign(record_property: Callable[[str, object], None]) -> Campaign:
    """Call it with `(fault, tries, cells lost)`."""
    # A property comes with the test's report to the process that prints the table.
    return lambda fault, tries, lost: record_property("campaign", [fault, tries, lost])


@pytest.fixture
def markers(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "markers"
    folder.mkdir()
    yield folder
    assert not list(folder.iterdir()), "a fault that was ordered never happened"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    passed = terminalreporter.stats.get("passed", [])
    campaign = [value for report in passed for name, value in report.user_properties if name == "campaign"]
    if campaign:
        terminalreporter.section("fault campaign")
        terminalreporter.line(f"{'fault':<60} {'tries':>5} {'cells lost':>10}")
        for fault, tries, lost in campaign:
            terminalreporter.line(f"{fault:<60} {tries:>5} {lost:>10}")
