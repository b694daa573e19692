"""A cell's config as Hydra composed it, taken apart: what was chosen, what refers to what, what is amiss in it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError, OmegaConfBaseException

from harness.types import UserError

# What a study's file says its records are to decide: no part of any cell.
PREDICTIONS = "predictions"


@dataclass(frozen=True)
class Composed:
    """A composed config without Hydra's own node, and what that node said.

    Attributes:
        config: the config, its interpolations not yet resolved.
        choices: which file of each group was chosen (`axis` -> `spatial`); no entry for null.
        sweep: `hydra.sweeper.params`, as a study's file may set them.
        predictions: what a study's file has under that name, as plain values; None where it has nothing.
    """

    config: DictConfig
    choices: dict[str, str]
    sweep: dict[str, str]
    predictions: Any = None

    @staticmethod
    def of(config: DictConfig) -> Composed:
        """Take apart what Hydra's `compose` returns."""
        choices = {str(key): value for key, value in config.hydra.runtime.choices.items() if value is not None}
        params = OmegaConf.to_container(config.hydra.sweeper.params or OmegaConf.create({}))
        assert isinstance(params, dict)
        # Five times as large as all else, and copied with it.
        OmegaConf.set_struct(config, False)
        config.pop("hydra")
        predictions = config.pop(PREDICTIONS, None)
        OmegaConf.set_struct(config, True)
        return Composed(
            config,
            {key: str(value) for key, value in choices.items() if not key.startswith("hydra/")},
            {str(key): _as_sweep_text(value) for key, value in params.items()},
            OmegaConf.to_container(predictions) if OmegaConf.is_config(predictions) else predictions,
        )

    def resolved(self) -> dict[str, Any]:
        """The config as plain Python values."""
        try:
            container = OmegaConf.to_container(self.config, resolve=True, throw_on_missing=True)
        except (OmegaConfBaseException, RecursionError) as error:
            raise UserError(self._what_lacks(error) or complaint_of(error)) from error
        assert isinstance(container, dict)
        return {str(key): value for key, value in container.items()}

    def _what_lacks(self, error: Exception) -> str:
        """Which setting an interpolation asks for that is not there, and what may be a misspelling of it."""
        found = re.match(r"Interpolation key '([A-Za-z_]\w*(?:\.\w+)+)' not found", str(error))
        if found is None or not isinstance(error, InterpolationKeyError):
            return ""
        known = {*leaf_keys(self.config)}
        parts = found[1].split(".")
        lacking = next(".".join(parts[: n + 1]) for n in range(len(parts)) if ".".join(parts[: n + 1]) not in known)
        parent = lacking.rpartition(".")[0]
        beside = [key for key in known if key.rpartition(".")[0] == parent]
        for near in difflib.get_close_matches(lacking, beside, n=1, cutoff=0.8):
            received = OmegaConf.to_container(self.config, resolve=False)
            for part in near.split("."):
                received = received[part]  # type: ignore[index, call-overload]
            return f"no such setting: {near} (nearest: {lacking}). Received: {near}={received}"
        return f"{found[1]}: expected a value, which {error.full_key} refers to. Received: none"

    def may_refer_to(self, key: str) -> bool:
        """Whether an interpolation in the config depends on the node `key`, or could, for all that can be told."""
        if self._references is None:
            return True
        return any(f"{path}.".startswith(f"{key}.") or f"{key}.".startswith(f"{path}.") for path in self._references)

    @cached_property
    def _references(self) -> set[str] | None:
        """The paths that interpolations refer to; None where one is relative, nested or of a resolver."""
        yaml = OmegaConf.to_yaml(self.config, resolve=False)
        plain = re.findall(r"\$\{([A-Za-z_]\w*(?:\.\w+)*)\}", yaml)
        return set(plain) if len(plain) == yaml.count("${") else None


def leaf_keys(config: DictConfig) -> Iterator[str]:
    """The dotted names of a config's nodes, inner ones too."""
    for key in config:
        name = str(key)
        yield name
        node = config._get_node(key)
        if isinstance(node, DictConfig) and not node._is_none() and not node._is_missing():
            yield from (f"{name}.{leaf}" for leaf in leaf_keys(node))


def _as_sweep_text(value: Any) -> str:
    # A YAML list under hydra.sweeper.params means a choice of its members, as Hydra's users write it.
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def complaint_of(error: BaseException) -> str:
    """What Hydra or OmegaConf complains of, in a line."""
    cause = error.__cause__ or error.__context__ or error
    text = str(error).strip() or str(cause).strip() or type(cause).__name__
    if text.startswith("Error merging override") and str(cause).strip() and cause is not error:
        # Which override it was, the cause does not say.
        text = f"{str(cause).strip().splitlines()[0]}. Received: {text.removeprefix('Error merging override ')}"
    return " ".join(line.strip() for line in text.splitlines()[:2])
