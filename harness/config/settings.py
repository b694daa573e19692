"""What a cell's settings may be: one check each, so that nothing is trained on a typing error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.types import UserError
from harness.words import choose_from


@dataclass(frozen=True)
class Number:
    """A numeric setting: whole or real, and the range that it must lie in (`low` itself may be excluded)."""

    low: float
    high: float = math.inf
    whole: bool = False
    above: bool = False

    def convert(self, key: str, value: Any) -> float | int:
        """The value as int or float, or a UserError that names the key, the range and what was received."""
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or (self.whole and value != int(value if math.isfinite(value) else 0)):
            raise UserError(f"{key}: expected {self.describe()}. Received: {value}")
        if not self.low <= value <= self.high or (self.above and value == self.low):
            raise UserError(f"{key}: expected {self.describe()}. Received: {value}")
        return int(value) if self.whole else float(value)

    def describe(self) -> str:
        """The range in words."""
        kind = "a whole number" if self.whole else "a number"
        low = f"above {self.low:g}" if self.above else f"of at least {self.low:g}"
        return f"{kind} {low}" + (f" and at most {self.high:g}" if math.isfinite(self.high) else "")


NUMBERS = {
    "seed": Number(0, 2**31 - 1, whole=True),
    "train.epochs": Number(1, whole=True),
    "train.batch_size": Number(1, whole=True),
    "train.learning_rate": Number(0, 1e6, above=True),
    "train.threads": Number(1, 1024, whole=True),
    "train.checkpoint_seconds": Number(0),
    "probe.every": Number(0, whole=True),
    "norm.momentum": Number(0, 1),
    "norm.epsilon": Number(0, 1e6, above=True),
}
WORDS = {
    "train.precision": ("float32", "mixed_bfloat16", "mixed_float16"),
    "until.rule": ("none", "told_apart"),
}
KINDS: dict[str, tuple[type, str]] = {
    "train.deterministic": (bool, "true or false"),
    "probe.shifts": (bool, "true or false"),
    "train.optimizer": (str, "the name of a Keras optimizer"),
    "train.optimizer_options": (dict, "a mapping such as {momentum: 0.9}"),
    "results_dir": (str, "a path"),
    "skip_invalid": (bool, "true or false"),
    "engine": (dict, "the name of a file in conf/engine"),
}


def check_settings(config: dict[str, Any]) -> None:
    """Check the settings in place: numbers become int or float as declared, whichever way they were typed.

    Raises:
        UserError: a setting that is missing, of the wrong kind or out of range.
    """
    for key, number in NUMBERS.items():
        node, leaf = _locate(config, key)
        node[leaf] = number.convert(key, node[leaf])
    for key, words in WORDS.items():
        node, leaf = _locate(config, key)
        if node[leaf] not in words:
            raise UserError(f"{key}: {choose_from(str(node[leaf]), words)}")
    for key, (kind, described) in KINDS.items():
        node, leaf = _locate(config, key)
        if not isinstance(node[leaf], kind):
            raise UserError(f"{key}: expected {described}. Received: {node[leaf]}")
    check_device(_value(config, "train.device"))
    check_finite(config)


def check_device(device: Any) -> None:
    """Accept `auto`, `cpu`, `gpu` and `gpu:N`."""
    text = str(device)
    kind, _, index = text.partition(":")
    if text not in ("auto", "cpu", "gpu") and not (kind == "gpu" and index.isdigit()):
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
        raise UserError(f"{dotted}: expected a value. Received: none, as it was taken out of the config")
    return config, leaf


def _value(config: dict[str, Any], dotted: str) -> Any:
    node, leaf = _locate(config, dotted)
    return node[leaf]
