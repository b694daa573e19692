from __future__ import annotations

import pytest
from synthetic import RMSE, make_record, make_study

from harness.records.frames import frame_of
from harness.statistics.comparison import comparisons, the_comparison
from harness.types import UserError


def titles(records):
    return [one.title for one in comparisons(frame_of(records))]


def test_strategies_and_seeds_stand_side_by_side():
    (found,) = comparisons(frame_of(make_study({"none": 0.9, "channel": 0.95}, seeds=3)))
    assert found.title == "mnist (embedded), lenet"
    assert found.slug == "mnist-embedded-lenet"
    assert len(found.frame) == 6


def test_sources_tasks_and_architectures_are_never_pooled():
    records = [
        make_record(source="embedded"),
        make_record(source="full"),
        make_record(architecture="mlp"),
        make_record(task="rul", measure=RMSE, source="generated"),
    ]
    assert titles(records) == [
        "mnist (embedded), lenet",
        "mnist (full), lenet",
        "mnist (embedded), mlp",
        "rul (generated), lenet",
    ]


def test_settings_that_differ_split_and_are_named():
    records = [make_record(settings={"learning_rate": rate}) for rate in (0.1, 0.001)]
    assert titles(records) == [
        "mnist (embedded), lenet, learning_rate 0.001",
        "mnist (embedded), lenet, learning_rate 0.1",
    ]


def test_what_cannot_change_an_outcome_splits_nothing():
    records = [make_record(seed=0), make_record(seed=1)]
    records[0]["config"]["engine"] = {"name": "local", "workers": 1}
    records[1]["config"]["engine"] = {"name": "ray", "workers": 8}
    records[1]["config"]["results_dir"] = "elsewhere"
    records[1]["config"]["task"]["recipe"]["learning_rate"] = 0.7
    assert titles(records) == ["mnist (embedded), lenet"]


def test_a_strategy_s_own_settings_make_strategies_not_comparisons():
    records = [
        make_record("none", strategy={"groups": None}),
        make_record("group", strategy={"groups": 4}),
        make_record("group", strategy={"groups": 8}),
    ]
    (found,) = comparisons(frame_of(records))
    assert found.frame["axis"].tolist() == ["none", "group [groups=4]", "group [groups=8]"]


def test_different_data_under_one_seed_split_but_data_drawn_by_the_seed_do_not():
    records = [make_record("none", 0), make_record("none", 1)]
    records[1]["data"]["digest"] = "e" * 64
    assert len(titles(records)) == 1
    other_scene = make_record("channel", 1)  # digest d..., where `none` met e... under the same seed
    assert len(titles([*records, other_scene])) == 2


def test_a_cell_that_failed_before_its_data_came_stays_with_its_task():
    failed = make_record("channel", 0, status="error")
    failed["data"] = {}
    (found,) = comparisons(frame_of([make_record("none", 0), failed]))
    assert found.data_source == "embedded"
    assert len(found.frame) == 2
    assert len(titles([make_record(source="full"), make_record(seed=1), failed])) == 3  # which source? not known


def test_one_comparison_is_demanded_where_one_is_needed():
    with pytest.raises(UserError, match=r"Received: \['mnist \(embedded\), lenet', 'mnist \(full\), lenet'\]"):
        the_comparison(frame_of([make_record(), make_record(source="full")]))
