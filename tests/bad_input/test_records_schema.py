"""What is a record and what is none: each damaged value is told apart where records are read, with its reason."""

from __future__ import annotations

import copy
import json
import os

import pytest

from harness.files import MOST_BYTES, UnreadableError
from harness.records.schema import MOST_DEEP, decode_grid, decode_lock, decode_made, decode_record
from tests.bad_input.samples import RECORD, SITE, changed, sample

NESTED = json.loads("[" * 40 + "]" * 40)
GRID = {"command": "task=tiny", "begun": "2026-01-01T00:00:00+00:00", "cells": ["a-s0-0"]}
LOCK = {"id": "a-s0-0", "pid": 12, "started": 1.5, "epoch": 0}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        *((key, None) for key in ("format", "id", "identity", "task", "architecture", "axis", "seed", "status")),
        *((key, None) for key in ("config", "data", "measures", "shifts", "sites", "metrics", "history", "provenance")),
        *((key, 5) for key in ("id", "task", "status", "reason", "config", "data", "metrics", "refusals", "history")),
        *((key, "x") for key in ("seed", "config", "data", "sites", "metrics", "counts", "hashes", "seconds")),
        ("format", 2),
        ("format", "1"),
        ("seed", "NaN"),
        ("seed", 0.5),
        ("seed", True),
        ("seed", 10**30),
        ("seed", [0]),
        ("status", "splendid"),
        ("id", ""),
        ("id", "a/b"),
        ("id", "..\\b"),
        ("id", "a\x1b[2Jb"),
        ("id", "a\nb"),
        ("id", 300 * "x"),
        ("task", 1001 * "x"),
        ("config.task", "tiny"),
        ("config.task", None),
        ("config.task.data", []),
        ("config.axis", "channel"),
        ("config.train", 3),
        ("config.architecture", NESTED),
        ("config.norm", NESTED),
        ("data.shape", [8, "8"]),
        ("data.axes", "height"),
        ("data.sizes", {"train": "many"}),
        ("data.note", 3),
        ("measures.0.direction", "up"),
        ("measures.0.name", None),
        ("measures.0.low", "low"),
        ("measures", [5]),
        ("measures", [{}]),
        ("shifts.0.name", 5),
        ("sites.0", {}),
        ("sites.0.axes", ["height"]),
        ("sites.0.shape", [6, 6, 4, 1]),
        ("sites.0.samples_per_statistic", "many"),
        ("sites.0.statistics", -1),
        ("sites.0.fell_back", "no"),
        ("metrics.test_accuracy", "good"),
        ("metrics.test_accuracy", True),
        ("metrics.test_accuracy", [0.9]),
        ("metrics.test_accuracy", {"mean": 0.9}),
        ("metrics.test_accuracy", 10**400),
        ("metrics.test_accuracy", "nan"),
        ("refusals.length_80", 3),
        ("history.train_loss", "abc"),
        ("history.train_loss", 0.5),
        ("history.train_loss", [0.9]),
        ("history.train_loss", [0.9, 0.4, 0.1]),
        ("history.train_loss", [0.9, "good"]),
        ("history.train_loss", [[0.9], [0.4]]),
        ("history.epoch", [1, 1]),
        ("history.epoch", [2, 1]),
        ("history.epoch", ["NaN", 1]),
        ("history.epoch", [1, None]),
        ("history", {"train_loss": [0.5]}),
        ("probes.step", [1, 0]),
        ("diagnostics", [{"site": "norm_1"}]),
        ("diagnostics", [{"site": "norm_1", "epoch": "NaN"}]),
        ("diagnostics", [{"site": "norm_1", "epoch": 1}, {"site": "norm_1", "epoch": 1.0}]),
        ("probes.step", [0]),
        ("diagnostics.0.site", 3),
        ("diagnostics.0.mean_lag", "slow"),
        ("diagnostics.0.mean_lag", []),
        ("diagnostics", {"site": "norm_1"}),
        ("counts.steps", 0.5),
        ("counts.steps", 10**25),
        ("counts.steps", -1),
        ("hashes.order", None),
        ("seconds.total", "long"),
        ("provenance.versions", "2.21.0"),
        ("provenance.versions", {"keras": 3}),
        ("provenance.environment", ["TF_X=1"]),
        ("provenance.finished", 2026),
    ],
    ids=lambda value: str(value)[:30].encode("ascii", "backslashreplace").decode().replace("\x1b", "ESC"),
)
def test_a_value_that_no_record_has(place, value):
    with pytest.raises(UnreadableError) as refusal:
        decode_record(json.dumps(changed(place, value)))

    said = str(refusal.value)
    assert said
    assert len(said) <= 300
    assert said.isprintable()


