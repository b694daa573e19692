"""What is committed in results/reference is what its records say, and nothing else lies there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.config.composer import config_directory
from harness.report.markdown import write_pages, write_readme
from harness.report.study import published_studies

REFERENCE = config_directory().parent / "results" / "reference"
STUDIES = sorted(path.stem for path in (config_directory() / "study").glob("*.yaml"))
KEPT = {"records.parquet", "grids", "made.json", "README.md", "tables", "figures"}


@pytest.fixture
def copied(tmp_path):
    shutil.copytree(REFERENCE, tmp_path / "results" / "reference")
    return tmp_path / "results" / "reference"


def files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def test_every_study_is_published_and_nothing_else():
    assert published_studies(REFERENCE) == STUDIES
    for study in STUDIES:
        assert {path.name for path in (REFERENCE / study).iterdir()} == KEPT
        assert len(list((REFERENCE / study / "grids").iterdir())) == 1


def test_it_stays_small():
    assert sum((REFERENCE / path).stat().st_size for path in files(REFERENCE)) < 30_000_000


def test_the_page_over_all_studies_is_made_of_their_records(copied):
    assert write_readme(copied).read_text() == (REFERENCE / "README.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_a_study_s_page_and_tables_are_made_of_its_records(study, copied):
    write_pages(copied, study)

    assert files(copied / study) == files(REFERENCE / study)
    for path in files(REFERENCE / study):
        if path.suffix in (".md", ".csv"):
            assert (copied / study / path).read_text() == (REFERENCE / study / path).read_text(), path
