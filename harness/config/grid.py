"""From overrides to the configs of a grid's cells, in Hydra's grammar.

What a command line leaves open comes from the study's `hydra.sweeper.params`, then from the task's own
`comparison` (its default architecture, strategies and seeds).
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf

from harness.config.build import build_strategy, what_went_wrong
from harness.config.composed import Composed, leaf_keys
from harness.config.composer import Composer
from harness.config.meant import KEEP_KEYS, refuse_rounds, refuse_several
from harness.config.model_file import note_digest
from harness.config.naming import name_of_changed
from harness.config.settings import check_settings
from harness.config.sweeps import MOST_VALUES, with_members
from harness.types import UserError
from harness.words import choose_from

NAMED_GROUPS = ("task", "architecture", "axis")
COMPARISON_KEYS = ("architecture", "axis", "seed")
# A model of the user's own is compared with what it is, and keeps the settings of its layers, unless said.
FROM_FILE = "architecture=from_file"
# What studies make their paths of: it has become those when a cell is known.
DATA_ROOT = "data_root"
# There is one place for a grid's records and one engine that runs it.
ONE_FOR_THE_GRID = ("results_dir", "skip_invalid", "duplicates", "log", "engine", "margin")


def expand(composer: Composer, overrides: Sequence[str]) -> list[dict[str, Any]]:
    """The resolved and checked configs of the grid that `overrides` name, in the order in which they are wanted.

    Hydra composes once for each choice of files and settings; cells that differ in plain values alone have them set.

    Raises:
        UserError: an override that does not parse, an unknown key, group or value, or a setting out of range.
    """
    try:
        return _expand(composer, overrides)
    except UserError as error:
        raise UserError(composer.with_place(str(error), overrides)) from error


def _expand(composer: Composer, overrides: Sequence[str]) -> list[dict[str, Any]]:
    bases: dict[tuple[str, ...], _Base] = {}
    configs = []
    for cell in _few(_cells(composer, overrides)):
        for override in cell:
            if override.is_add() or override.is_force_add():
                continue
            refuse_several(override.key_or_group, override.value(), _text(override))
        values = [override for override in cell if _is_plain_value(composer, override)]
        # Cells of one base share all but the values: the texts of what is not plain, and the keys of what is.
        shared = tuple(_text(o) for o in cell if o not in values) + tuple(o.key_or_group for o in values)
        if shared not in bases:
            # The first cell's values go through Hydra's own checks (unknown keys, types).
            bases[shared] = _Base.of(composer, cell, values)
        config = bases[shared].with_values(values)
        refuse_rounds(config.get("until"), [override.key_or_group for override in cell])
        check_settings(config)
        note_digest(config)
        configs.append(config)
    for key in ONE_FOR_THE_GRID:
        other = next((config[key] for config in configs if config[key] != configs[0][key]), None)
        if other is not None:
            raise UserError(f"{key}: expected one value for the whole grid. Received: {configs[0][key]} and {other}")
    return configs


def _few(cells: Iterator[tuple[Override, ...]]) -> Iterator[tuple[Override, ...]]:
    """The same cells, up to as many as anybody runs: more are a typing error."""
    for number, cell in enumerate(cells):
        if number >= MOST_VALUES:
            raise UserError(f"expected a grid of at most {MOST_VALUES:,} cells. Received: more")
        yield cell


def first_overrides(composer: Composer, overrides: Sequence[str]) -> list[str]:
    """The overrides of the grid's first cell: what `--cfg` shows."""
    return [_text(override) for override in next(_cells(composer, overrides))]


def study_predictions(composer: Composer, study: str) -> tuple[Any, set[str]]:
    """What a study's file has under `predictions`, and where it has something, the names of its cells' settings.

    Raises:
        UserError: as `expand`.
    """
    [chosen] = composer.parse([f"study={study}"])
    others = ("architecture=seed_cnn", "axis=channel")
    probe = composer.compose([_text(chosen), *others])
    known: set[str] = set()
    if probe.predictions is not None:
        params = _by_key(composer.parse([f"{key}={value}" for key, value in probe.sweep.items()]))
        for task in _alternatives(composer, params.get("task")):
            composed = probe if task is None else composer.compose([_text(task), _text(chosen), *others])
            known |= set(leaf_keys(composed.config))
    return probe.predictions, known


