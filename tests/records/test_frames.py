from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import RMSE, make_record, write_study

from harness.cell.health import MEASURES
from harness.records.frames import FACTS, IDENTIFYING, Cells, load_results
from harness.records.traces import Traces, load_history
from harness.types import Quantity, UserError


def frame_of(records):
    return Cells.of(records).rows


def history_of(records):
    return Traces(records, Cells.of(records), with_settings=True).history


def test_one_row_a_cell_identifying_columns_first():
    frame = frame_of([make_record("none", 3, 0.91), make_record("spatial", 4, 0.88, precise=0.90)])
    assert tuple(frame.columns[:5]) == IDENTIFYING
    assert frame[["axis", "seed", "status"]].to_numpy().tolist() == [["none", 3, "ok"], ["spatial", 4, "ok"]]
    assert frame["test_accuracy"].tolist() == [0.91, 0.88]
    assert frame["test_accuracy_precise"].isna().tolist() == [True, False]
    assert frame[["learning_rate", "batch_size", "norm_position"]].iloc[0].tolist() == [0.01, 32, "before"]


def test_samples_per_statistic_is_the_least_over_the_sites():
    frame = frame_of([make_record("elementwise"), make_record("none")])
    assert frame["samples_per_statistic"].iloc[0] == 32  # the other site has 128
    assert np.isnan(frame["samples_per_statistic"].iloc[1])


def test_leaves_that_share_a_name_go_by_their_paths():
    record = make_record()
    record["config"]["train"]["optimizer_options"] = {"momentum": 0.8}
    record["config"]["train"]["seconds"] = 60  # would hide the column of facts
    frame = frame_of([record])
    assert frame["norm.momentum"].tolist() == [0.99]
    assert frame["train.optimizer_options.momentum"].tolist() == [0.8]
    assert "momentum" not in frame
    assert frame["train.seconds"].tolist() == [60]
    assert frame["seconds"].tolist() == [12.5]


def test_a_task_s_recipe_is_not_taken_for_the_setting_that_was_used():
    frame = frame_of([make_record()])  # recipe.learning_rate is 0.5
    assert frame["learning_rate"].tolist() == [0.01]
    assert not [column for column in frame if "recipe" in column or "_target_" in column]


def test_lists_become_tuples_so_that_rows_can_be_grouped():
    frame = frame_of([make_record("channel"), make_record("spatial")])
    assert sorted(frame.groupby("axis.stat_axes").groups) == [("channel",), ("spatial",)]


def test_numbers_that_are_not_finite_are_read_as_such():
    frame = frame_of([make_record(value=float("nan"), precise=float("inf"), status="diverged")])
    assert np.isnan(frame["test_accuracy"].iloc[0])
    assert frame["test_accuracy_precise"].iloc[0] == np.inf


def test_a_cell_that_ended_without_training_is_a_row_with_missing_numbers():
    frame = frame_of([make_record("none", 0, 0.9), make_record("channel", 0, status="error")])
    failed = frame.iloc[1]
    assert failed["status"] == "error"
    assert failed["reason"] == "error for the test"
    assert np.isnan(failed["test_accuracy"])
    assert np.isnan(failed["parameters"])


def test_no_records_give_an_empty_frame_with_the_columns():
    frame = frame_of([])
    assert frame.shape == (0, len(IDENTIFYING) + len(FACTS))
    assert history_of([]).shape[0] == 0
    assert "epoch" in history_of([])


def test_history_has_a_row_a_cell_and_epoch():
    long = make_record("none", 0, history={"epoch": [1, 2, 3], "train_loss": [2.0, 1.0, "NaN"]})
    short = make_record("channel", 1, history={"epoch": [1], "train_loss": [1.5], "validation_loss": [1.7]})
    untrained = make_record("channel", 2, status="error")
    history = history_of([long, untrained, short])
    assert history[["axis", "seed", "epoch"]].to_numpy().tolist() == [
        ["none", 0, 1],
        ["none", 0, 2],
        ["none", 0, 3],
        ["channel", 1, 1],
    ]
    assert history["train_loss"].tolist()[:2] == [2.0, 1.0]
    assert np.isnan(history["train_loss"].iloc[2])
    assert history["validation_loss"].isna().tolist() == [True, True, True, False]
    assert history["learning_rate"].tolist() == [0.01] * 4
    assert history["epoch"].dtype == np.int64


