"""One cell from its config to its record."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import instantiate

from harness.checkpoint import Checkpoint
from harness.data import LoadedTask, draw_split, load_task, sizes_of, standardizer
from harness.device import configure
from harness.identity import canonical, outcome_config
from harness.inspection import build_model
from harness.provenance import current_provenance
from harness.settings import check_batch_size
from harness.types import Split, TaskData, TaskSpec, UserError


@dataclass(frozen=True)
class Cell:
    """A planned cell: its id and identity, its resolved config, and a summary of the data that it will see."""

    id: str
    identity: str
    config: Mapping[str, Any]
    data: Mapping[str, Any]


def run_cell(
    cell: Cell, on_epoch: Callable[[int], None] = lambda epoch: None, checkpoint_path: Path | None = None
) -> dict[str, Any]:
    """Run a cell and return its record (docs/records.md); whatever goes wrong inside becomes its status."""
    started = time.perf_counter()
    outcome: dict[str, Any] = {"status": "error", "reason": "", "traceback": ""}
    try:
        outcome |= _train_and_measure(cell, on_epoch, checkpoint_path)
    except MemoryError as error:
        outcome |= {"status": "oom", "reason": f"out of memory: {error}"}
    except Exception as error:
        # A ResourceExhaustedError is TensorFlow's word for memory that could not be had.
        status = "oom" if type(error).__name__ == "ResourceExhaustedError" else "error"
        lines = str(error).strip().splitlines() or [""]
        outcome |= {
            "status": status,
            "reason": f"{type(error).__name__}: {lines[0]}",
            "traceback": "" if isinstance(error, UserError) else traceback.format_exc(),
        }
    outcome.setdefault("seconds", {})["total"] = time.perf_counter() - started
    return record_of(cell, outcome)


def record_of(cell: Cell, outcome: Mapping[str, Any]) -> dict[str, Any]:
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
        **{key: outcome.get(key, [] if key in _LISTS else {}) for key in _MEASURED},
        "provenance": {**provenance, "finished": datetime.now(timezone.utc).isoformat(timespec="seconds")},
    }


_LISTS = ("measures", "sites", "diagnostics")
_MEASURED = (*_LISTS, "metrics", "refusals", "history", "probes", "counts", "hashes", "seconds")


def prepare_split(data: TaskData, seed: int) -> tuple[Split, dict[str, Any]]:
    """The split that a cell's seed draws, and its three parts as arrays ready for the model.

    Where the task asks for it, examples are standardised by the training part's mean and standard deviation.
    """
    from harness.training import Arrays

    split = draw_split(data, seed)
    x = standardizer(data, split.train)(data.x)
    y = data.y.astype(np.int32) if data.outputs > 1 else data.y.astype(np.float32).reshape(-1, 1)
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    return split, {name: Arrays(x[index], y[index]) for name, index in parts.items()}


@dataclass(frozen=True)
class _Prepared:
    """What a worker keeps from one cell for the next that shares it: the graphs and what they were built from."""

    key: str
    trainer: Any
    sites: list[dict[str, Any]]
    shifts: Any
    custom_gradients: set[str] = field(default_factory=set)


_last: list[_Prepared] = []


def structure_key(config: Mapping[str, Any], spec: TaskSpec) -> str:
    """What is baked into the graphs. Cells equal in it share them; seed, rate, epochs and data are not in it."""
    structure = outcome_config(config)
    structure.pop("seed")
    structure["task"] = {"loss": structure["task"]["loss"]}
    structure["train"] = {k: v for k, v in structure["train"].items() if k not in ("learning_rate", "epochs")}
    return canonical({"structure": structure, "axes": spec.axes, "shape": spec.shape, "outputs": spec.outputs})


def _prepare(config: Mapping[str, Any], spec: TaskSpec) -> _Prepared:
    key = structure_key(config, spec)
    if _last and _last[0].key == key:
        return _last[0]
    import keras

    from harness.graphs import forget_custom_gradients
    from harness.keras_objects import build_loss
    from harness.training import ProbeSettings, Trainer

    # One program at a time: a process that keeps every graph grows by megabytes a cell. Clearing also starts
    # Keras's automatic names anew, from which the seeds of a user's unnamed layers are derived.
    while _last:
        forget_custom_gradients(_last.pop().custom_gradients)
    keras.backend.clear_session()
    model, norm = _build(config, spec)
    trainer = Trainer(model, norm.layers, spec=spec, loss=build_loss(config["task"]["loss"]), train=config["train"])
    shifts = _prepare_shifts(config, spec, trainer, norm) if ProbeSettings(**config["probe"]).shifts else None
    _last.append(_Prepared(key, trainer, [site.to_dict() for site in norm.sites], shifts))
    return _last[0]


def _build(config: Mapping[str, Any], spec: TaskSpec) -> tuple[Any, Any]:
    """The model of a config for a task, and the norm that was put at its sites."""
    from harness.axes.norm import NormFactory

    norm = NormFactory(
        instantiate(config["axis"], _convert_="all"),
        batch_size=config["train"]["batch_size"],
        momentum=config["norm"]["momentum"],
        epsilon=config["norm"]["epsilon"],
    )
    return build_model(config["architecture"], spec, norm), norm


def _prepare_shifts(config: Mapping[str, Any], spec: TaskSpec, trainer: Any, norm: Any) -> Any:
    from harness.lengths import build_other_length
    from harness.shifts import ShiftProbe

    other_length = build_other_length(
        spec,
        trainer.model,
        norm.sites,
        build=lambda other: _build(config, other),
        loss=trainer.loss,
        batch_size=trainer.batch_size,
    )
    return ShiftProbe(trainer, norm.layers, other_length)


def _train_and_measure(cell: Cell, on_epoch: Callable[[int], None], checkpoint_path: Path | None) -> dict[str, Any]:
    config = cell.config
    device = configure(config["train"])
    import tensorflow as tf

    from harness.graphs import noting_custom_gradients
    from harness.initialization import digest_weights
    from harness.measuring import measure_cell
    from harness.training import ProbeSettings

    loaded = load_task(config["task"]["data"])
    _check_unchanged(cell, loaded)
    data = loaded.data
    begun = time.perf_counter()
    split, parts = prepare_split(data, config["seed"])
    check_batch_size(config, len(split.train))
    with tf.device(device):
        started = time.perf_counter()
        prepared = _prepare(config, data.spec)
        trainer = prepared.trainer
        trainer.reset(seed=config["seed"], learning_rate=config["train"]["learning_rate"])
        built = time.perf_counter()
        initial = trainer.initializer.shared_digest()
        checkpoint = checkpoint_path and Checkpoint(
            checkpoint_path, current_provenance(config)["source"], config["train"]["checkpoint_seconds"]
        )
        with noting_custom_gradients(prepared.custom_gradients):
            fit = trainer.fit(
                parts["train"],
                parts["validation"],
                seed=config["seed"],
                epochs=config["train"]["epochs"],
                metrics=data.metrics,
                target_scale=data.target_scale,
                on_epoch=on_epoch,
                checkpoint=checkpoint,
                probe=ProbeSettings(**config["probe"]),
            )
            trained = time.perf_counter()
            metrics, diagnostics = measure_cell(trainer, data, parts, fit, seed=config["seed"])
            shifted, refusals = prepared.shifts.measure(data, split, parts["test"]) if prepared.shifts else ({}, {})
        measured = time.perf_counter()
        model = trainer.model
        return {
            "status": fit.status,
            "reason": fit.reason,
            "data": {"sizes": sizes_of(split)},
            "measures": [metric.declaration() for metric in data.metrics],
            "sites": prepared.sites,
            "metrics": metrics | shifted,
            "refusals": refusals,
            "history": fit.history,
            "probes": fit.probes,
            "diagnostics": diagnostics,
            "counts": {
                "parameters": sum(int(np.prod(w.shape)) for w in model.trainable_weights),
                "normalization_parameters": sum(site["parameters"] for site in prepared.sites),
                "statistics": sum(site["statistics"] for site in prepared.sites),
                "steps": fit.steps,
            },
            "hashes": {
                "weights": initial,
                "order": fit.order_digest,
                "split": split.digest(),
                "final_weights": digest_weights(model.weights),
            },
            "seconds": {
                "data": started - begun,
                "build": built - started,
                "train": trained - built,
                "evaluate": measured - trained,
            },
            "provenance": {"device": device, "deterministic": config["train"]["deterministic"]},
        }


def _check_unchanged(cell: Cell, loaded: LoadedTask) -> None:
    if loaded.digest != cell.data["digest"]:
        raise UserError(
            f"the data of task {cell.config['task']['name']} changed between planning and running: expected the digest "
            f"{cell.data['digest'][:12]}. Received: {loaded.digest[:12]}"
        )


def structure_key_of(cell: Cell) -> str:
    """`structure_key` of a planned cell, from the summary of its data."""
    data = cell.data
    return structure_key(
        cell.config, TaskSpec(cell.config["task"]["name"], tuple(data["axes"]), tuple(data["shape"]), data["outputs"])
    )
