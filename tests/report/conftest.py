"""Makes the synthetic records of tests/analysis importable, and a published study of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "analysis")]


@pytest.fixture
def records():
    from synthetic import make_study

    return make_study({"none": 0.93, "channel": 0.95, "spatial": 0.94}, seeds=6)


@pytest.fixture
def published(tmp_path, records):
    """A folder with one published study, `digits`."""
    from publications import publish, run_into

    run_into(tmp_path / "work", records)
    publish(tmp_path / "work", tmp_path / "reference" / "digits")
    return tmp_path / "reference"
