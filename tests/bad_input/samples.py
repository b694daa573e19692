"""Whole records as `run` writes them, small, for tests that damage them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

SITE = {
    "name": "norm_1",
    "axes": ["height", "width", "channel"],
    "shape": [6, 6, 4],
    "stat_axes": ["channel"],
    "param_axes": ["channel"],
    "statistics": 4,
    "parameters": 8,
    "samples_per_statistic": 1152,
    "fell_back": False,
}
RECORD: dict[str, Any] = {
    "format": 1,
    "id": "tiny-tiny-channel-s0-0123456789ab",
    "identity": "0123456789ab" + 52 * "0",
    "task": "tiny",
    "architecture": "tiny",
    "axis": "channel",
    "seed": 0,
    "status": "ok",
    "reason": "",
    "traceback": "",
    "config": {
        "seed": 0,
        "results_dir": "results/runs",
        "skip_invalid": False,
        "task": {
            "name": "tiny",
            "data": {"_target_": "tasks.adding.load", "length": 20, "path": None},
            "loss": {"_target_": "keras.losses.SparseCategoricalCrossentropy", "from_logits": True},
            "recipe": {"epochs": 2},
            "comparison": {"axis": "none,channel"},
        },
        "architecture": {"_target_": "harness.architectures.mlp.build", "name": "tiny", "widths": [8, 8]},
        "axis": {"_target_": "harness.axes.AxisStrategy", "name": "channel", "stat_axes": ["channel"]},
        "norm": {"momentum": 0.99, "epsilon": 0.001},
        "train": {
            "epochs": 2,
            "batch_size": 32,
            "learning_rate": 0.01,
            "optimizer": "adam",
            "optimizer_options": {},
            "precision": "float32",
            "device": "auto",
            "threads": 1,
            "deterministic": True,
            "checkpoint_seconds": 60.0,
        },
        "probe": {"every": 1, "epoch_statistics": True, "hessian": False, "shifts": True},
        "engine": {"_target_": "harness.engines.serial.SerialEngine"},
        "until": {"rule": "none"},
    },
    "data": {
        "source": "generated",
        "digest": 64 * "d",
        "axes": ["height", "width", "channel"],
        "shape": [8, 8, 1],
        "outputs": 3,
        "sizes": {"train": 120, "validation": 40, "test": 40},
        "note": "",
    },
    "measures": [{"name": "accuracy", "direction": "max", "unit": "", "low": 0.0, "high": 1.0}],
    "shifts": [{"name": "moved_1", "meaning": "Moved by so many pixels.", "unit": "pixels"}],
    "sites": [SITE],
    "metrics": {
        "test_accuracy": 0.9,
        "test_accuracy_precise": 0.91,
        "test_accuracy_batch": 0.92,
        "validation_accuracy": 0.88,
        "test_loss": 0.3,
        "validation_loss": 0.31,
        "initial_loss": 1.1,
        "loss_spikes": 0.0,
        "test_accuracy_moved_1": 0.7,
        "test_loss_moved_1": "Infinity",
        "mean_lag": 0.1,
    },
    "refusals": {"length_80": "the statistics of site norm_1 keep the time axis"},
    "history": {
        "epoch": [1.0, 2.0],
        "train_loss": [0.9, 0.4],
        "validation_loss": [0.8, "NaN"],
        "validation_accuracy": [0.5, 0.88],
        "seconds": [0.1, 0.1],
    },
    "probes": {
        "step": [0, 1],
        "probe_loss": [1.1, 0.9],
        "loss_variation": [0.1, 0.2],
        "gradient_predictiveness": [0.3, 0.2],
        "beta_smoothness": [3.0, 4.0],
    },
    "diagnostics": [
        {
            "epoch": 2,
            "site": "norm_1",
            "least_variance": 0.2,
            "median_variance": 0.3,
            "below_epsilon": 0.0,
            "largest_inverse_sd": 2.0,
            "mean_lag": 0.1,
            "variance_lag": 0.2,
        }
    ],
    "counts": {"parameters": 100, "normalization_parameters": 8, "statistics": 4, "steps": 6},
    "hashes": {"weights": "w", "order": "o", "split": "s", "final_weights": "f"},
    "seconds": {"total": 1.5, "data": 0.1, "build": 0.9, "train": 0.4, "evaluate": 0.1},
    "provenance": {
        "source": 64 * "c",
        "versions": {"tensorflow": "2.21.0", "keras": "3.15.0", "numpy": "2.3.0"},
        "environment": {},
        "python": "3.11.7",
        "device": "CPU:0",
        "deterministic": True,
        "finished": "2026-01-01T00:00:00+00:00",
    },
}


def sample(**changes: Any) -> dict[str, Any]:
    """The record with some of its keys changed; the id says the seed and the strategy."""
    record = {**copy.deepcopy(RECORD), **changes}
    if "id" not in changes:
        record["id"] = f"tiny-tiny-{record['axis']}-s{record['seed']}-0123456789ab"
    return record


def changed(place: str, value: Any) -> dict[str, Any]:
    """The record with one value changed, by its dotted place (`sites.0.name`)."""
    record = sample()
    node: Any = record
    *parents, last = place.split(".")
    for key in parents:
        node = node[int(key)] if isinstance(node, list) else node[key]
    node[int(last) if isinstance(node, list) else last] = value
    return record


def pilot(seeds: int = 3) -> list[dict[str, Any]]:
    """Records of two strategies that can be compared."""
    records = []
    for axis, better in (("none", 0.0), ("channel", 0.05)):
        for seed in range(seeds):
            record = sample(axis=axis, seed=seed)
            record["config"]["axis"]["name"] = axis
            record["config"]["seed"] = seed
            record["metrics"]["test_accuracy"] = 0.8 + better + 0.01 * ((seed * 7 + len(axis)) % 3)
            records.append(record)
    return records


def lay(folder: Path, *records: dict[str, Any]) -> Path:
    """Write records where a run would, each under its id."""
    (folder / "records").mkdir(parents=True, exist_ok=True)
    for record in records:
        (folder / "records" / f"{record['id']}.json").write_text(json.dumps(record), encoding="utf-8")
    return folder
