"""From overrides to the configs of a grid's cells, in Hydra's grammar.

What a command line leaves open comes from the study's `hydra.sweeper.params`, then from the task's own
`comparison` (its default architecture, strategies and seeds). Every cell's config is composed by Hydra.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from harness.config import Composed, Composer
from harness.settings import check_settings
from harness.types import UserError

COMPARISON_KEYS = ("architecture", "axis", "seed")


def expand(composer: Composer, overrides: Sequence[str]) -> list[dict[str, Any]]:
    """The resolved and checked configs of the grid that `overrides` name, in the order that they name it.

    Raises:
        UserError: an override that does not parse, an unknown key, group or value, or a setting out of range.
    """
    configs = []
    for assignment in assignments(composer, overrides):
        configs.append(assignment)
    return configs


def first_overrides(composer: Composer, overrides: Sequence[str]) -> list[str]:
    """The overrides of the grid's first cell: what `--cfg` shows."""
    return list(next(_products(composer, overrides)))


def assignments(composer: Composer, overrides: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Compose once for each choice of files, then set the values that differ."""
    bases: dict[tuple[str, ...], _Base] = {}
    for texts in _products(composer, overrides):
        groups = tuple(text for text in texts if not _is_plain_value(composer, text))
        values = [text for text in texts if _is_plain_value(composer, text)]
        keys = tuple(text.partition("=")[0] for text in values)
        if (base := bases.get(groups + keys)) is None:
            # The first cell's values go through Hydra's own checks (unknown keys, types).
            base = bases[groups + keys] = _Base.of(composer.compose(texts), keys)
        config = base.with_values(composer.parse(values))
        check_settings(config)
        yield config


@dataclass(frozen=True)
class _Base:
    """One composed config whose plain values can be set without composing again."""

    composed: Composed
    resolved: dict[str, Any]
    independent: bool

    @staticmethod
    def of(composed: Composed, keys: Sequence[str]) -> _Base:
        resolved = named(composed.resolved(), composed.choices)
        # A value that another node refers to must be set before interpolations are resolved.
        text = OmegaConf.to_yaml(composed.config, resolve=False)
        referred = [line for line in text.splitlines() if "${" in line]
        independent = not any(key.rpartition(".")[2] in line.partition(":")[2] for key in keys for line in referred)
        return _Base(composed, resolved, independent)

    def with_values(self, overrides: Sequence[Override]) -> dict[str, Any]:
        if not self.independent:
            for override in overrides:
                OmegaConf.update(self.composed.config, override.key_or_group, override.value(), merge=True)
            return named(self.composed.resolved(), self.composed.choices)
        config = copy.deepcopy(self.resolved)
        for override in overrides:
            _set(config, override.key_or_group, override.value())
        if any(override.key_or_group.startswith("axis.") for override in overrides):
            config = named(config, self.composed.choices)
        return config


def named(config: dict[str, Any], choices: Mapping[str, str]) -> dict[str, Any]:
    """Write into each group's node the name of the file that it came from, and derive a raw strategy's own name."""
    for group in ("task", "architecture", "axis"):
        config[group]["name"] = choices[group]
    if "keep" in config["axis"]:
        config["axis"]["name"] = instantiate(config["axis"], name="", _convert_="all").name
    if choices.get("study"):
        config["study"] = choices["study"]
    return config


def _products(composer: Composer, overrides: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The override lists of all cells; the task's and the study's own words fill what the user left open."""
    given = {override.get_key_element(): override for override in composer.parse(_with_axis_keep(overrides))}
    fixed = [text for key in ("task", "study") if key in given for text in _alternatives(given[key])]
    tasks = [text for text in fixed if text.startswith("task=")]
    studies = [text for text in fixed if text.startswith("study=")]
    for study in studies or [""]:
        params = _study_params(composer, study) if study else {}
        study_tasks = [f"task={name}" for name in params.get("task", "").split(",") if name]
        for task in tasks or study_tasks or [""]:
            chosen = [text for text in (task, study) if text]
            defaults = _comparison(composer, chosen)
            # The order of the product is the order in which results are wanted: seeds vary slowest, so that
            # an interrupted grid has compared all strategies on the seeds that it reached.
            rest = {**_parsed(composer, {**defaults, **params}), **given}
            order = sorted((key for key in rest if key not in ("task", "study")), key=lambda key: key != "seed")
            for combination in itertools.product(*(_alternatives(rest[key]) for key in order)):
                yield (*chosen, *combination)


def _with_axis_keep(overrides: Sequence[str]) -> list[str]:
    """`axis.keep=[1,2]` alone means the strategy `axis=keep`."""
    keys = [text.partition("=")[0] for text in overrides]
    if any(key in ("axis.keep", "axis.keep_params") for key in keys) and "axis" not in keys:
        return [*overrides, "axis=keep"]
    return list(overrides)


def _alternatives(override: Override) -> list[str]:
    """`axis=none,channel` as `axis=none` and `axis=channel`."""
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [override.input_line or f"{key}={override.get_value_element_as_str()}"]
    if not override.is_discrete_sweep():
        raise UserError(f"{key}: an interval cannot be a grid; list values or use range(). Received: {override.input_line}")
    try:
        values = list(override.sweep_string_iterator())
    except HydraException as error:
        raise UserError(f"{key}: {error}. Received: {override.input_line}") from error
    if not values:
        raise UserError(f"{key}: names no value at all. Received: {override.input_line}")
    return [f"{key}={value}" for value in values]


def _study_params(composer: Composer, study: str) -> dict[str, str]:
    probe = composer.compose([study, "architecture=seed_cnn", "axis=channel"])
    return probe.sweep


def _comparison(composer: Composer, chosen: Sequence[str]) -> dict[str, str]:
    # Any architecture will do here: only the task's node is read.
    probe = composer.compose([*chosen, "architecture=seed_cnn", "axis=channel"])
    comparison = OmegaConf.to_container(probe.config.task.comparison)
    assert isinstance(comparison, dict)
    missing = [key for key in COMPARISON_KEYS if key not in comparison]
    if missing:
        raise UserError(f"conf/task/{probe.choices['task']}.yaml: `comparison` lacks {', '.join(missing)}")
    return {key: str(comparison[key]) for key in COMPARISON_KEYS}


def _parsed(composer: Composer, params: Mapping[str, str]) -> dict[str, Override]:
    return {o.get_key_element(): o for o in composer.parse([f"{key}={value}" for key, value in params.items()])}


def _is_plain_value(composer: Composer, text: str) -> bool:
    """Whether an override only sets a value: no group, no `+` or `~`, nothing of Hydra's own."""
    key = text.partition("=")[0]
    return key[0] not in "+~" and not key.startswith("hydra.") and "@" not in key and not composer.options(key)


def _set(config: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, leaf = dotted.split(".")
    for parent in parents:
        config = config[parent]
    config[leaf] = value