@dataclass(frozen=True)
class _Base:
    """One composed config whose plain values can be set without composing again."""

    composed: Composed
    resolved: dict[str, Any]
    independent: bool
    own_axis: Mapping[str, Any]

    @staticmethod
    def of(composer: Composer, cell: Sequence[Override], values: Sequence[Override]) -> _Base:
        composed = composer.compose([_text(override) for override in cell])
        composer.note_files(composed)
        for override in cell:
            if override.key_or_group == DATA_ROOT and not composed.may_refer_to(DATA_ROOT):
                raise UserError(
                    f"{DATA_ROOT}: expected a study of real data, which names its folder in it; others take "
                    f"task.data.path. Received: {override.input_line}"
                )
        # A value that another node refers to must be set before interpolations are resolved.
        independent = not any(composed.may_refer_to(override.key_or_group) for override in values)
        resolved = composed.resolved()
        # What the strategy's file says without the overrides of its settings: others make it another strategy.
        unchanged = [override for override in cell if not override.key_or_group.startswith("axis.")]
        own = resolved
        if len(unchanged) < len(cell) and composed.choices.get("axis") != "keep":
            own = composer.compose([_text(override) for override in unchanged]).resolved()
        return _Base(composed, resolved, independent, copy.deepcopy(own.get("axis") or {}))

    def with_values(self, values: Sequence[Override]) -> dict[str, Any]:
        if self.independent:
            config = copy.deepcopy(self.resolved)
            for override in values:
                _set(config, override.key_or_group, override.value())
        else:
            for override in values:
                OmegaConf.update(self.composed.config, override.key_or_group, override.value(), merge=True)
            config = self.composed.resolved()
        return _named(config, self.composed.choices, self.own_axis)


def _named(config: dict[str, Any], choices: Mapping[str, str], own_axis: Mapping[str, Any]) -> dict[str, Any]:
    """Write into each group's node the name of the file that it came from; changed strategies spell their own."""
    config.pop(DATA_ROOT, None)
    for group in NAMED_GROUPS:
        if not isinstance(config.get(group), dict) or group not in choices:
            raise UserError(f"{group}: expected the name of a file in conf/{group}. Received: {config.get(group)}")
        config[group]["name"] = choices[group]
    axis = config["axis"]
    if choices["axis"] == "keep":
        axis["name"] = _name_of_axes(axis)
    else:
        axis["name"] = name_of_changed(choices["axis"], own_axis, axis)
        if axis["name"] != choices["axis"] and axis.get("look") == own_axis.get("look"):
            axis.pop("look", None)  # which tells the file's own strategy from others
    if config.get("study"):
        raise UserError(
            f"study={choices.get('study')}: expected a file that begins with `# @package _global_`, so that what it "
            f"sets is set. Received: {config['study']}, which would be ignored"
        )
    if "study" in choices:
        config["study"] = choices["study"]
    return config


def _name_of_axes(axis: Mapping[str, Any]) -> str:
    try:
        name: str = build_strategy({**axis, "name": ""}).name
    except Exception as error:
        raise UserError(f"axis=keep: {what_went_wrong(error, axis)}") from error
    return name


def _cells(composer: Composer, overrides: Sequence[str]) -> Iterator[tuple[Override, ...]]:
    """The overrides of each cell; the task's and the study's own words fill what the user left open."""
    given = _by_key(composer.parse(overrides))
    for group in NAMED_GROUPS:
        if group in given and given[group].is_delete():
            raise UserError(f"{group}: {choose_from('none', composer.options(group))}, as it was taken out")
    for study in _alternatives(composer, given.get("study")):
        params = _study_params(composer, study)
        for task in _alternatives(composer, given.get("task", params.get("task"))):
            chosen = [override for override in (task, study) if override is not None]
            asked = {**params, **given}
            if "axis" not in asked and any(key in asked for key in KEEP_KEYS):
                asked["axis"] = composer.parse(["axis=keep"])[0]
            rest = {**_comparison(composer, chosen, without=asked), **asked}
            if "axis" not in asked and _text(rest["architecture"]) == FROM_FILE:
                rest["axis"] = composer.parse([f"axis=as_built,{_text(rest['axis']).partition('=')[2]}"])[0]
            # The order of the product is the order in which results are wanted: seeds vary slowest, so that
            # an interrupted grid has compared all strategies on the seeds that it reached.
            order = sorted((key for key in rest if key not in ("task", "study")), key=lambda key: key != "seed")
            for combination in itertools.product(*(_alternatives(composer, rest[key]) for key in order)):
                cell = [*chosen, *(override for override in combination if override is not None)]
                if "norm" not in asked and FROM_FILE in map(_text, cell):
                    cell += composer.parse(["norm=own"])
                yield tuple(cell)


