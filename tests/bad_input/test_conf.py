"""Every option in conf/ is checked when a grid is planned: a new one without a check fails here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from omegaconf import OmegaConf

from harness.config.composer import config_directory
from harness.config.settings import (
    CALLED,
    CLOSED,
    ELSEWHERE,
    KINDS,
    LAYER_NUMBERS,
    NUMBERS,
    OPTIONAL_NUMBERS,
    ROUND_KINDS,
    ROUND_NUMBERS,
    SOURCE_SEEDS,
    WORDS,
)
from harness.engines.options import OPTIONS
from tests.bad_input.refusing import complaint, grid_of

CONF = config_directory()
GROUPS = sorted({path.parent.name for path in CONF.glob("*/*.yaml")} - {"study"})
CHECKED = {
    *NUMBERS,
    *LAYER_NUMBERS,
    *OPTIONAL_NUMBERS,
    *SOURCE_SEEDS,
    *WORDS,
    *KINDS,
    *ROUND_NUMBERS,
    *ROUND_KINDS,
    *ELSEWHERE,
}


def options(node: Any, place: str) -> Iterator[tuple[str, Any]]:
    """The options of a node, by their dotted names: those with a value of their own."""
    for key, value in node.items():
        dotted = f"{place}.{key}" if place else str(key)
        if isinstance(value, dict) and value and dotted not in KINDS:
            yield from options(value, dotted)
        else:
            yield dotted, value


def files() -> Iterator[tuple[str, str, str, Any]]:
    """Group, file, dotted name and value of every option in conf/."""
    top = OmegaConf.to_container(OmegaConf.load(CONF / "config.yaml"))
    top.pop("defaults")
    for dotted, value in options(top, ""):
        yield "", "config", dotted, value
    for group in GROUPS:
        for path in sorted((CONF / group).glob("*.yaml")):
            content = OmegaConf.to_container(OmegaConf.load(path))
            for dotted, value in options(content, group):
                yield group, path.stem, dotted, value


ALL = list(files())
SETTINGS = sorted({dotted for _, _, dotted, _ in ALL if not any(f"{dotted}.".startswith(f"{k}.") for k in CALLED)})
ARGUMENTS = [row for row in ALL if any(row[2].startswith(f"{key}.") for key in CALLED) and "_target_" not in row[2]]


@pytest.mark.parametrize("dotted", SETTINGS)
def test_every_setting_is_declared(dotted):
    assert dotted in CHECKED


def test_every_setting_that_is_declared_is_in_conf():
    free = {"study", "task.recipe.optimizer_options"}
    assert {key for key in CHECKED - free if key not in SETTINGS and key not in CALLED} == set()
    assert {key.rpartition(".")[0] for key in SETTINGS} <= set(CLOSED)


def test_every_option_of_an_engine_is_declared():
    found = {dotted.partition(".")[2].partition(".")[0] for group, _, dotted, _ in ARGUMENTS if group == "engine"}
    assert found <= set(OPTIONS)


# An interpolation or the grammar reads them: what is wrong with one shows where it has gone.
INDIRECT = ("task.recipe", "task.comparison")
WRONG = [
    (dotted, wrong)
    for dotted in SETTINGS
    for wrong in ("{a:1}", "[[1],x]")
    if dotted.rpartition(".")[0] not in INDIRECT and (dotted, wrong) != ("train.optimizer_options", "{a:1}")
]


@pytest.mark.parametrize(("dotted", "wrong"), WRONG)
def test_a_setting_of_the_wrong_kind_is_refused(dotted, wrong, tmp_path, capsys):
    rest = ["task=tiny", "architecture=tiny", "axis=none,channel", "engine=serial"]
    if dotted.startswith("until."):
        rest.append("until=told_apart")
    else:
        rest.append("seed=0")
    said = complaint(["run", *grid_of([f"{dotted}={wrong}"], rest)], capsys, tmp_path)
    assert dotted in said


def spoilt(value: Any) -> tuple[str, str]:
    """Two values that an option with this default cannot have."""
    if isinstance(value, bool):
        return "maybe", "3"
    if isinstance(value, (int, float)):
        return "abc", "-12345"
    if isinstance(value, list):
        return "{a:1}", "[[1],{b:2}]"
    return "{a:1}", "[[1],x]"


def engine_rows() -> Iterator[tuple[str, str, str]]:
    for group, name, dotted, value in ARGUMENTS:
        if group == "engine":
            key = dotted.partition(".")[2]
            if isinstance(value, dict):
                wrong = ["3", "[a]", "{setup:abc}", "{additional_parameters:x}"]
            elif value is None and key not in ("partition",):
                wrong = ["abc", "0", "-1", "true", "[1]", "inf"]
            elif value is None:
                wrong = ["3", "''", "[a]"]
            elif isinstance(value, str):
                wrong = ["0", "-1", "1.5", "x y", "[1]", "null"]
            else:
                wrong = ["abc", "-1", "null", "[1]", "true", "1e300"]
            may_be_null = dotted == "engine.start_timeout"
            yield from ((name, dotted, one) for one in wrong if not (may_be_null and one == "null"))


@pytest.mark.parametrize(("engine", "dotted", "wrong"), list(engine_rows()))
def test_an_engines_option_of_the_wrong_kind_is_refused(engine, dotted, wrong, tmp_path, capsys):
    overrides = [f"engine={engine}", f"{dotted}={wrong}"]
    assert dotted in complaint(["plan", *grid_of(overrides)], capsys, tmp_path)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["engine=local", "+engine.worker=3"], "no such option: engine.worker"),
        (["engine=local", "+engine.worker=3"], "the nearest is workers"),
        (["engine=ray", "+engine.adress=auto"], "the nearest is address"),
        (["engine=slurm", "+engine.job=3"], "the nearest is jobs"),
        (["engine=local", "+engine._slots=3"], "no such option: engine._slots"),
        (["engine=local", "engine._target_=harness.engines.local.Local"], "harness.engines.local has no Local"),
        (["engine=local", "engine._target_=nothing.there"], "No module named 'nothing'"),
        (["engine=local", "~engine._target_"], "engine: expected a mapping whose _target_"),
        (["engine=local", "engine._target_=tiny.load_series", "~engine.workers"], "engine: "),
        (["engine=ray", "engine.address=6379"], "engine.address: expected local, auto or host:port"),
        (["engine=ray", "engine.address=':6379'"], "engine.address"),
        (["engine=ray", "engine.address='host:99999'"], "engine.address"),
        (["engine=lokal"], "the nearest is local"),
        (["engine=null"], "engine: expected one of"),
    ],
)
def test_engines_that_cannot_be(overrides, said, tmp_path, capsys):
    assert said in complaint(["plan", *grid_of(overrides)], capsys, tmp_path)


def loader_rows() -> Iterator[tuple[str, str, str]]:
    seen = set()
    for group, name, dotted, value in ARGUMENTS:
        if dotted.startswith("task.data."):
            target = OmegaConf.load(CONF / group / f"{name}.yaml").data._target_
            if (target, dotted) not in seen:
                seen.add((target, dotted))
                name = "mnist" if target == "tasks.mnist.load" else name  # of all, the one that needs no network
                yield from ((name, dotted, wrong) for wrong in spoilt(value))


@pytest.mark.parametrize(("task", "dotted", "wrong"), list(loader_rows()))
def test_a_loaders_option_of_the_wrong_kind_is_refused(task, dotted, wrong, tmp_path, capsys):
    overrides = [f"task={task}", "axis=none", "seed=0", "engine=serial", f"{dotted}={wrong}"]
    if task == "mnist" and dotted != "task.data.source":
        overrides.append("task.data.source=embedded")
    said = complaint(["plan", *overrides], capsys, tmp_path, config_dir=None)
    # Where a task is nothing without its files, these are asked for before anything else.
    assert re.search(rf"\b{dotted.rpartition('.')[2]}\b", said) or f"task={task} needs task.data.path=" in said


def built_rows() -> Iterator[tuple[str, str, str, str]]:
    for group, name, dotted, value in ARGUMENTS:
        if group in ("architecture", "axis") or dotted.startswith("task.loss."):
            yield from ((group, name, dotted, wrong) for wrong in spoilt(value) if ".look" not in dotted)


@pytest.mark.parametrize(("group", "name", "dotted", "wrong"), list(built_rows()))
def test_an_option_of_what_is_built_is_refused(group, name, dotted, wrong, tmp_path, capsys):
    series = name in ("gru", "res_cnn", "seed_lstm", "timestep", "per_timestep", "per_timestep_full")
    cubes = name.startswith("hyper")
    given = {
        "task": "tiny_series" if series else "hyperspectral" if cubes else "tiny",
        "architecture": "seed_lstm" if series else "hyper_cnn2d" if cubes else "tiny",
        "axis": "channel",
        group: name,
    }
    if name in ("mnist", "cifar10", "fashion_mnist", "kmnist"):
        given |= {"task": "mnist", "task.data.source": "embedded", "architecture": "seed_cnn"}
    argv = [f"{key}={value}" for key, value in given.items()]
    complaint(["run", *argv, "seed=0", "engine=serial", f"{dotted}={wrong}"], capsys, tmp_path)
