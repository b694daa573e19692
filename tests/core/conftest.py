"""Cells of the tiny task, as a command line would make them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.cell.cell import Cell
from harness.cell.data import load_task, summarize
from harness.config.composer import Composer, hydra_session
from harness.config.grid import expand
from harness.config.identity import cell_id, identify

CONF = Path(__file__).parent / "own" / "conf"

Configs = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def composer() -> Iterator[Composer]:
    with hydra_session([CONF]) as composer:
        yield composer


@pytest.fixture(scope="module")
def configs(composer: Composer) -> Configs:
    """`configs("axis=none", ...)`: the configs of a grid on the tiny task unless another is named."""

    def of(*overrides: str) -> list[dict[str, Any]]:
        named = any(text.startswith(("task=", "study=")) for text in overrides)
        return expand(composer, [*([] if named else ["task=tiny"]), *overrides])

    return of


@pytest.fixture(scope="module")
def cell(configs: Configs) -> Callable[..., Cell]:
    """`cell("axis=none", "seed=0")`: the one planned cell that the overrides name."""

    def of(*overrides: str) -> Cell:
        [config] = configs(*overrides)
        return cell_of(config)

    return of


def cell_of(config: dict[str, Any]) -> Cell:
    data = summarize(load_task(config["task"]["data"]))
    identity = identify(config, data_source=data["source"], data_digest=data["digest"])
    return Cell(cell_id(config, identity), identity, config, data)