@pytest.mark.parametrize(
    "key", ["format", "id", "identity", "task", "architecture", "axis", "seed", "status", "config"]
)
def test_what_every_record_has(key):
    record = sample()
    del record[key]

    with pytest.raises(UnreadableError, match=f"missing required field `{key}`"):
        decode_record(json.dumps(record))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "no whole JSON"),
        (b"{", "no whole JSON"),
        (b"null", "Expected `object`, got `null`"),
        (b"[]", "Expected `object`, got `array`"),
        (b"5", "Expected `object`, got `int`"),
        (b"NaN", "no whole JSON"),
        (b'"x"', "Expected `object`, got `str`"),
        (b"\x80\x04\x95pickle", "no whole JSON"),
        (b"PAR1", "no whole JSON"),
        (b"\xff\xfe{\x00}\x00", "no whole JSON"),
        (200_000 * b"[", f"nested more than {MOST_DEEP} deep"),
        (200_000 * b"[" + 200_000 * b"]", f"nested more than {MOST_DEEP} deep"),
        (5_000 * b'{"a":' + b"1" + 5_000 * b"}", f"nested more than {MOST_DEEP} deep"),
        (b'{"format": 1} {"format": 1}', "no whole JSON"),
        (json.dumps(sample()).encode()[:-1], "no whole JSON"),
        (json.dumps(sample()).replace("0.91", "NaN").encode(), "no whole JSON"),
        (json.dumps(sample()).replace('"channel"', '"\ud800"').encode("utf-8", "surrogatepass"), "no whole JSON"),
    ],
)
def test_a_text_that_is_no_record(text, why):
    with pytest.raises(UnreadableError) as refusal:
        decode_record(text)

    assert why in str(refusal.value)


def test_a_record_of_more_than_the_most_bytes():
    with pytest.raises(UnreadableError, match=f"expected at most {MOST_BYTES:,} bytes"):
        decode_record(b'{"note": "' + MOST_BYTES * b"x" + b'"}')


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("metrics.test_accuracy", "NaN"),
        ("metrics.test_accuracy", "-Infinity"),
        ("metrics.test_accuracy", None),
        ("metrics.test_accuracy", 1),
        ("metrics.test_accuracy", 1e308),
        ("metrics.of_a_later_version", 0.5),
        ("history.train_loss", [None, "Infinity"]),
        ("history.epoch", [1, 3]),
        ("history", {}),
        ("sites", []),
        ("sites.0", {key: SITE[key] for key in ("name", "axes", "shape", "fell_back")}),
        ("sites.0.shape", [None, 6, 4]),
        ("sites.0.of_a_later_version", {"a": [1]}),
        ("seed", 2**31 - 1),
        ("task", "a task, with [brackets] and ünïcödé"),
        ("config.train.of_a_later_version", {"deep": {"er": [1, "x", None]}}),
        ("of_a_later_version", {"a": [1, {"b": None}]}),
        ("data.details", {"a": "b"}),
        ("provenance", {}),
        ("provenance.of_a_later_version", 3),
        ("reason", "a line\nand another"),
    ],
    ids=str,
)
def test_a_value_that_a_record_may_have_comes_back_as_it_is(place, value):
    record = sample()
    *parents, last = place.split(".")
    node = record
    for key in parents:
        node = node[int(key)] if isinstance(node, list) else node[key]
    node[int(last) if isinstance(node, list) else last] = value

    assert decode_record(json.dumps(record)) == record


NAMING = {"format", "id", "identity", "task", "architecture", "axis", "seed", "status", "config"}


@pytest.mark.parametrize("key", sorted(RECORD.keys() - NAMING))
def test_a_cell_that_ended_early_lacks_what_comes_later(key):
    record = copy.deepcopy(RECORD)
    del record[key]

    assert decode_record(json.dumps(record)) == record


@pytest.mark.parametrize(
    ("decode", "whole", "changes"),
    [
        (decode_grid, GRID, {"begun": None}),
        (decode_grid, GRID, {"begun": 5}),
        (decode_grid, GRID, {"command": None}),
        (decode_grid, GRID, {"cells": None}),
        (decode_grid, GRID, {"cells": "abc"}),
        (decode_grid, GRID, {"cells": [1]}),
        (decode_grid, GRID, {"cells": ["../x"]}),
        (decode_grid, GRID, {"cells": {"a": 1}}),
        (decode_lock, LOCK, {"started": "noon"}),
        (decode_lock, LOCK, {"started": None}),
        (decode_lock, LOCK, {"epoch": -1}),
        (decode_lock, LOCK, {"epoch": "3"}),
        (decode_lock, LOCK, {"id": "../x"}),
        (decode_lock, LOCK, {"pid": None}),
        (decode_made, {}, {"machines": "mine"}),
        (decode_made, {}, {"machines": [1]}),
        (decode_made, {}, {"command": ["x"]}),
        (decode_made, {}, {"rules": {"x": 3}}),
    ],
)
def test_grids_locks_and_what_is_said_of_a_study(decode, whole, changes):
    assert decode(json.dumps(whole)) == whole
    with pytest.raises(UnreadableError):
        decode(json.dumps({**whole, **changes}))
    for text in (b"", b"[]", b"null", 200_000 * b"[", os.urandom(40)):
        with pytest.raises(UnreadableError):
            decode(text)