def _by_key(overrides: Sequence[Override]) -> dict[str, Override]:
    """Overrides by what they override, whichever way it is written (`x`, `+x`, `++x`); the last one holds."""
    keyed: dict[str, Override] = {}
    for override in overrides:
        key = override.key_or_group + (f"@{override.package}" if override.package else "")
        keyed[key] = override
    return keyed


def _alternatives(composer: Composer, override: Override | None) -> list[Override | None]:
    """`axis=none,channel` as `axis=none` and `axis=channel`; what is not asked for has one alternative, None."""
    if override is None or not override.is_sweep_override():
        return [override]
    key = override.get_key_element()
    if override.is_delete():
        raise UserError(f"{key}: expected one value, or none, of what is taken out. Received: {override.input_line}")
    if not override.is_discrete_sweep():
        raise UserError(
            f"{key}: an interval cannot be a grid; list values or use range(). Received: {override.input_line}"
        )
    try:
        values = list(replace(override, _value=with_members(override.value())).sweep_string_iterator())
    except (HydraException, UserError) as error:
        raise UserError(f"{key}: {error}. Received: {override.input_line}") from error
    if not values:
        raise UserError(f"{key}: names no value at all. Received: {override.input_line}")
    return list(composer.parse([f"{key}={value}" for value in values]))


def _study_params(composer: Composer, study: Override | None) -> dict[str, Override]:
    if study is None:
        return {}
    # Any architecture and strategy will do here and below: other parts of the config are read.
    probe = composer.compose([_text(study), "architecture=seed_cnn", "axis=channel"])
    return _by_key(composer.parse([f"{key}={value}" for key, value in probe.sweep.items()]))


def _comparison(composer: Composer, chosen: Sequence[Override], *, without: Mapping[str, Any]) -> dict[str, Override]:
    """The task's own words for what is open: those of `COMPARISON_KEYS` that are not among `without`."""
    wanted = [key for key in COMPARISON_KEYS if key not in without]
    if not wanted:
        return {}
    probe = composer.compose([*map(_text, chosen), "architecture=seed_cnn", "axis=channel"])
    comparison = OmegaConf.select(probe.config, "task.comparison") or {}
    for key in wanted:
        if key not in comparison and key != "seed":
            raise UserError(
                f"task {probe.choices.get('task')} names no {key} to compare by default: expected {key}=... or "
                f"`comparison` in its yaml. Received: neither"
            )
    return _by_key(composer.parse([f"{key}={comparison[key]}" for key in wanted if key in comparison]))


def _text(override: Override) -> str:
    return str(override.input_line)


def _is_plain_value(composer: Composer, override: Override) -> bool:
    """Whether an override only sets a value: no group, no `+` or `~`, nothing of Hydra's own, nothing to merge."""
    key = override.key_or_group
    changes = override.is_add() or override.is_force_add() or override.is_delete() or override.package is not None
    indexes = any(part.isdigit() for part in key.split("."))
    is_group = bool(composer.options(key))
    return not (changes or indexes or is_group or override.is_hydra_override()) and _is_literal(override.value())


def _is_literal(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_literal, value))
    if isinstance(value, str):
        return "${" not in value and value != "???"
    return value is None or isinstance(value, (int, float))


def _set(config: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, leaf = dotted.split(".")
    for parent in parents:
        config = config[parent]
    config[leaf] = value
