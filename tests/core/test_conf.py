"""What every yaml file in conf/ keeps to; a new file is tested by being there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from harness.config.composer import Composer, config_directory, hydra_session
from harness.config.settings import check_settings

FILES = sorted(config_directory().glob("*/*.yaml"))
COMPARED = {"task": "mnist", "architecture": "seed_cnn", "axis": "channel"}

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")


@pytest.fixture(scope="module")
def composer():
    with hydra_session() as composer:
        yield composer


def test_the_groups_are_those_of_the_design():
    assert {"task", "architecture", "axis", "norm", "train", "engine"} <= {path.parent.name for path in FILES}


@every_file
def test_it_begins_with_a_comment(path):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line != "# @package _global_"]

    assert lines[0].startswith("# ")
    assert len(lines[0]) > 20
    assert all(len(line) <= 140 for line in lines)


@every_file
def test_it_composes_to_settings_that_pass(composer: Composer, path):
    group = path.parent.name
    choices = {**COMPARED, group: path.stem}
    if choices.get("norm") == "own":  # of a model in a file
        choices["architecture"] = "from_file"
    config = composer.compose([f"{key}={value}" for key, value in choices.items()]).resolved()

    check_settings(config)
    if group != "study":
        assert set(OmegaConf.to_container(OmegaConf.load(path)) or {}) <= set(config[group])


@every_file
def test_what_it_would_call_exists(path):
    root = config_directory().parent
    for target in targets(OmegaConf.to_container(OmegaConf.load(path))):
        module, _, name = target.rpartition(".")
        if module.split(".")[0] not in ("harness", "tasks"):
            continue
        places = [root / f"{module.replace('.', '/')}.py", root / module.replace(".", "/") / "__init__.py"]
        source = next(place for place in places if place.is_file()).read_text(encoding="utf-8")
        tree = ast.parse(source)
        defined = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        assert name in defined or f'"{name}"' in source  # or looked up on demand, by a table of names


def targets(node):
    if isinstance(node, dict):
        for key, value in node.items():
            yield from [value] if key == "_target_" else targets(value)
    elif isinstance(node, list):
        for item in node:
            yield from targets(item)


@pytest.mark.parametrize("path", [path for path in FILES if path.parent.name == "task"], ids=lambda path: path.stem)
def test_a_task_compares_files_that_exist(composer: Composer, path):
    comparison = OmegaConf.to_container(OmegaConf.load(path))["comparison"]

    assert comparison["architecture"] in composer.options("architecture")
    assert set(comparison["axis"].split(",")) <= set(composer.options("axis"))
    assert "none" in comparison["axis"].split(",")  # the baseline
    recipe = OmegaConf.to_container(OmegaConf.load(path))["recipe"]
    assert set(recipe) == {"epochs", "batch_size", "learning_rate", "optimizer"}


def test_config_yaml_has_no_group_without_files():
    defaults = OmegaConf.load(config_directory() / "config.yaml").defaults
    groups = {next(iter(entry)) for entry in defaults if not isinstance(entry, str)}

    assert groups - {"study"} == {path.parent.name for path in FILES} - {"study"}


def test_the_folder_is_found_beside_the_package():
    assert config_directory() == Path(__file__).parents[2] / "conf"
