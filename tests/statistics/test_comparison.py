from __future__ import annotations

import pytest
from looked import make_looked_study
from synthetic import RMSE, comparison_of, comparisons_of, make_record, make_study

from harness.records.frames import Cells
from harness.statistics.comparison import comparisons
from harness.statistics.dials import dials_of
from harness.statistics.kept import kept
from harness.types import UserError


def titles(records):
    return [one.title for one in comparisons_of(records)]


def test_strategies_and_seeds_stand_side_by_side():
    (found,) = comparisons_of(make_study({"none": 0.9, "channel": 0.95}, seeds=3))
    assert found.title == "mnist (embedded), lenet"
    assert found.slug == "mnist-embedded-lenet"
    assert len(found.cells) == 6


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
    (found,) = comparisons_of(records)
    assert found.cells["axis"].tolist() == ["none", "group [groups=4]", "group [groups=8]"]


def test_different_data_under_one_seed_split_but_data_drawn_by_the_seed_do_not():
    records = [make_record("none", 0), make_record("none", 1)]
    records[1]["data"]["digest"] = "e" * 64
    assert len(titles(records)) == 1
    other_scene = make_record("channel", 1)  # digest d..., where `none` met e... under the same seed
    assert len(titles([*records, other_scene])) == 2


def test_data_of_two_files_are_told_apart_by_the_names_of_these():
    def of(path, digest, seed=0, axis="none"):
        record = make_record(axis, seed)
        record["config"]["task"]["data"]["path"] = path
        record["data"]["digest"] = digest * 64
        return record

    scenes = [of(f"/data/{name}_2024.mat", digest) for name, digest in (("samson", "a"), ("jasper_ridge", "b"))]
    assert titles(scenes) == [
        "mnist (embedded), lenet, data jasper_ridge_2024",
        "mnist (embedded), lenet, data samson_2024",
    ]
    (found, _) = comparisons_of(scenes)
    assert found.slug.endswith("data-jasper_ridge_2024")
    # Two files of one name, or one whose content changed: only the digests tell these apart.
    same_name = [of("/old/scene.mat", "a"), of("/new/scene.mat", "b")]
    assert titles(same_name) == [f"mnist (embedded), lenet, data_digest {digest * 12}" for digest in "ab"]


def test_a_dial_over_two_files_is_one_a_file():
    records = []
    for path, digest in (("/data/samson.mat", "a"), ("/data/jasper.mat", "b")):
        for batch_size in (4, 16):
            records.append(make_record(settings={"batch_size": batch_size}))
            records[-1]["config"]["task"]["data"]["path"] = path
            records[-1]["data"]["digest"] = digest * 64
    dials = dials_of(comparisons_of(records))
    assert [dial.title for dial in dials] == [
        "mnist (embedded), lenet, data jasper: batch size 4 to 16",
        "mnist (embedded), lenet, data samson: batch size 4 to 16",
    ]


def test_a_cell_that_failed_before_its_data_came_stays_with_its_task():
    failed = make_record("channel", 0, status="error")
    failed["data"] = {}
    (found,) = comparisons_of([make_record("none", 0), failed])
    assert found.data_source == "embedded"
    assert len(found.cells) == 2
    assert len(titles([make_record(source="full"), make_record(seed=1), failed])) == 3  # which source? not known


# --- declarations -------------------------------------------------------------------------------------------------


def test_each_task_has_its_own_metric():
    found = comparisons_of([make_record(), make_record(task="rul", measure=RMSE, value=14.0)])
    column, metric = next(one for one in found if one.task == "rul").metric()
    assert (column, metric.direction, metric.unit) == ("test_rmse", "min", "cycles")


@pytest.mark.parametrize(
    ("asked", "column", "direction"),
    [
        (None, "test_accuracy", "max"),
        ("accuracy", "test_accuracy", "max"),
        ("validation_accuracy", "validation_accuracy", "max"),
        ("test_accuracy_precise", "test_accuracy_precise", "max"),
        ("loss", "test_loss", "min"),
        ("validation_loss", "validation_loss", "min"),
    ],
)
def test_a_metric_is_found_by_name_or_column(asked, column, direction):
    found, metric = comparison_of([make_record()]).metric(asked)
    assert (found, metric.direction) == (column, direction)


