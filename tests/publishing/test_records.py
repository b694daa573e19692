"""Records on their way between the folder where cells run and the folders that are committed."""

from __future__ import annotations

import copy
import json

from publications import publish, run_into
from synthetic import make_study

from harness import load_results
from harness.commands.publish.records import gather
from harness.engines.machine import describe_machine
from harness.records.store import read_records
from harness.report.study import Study


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

    assert Study.open_published(published / "digits").completeness.startswith("5 of 5 planned cells")
    assert len(load_results(published / "digits")) == 5


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

    assert Study.open_published(published / "digits").machines == ["another machine"]


def test_a_machine_is_forgotten_once_nothing_that_it_computed_is_left(tmp_path, published, records):
    made = published / "digits" / "made.json"
    made.write_text(json.dumps({"command": "", "machines": ["another machine"]}))
    run_into(tmp_path / "work", records)
    publish(tmp_path / "work", published / "digits")

    assert Study.open_published(published / "digits").machines == [describe_machine()]
