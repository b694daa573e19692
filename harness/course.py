"""How far one cell's training has come: what it has left so far, and what a checkpoint keeps of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.checkpoint import State


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

    def add_look(self, look: Mapping[str, float]) -> None:
        """Add what a probe saw before the next step."""
        for name, value in {"step": float(len(self.step_losses)), **look}.items():
            self.probes.setdefault(name, []).append(value)

    def state(self, values: list[NDArray[Any]]) -> State:
        """All of it, with the variables' values, for a checkpoint."""
        progress = {key: getattr(self, key) for key in ("initial_loss", "history", "probes", "diagnostics", "reason")}
        return State(self.epoch, values, self.step_losses, progress)
