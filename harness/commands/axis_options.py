"""Axes and strategies as options of a verb that composes no grid: `axis=[1,2]`, `axis=spatial`, `axis.ghost=4`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from harness.axes.strategy import AxisStrategy
from harness.types import UserError
from harness.words import in_one_line


def strategy_of(
    given: Mapping[str, str], config_dirs: Sequence[Path], *, names: Sequence[str] = ()
) -> AxisStrategy | tuple[int | str, ...]:
    """The strategy that `axis`, `param_axis` and `axis.<setting>` say; axes as such where the batch's is among them.

    Args:
        given: the options as typed.
        config_dirs: the user's own config folders, for strategies by name.
        names: of axes, which go before names of strategies.

    Raises:
        UserError: none of it can be had.
    """
    settings = {key[5:]: value_of(key, text) for key, text in given.items() if key.startswith("axis.")}
    value = _axes_typed("axis", given["axis"]) if "axis" in given else "keep"
    params = _axes_typed("param_axis", given["param_axis"]) if "param_axis" in given else None
    if params is not None and "axis" not in given:
        raise UserError(
            f"param_axis: expected axis beside it, as in axis=[1,2] param_axis=[3]. Received: {short(params)} alone"
        )
    if isinstance(value, str) and value not in ("all", *names, "batch"):
        if params is not None:
            raise UserError(f"param_axis: expected numbers or names in axis beside it. Received: axis={short(value)}")
        from harness.config.strategies import load_strategy  # with Hydra, which axes alone need not wait for

        strategy = load_strategy(value, settings, config_dirs)
        if not isinstance(strategy, AxisStrategy):
            raise UserError(f"axis={value}: expected an AxisStrategy. Received: {type(strategy).__name__}")
        return strategy
    if settings:
        key = next(iter(settings))
        raise UserError(f"axis.{key}: expected the name of a strategy with it. Received: axis={short(value)}")
    axes = _axes("axis", value)
    if params is None and {0, "batch"} & {*axes}:
        return axes
    return AxisStrategy(stat_axes=axes, param_axes=None if params is None else _axes("param_axis", params))


def value_of(key: str, text: str) -> Any:
    """A value as typed: a number, a name, or a list of them in brackets."""
    try:
        return yaml.safe_load(text) if len(text) <= 1000 else ""
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{key}: expected a value such as 1, channel or [1,2]. Received: {short(text)}") from error


def short(value: Any) -> str:
    """What was received, in a line of a message."""
    return in_one_line(str(value), 120)


def _axes_typed(key: str, text: str) -> Any:
    """A value of axes as typed; several without brackets, or in others, are refused with what would do."""
    value = value_of(key, text)
    if re.search(r"[,() ]", str(value)) and isinstance(value, (str, dict)) and (items := re.findall(r"-?\w+", text)):
        raise UserError(f"{key}: expected {key}=[{','.join(items)}]. Received: {key}={short(text)}")
    return value


def _axes(key: str, value: Any) -> tuple[int | str, ...]:
    items = value if isinstance(value, list) else [value]
    for item in items:
        if isinstance(item, bool) or not isinstance(item, (int, str)):
            raise UserError(f"{key}: expected numbers or names of axes, as in [1,2]. Received: {short(value)}")
    return tuple(items)
