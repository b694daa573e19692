"""What a cell leaves: its outcome, good or bad, as the record that docs/records.md describes."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.cell.cell import Cell
from harness.cell.data import sizes_of
from harness.config.provenance import current_provenance
from harness.types import Split, TaskData, UserError, digest_arrays

if TYPE_CHECKING:
    from harness.cell.measuring import Measured
    from harness.cell.program import Program
    from harness.cell.training import Fit

_LISTS = ("measures", "shifts", "sites", "diagnostics")
_MAPPINGS = ("metrics", "refusals", "examples", "history", "probes", "counts", "costs", "costs_unknown", "hashes")


def outcome_of(
    program: Program,
    data: TaskData,
    split: Split,
    fit: Fit,
    measured: Measured,
    *,
    initial_weights: str,
    device: str,
) -> dict[str, Any]:
    """What a trained and measured cell came to: the record's entries but for those that name the cell."""
    model = program.trainer.model
    return {
        "status": fit.status,
        "reason": fit.reason,
        "data": {"sizes": sizes_of(split), "test_digest": digest_arrays(split.test)},
        "measures": [metric.declaration() for metric in data.metrics],
        "shifts": measured.shifts,
        "sites": program.sites,
        "metrics": measured.metrics,
        "refusals": measured.refusals,
        "examples": measured.examples,
        "history": fit.history,
        "probes": fit.probes,
        "diagnostics": measured.diagnostics,
        "counts": {
            "parameters": sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
            "normalization_parameters": sum(site["parameters"] for site in program.sites),
            "statistics": sum(site["statistics"] for site in program.sites),
            "steps": fit.steps,
        },
        "hashes": {
            "weights": initial_weights,
            "order": fit.order_digest,
            "split": split.digest(),
            "final_weights": program.digest_weights(),
        },
        "provenance": {"device": device, "deterministic": program.config["train"]["deterministic"]},
    }


def failure(error: Exception) -> dict[str, Any]:
    """What a cell came to in which `error` was raised: `oom` or `error`, with the reason in one line."""
    # A ResourceExhaustedError is TensorFlow's word for memory that could not be had.
    if isinstance(error, MemoryError):
        return {"status": "oom", "reason": f"out of memory: {error}"}
    lines = str(error).strip().splitlines() or [""]
    return {
        "status": "oom" if type(error).__name__ == "ResourceExhaustedError" else "error",
        "reason": f"{type(error).__name__}: {lines[0]}",
        "traceback": "" if isinstance(error, UserError) else "".join(traceback.format_exception(error)),
    }


def record_of(cell: Cell, outcome: Mapping[str, Any], seconds: Mapping[str, float] | None = None) -> dict[str, Any]:
    """A record in its full form from what a cell is and what became of it."""
    config = cell.config
    provenance = {**current_provenance(config), **outcome.get("provenance", {})}
    return {
        "format": 1,
        "id": cell.id,
        "identity": cell.identity,
        "task": config["task"]["name"],
        "architecture": config["architecture"]["name"],
        "axis": config["axis"]["name"],
        "seed": config["seed"],
        "status": outcome["status"],
        "reason": outcome.get("reason", ""),
        "traceback": outcome.get("traceback", ""),
        "config": config,
        "data": {**cell.data, **outcome.get("data", {})},
        **{key: outcome.get(key, []) for key in _LISTS},
        **{key: outcome.get(key, {}) for key in _MAPPINGS},
        "seconds": dict(seconds or {}),
        "provenance": {**provenance, "finished": datetime.now(timezone.utc).isoformat(timespec="seconds")},
    }
