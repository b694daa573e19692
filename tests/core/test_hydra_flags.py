"""Hydra's own flags answer as Hydra's users expect."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

ROOT = Path(__file__).resolve().parents[2]


def harness(*arguments: str, **environment: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout


def test_cfg_prints_the_first_cells_config() -> None:
    config = OmegaConf.create(harness("run", "task=mnist", "axis=spatial,none", "train.epochs=7", "--cfg", "job"))
    assert config.axis.stat_axes == ["height", "width"]
    assert config.train.epochs == 7
    # What is interpolated stays so, unless --resolve is asked for.
    assert config.task.recipe.batch_size == 32
    resolved = harness("run", "task=mnist", "--cfg", "job", "--resolve", "--package", "train")
    assert "batch_size: 32" in resolved


@pytest.mark.parametrize("flags", [("--info", "defaults"), ("--info=defaults",), ("-i", "defaults")])
def test_info_tells_where_a_config_comes_from(flags: tuple[str, ...]) -> None:
    assert "task/degradation" in harness("run", *flags, "task=degradation")


def test_hydra_help_is_hydras() -> None:
    assert "--shell-completion" in harness("run", "--hydra-help")


def test_a_shell_completes_verbs_groups_and_values() -> None:
    def offered(line: str) -> list[str]:
        return harness("-sc", "query=bash", COMP_LINE=line).split()

    assert offered("harness re") == ["report", "reproduce"]
    assert offered("harness run axis=spa") == ["axis=spatial"]
    assert "task=degradation" in offered("harness plan task=")
    assert "complete -o nospace" in harness("-sc", "install=bash")
