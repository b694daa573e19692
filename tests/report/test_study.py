"""A published study is complete in itself, is known by what its records say, and says what it lacks."""

from __future__ import annotations

import copy

import pytest
from publications import publish, run_into
from synthetic import make_record, make_study, write_study

from harness import load_results
from harness.records.grids import Grid
from harness.records.schema import EMPTY
from harness.records.store import read_records
from harness.report.stamp import digest_records
from harness.report.study import Study, published_studies
from harness.types import UserError


def test_a_published_study_is_read_without_the_files_that_it_was_made_of(published, records):
    folder = published / "digits"

    assert {path.name for path in folder.iterdir()} == {"records.parquet", "grids", "made.json"}
    assert len(load_results(folder)) == len(records) == 18
    study = Study.open_published(folder)
    assert study.missing == []
    assert study.completeness.startswith("18 of 18 planned cells")
    assert study.command == "python -m harness publish study=digits"
    assert len(study.machines) == 1


def test_the_digest_is_of_what_records_say_and_of_nothing_else(records):
    digest = digest_records(records)
    elsewhere = [{**record, "path": "elsewhere", "stale": True} for record in reversed(records)]
    other = copy.deepcopy(records)
    other[3]["metrics"]["test_accuracy"] += 1e-12

    assert digest_records(elsewhere) == digest
    assert digest_records(other) != digest
    assert digest_records(records[1:]) != digest


def test_cells_without_a_record_are_missed(tmp_path, records):
    run_into(tmp_path / "work", records, planned=["never-run-s0", "never-run-s1"])
    publish(tmp_path / "work", tmp_path / "digits")
    stamp = Study.open_published(tmp_path / "digits").stamp

    assert stamp.completeness == "18 of 20 planned cells have a record: 18 ok; 2 missing."
    assert stamp.completeness in stamp.to_markdown()


def test_a_stamp_says_by_what_the_records_were_made(published, records):
    stamp = Study.open_published(published / "digits").stamp

    assert stamp.digest == digest_records([{**EMPTY, **record} for record in records])
    assert f"**digits**: 18 of 18 planned cells have a record: 18 ok. Records `sha256 {stamp.digest[:16]}`" in str(
        stamp
    )
    assert str(stamp).endswith("computed by code cccccccc, keras 3.15.0, Python 3.11.4, on cpu.")


def test_what_earlier_code_made_is_stale_whatever_is_installed(tmp_path, records):
    for number, record in enumerate(records):
        late = number >= 2
        record["provenance"] |= {
            "source": ("b" if late else "a") * 64,
            "finished": f"2026-0{2 if late else 1}-01T00:00:00+00:00",
        }
    run_into(tmp_path / "work", records)
    publish(tmp_path / "work", tmp_path / "digits")
    study = Study.open_published(tmp_path / "digits")

    assert study.cells.rows.loc[study.cells.rows["stale"], "id"].tolist() == sorted(
        record["id"] for record in records[:2]
    )
    assert "18 ok. 2 of them by earlier code or versions than others" in str(study.stamp)
    assert "code aaaaaaaa and bbbbbbbb" in str(study.stamp)
    # Neither code is the one that is installed, for which all of them are.
    assert all(record["stale"] for record in read_records(tmp_path / "digits"))


def test_a_cell_that_died_has_no_provenance_and_is_counted(tmp_path, records):
    died = make_record("spatial", 9, status="oom") | {"provenance": {}}
    run_into(tmp_path / "work", [*records, died])
    publish(tmp_path / "work", tmp_path / "digits")

    assert "19 of 19 planned cells have a record: 18 ok, 1 oom." in str(Study.open_published(tmp_path / "digits").stamp)


def test_a_comparison_is_found_by_its_settings(tmp_path):
    rates = [
        make_study({"none": 0.9, "channel": 0.95}, seeds=3, settings={"learning_rate": one}) for one in (0.1, 0.01)
    ]
    run_into(tmp_path / "work", [record for rate in rates for record in rate])
    publish(tmp_path / "work", tmp_path / "digits")
    study = Study.open_published(tmp_path / "digits")

    assert study.where(learning_rate=0.01).cells["learning_rate"].unique().tolist() == [0.01]
    with pytest.raises(UserError, match=r"learning_rate 0.01; .* Received: learning_rate=0.3"):
        study.where(learning_rate=0.3)
    with pytest.raises(UserError, match="Received: nothing"):
        study.where()


def test_a_dial_is_found_by_its_setting(tmp_path):
    records = [
        record
        for rate, size in ((0.1, 8), (0.01, 8), (0.1, 32))
        for record in make_study({"none": 0.9}, seeds=2, settings={"learning_rate": rate, "batch_size": size})
    ]
    study = Study(tmp_path, records)

    assert study.dial("learning_rate").values == (0.01, 0.1)
    assert study.dial("batch_size").values == (8, 32)
    with pytest.raises(UserError, match=r"learning rate 0\.01 to 0\.1; .* Received: epochs"):
        study.dial("epochs")
    both = make_record("none", 0, settings={"learning_rate": 0.01, "batch_size": 32})
    with pytest.raises(UserError, match=r"batch_size 8: learning rate .*; .* Received: learning_rate"):
        Study(tmp_path, [*records, both]).dial("learning_rate")
    with pytest.raises(UserError, match=r"nothing, as no setting takes several values\. Received: learning_rate"):
        Study(tmp_path, records[:2]).dial("learning_rate")


def test_completeness(tmp_path):
    records = [make_record("none", seed, 0.9) for seed in range(3)]
    records += [make_record("channel", 0, status="diverged"), make_record("channel", 1, 0.9, stale=True)]
    planned = (*(record["id"] for record in records), "never-run-s0", "never-run-s1")
    study = Study(tmp_path, records, [Grid("run", planned, "")])
    assert study.missing == ["never-run-s0", "never-run-s1"]
    assert study.completeness == (
        "5 of 7 planned cells have a record: 4 ok, 1 diverged; 2 missing; "
        "1 stale: made by other code or versions than are installed here."
    )


def test_a_folder_of_results_is_opened_with_or_without_records(tmp_path, records):
    write_study(tmp_path / "work", records[:3])
    (tmp_path / "empty").mkdir()

    assert len(Study.open(tmp_path / "work").cells.rows) == 3
    # No grid was begun: what is there is all that was asked for. Of a folder of results, what is stale is stale here.
    assert Study.open(tmp_path / "work").completeness == (
        "3 of 3 planned cells have a record: 3 ok; 3 stale: made by other code or versions than are installed here."
    )
    assert Study.open(tmp_path / "empty").comparisons == []
    with pytest.raises(UserError, match=r"results_dir: expected a folder .* Received: .*nowhere"):
        Study.open(tmp_path / "nowhere")


def test_a_study_that_is_not_published_is_named_with_the_nearest(published):
    with pytest.raises(UserError, match=r"the nearest is digits\. Received: digit"):
        Study.open_published(published / "digit")
    with pytest.raises(UserError, match=r"Received: .*nowhere/digits"):
        Study.open_published(published / "nowhere" / "digits")


def test_what_is_published_is_listed(published):
    assert published_studies(published) == ["digits"]
    assert published_studies(published / "nowhere") == []
