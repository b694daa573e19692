from __future__ import annotations

import numpy as np
import pytest
from looked import SITES, make_looked_study
from synthetic import make_record

import harness
from harness.records.frames import diagnostics_of, probes_of
from harness.records.store import prepare_results_dir, write_record
from harness.types import UserError


@pytest.fixture
def records():
    return make_looked_study({"none": 0.9, "channel": 0.95}, seeds=2, epochs=3, steps=4)


def test_probes_are_a_row_a_look(records):
    probes = probes_of([*records, make_record("spatial", 0)])  # a cell without probes has no row
    assert len(probes) == 4 * 4
    one = probes[probes["id"] == records[2]["id"]]
    assert one["axis"].unique().tolist() == ["channel"]
    assert one["step"].tolist() == [0, 10, 20, 30]
    assert one["beta_smoothness"].tolist() == records[2]["probes"]["beta_smoothness"]
    assert one["learning_rate"].unique().tolist() == [0.01]


def test_a_probe_that_is_not_finite_stays(records):
    records[0]["probes"]["loss_variation"][2] = "Infinity"
    assert probes_of(records)["loss_variation"][2] == np.inf


def test_diagnostics_are_a_row_a_site_and_epoch_with_the_site_s_own_samples(records):
    rows = diagnostics_of(records)  # none has no sites
    assert len(rows) == 2 * 3 * 3
    one = rows[rows["id"] == records[3]["id"]]
    assert one["site"].tolist() == [*SITES] * 3
    assert one["epoch"].tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert one["samples_per_statistic"].tolist() == [21632, 5408, 1152] * 3
    assert one["least_variance"].tolist() == [row["least_variance"] for row in records[3]["diagnostics"]]


def test_records_without_looks_give_empty_frames():
    for frame in (probes_of([make_record()]), diagnostics_of([make_record()])):
        assert frame.empty
        assert {"axis", "seed", "id"} <= set(frame)


def test_a_results_directory_is_read(tmp_path, records):
    prepare_results_dir(tmp_path)
    for record in records:
        write_record(tmp_path, {key: value for key, value in record.items() if key not in ("stale", "path")})
    assert len(harness.load_probes(tmp_path)) == 16
    assert len(harness.load_diagnostics(tmp_path)) == 18
    for load in (harness.load_probes, harness.load_diagnostics):
        with pytest.raises(UserError, match=r"Received: path='.*nowhere'"):
            load(tmp_path / "nowhere")
