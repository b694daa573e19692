"""What all tests share: a user's own project, studies made of numbers, TensorFlow as a cell's process sets it up."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Read by NumPy when it is imported. Tests' matrices are small: threads of two processes that wait for each other on two
# cores take up to twice the time of one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

OWN_PROJECT = Path(__file__).parent / "core" / "own"
sys.path.insert(0, str(OWN_PROJECT))
sys.path.append(str(Path(__file__).parent / "studies"))

TRAIN = {"device": "auto", "threads": 1, "deterministic": True, "precision": "float32"}


def pytest_collection_finish(session: pytest.Session) -> None:
    # What the modules have imported stays to the end. Keras collects garbage for each model that a cell builds, and
    # looking through TensorFlow's half a million objects took longer than building one.
    gc.collect()
    gc.freeze()
    # Threads and determinism can be set only before TensorFlow computes anything, in whichever test that is.
    if "tensorflow" in sys.modules and session.items:
        from harness.cell.device import configure

        try:
            configure(TRAIN)
        except RuntimeError as error:
            raise pytest.UsageError(f"a test module computes with TensorFlow while it is imported: {error}") from error


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a report's figures be drawn and not rendered, which takes most of the time."""

    def leave(ax: object, path: Path) -> list[Path]:
        files = [path.with_suffix(".png"), path.with_suffix(".svg")]
        files[0].touch()
        files[1].write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>', encoding="utf-8")
        return files

    monkeypatch.setattr("harness.report.files.save_figure", leave)
