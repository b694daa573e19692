"""A results folder with one damaged file, or records of any content: every reading verb goes on."""

from __future__ import annotations

import copy
import json
import time
import warnings
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from harness.commands.cli import main
from harness.files import UnreadableError
from harness.records.archive import read_archive
from harness.records.frames import Cells
from harness.records.store import NoRecord, compact, find_record, read_records
from harness.records.traces import Traces
from harness.report.study import Study
from harness.statistics.power import plan_seeds
from harness.types import UserError
from tests.bad_input.samples import RECORD, changed, lay, pilot, sample

pytestmark = pytest.mark.usefixtures("unrendered")

READING = ("status", "power", "report")


@pytest.mark.parametrize(
    "content",
    [
        200_000 * b"[",
        b"",
        b"{",
        b"\x00" * 100,
        b"PAR1" + bytes(100),
        json.dumps(changed("provenance", None)).encode(),
        json.dumps(changed("metrics", 5)).encode(),
        json.dumps(changed("data", "x")).encode(),
        json.dumps(changed("history.train_loss", "abc")).encode(),
        json.dumps(changed("history.train_loss", [1.0])).encode(),
        json.dumps(changed("seed", "NaN")).encode(),
        json.dumps({**sample(), "id": "another"}).encode(),
    ],
    ids=lambda content: content[:20].decode("latin-1").replace("\x00", "0"),
)
def test_one_damaged_file(content, tmp_path, capsys):
    lay(tmp_path, *pilot(2))
    (tmp_path / "records" / "damaged.json").write_bytes(content)

    for verb in ("status", "power"):
        assert main([verb, f"results_dir={tmp_path}"]) == 0
        assert capsys.readouterr().out.count("records/damaged.json: ") == 1
    assert len(Study.open(tmp_path).records) == 4


@pytest.mark.parametrize("verb", READING)
@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("config.task.data._target_", 300 * "x"),
        ("config.task.data._target_", "a/b..c"),
        ("config.task.data._target_", "\x00"),
        ("config.task.data._target_", None),
        ("config.axis.look", 5),
        ("config.axis.look", {"colour": "x", "marker": [1]}),
        ("config.train.learning_rate", [1, {"a": 2}]),
        ("config.train.learning_rate", 10**400),
        ("config.train.optimizer", None),
        ("config.train", {}),
        ("config", {}),
        ("metrics", {"seed": 3, "axis": 1, "id": 2, "reason": 1}),
        ("metrics", {}),
        ("measures", []),
        ("shifts.0.name", "../../x"),
        ("history", {}),
        ("diagnostics", []),
        ("provenance", {}),
        ("sites", []),
        ("seed", 2**62),
        ("reason", 10_000 * "x"),
    ],
    ids=lambda value: str(value)[:25].replace("\x00", "0"),
)
def test_one_record_of_odd_content(verb, place, value, tmp_path, capsys):
    lay(tmp_path / "results", *pilot(2)[:3], changed(place, value))

    assert main([verb, f"results_dir={tmp_path / 'results'}"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def archive(folder: Path, table: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table(table), folder / "records.parquet")
    return folder / "records.parquet"


WHOLE = {"id": ["a"], "text": ["{}"], "size": [2], "mtime_ns": [0]}


@pytest.mark.parametrize(
    "table",
    [
        {"id": [1]},
        {**WHOLE, "id": [1]},
        {**WHOLE, "text": [5]},
        {**WHOLE, "text": [b"\xff"]},
        {**WHOLE, "text": [["{}"]]},
        {**WHOLE, "size": ["2"]},
        {**WHOLE, "mtime_ns": [0.5]},
        {key: WHOLE[key] for key in ("id", "text")},
        {"x": [{"y": 1}]},
    ],
    ids=str,
)
def test_an_archive_of_other_columns(table, tmp_path):
    archive(tmp_path, table)

    with pytest.raises(UnreadableError, match="no archive of records"):
        read_archive(tmp_path)
    with pytest.warns(NoRecord, match=r"records\.parquet: no archive of records"):
        assert read_records(tmp_path) == []
    assert find_record(tmp_path, "a") is None


@pytest.mark.parametrize(
    ("name", "text"),
    [("a", "{}"), ("a", 100_000 * "["), ("a", json.dumps(sample())), ("../x", json.dumps(sample(id="x"))), ("", "")],
)
def test_an_archive_of_whole_columns_and_no_records(name, text, tmp_path):
    archive(tmp_path, {**WHOLE, "id": [name], "text": [text]})

    with pytest.warns(NoRecord):
        assert read_records(tmp_path) == []
    assert find_record(tmp_path, name or "x") is None


def test_an_archive_with_gaps_is_read_as_far_as_it_goes(tmp_path):
    record = sample()
    archive(
        tmp_path,
        {"id": [None, record["id"]], "text": ["{}", json.dumps(record)], "size": [1, 1], "mtime_ns": [None, 0]},
    )

    assert [one["id"] for one in read_records(tmp_path)] == [record["id"]]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.99])
