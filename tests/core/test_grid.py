from __future__ import annotations

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from harness.config.composer import hydra_session
from harness.config.grid import _named, expand, first_overrides
from harness.config.settings import check_settings
from harness.types import UserError


def axes(configs):
    return [config["axis"]["name"] for config in configs]


def test_a_bare_task_expands_to_its_own_comparison_with_seeds_slowest(configs):
    cells = [(c["seed"], c["architecture"]["name"], c["axis"]["name"]) for c in configs("task=tiny")]

    assert cells == [(0, "tiny", "none"), (0, "tiny", "rows"), (1, "tiny", "none"), (1, "tiny", "rows")]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("axis=none,channel", ["none", "channel"]),
        ("axis=channel,none", ["channel", "none"]),
        ("axis=choice(none,spatial)", ["none", "spatial"]),
        ("axis=glob(per_timestep*)", ["per_timestep", "per_timestep_full"]),
        ("axis=glob([row*,colu*])", ["columns", "rows"]),
        ("axis='none'", ["none"]),
        ("axis.keep=[1,2]", ["keep_1_2"]),
        ("axis.keep='[1,2]'", None),
        ("axis.keep=[1],[1,2]", ["keep_1", "keep_1_2"]),
        ("axis.keep=[height,channel]", ["keep_height_channel"]),
        ("axis.keep=[]", ["keep_nothing"]),
        ("axis=rows", ["rows"]),
        ("axis=columns", ["columns"]),
    ],
)
def test_hydras_grammar_for_strategies(configs, text, names):
    if names is None:
        # A quoted list is a word, as Hydra has it; there is no axis of that name at any site.
        [config] = configs(text, "seed=0")
        assert config["axis"]["keep"] == "[1,2]"
    else:
        assert axes(configs(text, "seed=0")) == names


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("seed=range(3)", [0, 1, 2]),
        ("seed=range(4,8,2)", [4, 6]),
        ("seed=5", [5]),
        ("seed=3,1,2", [3, 1, 2]),
        ("++seed=9", [9]),
        ("seed=sort(3,1,2)", [1, 2, 3]),
    ],
)
def test_hydras_grammar_for_seeds(configs, text, seeds):
    assert [config["seed"] for config in configs("axis=none", text)] == seeds


def test_glob_names_every_file_ours_and_the_users(composer, configs):
    found = axes(configs("axis=glob(*)", "seed=0"))

    assert len(found) == len(composer.options("axis"))
    assert {"rows", "columns", "channel", "none"} <= set(found)


def test_new_keys_are_added_and_old_ones_deleted(configs):
    [config] = configs("axis=none", "seed=0", "+train.optimizer_options.momentum=1", "~task.data.scale")

    assert config["train"]["optimizer_options"] == {"momentum": 1}
    assert "scale" not in config["task"]["data"]


def test_a_sweep_over_added_mappings_merges_none_into_the_next(configs):
    found = configs("axis=none", "seed=0", "+train.optimizer_options={momentum:0.9},{nesterov:true}")

    assert [config["train"]["optimizer_options"] for config in found] == [{"momentum": 0.9}, {"nesterov": True}]


def test_a_study_fills_what_the_command_line_leaves_open_and_the_task_the_rest(configs):
    found = configs("study=rates")
    assert [(c["seed"], c["axis"]["name"], c["train"]["learning_rate"]) for c in found] == [
        (7, *pair) for pair in itertools.product(["none", "channel"], [0.1, 0.01])
    ]
    assert {c["architecture"]["name"] for c in found} == {"tiny"}  # of the task's comparison
    assert {(c["train"]["epochs"], c["skip_invalid"], c["study"]) for c in found} == {(5, True, "rates")}

    found = configs("study=rates", "axis=spatial", "++train.learning_rate=1", "train.epochs=6", "skip_invalid=false")
    assert [(c["seed"], c["axis"]["name"], c["train"]["learning_rate"]) for c in found] == [(7, "spatial", 1)]
    assert [(c["train"]["epochs"], c["skip_invalid"]) for c in found] == [(6, False)]


def test_a_study_may_name_raw_axes(configs):
    assert axes(configs("study=kept")) == ["keep_1", "keep_1_2"]


def test_without_a_study_the_config_names_none(configs):
    assert "study" not in configs("axis=none", "seed=0")[0]


def test_a_task_without_a_comparison_asks_for_what_it_lacks(configs):
    with pytest.raises(UserError, match="names no axis"):
        configs("task=tiny_silent", "architecture=tiny")

    [config] = configs("task=tiny_silent", "architecture=tiny", "axis=none")
    assert config["seed"] == 0


