"""Hydra's own flags answer as Hydra's users expect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from omegaconf import OmegaConf

from tests.forks import Python


@pytest.fixture(scope="module")
def python() -> Iterator[Python]:
    with Python("hydra", "pandas", "rich.console", "rich.progress", "rich.table") as python:
        yield python


def test_cfg_prints_the_first_cells_config(python: Python) -> None:
    printed = python.run("-m", "harness", "run", "task=mnist", "axis=spatial,none", "train.epochs=7", "--cfg", "job")
    config = OmegaConf.create(printed)
    assert config.axis.stat_axes == ["height", "width"]
    assert config.train.epochs == 7
    # What is interpolated stays so, unless --resolve is asked for.
    assert config.task.recipe.batch_size == 32
    flags = ("--cfg", "job", "--resolve", "--package", "train")
    resolved = python.run("-m", "harness", "run", "task=mnist", *flags)
    assert "batch_size: 32" in resolved


@pytest.mark.parametrize("flags", [("--info", "defaults"), ("--info=defaults",), ("-i", "defaults")])
def test_info_tells_where_a_config_comes_from(flags: tuple[str, ...], python: Python) -> None:
    assert "task/degradation" in python.run("-m", "harness", "run", *flags, "task=degradation")


def test_hydra_help_is_hydras(python: Python) -> None:
    assert "--shell-completion" in python.run("-m", "harness", "run", "--hydra-help")


def test_a_shell_completes_verbs_groups_and_values(python: Python) -> None:
    def offered(line: str) -> list[str]:
        return python.run("-m", "harness", "-sc", "query=bash", COMP_LINE=line).split()

    assert offered("harness re") == ["reproduce", "report"]
    assert offered("harness run axis=spa") == ["axis=spatial"]
    assert "task=degradation" in offered("harness plan task=")
    assert "complete -o nospace" in python.run("-m", "harness", "-sc", "install=bash")
