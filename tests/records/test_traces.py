from __future__ import annotations

import numpy as np
import pytest
from looked import SITES, make_looked_study
from synthetic import make_record, write_study

import harness
from harness.records.frames import Cells
from harness.records.traces import Traces
from harness.types import UserError


def traces_of(records):
    return Traces(records, Cells.of(records), with_settings=True)


@pytest.fixture
def records():
    return make_looked_study({"none": 0.9, "channel": 0.95}, seeds=2, epochs=3, steps=4)


def test_probes_are_a_row_a_look(records):
    probes = traces_of([*records, make_record("spatial", 0)]).probes  # a cell without probes has no row
    assert len(probes) == 4 * 4
    one = probes[probes["id"] == records[2]["id"]]
    assert one["axis"].unique().tolist() == ["channel"]
    assert one["step"].tolist() == [0, 10, 20, 30]
    assert one["beta_smoothness"].tolist() == records[2]["probes"]["beta_smoothness"]
    assert one["learning_rate"].unique().tolist() == [0.01]


def test_a_probe_that_is_not_finite_stays(records):
    records[0]["probes"]["loss_variation"][2] = "Infinity"
    assert traces_of(records).probes["loss_variation"][2] == np.inf


def test_diagnostics_are_a_row_a_site_and_epoch_with_the_site_s_own_samples(records):
    rows = traces_of(records).diagnostics  # none has no sites
    assert len(rows) == 2 * 3 * 3
    one = rows[rows["id"] == records[3]["id"]]
    assert one["site"].tolist() == [*SITES] * 3
    assert one["epoch"].tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert one["samples_per_statistic"].tolist() == [21632, 5408, 1152] * 3
    assert one["least_variance"].tolist() == [row["least_variance"] for row in records[3]["diagnostics"]]


def test_records_without_looks_give_empty_frames():
    seen = traces_of([make_record()])
    for frame in (seen.probes, seen.diagnostics):
        assert frame.empty
        assert {"axis", "seed", "id"} <= set(frame)


def test_a_results_directory_is_read(tmp_path, records):
    write_study(tmp_path, records)
    assert len(harness.load_probes(tmp_path)) == 16
    assert len(harness.load_diagnostics(tmp_path)) == 18
    for load in (harness.load_probes, harness.load_diagnostics):
        with pytest.raises(UserError, match=r"Received: path='.*nowhere'"):
            load(tmp_path / "nowhere")
