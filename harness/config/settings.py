"""What a cell's settings may be: one check each, so that nothing is trained on a typing error."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from harness.config.model_file import is_from_file
from harness.config.numbers import Number
from harness.config.optimizer_options import check_options
from harness.config.paths import expand_paths
from harness.seeds import SOURCES
from harness.types import UserError
from harness.words import choose_from

NUMBERS = {
    "seed": Number(0, 2**31 - 1, whole=True),
    "train.epochs": Number(1, whole=True),
    "train.batch_size": Number(1, whole=True),
    "train.learning_rate": Number(0, 1e6, above=True),
    "train.threads": Number(1, 1024, whole=True),
    "train.checkpoint_seconds": Number(0),
    "probe.every": Number(0, whole=True),
}
# Of the normalization layers; null where a model of the user's own has its own.
LAYER_NUMBERS = {"norm.momentum": Number(0, 1), "norm.epsilon": Number(0, 1e6, above=True)}
# Numbers that may be left to a rule: null.
OPTIONAL_NUMBERS = {"margin": Number(0, above=True)}
WORDS = {
    "train.precision": ("float32", "mixed_bfloat16", "mixed_float16"),
    "until.rule": ("none", "told_apart", "decided"),
}
# Which records from before there was any lack.
LATER_WORDS = {"duplicates": ("once", "each"), "log": ("none", "tensorboard", "mlflow")}
KINDS: dict[str, tuple[type, str]] = {
    "train.deterministic": (bool, "true or false"),
    "probe.epoch_statistics": (bool, "true or false"),
    "probe.hessian": (bool, "true or false"),
    "probe.shifts": (bool, "true or false"),
    "train.optimizer": (str, "the name of a Keras optimizer"),
    "train.optimizer_options": (dict, "a mapping such as {momentum: 0.9}"),
    "results_dir": (str, "a path"),
    "skip_invalid": (bool, "true or false"),
    "engine": (dict, "the name of a file in conf/engine"),
}
# What may be null, and is missing in records from before there was any.
SOURCE_SEEDS = {f"seeds.{source}": Number(0, 2**31 - 1, whole=True) for source in SOURCES}
# Of one rule of `until`, so that with another they are not there.
ROUND_NUMBERS = {
    "until.first": Number(1, whole=True),
    "until.step": Number(1, whole=True),
    "until.most": Number(1, whole=True),
    "until.alpha": Number(0, 1, above=True),
}
ROUND_KINDS: dict[str, tuple[type, str]] = {"until.baseline": (str, "the name of one of the grid's strategies")}
# What a task's yaml cannot do without, as it would stand there.
_LIKE = {
    "task.loss": ", as in loss: {_target_: keras.losses.SparseCategoricalCrossentropy, from_logits: true}",
    "task.data": ", as in data: {_target_: module.function}",
}
# What is called says itself what it takes; the rest of these nodes is its arguments.
CALLED = ("task.data", "task.loss", "architecture", "axis", "engine")
# Checked where they are read: the grammar of a grid, interpolations from `train`, and the path of a study's data.
ELSEWHERE = (
    "data_root",
    "train.device",
    "study",
    *(f"task.comparison.{key}" for key in ("architecture", "axis", "seed")),
    *(f"task.recipe.{key}" for key in ("epochs", "batch_size", "learning_rate", "optimizer", "optimizer_options")),
)
# Nodes whose keys are all known, each once: another key is a typing error and would be a setting that does nothing.
CLOSED = ("", "seeds", "task", "task.recipe", "task.comparison", "norm", "train", "probe", "until")


def check_settings(config: dict[str, Any]) -> None:
    """Check the settings in place: numbers become int or float as declared, whichever way they were typed.

    Raises:
        UserError: a setting that is missing, unknown, of the wrong kind or out of range.
    """
    expand_paths(config)
    for key in CALLED:
        _check_called(config, key)
    _check_known(config)
    _check_numbers(config, NUMBERS)
    _check_numbers(config, {key: one for key, one in OPTIONAL_NUMBERS.items() if config.get(key) is not None})
    own = is_from_file(config)
    _check_numbers(config, {k: one for k, one in LAYER_NUMBERS.items() if not own or _value(config, k) is not None})
    _check_source_seeds(config)
    later = {key: words for key, words in LATER_WORDS.items() if key in config}
    for key, words in {**WORDS, **later}.items():
        node, leaf = _locate(config, key)
        if node[leaf] not in words:
            raise UserError(f"{key}: {choose_from(str(node[leaf]), words)}")
    _check_kinds(config, KINDS)
    if config["until"]["rule"] == "none" and len(config["until"]) > 1:
        others = ", ".join(key for key in config["until"] if key != "rule")
        raise UserError(
            f"until: expected until=decided or told_apart, which have more settings than a rule. Received: {others}"
        )
    if config["until"]["rule"] != "none":
        _check_numbers(config, ROUND_NUMBERS)
        _check_kinds(config, ROUND_KINDS)
        first, most = config["until"]["first"], config["until"]["most"]
        if first > most:
            raise UserError(f"until.first: expected at most until.most={most}. Received: {first}")
    if not config["results_dir"].strip() or "\0" in config["results_dir"]:
        raise UserError(f"results_dir: expected a path. Received: {config['results_dir']!r}")
    check_device(_value(config, "train.device"))
    check_options(config["train"]["optimizer_options"])
    check_finite(config)


def _check_numbers(config: dict[str, Any], numbers: Mapping[str, Number]) -> None:
    for key, number in numbers.items():
        node, leaf = _locate(config, key)
        node[leaf] = number.convert(key, node[leaf])


def _check_source_seeds(config: dict[str, Any]) -> None:
    own = config.get("seeds") or {}
    for key, number in SOURCE_SEEDS.items():
        leaf = key.rpartition(".")[2]
        if own.get(leaf) is not None:
            own[leaf] = number.convert(key, own[leaf])
            if config["until"]["rule"] != "none":
                raise UserError(
                    f"{key}: expected null with until={config['until']['rule']}, which adds seeds that differ in all "
                    f"that they decide. Received: {own[leaf]}"
                )


def _check_kinds(config: dict[str, Any], kinds: Mapping[str, tuple[type, str]]) -> None:
    for key, (kind, described) in kinds.items():
        node, leaf = _locate(config, key)
        if not isinstance(node[leaf], kind):
            raise UserError(f"{key}: expected {described}. Received: {node[leaf]}")


def _check_called(config: dict[str, Any], key: str) -> None:
    node, leaf = _locate(config, key)
    called = node[leaf]
    named = f"{key}={called['name']}" if isinstance(called, dict) and "name" in called else key
    if not isinstance(called, dict) or "_target_" not in called:
        raise UserError(
            f"{named}: expected a mapping whose _target_ says what is called, as in {{_target_: module.function}}. "
            f"Received: {called}"
        )
    target = called["_target_"]
    if not isinstance(target, str) or not all(part.isidentifier() for part in target.split(".")) or "." not in target:
        raise UserError(f"{named}: expected _target_ to be module.function, with dots between. Received: {target}")
    for special in ("_args_", "_partial_", "_convert_", "_recursive_"):
        if special in called:
            raise UserError(f"{named}: expected _target_ and arguments by name. Received: {special}={called[special]}")


@cache
def _known_keys() -> dict[str, tuple[str, ...]]:
    """The keys of each closed node."""
    dotted = {
        *NUMBERS,
        *OPTIONAL_NUMBERS,
        *LAYER_NUMBERS,
        *SOURCE_SEEDS,
        *WORDS,
        *LATER_WORDS,
        *KINDS,
        *ROUND_NUMBERS,
        *ROUND_KINDS,
        *CALLED,
        *ELSEWHERE,
        "task.name",
    }
    dotted |= {key.rpartition(".")[0] for key in dotted if "." in key}
    dotted |= {key.rpartition(".")[0] for key in dotted if "." in key}
    return {node: tuple(sorted(key for key in dotted if key.rpartition(".")[0] == node)) for node in CLOSED}


def _check_known(config: Mapping[str, Any]) -> None:
    """Refuse keys that nothing reads."""
    for path, known in _known_keys().items():
        node: Any = config
        for part in path.split(".") if path else ():
            node = node.get(part)
            if node is None:
                break
        if node is None:
            continue
        if not isinstance(node, Mapping):
            raise UserError(f"{path}: expected settings such as {', '.join(known)}. Received: {node}")
        for key, value in node.items():
            dotted = f"{path}.{key}" if path else str(key)
            if dotted not in known:
                nearest = difflib.get_close_matches(dotted, known, n=3, cutoff=0.5) or known
                raise UserError(
                    f"no such setting: {dotted} (nearest: {', '.join(nearest)}). Received: {dotted}={value}"
                )


def check_device(device: Any) -> None:
    """Accept `auto`, `cpu`, `gpu` and `gpu:N`."""
    text = str(device)
    kind, _, index = text.partition(":")
    if text not in ("auto", "cpu", "gpu") and not (kind == "gpu" and re.fullmatch(r"[0-9]{1,4}", index)):
        raise UserError(f"train.device: expected auto, cpu, gpu or gpu:N. Received: {device}")


def check_finite(config: Mapping[str, Any], prefix: str = "") -> None:
    """Refuse NaN and infinity anywhere: JSON lacks them, and a record's config must come back as it went in."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            check_finite(value, f"{prefix}{key}.")
        elif isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{prefix}{key}: expected a finite number. Received: {value}")


def check_batch_size(config: Mapping[str, Any], training_examples: int) -> None:
    """An epoch drops its last incomplete batch, so a batch larger than the data would train nothing."""
    batch_size = config["train"]["batch_size"]
    if batch_size > training_examples:
        raise UserError(
            f"train.batch_size: expected at most the {training_examples} training examples. Received: {batch_size}"
        )


def _locate(config: dict[str, Any], dotted: str) -> tuple[dict[str, Any], str]:
    """The mapping that holds a setting, and the setting's own key in it."""
    *parents, leaf = dotted.split(".")
    for parent in parents:
        config = config.get(parent) or {}
    if leaf not in config:
        such = _LIKE.get(dotted, "")
        raise UserError(f"{dotted}: expected a value{such}. Received: none, as the config has none or it was taken out")
    return config, leaf


def _value(config: dict[str, Any], dotted: str) -> Any:
    node, leaf = _locate(config, dotted)
    return node[leaf]
