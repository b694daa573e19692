"""How far one cell's training has come: what it has left so far, and what a checkpoint keeps of it."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.config.provenance import current_provenance
from harness.files import own_folder, read_bytes, replacing

_MOST_BYTES = 64 * 2**30
# What of a course is kept as plain values.
_PROGRESS: dict[str, type | tuple[type, ...]] = {
    "initial_loss": (int, float),
    "history": dict,
    "probes": dict,
    "diagnostics": list,
    "reason": str,
}


@dataclass
class Course:
    """How far training has come, and what it has left so far: epochs over, losses `(step,)`, history, probes."""

    initial_loss: float
    epoch: int = 0
    step_losses: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    history: dict[str, list[float]] = field(default_factory=dict)
    probes: dict[str, list[float]] = field(default_factory=dict)
    diagnostics: list[dict[str, Any]] = field(default_factory=list)
    reason: str = ""

    def __post_init__(self) -> None:
        if not np.isfinite(self.initial_loss):
            self.reason = "the loss was not finite before the first step"

    def add_steps(self, losses: NDArray[np.float64], *, planned: int, before: int) -> None:
        """Take the losses of some steps of an epoch of `planned`, `before` of which came earlier; NaN ends it all."""
        self.step_losses = np.concatenate([self.step_losses, losses])
        if not np.isfinite(losses[-1]):
            step = before + len(losses)
            self.reason = f"the loss became {losses[-1]} in epoch {self.epoch + 1}, step {step} of {planned}"

    def add_epoch(self, losses: NDArray[np.float64], row: Mapping[str, float]) -> None:
        """Close an epoch: its steps' losses and what was measured at its end."""
        self.epoch += 1
        for name, value in {"epoch": float(self.epoch), "train_loss": float(losses.mean()), **row}.items():
            self.history.setdefault(name, []).append(value)

    def add_probe(self, found: Mapping[str, float]) -> None:
        """Add what a probe found before the next step."""
        for name, value in {"step": float(len(self.step_losses)), **found}.items():
            self.probes.setdefault(name, []).append(value)

    @staticmethod
    def of(state: State) -> Course | None:
        """The course that a state holds, or None where its parts are not what `state` makes them of."""
        progress, steps = state.progress, state.step_losses
        if not isinstance(progress, dict) or progress.keys() != _PROGRESS.keys():
            return None
        if not all(isinstance(progress[key], kind) for key, kind in _PROGRESS.items()):
            return None
        if not isinstance(state.epoch, int) or steps.ndim != 1 or steps.dtype != np.float64:
            return None
        columns = [column for table in ("history", "probes") for column in progress[table].values()]
        if not all(isinstance(one, list) and all(isinstance(value, (int, float)) for value in one) for one in columns):
            return None
        if any(len(column) != state.epoch for column in progress["history"].values()):
            return None
        return Course(epoch=state.epoch, step_losses=steps, **progress)

    def state(self, values: list[NDArray[Any]]) -> State:
        """All of it, with the variables' values, for a checkpoint."""
        progress = {key: getattr(self, key) for key in _PROGRESS}
        return State(self.epoch, values, self.step_losses, progress)


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

    @staticmethod
    def of(path: Path | None, config: Mapping[str, Any]) -> Checkpoint | None:
        """The checkpoint of a cell's config at `path`, if it has a path."""
        if path is None:
            return None
        return Checkpoint(path, current_provenance(config)["source"], config["train"]["checkpoint_seconds"])

    def load(self) -> State | None:
        """The state that an interrupted run left, or None."""
        try:
            content = read_bytes(self.path, within=self.path.parent, most=_MOST_BYTES)
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                header = json.loads(str(arrays["header"]))
                if header["code"] != self.code:
                    return None
                values = [arrays[f"value_{index}"] for index in range(header["values"])]
                return State(header["epoch"], values, arrays["step_losses"], header["progress"])
        except Exception:
            # Whatever the bytes are that lie there: the cell starts anew, which costs time and no result.
            return None

    def is_due(self) -> bool:
        """Whether the last state is old enough for another."""
        return time.monotonic() - self._last >= self.every_seconds

    def save(self, state: State) -> None:
        """Write a state in place of the last."""
        header = {"code": self.code, "epoch": state.epoch, "values": len(state.values), "progress": state.progress}
        arrays: dict[str, Any] = {f"value_{index}": value for index, value in enumerate(state.values)}
        own_folder(self.path.parent.parent, self.path.parent.name)
        with replacing(self.path) as file:
            np.savez(file, header=np.array(json.dumps(header)), step_losses=state.step_losses, **arrays)
        self._last = time.monotonic()
