"""Studies published as a run's would be, of synthetic records."""

from __future__ import annotations

import shutil

import pytest
from synthetic import make_study, write_study

from harness.commands.publish.records import publish_records
from harness.records.grids import write_grid

OVERRIDES = ("study=digits", "results_dir=work")


def run_into(work, records, planned=()):
    """Leave in a working folder what a run of a study would."""
    write_study(work, records)
    write_grid(work, " ".join(OVERRIDES), [*(record["id"] for record in records), *planned])


def publish(work, folder):
    return publish_records(work, folder, overrides=OVERRIDES, command="python -m harness publish study=digits")


def make_published_records():
    return make_study({"none": 0.93, "channel": 0.95, "spatial": 0.94}, seeds=6)


@pytest.fixture
def records():
    return make_published_records()


@pytest.fixture(scope="session")
def published_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    run_into(folder / "work", make_published_records())
    publish(folder / "work", folder / "reference" / "digits")
    return folder / "reference"


@pytest.fixture
def published(tmp_path, published_once):
    """A folder with one published study, `digits`, to do with as one likes."""
    return shutil.copytree(published_once, tmp_path / "reference")