def test_an_undeclared_metric_is_refused_with_the_declared_ones():
    with pytest.raises(UserError, match=r"\['accuracy', 'loss'\]\. Received: metric='f1'"):
        comparison_of([make_record()]).metric("f1")


def test_cells_without_declarations_are_refused():
    undeclared = comparison_of([make_record() | {"measures": []}])
    with pytest.raises(UserError, match=r"records declare metrics.*Received: mnist \(embedded\), lenet"):
        undeclared.metric()


# --- what was seen while cells trained ----------------------------------------------------------------------------


def test_a_comparison_has_the_epochs_probes_and_diagnostics_of_its_own_cells_by_the_names_it_knows_them_by():
    records = make_looked_study({"none": 0.9, "channel": 0.95}, seeds=2, epochs=3, steps=4)
    groups = [
        make_record("group", 0, strategy={"groups": count}, history={"epoch": [1], "train_loss": [count]})
        for count in (4, 8)
    ]
    elsewhere = make_looked_study({"channel": 0.9}, seeds=1, epochs=2, source="full")
    found = {one.data_source: one for one in comparisons_of([*records, *groups, *elsewhere])}
    here = found["embedded"]
    assert [len(rows) for rows in (here.history, here.probes, here.diagnostics)] == [4 * 3 + 2, 4 * 4, 2 * 3 * 3]
    losses = here.history.groupby("axis")["train_loss"].first()
    assert losses[["group [groups=4]", "group [groups=8]"]].tolist() == [4.0, 8.0]
    assert set(found["full"].history["id"]) == {elsewhere[0]["id"]}


def test_without_traces_nothing_was_seen():
    [found] = comparisons(Cells.of(make_looked_study({"none": 0.9}, seeds=1)))
    for rows in (found.history, found.probes, found.diagnostics):
        assert rows.empty
        assert {"axis", "seed", "id"} <= set(rows)


# --- what was computed is kept ------------------------------------------------------------------------------------


@pytest.fixture
def counted():
    """A function that a comparison keeps the results of, and the arguments of each time that it was computed."""
    calls = []

    @kept
    def scaled(comparison, factor=1.0, *, shift=0.0):
        """Sum of the accuracies."""
        calls.append((factor, shift))
        return [factor * comparison.cells["test_accuracy"].sum() + shift]

    return scaled, calls


def test_a_result_is_computed_once_and_is_the_same_for_all(counted):
    scaled, calls = counted
    comparison = comparison_of([make_record(value=0.5)])
    assert scaled(comparison, 2.0) == [1.0]
    assert scaled(comparison, 2.0) is scaled(comparison, 2.0)
    assert calls == [(2.0, 0.0)]


def test_other_arguments_comparisons_and_functions_are_kept_apart(counted):
    scaled, calls = counted
    one, other = comparison_of([make_record(value=0.5)]), comparison_of([make_record(value=0.25)])
    said = [scaled(one), scaled(one, 2.0), scaled(one, shift=1.0), scaled(one, 2.0, shift=1.0), scaled(other, 2.0)]
    assert said == [[0.5], [1.0], [1.5], [2.0], [0.5]]
    assert len(calls) == 5
    assert kept(lambda comparison, factor: factor)(one, 2.0) == 2.0
    assert scaled(one, 2.0) == [1.0]


def test_a_default_may_be_said_or_not_and_by_name_or_place(counted):
    scaled, calls = counted
    comparison = comparison_of([make_record(value=0.5)])
    assert all(
        scaled(comparison, *args, **kwargs) is scaled(comparison)
        for args, kwargs in [((1.0,), {}), ((), {"factor": 1.0}), ((1.0,), {"shift": 0.0})]
    )
    assert calls == [(1.0, 0.0)]


def test_what_fails_is_not_kept():
    calls = []

    @kept
    def fails(comparison):
        calls.append(comparison)
        raise UserError("expected more. Received: less")

    comparison = comparison_of([make_record()])
    for _ in range(2):
        with pytest.raises(UserError):
            fails(comparison)
    assert len(calls) == 2


def test_a_kept_function_keeps_its_name_and_what_it_says_of_itself(counted):
    assert (counted[0].__name__, counted[0].__doc__) == ("scaled", "Sum of the accuracies.")