def test_the_recipe_can_be_overridden_at_either_end(configs):
    found = configs("axis=none", "seed=0,1", "task.recipe.batch_size=5,10")
    assert [(c["seed"], c["train"]["batch_size"]) for c in found] == [(0, 5), (0, 10), (1, 5), (1, 10)]

    found = configs("axis=none", "seed=0", "train.batch_size=5,10")
    assert [c["train"]["batch_size"] for c in found] == [5, 10]
    assert [c["task"]["recipe"]["batch_size"] for c in found] == [20, 20]


def test_values_may_refer_to_other_settings(configs):
    steps = "+train.optimizer_options.steps=[1,${train.epochs}]"
    found = configs("axis=none", "seed=3,4", "train.epochs=${seed}", steps)

    assert [(c["seed"], c["train"]["epochs"]) for c in found] == [(3, 3), (4, 4)]
    assert [c["train"]["optimizer_options"] for c in found] == [{"steps": [1, 3]}, {"steps": [1, 4]}]


def test_a_reference_to_a_whole_node_follows_what_is_in_it(configs):
    found = configs("axis=none", "seed=0", "+train.optimizer_options.list=[${task.data}]", "task.data.examples=100,150")

    assert [c["train"]["optimizer_options"]["list"][0]["examples"] for c in found] == [100, 150]


def test_whole_numbers_may_be_spelt_as_real_ones(configs):
    [config] = configs("axis=none", "seed=0", "train.learning_rate=1", "train.epochs=3.0")

    assert type(config["train"]["learning_rate"]) is float
    assert type(config["train"]["epochs"]) is int


VALUES = {
    "seed": st.integers(0, 10**6),
    "train.epochs": st.integers(1, 50),
    "train.batch_size": st.integers(1, 64),
    "task.recipe.batch_size": st.integers(1, 64),
    "task.recipe.optimizer": st.sampled_from(["sgd", "adam"]),
    "train.learning_rate": st.sampled_from(["0.1", "1", "1e-4", "${task.recipe.learning_rate}"]),
    "task.data.path": st.sampled_from(["null", "'a b'", "x/y.mat", "'1'"]),
    "task.data.examples": st.integers(50, 300),
    "axis": st.sampled_from(["none", "channel", "keep", "rows"]),
    "norm.momentum": st.sampled_from(["0.9", "0", "${train.learning_rate}"]),
    "+train.optimizer_options.value": st.sampled_from(["1", "[1,2]", "{a:1}", "${norm.momentum}", "'${seed}'"]),
    "++train.threads": st.integers(1, 4),
}


@settings(max_examples=4, deadline=None, derandomize=True)
@given(st.data())
def test_setting_values_gives_the_same_as_composing_every_cell(composer, data):
    compare_with_composing_every_cell(composer, data)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_setting_values_gives_the_same_as_composing_every_cell_in_many_grids(composer, data):
    compare_with_composing_every_cell(composer, data)


def compare_with_composing_every_cell(composer, data):
    keys = data.draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4, unique=True))
    grid = {key: data.draw(st.lists(VALUES[key], min_size=1, max_size=2)) for key in keys}
    base = {"task": ["tiny"], "architecture": ["tiny"], "axis": ["none"], "seed": [0]} | grid
    rest = [key for key in base if key != "seed"]

    found = expand(composer, [f"{key}={','.join(map(str, values))}" for key, values in base.items()])

    expected = []
    for seed in base["seed"]:
        for combination in itertools.product(*(base[key] for key in rest)):
            texts = [f"{key}={value}" for key, value in zip(rest, combination, strict=True)]
            composed = composer.compose([*texts, f"seed={seed}"])
            config = composed.resolved()
            config = _named(config, composed.choices, dict(config["axis"]))
            check_settings(config)
            expected.append(config)
    assert found == expected


def test_the_first_cell_stands_for_the_grid(composer):
    texts = first_overrides(composer, ["task=tiny", "axis=spatial,none", "seed=range(3)"])

    assert set(texts) == {"task=tiny", "architecture=tiny", "axis=spatial", "seed=0"}


def test_folders_of_the_users_that_do_not_exist_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"--config-dir.*nowhere"), hydra_session([tmp_path / "nowhere"]):
        pass


def test_a_logarithmic_grid_has_equal_ratios_and_both_ends(configs):
    grid = configs("axis=none", "seed=0", "train.learning_rate=log(1e-4,1e-1,7)")
    rates = [config["train"]["learning_rate"] for config in grid]
    assert rates == [0.0001, 0.000316228, 0.001, 0.00316228, 0.01, 0.0316228, 0.1]


@pytest.mark.parametrize("bounds", ["0,1,3", "1,0.1,3", "0.1,1,1", "-1,1,3"])
def test_a_logarithmic_grid_that_cannot_be_is_refused(configs, bounds):
    with pytest.raises(UserError, match=r"expected 0 < low < high and a count of at least 2"):
        configs("axis=none", "seed=0", f"train.learning_rate=log({bounds})")