def test_an_archive_that_was_cut_off(share, tmp_path, capsys):
    lay(tmp_path, *pilot(2))
    path = compact(tmp_path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    assert main(["status", f"results_dir={tmp_path}"]) == 0
    assert capsys.readouterr().out.count("records.parquet: no archive of records") == 1
    assert len(Study.open(tmp_path).records) == 4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoRecord)
        compact(tmp_path)
    assert len(read_archive(tmp_path)) == 4


@pytest.mark.parametrize("verb", ["status", "report"])
@pytest.mark.parametrize("content", [b"{", b"[]", 100_000 * b"[", b'{"command": "x", "begun": null, "cells": []}'])
def test_one_damaged_grid(verb, content, tmp_path, capsys):
    lay(tmp_path, *pilot(2))
    (tmp_path / "grids").mkdir()
    (tmp_path / "grids" / "0a.json").write_bytes(content)

    assert main([verb, f"results_dir={tmp_path}"]) == 0
    assert capsys.readouterr().out.count("no grid, counts as not there: grids/0a.json: ") == 1


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["NaN", "Infinity", "..", "a/b", "\x1b[2J", "[/red]", "${x}", "channel", "test_accuracy"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [place for key, value in items for place in ((*at, key), *places(value, (*at, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A record of which up to three values are anything or gone, or that has keys which no record has."""
    record = copy.deepcopy(RECORD)
    for _ in range(draw(st.integers(1, 3))):
        *parents, last = draw(st.sampled_from(places(record)))
        node: Any = record
        for key in parents:
            node = node[key]
        kind = draw(st.sampled_from(["change", "change", "drop", "add"]))
        if kind == "drop":
            del node[last]
        elif kind == "add" and isinstance(node, dict):
            node[draw(st.text(max_size=6) | st.sampled_from(["seed", "id", "a.b", "_target_"]))] = draw(anything)
        else:
            node[last] = draw(anything)
        if not places(record):
            break
    return record


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(record=mutated())
def test_whatever_a_record_says_reading_goes_on(record, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any") / "results"
    lay(folder, *(one for one in pilot(2) if one["id"] != RECORD["id"]))
    (folder / "records" / f"{RECORD['id']}.json").write_text(json.dumps(record), encoding="utf-8")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoRecord)
        study = Study.open(folder)
    assert 3 <= len(study.records) <= 4
    cells = Cells.of(study.records)
    traces = Traces(study.records, cells)
    assert len(cells.rows) == len(study.records)
    assert {len(frame.columns) > 0 for frame in (traces.history, traces.probes, traces.diagnostics)} == {True}
    assert study.completeness
    assert study.stamp.digest
    for comparison in study.comparisons:
        try:
            plan_seeds(comparison, baseline=comparison.strategies[0])
        except UserError:
            continue
    assert main(["status", f"results_dir={folder}"]) == 0


def test_reading_leaves_every_key_in_place(tmp_path):
    record = {key: sample()[key] for key in ("format", "id", "identity", "task", "architecture", "axis", "seed")}
    lay(tmp_path, {**record, "status": "error", "config": {}, "later": {"a": 1}})

    [found] = read_records(tmp_path)
    assert found["later"] == {"a": 1}
    assert {key: found[key] for key in ("metrics", "sites", "reason", "provenance")} == {
        "metrics": {},
        "sites": [],
        "reason": "",
        "provenance": {},
    }


@pytest.mark.parametrize("offset", [0.05, 0.1, 1 / 3, 1e-3])
def test_a_difference_that_is_constant_but_for_rounding_has_no_plan(offset, tmp_path, capsys):
    records = pilot(5)
    for record in records:
        value = 0.6 + 0.037 * record["seed"]
        record["metrics"]["test_accuracy"] = value + (offset if record["axis"] == "channel" else 0.0)
    lay(tmp_path, *records)

    started = time.monotonic()
    assert main(["power", f"results_dir={tmp_path}"]) == 0
    assert time.monotonic() - started < 30
    [comparison] = Study.open(tmp_path).comparisons
    [row] = plan_seeds(comparison, baseline="none").rows.to_dict("records")
    assert row["seeds"] != row["seeds"]  # NaN: there is no spread to plan by
