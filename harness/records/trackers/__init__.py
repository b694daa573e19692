"""Records handed on to what people watch runs with: one cell after another, while they run or afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from harness.types import UserError
from harness.words import choose_from

Record = Mapping[str, Any]
NAMES = ("tensorboard", "mlflow")


class Tracker(Protocol):
    """Takes records."""

    place: str

    def add(self, record: Record) -> None:
        """Hand on one cell; one that was handed on before is replaced or left, never doubled."""


def tracker_of(name: str, results_dir: Path, *, uri: str = "") -> Tracker:
    """The tracker of that name, ready: what it needs is there.

    Args:
        name: `tensorboard` or `mlflow`.
        results_dir: below which TensorBoard's files go.
        uri: of MLflow's server; empty: the environment variable MLFLOW_TRACKING_URI.

    Raises:
        UserError: there is none of that name, its package is not installed, or its server does not answer.
    """
    if name == "tensorboard":
        from harness.records.trackers.tensorboard import TensorBoard

        return TensorBoard(results_dir)
    if name == "mlflow":
        from harness.records.trackers.mlflow import MLflow

        return MLflow(uri)
    raise UserError(f"expected a tracker: {choose_from(name, NAMES)}")
