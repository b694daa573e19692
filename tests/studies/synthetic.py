"""Records as docs/records.md describes them, with numbers chosen by the test that asks for them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.records.frames import Cells
from harness.records.store import prepare_results_dir, write_record
from harness.records.traces import Traces
from harness.statistics.comparison import Comparison, comparisons

ACCURACY = {"name": "accuracy", "direction": "max", "unit": "", "low": 0.0, "high": 1.0}
RMSE = {"name": "rmse", "direction": "min", "unit": "cycles", "low": 0.0, "high": "Infinity"}
# strategy -> (scale and shift, statistics, m') of a small convolutional network
COUNTS: dict[str, tuple[int, int, int | None]] = {
    "none": (0, 0, None),
    "channel": (96, 48, 6272),
    "spatial": (1960, 980, 512),
    "elementwise": (18816, 9408, 32),
    "channel_elementwise": (18816, 48, 6272),
    "elementwise_channel": (96, 9408, 32),
}


def comparisons_of(records: Sequence[Mapping[str, Any]]) -> list[Comparison]:
    """The comparisons that records hold, with what was seen of their cells while they trained."""
    cells = Cells.of(records)
    return comparisons(cells, Traces(records, cells))


def comparison_of(records: Sequence[Mapping[str, Any]]) -> Comparison:
    """The one comparison that records hold."""
    [found] = comparisons_of(records)
    return found


def write_study(results_dir: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Leave in a results folder what a run of cells would: a file each."""
    prepare_results_dir(results_dir)
    for record in records:
        write_record(results_dir, {key: value for key, value in record.items() if key not in ("stale", "path")})


def make_record(
    axis: str = "channel",
    seed: int = 0,
    value: float | None = 0.9,
    *,
    task: str = "mnist",
    architecture: str = "lenet",
    source: str = "embedded",
    status: str = "ok",
    measure: Mapping[str, Any] = ACCURACY,
    precise: float | None = None,
    batch: float | None = None,
    history: Mapping[str, Sequence[Any]] | None = None,
    settings: Mapping[str, Any] | None = None,
    strategy: Mapping[str, Any] | None = None,
    metrics: Mapping[str, float] | None = None,
    shifts: Sequence[Mapping[str, str]] = (),
    stale: bool = False,
) -> dict[str, Any]:
    """One record whose main metric on the test examples is `value`.

    `settings` are changes to `config["train"]`, `strategy` to `config["axis"]`, `metrics` are further metrics, `shifts`
    what is declared of those that the trained model was scored under.
    """
    parameters, statistics, samples = COUNTS.get(axis, (96, 48, 6272))
    name = str(measure["name"])
    trained = status in ("ok", "diverged")
    values = {f"test_{name}": value, f"test_{name}_precise": precise, f"test_{name}_batch": batch}
    values |= dict(metrics or {})
    site = {"name": "block1", "axes": ["height", "width", "channel"], "shape": [14, 14, 16], "fell_back": False}
    sites = [site | {"samples_per_statistic": m, "statistics": 16} for m in (samples, 4 * samples)] if samples else []
    train = {"learning_rate": 0.01, "batch_size": 32, "epochs": 5} | dict(settings or {})
    digest = hashlib.sha256(repr((sorted(train.items()), strategy, source)).encode()).hexdigest()[:12]
    identity = f"{task}-{architecture}-{axis}-s{seed}-{digest}"
    return {
        "format": 1,
        "id": identity,
        "identity": identity,
        "task": task,
        "architecture": architecture,
        "axis": axis,
        "seed": seed,
        "status": status,
        "reason": "" if status == "ok" else f"{status} for the test",
        "traceback": "",
        "config": {
            "seed": seed,
            "task": {
                "name": task,
                "data": {"_target_": f"tasks.{task}.load", "size": 5000},
                "recipe": {"learning_rate": 0.5},
            },
            "architecture": {"name": architecture, "norm_position": "before"},
            "axis": {"name": axis, "stat_axes": [axis]} | dict(strategy or {}),
            "norm": {"momentum": 0.99, "epsilon": 1e-3},
            "train": train,
        },
        "data": {"source": source, "digest": "d" * 64, "axes": ["height", "width", "channel"]},
        "measures": [dict(measure)],
        "shifts": [dict(shift) for shift in shifts],
        "sites": sites if trained else [],
        "metrics": {key: _spelled(one) for key, one in values.items() if one is not None} if trained else {},
        "history": {key: [_spelled(one) for one in column] for key, column in (history or {}).items()},
        "counts": {
            "parameters": 61706 + parameters,
            "normalization_parameters": parameters,
            "statistics": statistics,
            "steps": 780,
        }
        if trained
        else {},
        "hashes": {"weights": f"w{seed}", "order": f"o{seed}", "split": f"s{seed}", "final_weights": f"f{axis}{seed}"},
        "seconds": {"total": 12.5, "build": 1.5, "train": 10.0, "evaluate": 1.0},
        "provenance": {"source": "c" * 64, "versions": {"keras": "3.15.0"}, "python": "3.11.4", "device": "cpu"},
        "stale": stale,
        "path": f"records/{identity}.json",
    }


