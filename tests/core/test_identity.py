from __future__ import annotations

import copy
import json
import random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from harness.config.identity import canonical, cell_id, identify, outcome_config

CONFIG = {
    "seed": 0,
    "results_dir": "results/runs",
    "skip_invalid": False,
    "margin": 0.02,
    "study": "rates",
    "engine": {"_target_": "harness.engines.local.LocalEngine", "workers": 2},
    "task": {
        "name": "tiny",
        "data": {"_target_": "tiny.load_images", "examples": 200, "path": None, "source": "auto", "data_dir": None},
        "loss": {"_target_": "keras.losses.MeanSquaredError"},
        "recipe": {"epochs": 2},
        "comparison": {"axis": "none"},
    },
    "architecture": {"name": "seed_cnn", "_target_": "harness.architectures.seed_cnn.build"},
    "axis": {"name": "spatial", "_target_": "harness.axes.AxisStrategy", "stat_axes": ["height", "width"]},
    "norm": {"momentum": 0.99, "epsilon": 0.001},
    "train": {"epochs": 2, "learning_rate": 0.01, "optimizer_options": {"momentum": 0.5}, "device": "auto"},
}
IRRELEVANT = [
    ("results_dir",),
    ("skip_invalid",),
    ("margin",),
    ("study",),
    ("engine",),
    ("engine", "workers"),
    ("task", "recipe", "epochs"),
    ("task", "comparison"),
    ("task", "data", "path"),
    ("task", "data", "data_dir"),
    ("task", "data", "source"),
    ("train", "device"),
]


def identity(config=CONFIG, source="full", digest="d"):
    return identify(config, data_source=source, data_digest=digest)


def changed(path, value):
    config = copy.deepcopy(CONFIG)
    node = config
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return config


def paths(node, prefix=()):
    for key, value in node.items():
        yield (*prefix, key)
        if isinstance(value, dict):
            yield from paths(value, (*prefix, key))


RELEVANT = [
    path
    for path in paths(CONFIG)
    if not any(path[: len(other)] == other or other[: len(path)] == path for other in IRRELEVANT)
]


def test_an_identity_never_changes():
    # Records lie under it: where this value has to change, every record of everybody's becomes a stranger.
    assert identity() == "c22b4530b904ae95ebdd7598c03e37c8915f3f2d999d89ee01bdc50288516d9e"


@pytest.mark.parametrize("path", IRRELEVANT, ids=".".join)
def test_where_things_lie_and_who_runs_them_does_not_matter(path):
    assert identity(changed(path, "something else")) == identity()


@pytest.mark.parametrize("path", RELEVANT, ids=".".join)
def test_all_else_matters(path):
    assert identity(changed(path, "something else")) != identity()


def test_the_data_matter():
    assert len({identity(), identity(source="embedded"), identity(digest="e")}) == 3


def test_a_new_setting_matters():
    assert identity({**CONFIG, "note": 1}) != identity()


def shuffled(node, rng):
    if not isinstance(node, dict):
        return node
    items = [(key, shuffled(value, rng)) for key, value in node.items()]
    rng.shuffle(items)
    return dict(items)


@given(st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(rng: random.Random):
    assert identity(shuffled(CONFIG, rng)) == identity()


@given(st.integers(-(10**9), 10**9))
def test_whole_numbers_have_one_spelling(number):
    as_int, as_float = (changed(("train", "learning_rate"), kind(number)) for kind in (int, float))

    assert identity(as_int) == identity(as_float)
    inside = [changed(("axis", "stat_axes"), [kind(number)]) for kind in (int, float)]
    assert identity(inside[0]) == identity(inside[1])


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_other_numbers_are_told_apart_to_the_last_bit(a, b):
    same = identity(changed(("norm", "epsilon"), a)) == identity(changed(("norm", "epsilon"), b))
    assert same == (a == b)


def test_true_is_not_one():
    assert identity(changed(("train", "epochs"), True)) != identity(changed(("train", "epochs"), 1))


def test_the_config_itself_is_left_alone():
    before = copy.deepcopy(CONFIG)
    outcome_config(CONFIG)["task"]["data"]["examples"] = 7
    identity()

    assert before == CONFIG


def test_ids_are_readable():
    assert cell_id(CONFIG, "0123456789abcdef") == "tiny-seed_cnn-spatial-s0-0123456789ab"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_canonical_text_is_json_of_the_same_content(content):
    assert json.loads(canonical(content)) == content


def test_how_a_strategy_is_drawn_is_nothing_to_its_cells():
    drawn = {**CONFIG, "axis": {**CONFIG["axis"], "look": {"colour": "#123456", "marker": "s"}}}

    assert identify(drawn, data_source="s", data_digest="d") == identify(CONFIG, data_source="s", data_digest="d")


def test_settings_that_came_later_leave_a_cell_the_one_it_was():
    config = {"seed": 0, "task": {"data": {"_target_": "tasks.cmapss.load", "subset": "FD001"}}}

    def identity(**later):
        return identify(
            {**config, "task": {"data": {**config["task"]["data"], **later}}}, data_source="cmapss", data_digest="d"
        )

    assert identity(normalize="none", published=True) == identity() == identity(published=False)
    assert identity(normalize="regime") != identity()