def test_load_reads_what_records_wrote(tmp_path):
    record = make_record("spatial", 1, 0.93, history={"epoch": [1, 2], "train_loss": [1.0, float("nan")]})
    write_study(tmp_path, [record])
    (path,) = (tmp_path / "records").glob("*.json")
    frame, history = load_results(tmp_path), load_history(str(tmp_path))
    assert frame[["axis", "test_accuracy", "path", "stale"]].to_numpy().tolist() == [["spatial", 0.93, str(path), True]]
    assert history["epoch"].tolist() == [1, 2]


def test_a_path_that_is_no_directory_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"results directory.*Received: path='.*nowhere'"):
        load_results(tmp_path / "nowhere")


def test_what_is_declared_stands_beside_the_rows():
    moved = {"name": "moved_2", "meaning": "Images are moved.", "unit": "pixels"}
    look = {"colour": "#0072B2", "marker": "o"}
    records = [
        make_record("channel", shifts=[moved], strategy={"look": look}),
        make_record("none", task="rul", measure=RMSE),
    ]
    cells = Cells.of(records)
    assert cells.metrics == {
        "mnist": (Quantity(name="accuracy", direction="max", low=0.0, high=1.0),),
        "rul": (Quantity(name="rmse", direction="min", unit="cycles", low=0.0, high=float("inf")),),
    }
    assert cells.shifts == {"moved_2": moved}
    assert cells.looks == {"channel": look}
    assert cells.settings["learning_rate"] == "train.learning_rate"
    assert cells.settings["axis.stat_axes"] == "axis.stat_axes"
    # How a strategy is drawn is no setting, and nothing rides along with a frame unseen.
    assert not [name for name in (*cells.settings, *cells.rows) if "look" in name or "colour" in name]
    assert cells.rows.attrs == {}


def test_the_settings_are_beside_epochs_only_where_they_are_asked_for():
    records = [make_record(history={"epoch": [1], "train_loss": [2.0]})]
    lean, full = (Traces(records, Cells.of(records), with_settings=one).history for one in (False, True))
    assert set(full) - set(lean) == set(Cells.of(records).settings)
    pd.testing.assert_frame_equal(full[lean.columns], lean)


@pytest.mark.parametrize(
    ("modules", "without"),
    [
        # What a table or a figure needs starts fast: scipy.stats and statsmodels alone take a second.
        (
            [
                *("records.frames", "report.sheet", "report.panels", "report.bands", "statistics.summary"),
                *("report.study", "report.answers.reached", "report.answers.learning"),
            ],
            ["scipy.stats", "statsmodels"],
        ),
        (["report.report", "report.notebook", "statistics.power"], []),
    ],
)
def test_the_analysis_imports_neither_tensorflow_nor_keras_nor_pyplot(modules, without):
    without = ["tensorflow", "keras", "matplotlib.pyplot", *without]
    imports = ", ".join(f"harness.{module}" for module in modules)
    code = f"import sys, {imports}; print([name for name in {without} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


def test_every_column_is_documented_with_its_dtype():
    """docs/records.md against what a frame has: the facts, the measures of a cell, and their kinds of numbers."""
    text = (Path(__file__).parents[2] / "docs" / "records.md").read_text(encoding="utf-8")
    table = text.partition("The columns of `load_results`")[2]
    dtypes = {
        column: cells[1]
        for cells in ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
        if len(cells) == 4
        for column in re.findall(r"`([a-z_]+)`", cells[0])
    }
    frame = Cells.of([make_record("channel", seed) for seed in range(2)]).rows

    assert {*IDENTIFYING, *FACTS} <= dtypes.keys()
    assert {measure.name for measure in MEASURES} <= dtypes.keys()
    kinds = {"str": "OUT", "int64": "iuf", "float64": "f", "bool": "b"}
    full = [column for column in (*IDENTIFYING, *FACTS) if frame[column].notna().all()]
    wrong = {column: frame[column].dtype for column in full if frame[column].dtype.kind not in kinds[dtypes[column]]}
    assert wrong == {}


def test_no_column_is_a_bare_word_of_a_section_that_says_what_it_is_of():
    config = {"probe": {"every": 2, "kind": "x"}, "until": {"first": 5, "most": 9}, "train": {"epochs": 3}}
    columns = Cells.of([{**make_record(), "config": config}]).rows.columns

    assert {"probe.every", "probe.kind", "until.first", "until.most", "epochs"} <= set(columns)
    assert not {"every", "first", "most", "kind"} & set(columns)