def make_study(
    means: Mapping[str, float],
    *,
    seeds: int = 5,
    spread: float = 0.004,
    gap: float = 0.002,
    epochs: int = 5,
    rng_seed: int = 0,
    **kwargs: Any,
) -> list[dict[str, Any]]:
    """Plausible records: normal noise around each strategy's mean, half of it shared by all strategies of a seed."""
    rng = np.random.default_rng(rng_seed)
    shared = rng.normal(0, spread / 2**0.5, seeds)
    records = []
    for axis, mean in means.items():
        for seed in range(seeds):
            value = mean + shared[seed] + rng.normal(0, spread / 2**0.5)
            curve = value - (value * 0.5) * np.exp(-np.arange(1, epochs + 1) / 1.5) + rng.normal(0, spread, epochs)
            name = str(kwargs.get("measure", ACCURACY)["name"])
            history = {
                "epoch": list(range(1, epochs + 1)),
                "train_loss": list(2.3 * np.exp(-np.arange(1, epochs + 1) / 2)),
                "validation_loss": list(0.1 + 2.3 * np.exp(-np.arange(1, epochs + 1) / 2)),
                f"validation_{name}": list(curve),
                "seconds": [2.0] * epochs,
            }
            records.append(
                make_record(
                    axis,
                    seed,
                    value,
                    precise=value + gap * (axis != "none") + abs(rng.normal(0, gap / 3)) * (axis != "none"),
                    batch=value + 2 * gap * (axis != "none") + abs(rng.normal(0, gap / 3)) * (axis != "none"),
                    history=history,
                    **kwargs,
                )
            )
    return records


def _spelled(value: Any) -> Any:
    """A number as strict JSON holds it."""
    if isinstance(value, (int, str)):
        return value
    value = float(value)
    return value if np.isfinite(value) else ("NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity")


def crossed(
    value: Callable[[str, int, int], float],
    splits: int = 3,
    inits: int = 3,
    leave_out: Collection[tuple[str, int, int]] = (),
) -> list[dict[str, Any]]:
    """Records of two strategies whose seeds are taken apart, by strategy, seed of the split and of the weights."""
    records = []
    for axis in ("channel", "none"):
        for split in range(splits):
            for init in range(inits):
                if (axis, split, init) in leave_out:
                    continue
                record = make_record(axis, 0, value(axis, split, init))
                record["config"]["seeds"] = {"split": split, "init": init, "order": None}
                record["id"] = record["identity"] = f"{axis}-{split}-{init}"
                record["data"]["sizes"] = {"train": 4000, "validation": 500, "test": 500}
                records.append(record)
    return records


def uneven_records() -> list[dict[str, Any]]:
    """Eleven seeds of channel, 0.80 to 0.90, and of none, one of which diverged."""
    spikes = [0, 0, 1, 0, 7]
    found = [make_record("channel", seed, 0.80 + seed / 100) for seed in range(11)]
    found += [
        make_record("none", seed, 0.5, metrics={"loss_spikes": float(spikes[seed]), "below_epsilon": 0.25})
        for seed in range(5)
    ]
    return [*found, make_record("none", 5, status="diverged", metrics={"loss_spikes": 900.0})]
