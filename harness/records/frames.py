"""Records as a tidy frame with one row a cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.cell.costs import CELL_COSTS
from harness.cell.examples import unpack_examples
from harness.records.store import read_records
from harness.types import Quantity, UserError

Record = Mapping[str, Any]
IDENTIFYING = ("task", "architecture", "axis", "seed", "status")
FACTS = (
    "data_source",
    "data_digest",
    "samples_per_statistic",
    "statistics",
    "normalization_parameters",
    "parameters",
    "steps",
    "sites",
    "sites_fell_back",
    "seconds",
    *(cost.name for cost in CELL_COSTS),
    "stale",
    "reason",
    "refusals",
    "weights_hash",
    "order_hash",
    "split_hash",
    "test_digest",
    "training_examples",
    "validation_examples",
    "test_examples",
    "final_weights_hash",
    "code",
    "versions",
    "python",
    "device",
    "deterministic",
    "finished",
    "id",
    "identity",
    "path",
)
_PARTS = {"train": "training", "validation": "validation", "test": "test"}
_LARGEST = 2**63 - 1
# A task's defaults: what became of them stands under `train`, and what names the cell has a column of its own. How a
# strategy is drawn is no setting.
_SAID_ELSEWHERE = ("task.recipe.", "task.comparison.", "axis.look.")
# Of other sections a leaf alone says little: `every`, `first`, `kind`.
_PLAIN_SECTIONS = ("task", "architecture", "train", "norm")


@dataclass(frozen=True)
class Cells:
    """Records as a frame, and what is declared of its columns.

    Attributes:
        rows: one row a cell, in the order of the records: `IDENTIFYING`, every setting of the configs, every metric,
            `FACTS`. A setting of `train`, `norm`, the task or the architecture goes by its leaf name
            (`config["train"]["learning_rate"]` is `learning_rate`), another one and where two share a name by its
            dotted path (`probe.every`). What a record lacks is missing (NaN or None);
            `samples_per_statistic` is the least m' over the cell's sites.
        settings: column -> dotted path of each setting.
        metrics: task -> its metrics, the main one first.
        shifts: shift -> its `meaning` and `unit`, of the shifts that trained models were scored under.
        looks: strategy -> its `colour` and `marker`, of the strategies that declare theirs.
    """

    rows: pd.DataFrame
    settings: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Sequence[Quantity]] = field(default_factory=dict)
    shifts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    looks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @staticmethod
    def of(records: Sequence[Record]) -> Cells:
        """The cells of some records."""
        configs = [dict(_leaves(record.get("config") or {})) for record in records]
        metrics = [
            {name: _number(value) for name, value in (record.get("metrics") or {}).items()} for record in records
        ]
        paths = [path for path in keys_of(configs) if not _is_said_elsewhere(path)]
        # A task's metric may have any name, but not that of a column which says something else.
        metric_names = [name for name in keys_of(metrics) if name not in {*IDENTIFYING, *FACTS}]
        columns = _setting_columns(paths, taken={*IDENTIFYING, *FACTS, *metric_names})
        content: dict[str, list[Any]] = {key: [record.get(key) for record in records] for key in IDENTIFYING}
        content |= {columns[path]: [config.get(path) for config in configs] for path in paths}
        content |= {name: [values.get(name, np.nan) for values in metrics] for name in metric_names}
        facts = [_facts(record) for record in records]
        content |= {key: [fact[key] for fact in facts] for key in FACTS}
        return Cells(
            rows=pd.DataFrame(content, columns=[*IDENTIFYING, *columns.values(), *metric_names, *FACTS]),
            settings={column: path for path, column in columns.items()},
            metrics={
                record["task"]: tuple(map(declare, record["measures"])) for record in records if record.get("measures")
            },
            shifts={one["name"]: one for record in records for one in record.get("shifts") or ()},
            looks={record["axis"]: look for record in records if (look := _look_of(record))},
        )


def examples_of(records: Sequence[Record]) -> dict[str, NDArray[np.float64]]:
    """Id -> how the cell did on each test example `(example,)`: 1 and 0 for right and wrong, or absolute errors.

    Cells whose records hold none are left out; they are read here and in no frame, as they take room.
    """
    return {record["id"]: unpack_examples(packed) for record in records if (packed := record.get("examples"))}


def load_results(path: str | Path) -> pd.DataFrame:
    """The records under `path` as a frame with one row a cell; see `Cells.rows` for its columns.

    Args:
        path: a results directory, as `python -m harness run` writes it.

    Raises:
        UserError: `path` is not a directory.
    """
    return Cells.of(records_under(path)).rows


def records_under(path: str | Path) -> list[dict[str, Any]]:
    """The records under a results directory.

    Raises:
        UserError: `path` is not a directory.
    """
    if not Path(path).is_dir():
        raise UserError(f"expected a results directory, as `python -m harness run` writes it. Received: path='{path}'")
    return read_records(Path(path))


def declare(measure: Mapping[str, Any]) -> Quantity:
    """A metric as a record declares it."""
    return Quantity(
        name=measure["name"],
        direction=measure["direction"],
        unit=measure["unit"],
        low=float(measure["low"]),
        high=float(measure["high"]),
        margin=measure.get("margin"),
    )


def _look_of(record: Record) -> Mapping[str, str] | None:
    return ((record.get("config") or {}).get("axis") or {}).get("look")


def _facts(record: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a cell besides its settings and metrics."""
    counts, hashes, sites = record.get("counts") or {}, record.get("hashes") or {}, record.get("sites") or []
    data, provenance = record.get("data") or {}, record.get("provenance") or {}
    samples = [site["samples_per_statistic"] for site in sites if site.get("samples_per_statistic") is not None]
    return {
        "data_source": data.get("source"),
        "data_digest": data.get("digest"),
        "test_digest": data.get("test_digest"),
        **{f"{word}_examples": (data.get("sizes") or {}).get(part) for part, word in _PARTS.items()},
        "samples_per_statistic": float(min(samples, default=np.nan)),
        **{key: counts.get(key) for key in ("statistics", "normalization_parameters", "parameters", "steps")},
        "sites": len(sites),
        "sites_fell_back": sum(bool(site.get("fell_back")) for site in sites),
        "seconds": _number((record.get("seconds") or {}).get("total")),
        **{cost.name: _number((record.get("costs") or {}).get(cost.name)) for cost in CELL_COSTS},
        "stale": bool(record.get("stale", False)),
        "reason": record.get("reason") or "",
        "refusals": "\n".join(f"{shift}: {why}" for shift, why in (record.get("refusals") or {}).items()),
        **{f"{key}_hash": hashes.get(key) for key in ("weights", "order", "split", "final_weights")},
        "code": provenance.get("source"),
        "versions": ", ".join(f"{name} {version}" for name, version in (provenance.get("versions") or {}).items()),
        **{key: provenance.get(key) for key in ("python", "device", "deterministic", "finished")},
        **{key: record.get(key) for key in ("id", "identity", "path")},
    }


