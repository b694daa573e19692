"""Long cells go on from the end of an epoch: their whole state in one file, without pickle, whole or not there."""

from __future__ import annotations

import json
import os
import tempfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class State:
    """All that training needs to go on after `epoch` as if it had never stopped.

    Attributes:
        epoch: the last epoch that is over, from 1.
        values: every variable of model and optimizer, in order.
        step_losses: `(step,)` so far.
        progress: what else there is to keep: plain JSON values.
    """

    epoch: int
    values: Sequence[NDArray[Any]]
    step_losses: NDArray[np.float64]
    progress: dict[str, Any]


@dataclass
class Checkpoint:
    """Where a cell's state is kept while it runs.

    Attributes:
        path: the file.
        code: digest of the code that computes; a state that other code left is not gone on from.
        every_seconds: at most so often is the state written, so that short cells never pay for it.
    """

    path: Path
    code: str
    every_seconds: float
    _last: float = field(default_factory=time.monotonic, init=False)

    def load(self) -> State | None:
        """The state that an interrupted run left, or None."""
        try:
            with np.load(self.path, allow_pickle=False) as content:
                header = json.loads(str(content["header"]))
                if header["code"] != self.code:
                    return None
                values = [content[f"value_{index}"] for index in range(header["values"])]
                return State(header["epoch"], values, content["step_losses"], header["progress"])
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
            return None

    def is_due(self) -> bool:
        """Whether the last state is old enough for another."""
        return time.monotonic() - self._last >= self.every_seconds

    def save(self, state: State) -> None:
        """Write a state in place of the last."""
        header = {"code": self.code, "epoch": state.epoch, "values": len(state.values), "progress": state.progress}
        arrays: dict[str, Any] = {f"value_{index}": value for index, value in enumerate(state.values)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self.path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, header=np.array(json.dumps(header)), step_losses=state.step_losses, **arrays)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        self._last = time.monotonic()
