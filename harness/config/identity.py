"""What makes two cells the same: a hash over the settings that matter for the outcome and the data served."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# Where things lie, who runs them and how differences are judged does not change an outcome; the recipe has become
# `train`, the comparison and the study have become cells; where data came from is in the data's digest and source, and
# whether they are those that were published; a model's file is in its digest; how a strategy is drawn is for figures.
IRRELEVANT = (
    "results_dir",
    "skip_invalid",
    "duplicates",
    "log",
    "margin",
    "engine",
    "until",
    "study",
    "task.comparison",
    "task.recipe",
    "task.data.path",
    "task.data.labels_path",
    "task.data.spectra_path",
    "task.data.data_dir",
    "task.data.published",
    "architecture.path",
    "train.device",
    "train.checkpoint_seconds",
    "axis.look",
)

# Settings that came later, at the values by which all is as it was: a cell is the same one as before there were any.
ADDED = {"task.data.normalize": "none", "task.data.test": 0.1, "task.data.spectra": None}


def outcome_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a resolved config that the outcome depends on, its whole numbers as integers (`1.0` as `1`)."""
    kept: dict[str, Any] = dict(_kept(config, ""))
    # A part that has no seed of its own, or that of the whole, is as it was before there were any.
    own = {part: seed for part, seed in (kept.pop("seeds", None) or {}).items() if seed not in (None, kept.get("seed"))}
    return {**kept, "seeds": own} if own else kept


def identify(config: Mapping[str, Any], *, data_source: str, data_digest: str) -> str:
    """SHA-256 (hex) over the settings that matter, the data's source and the data's digest."""
    kept = outcome_config(config)
    # How the source was asked for does not matter once it is known which one answered.
    kept["task"]["data"].pop("source", None)
    content = {"config": kept, "data_source": data_source, "data_digest": data_digest}
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def cell_id(config: Mapping[str, Any], identity: str) -> str:
    """A readable name, usable as a file's: `mnist-seed_cnn-spatial-s0-1a2b3c4d5e6f`."""
    names = (config["task"]["name"], config["architecture"]["name"], config["axis"]["name"])
    return "-".join([*names, f"s{config['seed']}", identity[:12]])


def canonical(content: Any) -> str:
    """JSON with sorted keys: one text for one content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _kept(value: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        inner = {key: f"{path}.{key}" if path else str(key) for key in value}
        return {key: _kept(item, inner[key]) for key, item in value.items() if _matters(inner[key], item)}
    if isinstance(value, (list, tuple)):
        return [_kept(item, path) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _matters(path: str, value: Any) -> bool:
    return path not in IRRELEVANT and not (path in ADDED and value == ADDED[path])