def _leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a nested config as (dotted path, value); lists become tuples, so that rows can be grouped."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        elif not str(key).startswith("_"):  # `_target_` and its like are Hydra's: the names say which was built
            yield f"{prefix}{key}", _hashable(value)


def _hashable(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    if isinstance(value, dict):  # within a list
        return str(value)
    return str(value) if isinstance(value, int) and abs(value) > _LARGEST else value


def _is_said_elsewhere(path: str) -> bool:
    """Whether another column says it: `seed`, `task.name`, and the defaults that a task suggests."""
    return path in IDENTIFYING or path in {f"{part}.name" for part in IDENTIFYING} or path.startswith(_SAID_ELSEWHERE)


def _setting_columns(paths: Sequence[str], taken: set[str]) -> dict[str, str]:
    """Each setting's column by its dotted path: the leaf name where that says what it is and of nothing else."""
    paths = list(dict.fromkeys(paths))
    leaf_counts = Counter(path.rpartition(".")[2] for path in paths)
    columns: dict[str, str] = {}
    for path in paths:
        leaf = path.rpartition(".")[2]
        plain = path.partition(".")[0] in _PLAIN_SECTIONS or "." not in path
        name = leaf if plain and leaf_counts[leaf] == 1 and leaf not in taken else path
        while name in taken:  # of a setting that stands where no setting of ours does
            name = f"config.{name}"
        taken = {*taken, name}
        columns[path] = name
    return columns


def keys_of(mappings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys of all mappings, in the order in which they first appear."""
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _number(value: Any) -> float:
    """A number of a record as a float; records spell what is not finite as strings, and None is missing."""
    return float("nan") if value is None else float(value)
