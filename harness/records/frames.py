"""Records as tidy frames: one row a cell, or one row a cell and epoch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.records.store import read_records
from harness.types import UserError

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
    "stale",
    "reason",
    "refusals",
    "weights_hash",
    "order_hash",
    "split_hash",
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
# A task's defaults: what became of them stands under `train`, and what names the cell has a column of its own.
_DEFAULTS = ("task.recipe.", "task.comparison.")
_LOSS = {"name": "loss", "direction": "min", "unit": "", "low": 0.0, "high": float("inf")}


def load_results(path: str | Path) -> pd.DataFrame:
    """The records under `path` as a frame with one row a cell; see `frame_of` for its columns.

    Args:
        path: a results directory, as `python -m harness run` writes it.

    Raises:
        UserError: `path` is not a directory.
    """
    return frame_of(records_under(path))


def load_history(path: str | Path) -> pd.DataFrame:
    """The records under `path` as a frame with one row a cell and epoch; see `history_of` for its columns.

    Raises:
        UserError: `path` is not a directory.
    """
    return history_of(records_under(path))


def frame_of(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Records as a frame, one row a cell, in the order of the records.

    Columns: `IDENTIFYING`, every setting of the configs, every metric, `FACTS`. A setting goes by its leaf name
    (`config["train"]["learning_rate"]` is `learning_rate`), or by its dotted path where two leaves share a name.
    What a record lacks is missing (NaN or None); `samples_per_statistic` is the least m' over the cell's sites.

    `frame.attrs["settings"]` maps each setting's column to its dotted path, and `frame.attrs["measures"]` maps each
    task to its declared metrics, the main one first. Selecting rows or columns keeps both.
    """
    configs = [dict(_leaves(record.get("config") or {})) for record in records]
    metrics = [{name: _number(value) for name, value in (record.get("metrics") or {}).items()} for record in records]
    paths = [path for path in _ordered(configs) if not _is_said_elsewhere(path)]
    metric_names = _ordered(metrics)
    columns = _setting_columns(paths, taken={*IDENTIFYING, *FACTS, *metric_names})
    rows = [
        {key: record.get(key) for key in IDENTIFYING}
        | {columns[path]: config.get(path) for path in paths}
        | {name: values.get(name, np.nan) for name in metric_names}
        | _facts(record)
        for record, config, values in zip(records, configs, metrics, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=[*IDENTIFYING, *columns.values(), *metric_names, *FACTS])
    frame.attrs["settings"] = {column: path for path, column in columns.items()}
    frame.attrs["measures"] = {record["task"]: list(record["measures"]) for record in records if record.get("measures")}
    return frame


def history_of(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Records as a frame, one row a cell and epoch.

    Columns: `IDENTIFYING`, the settings, `data_source`, `stale`, `id`, then the histories' own columns, `epoch` first.
    Cells without a history have no row. `attrs` as in `frame_of`.
    """
    return stretch(records, [record.get("history") or {} for record in records], by="epoch")


def stretch(
    records: Sequence[Mapping[str, Any]], tables: Sequence[Mapping[str, Sequence[Any]]], *, by: str
) -> pd.DataFrame:
    """Records as a frame with one row for each entry of a record's table of numbers.

    Args:
        records: one a cell.
        tables: one a record: column -> one value a row.
        by: the column of whole numbers that comes first.

    Returns:
        Columns `IDENTIFYING`, the settings, `data_source`, `stale`, `id`, then the tables' own.
    """
    cells = frame_of(records)
    lengths = [max(map(len, table.values()), default=0) for table in tables]
    keys = [*IDENTIFYING, *cells.attrs["settings"], "data_source", "stale", "id"]
    rows = cells.loc[np.repeat(np.arange(len(cells)), lengths), keys].reset_index(drop=True)
    for column in _ordered([{by: None}, *tables]):
        values = np.full(len(rows), np.nan)
        start = 0
        for one, length in zip(tables, lengths, strict=True):
            column_of_one = [_number(value) for value in one.get(column, ())]
            values[start : start + len(column_of_one)] = column_of_one
            start += length
        rows[column] = values.astype(np.int64) if column == by and np.isfinite(values).all() else values
    return rows


def measures_of(frame: pd.DataFrame, task: str) -> list[dict[str, Any]]:
    """The declared metrics of `task`, the main one first and the loss last.

    Each has a `name`, a `direction` (`max` or `min`), a `unit`, and the range `low` to `high`.

    Raises:
        UserError: the frame does not carry the task's declarations.
    """
    declared = frame.attrs.get("measures", {}).get(task)
    if not declared:
        raise UserError(
            "expected a frame made by load_results (or rows of one): it carries what each metric's direction and unit "
            f"are. Received: task={task!r}, measures of {sorted(frame.attrs.get('measures', {}))}"
        )
    return [*declared, *([] if any(one["name"] == "loss" for one in declared) else [_LOSS])]


def measure_of(frame: pd.DataFrame, task: str, metric: str | None = None) -> tuple[str, dict[str, Any]]:
    """The column of `metric` and its declaration: `None` is the task's main metric on the test examples.

    `metric` may be a column (`test_accuracy`, `validation_loss`, `test_accuracy_precise`, `test_accuracy_moved_1`) or
    a declared name (`accuracy`, meaning `test_accuracy`).

    Raises:
        UserError: the task declares no such metric.
    """
    declared = measures_of(frame, task)
    asked = metric if metric is not None else declared[0]["name"]
    bare = asked.removeprefix("test_").removeprefix("validation_").removesuffix("_precise").removesuffix("_batch")
    for measure in declared:
        if measure["name"] in (asked, bare):
            return asked if asked != measure["name"] else f"test_{asked}", measure
    # Under a shift, whose name is the task's own. Of `rmse` and `rmse_log` the longer is the metric.
    for measure in sorted(declared, key=lambda one: -len(one["name"])):
        if asked in frame and asked.startswith(f"test_{measure['name']}_"):
            return asked, measure
    raise UserError(f"expected a metric of {task}: {[one['name'] for one in declared]}. Received: metric={metric!r}")


def records_under(path: str | Path) -> list[dict[str, Any]]:
    """The records under a results directory.

    Raises:
        UserError: `path` is not a directory.
    """
    if not Path(path).is_dir():
        raise UserError(f"expected a results directory, as `python -m harness run` writes it. Received: path='{path}'")
    return read_records(Path(path))


def _facts(record: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a cell besides its settings and metrics."""
    counts, hashes, sites = record.get("counts") or {}, record.get("hashes") or {}, record.get("sites") or []
    data, provenance = record.get("data") or {}, record.get("provenance") or {}
    samples = [site["samples_per_statistic"] for site in sites if site.get("samples_per_statistic")]
    return {
        "data_source": data.get("source"),
        "data_digest": data.get("digest"),
        "samples_per_statistic": min(samples, default=None),
        **{key: counts.get(key) for key in ("statistics", "normalization_parameters", "parameters", "steps")},
        "sites": len(sites),
        "sites_fell_back": sum(bool(site.get("fell_back")) for site in sites),
        "seconds": _number((record.get("seconds") or {}).get("total")),
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
    return tuple(map(_hashable, value)) if isinstance(value, list) else value


def _is_said_elsewhere(path: str) -> bool:
    """Whether another column says it: `seed`, `task.name`, and the defaults that a task suggests."""
    return path in IDENTIFYING or path in {f"{part}.name" for part in IDENTIFYING} or path.startswith(_DEFAULTS)


def _setting_columns(paths: Sequence[str], taken: set[str]) -> dict[str, str]:
    """Each setting's column by its dotted path: the leaf name where that is unambiguous."""
    leaf_counts = Counter(path.rpartition(".")[2] for path in paths)
    return {
        path: path if leaf_counts[leaf] > 1 or leaf in taken else leaf
        for path, leaf in ((path, path.rpartition(".")[2]) for path in paths)
    }


def _ordered(mappings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys of all mappings, in the order in which they first appear."""
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _number(value: Any) -> float:
    """A number of a record as a float; records spell what is not finite as strings, and None is missing."""
    return float("nan") if value is None else float(value)


def load_probes(path: str | Path) -> pd.DataFrame:
    """The records under `path` as a frame with one row a cell and look; see `probes_of` for its columns.

    Raises:
        UserError: `path` is not a directory.
    """
    return probes_of(records_under(path))


def load_diagnostics(path: str | Path) -> pd.DataFrame:
    """The records under `path` as a frame with one row a cell, site and epoch; see `diagnostics_of` for its columns.

    Raises:
        UserError: `path` is not a directory.
    """
    return diagnostics_of(records_under(path))


def probes_of(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Records as a frame, one row a cell and look of the landscape probe.

    Columns: as in `history_of`, with `step` (before which the probe looked, from 0) in place of `epoch`, then
    `probe_loss`, `loss_variation`, `gradient_predictiveness`, `beta_smoothness` (Santurkar et al. 2018, appendix A) and
    `hessian_eigenvalue` where it was asked for. Cells without probes have no row.
    """
    looked = [record for record in records if record.get("probes")]
    return stretch(looked, [record["probes"] for record in looked], by="step")


def diagnostics_of(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Records as a frame, one row a cell, normalization site and epoch that was looked at.

    Columns: as in `history_of`, then `site`, `samples_per_statistic` (m' of that site), `least_variance`,
    `median_variance`, `below_epsilon`, `largest_inverse_sd`, `mean_lag` and `variance_lag` (see
    `measures.site_health`). With `probe=none` there is the end of training alone; cells without sites have no row.
    """
    looked = [record for record in records if record.get("diagnostics")]
    entries = [record["diagnostics"] for record in looked]
    measures = list(dict.fromkeys(key for rows in entries for row in rows for key in row if key != "site"))
    tables = [{name: [row.get(name) for row in rows] for name in measures} for rows in entries]
    frame = stretch(looked, tables, by="epoch")
    samples = [{site["name"]: site.get("samples_per_statistic") for site in record["sites"]} for record in looked]
    places = [
        (row["site"], of_site.get(row["site"])) for rows, of_site in zip(entries, samples, strict=True) for row in rows
    ]
    start = frame.columns.tolist().index("epoch")
    frame.insert(start, "site", pd.Series([site for site, _ in places], dtype=object))
    frame.insert(start + 1, "samples_per_statistic", pd.Series([m for _, m in places], dtype="float64"))
    return frame
