"""The checks on layers, run in a process of their own and kept beside the published records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.engines.environment import worker_environment
from harness.files import UnreadableError, read_bytes, write_text
from harness.types import UserError
from harness.words import in_one_line

CHECKS = "checks.json"
_CODE = "import json; from harness.commands.publish.checks import run_checks; print(json.dumps(run_checks()))"
_SECONDS = 600


def run_checks() -> dict[str, Any]:
    """What the layers do: versions, each check's verdict and evidence, and what becomes of the code examples."""
    import keras
    import tensorflow as tf

    from harness.commands.publish.examples import EXAMPLES, what_happens
    from harness.commands.publish.layer_checks import CHECKS as ON_LAYERS
    from harness.layers.normalization import AxisNormalization

    layers = (keras.layers.BatchNormalization, AxisNormalization)
    examples = [
        {"title": title, "code": code, "happens": {one.__name__: what_happens(code, shape, one) for one in layers}}
        for title, (code, shape) in EXAMPLES.items()
    ]
    versions = {"Keras": keras.__version__, "TensorFlow": tf.__version__, "Python": sys.version.partition(" ")[0]}
    checks = {name: dict(zip(("verdict", "evidence"), check(), strict=True)) for name, check in ON_LAYERS.items()}
    return {"versions": versions, "checks": checks, "examples": examples}


def write_checks(reference: Path) -> Path:
    """Run the checks in a process of their own, and keep what they gave.

    Raises:
        UserError: they could not be run.
    """
    environment = {**os.environ, **worker_environment(), "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", _CODE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, env=environment, check=False)
    if done.returncode:
        last = in_one_line((done.stderr.strip().splitlines() or ["nothing was said"])[-1])
        raise UserError(f"the checks on the layers expect TensorFlow and Keras ({last}). Received: only=checks")
    content = json.loads(done.stdout.strip().splitlines()[-1])
    return write_text(reference / CHECKS, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read_checks(reference: Path) -> Mapping[str, Any]:
    """What the checks gave when they were last run; empty where they never were.

    Raises:
        UserError: the file cannot be read.
    """
    path = reference / CHECKS
    if not path.exists():
        return {}
    try:
        content: Mapping[str, Any] = json.loads(read_bytes(path, within=reference))
    except (OSError, UnreadableError, ValueError) as error:
        raise UserError(f"expected what `publish only=checks` writes ({error}). Received: {path}") from error
    return content
