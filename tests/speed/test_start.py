"""How a worker starts: without what its cells have no use for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LEAN = """
import json, sys
from harness.cell.device import UNUSED_BY_CELLS, import_tensorflow
import_tensorflow(lean=True)
import keras
absent = [name for name in UNUSED_BY_CELLS if name not in sys.modules]
import pandas, matplotlib.pyplot
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
print(json.dumps([absent, pandas.DataFrame({"x": [1]}).x.sum().item(), model.count_params()]))
"""


@pytest.mark.slow
def test_a_lean_import_leaves_out_what_can_still_be_imported_after_it() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", LEAN], capture_output=True, text=True, check=True, cwd=ROOT, timeout=120
    )

    assert json.loads(answer.stdout) == [["matplotlib", "pandas", "sklearn"], 1, 3]


ONEDNN = """
from harness.cell.device import import_tensorflow
import_tensorflow(lean=True)
from tensorflow.python.util import _pywrap_util_port
print(_pywrap_util_port.IsMklEnabled())
"""


@pytest.mark.slow
@pytest.mark.parametrize(("told", "enabled"), [(None, "True"), ("0", "False")])
def test_convolutions_run_by_onednn_unless_somebody_says_no(told: str | None, enabled: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    if told is not None:
        environment["TF_ENABLE_ONEDNN_OPTS"] = told
    answer = subprocess.run(
        [sys.executable, "-c", ONEDNN],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment,
        timeout=120,
    )

    assert answer.stdout.strip() == enabled
