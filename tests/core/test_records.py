from __future__ import annotations

import json
import math
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from folders import unreadable_records
from hypothesis import given, settings

from harness.config.provenance import current_provenance
from harness.records import store as records
from harness.records.store import (
    encode,
    find_record,
    is_done,
    prepare_results_dir,
    read_record,
    read_records,
    record_path,
    write_record,
)
from harness.types import UserError

CONFIG = {
    "task": {"name": "tiny", "data": {"_target_": "tiny.load_images"}},
    "architecture": {"name": "tiny", "_target_": "tiny_model.build"},
}


def record(name="tiny-tiny-none-s0-0123456789ab", **values):
    return {
        "format": 1,
        "id": name,
        "identity": "0123456789ab",
        "task": "tiny",
        "architecture": "tiny",
        "axis": "none",
        "seed": 0,
        "status": "ok",
        "config": CONFIG,
        "provenance": current_provenance(CONFIG),
        **values,
    }


@pytest.fixture
def folder(tmp_path) -> Path:
    prepare_results_dir(tmp_path)
    return tmp_path


def test_a_record_comes_back_as_it_was_written(folder):
    path = write_record(folder, record(metrics={"test_loss": 0.1 + 0.2}))

    assert path == record_path(folder, record()["id"])
    assert read_record(path) == record(metrics={"test_loss": 0.1 + 0.2})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def refuse(name):
    raise AssertionError(f"{name} is not JSON")


@settings(max_examples=50)
@given(json_values)
def test_every_value_survives_as_strict_json(value):
    text = json.dumps(encode(value), allow_nan=False)
    back = json.loads(text, parse_constant=refuse)

    assert repr(_decoded(back, like=value)) == repr(value)


def _decoded(back, like):
    if isinstance(like, float):
        return float(back)
    if isinstance(like, list):
        return [_decoded(b, item) for b, item in zip(back, like, strict=True)]
    if isinstance(like, dict):
        return {key: _decoded(back[key], item) for key, item in like.items()}
    return back


def test_arrays_and_their_scalars_become_plain_values():
    value = {
        "a": np.float32(0.5),
        "b": np.arange(3),
        "c": np.array([np.nan, np.inf]),
        "d": (np.bool_(True), np.int64(2)),
    }

    assert encode(value) == {"a": 0.5, "b": [0, 1, 2], "c": ["NaN", "Infinity"], "d": [True, 2]}
    assert math.isnan(float(encode(math.nan)))
    assert float(encode(-math.inf)) == -math.inf


@pytest.mark.parametrize(
    "fault", ["os.fsync", "harness.records.store._keep_superseded", "json.dumps", "pathlib.Path.replace"]
)
def test_a_fault_while_writing_leaves_the_old_record_whole_and_no_debris(folder, monkeypatch, fault):
    write_record(folder, record(status="error"))

    def fail(*arguments, **options):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(fault, fail)
        with pytest.raises(OSError, match="no space left"):
            write_record(folder, record(status="ok"))

    assert read_record(record_path(folder, record()["id"])) == record(status="error")
    assert [path for path in (folder / "records").iterdir() if path.suffix == ".tmp"] == []


def test_a_process_killed_while_writing_leaves_nothing_that_counts(folder, monkeypatch):
    class Killed(BaseException):
        pass

    def kill(self, target):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", kill)
        patch.setattr(Path, "unlink", lambda self, missing_ok=False: None)  # nobody is left to clean up
        with pytest.raises(Killed):
            write_record(folder, record())

    assert read_records(folder) == []
    assert unreadable_records(folder) == []
    write_record(folder, record())
    assert len(read_records(folder)) == 1


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"\x80\x04\x95pickle",
        b"null",
        b"[]",
        b'{"format": 1}',
        json.dumps(record(format=2)).encode(),
        json.dumps({key: value for key, value in record().items() if key != "status"}).encode(),
        json.dumps(record(status="splendid")).encode(),
        json.dumps(record(config="x")).encode(),
        json.dumps(record(name="another-cell-s0-00")).encode(),
        json.dumps(record())[:-1].encode(),
    ],
)
def test_a_file_that_is_no_record_is_none_and_is_named(folder, damaged):
    path = record_path(folder, record()["id"])
    path.write_bytes(damaged)
    write_record(folder, record(name="whole-s0-00"))

    assert read_record(path) is None
    assert find_record(folder, record()["id"]) is None
    assert [found["id"] for found in read_records(folder)] == ["whole-s0-00"]
    assert unreadable_records(folder) == [path]


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_random_bytes_are_no_record(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("random") / "x.json"
    path.write_bytes(content)

    assert read_record(path) is None


def test_every_truncation_is_no_record(folder):
    path = write_record(folder, record())
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        assert read_record(path) is None


def test_what_a_record_replaces_is_kept(folder):
    for status in ("error", "oom", "ok"):
        write_record(folder, record(status=status))

    kept = sorted((folder / "records" / "superseded").iterdir())
    assert [json.loads(path.read_text())["status"] for path in kept] == ["error", "oom"]
    assert [found["status"] for found in read_records(folder)] == ["ok"]


def test_what_is_kept_is_not_overwritten_when_some_of_it_was_removed(folder):
    for status in ("error", "oom", "timeout"):
        write_record(folder, record(status=status))
    attic = folder / "records" / "superseded"
    sorted(attic.iterdir())[0].unlink()

    write_record(folder, record(status="ok"))

    assert sorted(json.loads(path.read_text())["status"] for path in attic.iterdir()) == ["oom", "timeout"]


def test_a_file_system_without_links_keeps_copies(folder, monkeypatch):
    def refuse_to_link(*arguments, **options):
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr("os.link", refuse_to_link)
    write_record(folder, record(status="error"))
    write_record(folder, record(status="ok"))

    [kept] = (folder / "records" / "superseded").iterdir()
    assert json.loads(kept.read_text())["status"] == "error"


def test_others_may_read_what_the_umask_lets_them(folder):
    plain = folder / "plain"
    plain.write_text("")

    assert write_record(folder, record()).stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize(
    ("status", "done"), [("ok", True), ("diverged", True), ("error", False), ("timeout", False), ("oom", False)]
)
def test_cells_that_finished_are_done(folder, status, done):
    write_record(folder, record(status=status))

    assert is_done(find_record(folder, record()["id"])) is done


def test_a_stale_record_is_not_done(folder):
    write_record(folder, record(provenance={"source": "other code"}))

    found = find_record(folder, record()["id"])
    assert found is not None
    assert found["stale"]
    assert not is_done(found)
    assert not is_done(None)


def test_records_come_in_order_of_their_ids(folder):
    for name in ("b-s0-0", "a-s1-0", "a-s0-0"):
        write_record(folder, record(name=name))

    assert [found["id"] for found in read_records(folder)] == ["a-s0-0", "a-s1-0", "b-s0-0"]
    assert read_records(folder / "nowhere") == []


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"results_dir: expected a folder that can be written to \(.+\)\. Received: "):
        prepare_results_dir(tmp_path / "file")


def test_no_pickle_is_ever_read_or_written():
    source = Path(records.__file__).read_text()
    assert "pickle" not in source.replace("No pickle", "")
