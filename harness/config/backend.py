"""Which backend Keras would take: cells are graphs of TensorFlow's, and the mistake is told before a worker starts."""

from __future__ import annotations

import json
import os
from pathlib import Path

from harness.types import UserError


def check_backend() -> None:
    """Refuse any backend but TensorFlow, whether the environment or Keras's own file names it.

    Raises:
        UserError: it is another.
    """
    backend, where = os.environ.get("KERAS_BACKEND", ""), "KERAS_BACKEND"
    if not backend:
        home = os.environ.get("KERAS_HOME") or str(Path("~").expanduser() / ".keras")
        file = Path(home) / "keras.json"
        try:
            backend, where = json.loads(file.read_text(encoding="utf-8")).get("backend", ""), f"{file}: backend"
        except (OSError, ValueError, AttributeError):  # Keras takes no notice of it either
            return
    if backend not in ("", "tensorflow"):
        raise UserError(
            f"cells are trained by Keras on TensorFlow: expected KERAS_BACKEND=tensorflow. Received: {where}={backend}"
        )
