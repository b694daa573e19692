"""A published study is complete in itself, is known by what its records say, and says what it lacks."""

from __future__ import annotations

import copy
import json

import pytest
from publications import publish, run_into
from synthetic import make_record, make_study

from harness import load_results
from harness.commands.publish.records import command_of, gather, machines_of
from harness.records.store import read_records
from harness.reference import digest_records, open_study, published_studies
from harness.types import UserError


def test_a_published_study_is_read_without_the_files_that_it_was_made_of(published, records):
    folder = published / "digits"

    assert {path.name for path in folder.iterdir()} == {"records.parquet", "grids", "made.json"}
    assert len(load_results(folder)) == len(records) == 18
    assert open_study(folder).planned == 18
    assert command_of(folder) == "python -m harness publish study=digits"
    assert len(machines_of(folder)) == 1


def test_the_digest_is_of_what_records_say_and_of_nothing_else(records):
    digest = digest_records(records)
    elsewhere = [{**record, "path": "elsewhere", "stale": True} for record in reversed(records)]
    other = copy.deepcopy(records)
    other[3]["metrics"]["test_accuracy"] += 1e-12

    assert digest_records(elsewhere) == digest
    assert digest_records(other) != digest
    assert digest_records(records[1:]) != digest


def test_the_same_records_give_the_same_archive(tmp_path, records, published):
    run_into(tmp_path / "later", records)
    publish(tmp_path / "later", tmp_path / "again")

    assert (tmp_path / "again" / "records.parquet").read_bytes() == (
        published / "digits" / "records.parquet"
    ).read_bytes()


def test_a_study_holds_the_cells_of_its_grid_and_no_others(tmp_path, records):
    run_into(tmp_path / "work", make_study({"global": 0.9}, seeds=6))
    run_into(tmp_path / "work", records[:4])
    grid = publish(tmp_path / "work", tmp_path / "digits")

    assert sorted(load_results(tmp_path / "digits")["id"]) == sorted(grid.cells)
    assert len(grid.cells) == 4


def test_a_study_that_is_published_again_loses_what_its_grid_no_longer_names(tmp_path, records, published):
    run_into(tmp_path / "work", records[:5])
    publish(tmp_path / "work", published / "digits")

    assert open_study(published / "digits").planned == 5
    assert len(load_results(published / "digits")) == 5


def test_cells_without_a_record_are_missed(tmp_path, records):
    run_into(tmp_path / "work", records, planned=["never-run-s0", "never-run-s1"])
    publish(tmp_path / "work", tmp_path / "digits")
    stamp = open_study(tmp_path / "digits").stamp

    assert stamp.completeness == "18 of 20 planned cells have a record: 18 ok; 2 missing."
    assert stamp.completeness in stamp.to_markdown()


def test_a_stamp_says_by_what_the_records_were_made(published, records):
    stamp = open_study(published / "digits").stamp

    assert stamp.digest == digest_records(records)
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
    study = open_study(tmp_path / "digits")

    assert study.cells.loc[study.cells["stale"], "id"].tolist() == sorted(record["id"] for record in records[:2])
    assert "18 ok. 2 of them by earlier code or versions than others" in str(study.stamp)
    assert "code aaaaaaaa and bbbbbbbb" in str(study.stamp)
    # Neither code is the one that is installed, for which all of them are.
    assert all(record["stale"] for record in read_records(tmp_path / "digits"))


def test_a_cell_that_died_has_no_provenance_and_is_counted(tmp_path, records):
    died = make_record("spatial", 9, status="oom") | {"provenance": {}}
    run_into(tmp_path / "work", [*records, died])
    publish(tmp_path / "work", tmp_path / "digits")

    assert "19 of 19 planned cells have a record: 18 ok, 1 oom." in str(open_study(tmp_path / "digits").stamp)


def test_a_comparison_is_found_by_its_settings(tmp_path):
    rates = [
        make_study({"none": 0.9, "channel": 0.95}, seeds=3, settings={"learning_rate": one}) for one in (0.1, 0.01)
    ]
    run_into(tmp_path / "work", [record for rate in rates for record in rate])
    publish(tmp_path / "work", tmp_path / "digits")
    study = open_study(tmp_path / "digits")

    assert study.where(learning_rate=0.01).frame["learning_rate"].unique().tolist() == [0.01]
    with pytest.raises(UserError, match=r"learning_rate 0.01; .* Received: learning_rate=0.3"):
        study.where(learning_rate=0.3)
    with pytest.raises(UserError, match="Received: nothing"):
        study.where()


def test_a_study_that_is_not_published_is_named_with_the_nearest(published):
    with pytest.raises(UserError, match=r"the nearest is digits\. Received: digit"):
        open_study(published / "digit")
    with pytest.raises(UserError, match=r"Received: .*nowhere/digits"):
        open_study(published / "nowhere" / "digits")


def test_published_records_are_found_done_where_they_are_gathered(tmp_path, published, records):
    assert gather(published, tmp_path / "fresh") == 18
    assert gather(published, tmp_path / "fresh") == 0
    assert sorted(one["id"] for one in read_records(tmp_path / "fresh")) == sorted(one["id"] for one in records)


def test_a_record_of_the_working_folder_counts_more_than_a_published_one(tmp_path, published, records):
    newer = copy.deepcopy(records[0])
    newer["metrics"]["test_accuracy"] = 0.5
    run_into(tmp_path / "fresh", [newer])
    gather(published, tmp_path / "fresh")
    publish(tmp_path / "fresh", tmp_path / "again")
    found = {one["id"]: one for one in read_records(tmp_path / "again")}

    assert found[newer["id"]]["metrics"]["test_accuracy"] == 0.5


def test_a_machine_is_named_only_for_what_it_computed(tmp_path, published, records):
    made = published / "digits" / "made.json"
    made.write_text(json.dumps({"command": "", "machines": ["another machine"]}))
    gather(published, tmp_path / "fresh")
    run_into(tmp_path / "fresh", [])
    # Nothing was computed into this folder: all of it came with `gather`.
    (grid,) = (tmp_path / "fresh" / "grids").glob("*.json")
    content = json.loads(grid.read_text())
    grid.write_text(json.dumps(content | {"cells": [record["id"] for record in records]}))
    publish(tmp_path / "fresh", published / "digits")

    assert machines_of(published / "digits") == ["another machine"]


def test_what_is_published_is_listed(published):
    assert published_studies(published) == ["digits"]
    assert published_studies(published / "nowhere") == []
