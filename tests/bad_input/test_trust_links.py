"""Links in a results folder that lead out of it: nothing outside is written, whoever made the folder."""

from __future__ import annotations

import json
import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from harness.cell.course import Checkpoint, State
from harness.commands.cli import main
from harness.engines.worker import output_to
from harness.files import UnreadableError, open_anew, own_folder, read_bytes, replacing, write_text
from harness.records.archive import archive_lock
from harness.records.grids import read_grids, write_grid
from harness.records.locks import lock_cell, read_locks
from harness.records.store import NoRecord, compact, prepare_results_dir, read_records, write_record
from harness.report.files import write_frame
from harness.report.study import Study
from harness.types import UserError
from tests.bad_input.samples import lay, pilot, sample

STATE = State(1, [np.zeros(2)], np.zeros(1), {"reason": ""})
ID = "tiny-tiny-channel-s0-0123456789ab"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A folder outside with a file in it, which must stay as they are."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("precious")
    return outside / "victim"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return lay(tmp_path / "results", *pilot(2))


def untouched(victim: Path) -> bool:
    return victim.read_text() == "precious" and [path.name for path in victim.parent.iterdir()] == ["victim"]


def link(at: Path, to: Path) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    if at.is_dir() and not at.is_symlink():
        shutil.rmtree(at)
    at.unlink(missing_ok=True)
    at.symlink_to(to)


def save_state(results: Path) -> None:
    Checkpoint(results / "checkpoints" / f"{ID}.npz", "code", 0).save(STATE)


def print_into_log(results: Path) -> None:
    with output_to(results / "logs" / f"{ID}.log"):
        os.write(1, b"printed")


def take_lock(results: Path) -> None:
    with lock_cell(results, ID) as lock:
        assert lock is not None


def take_archive_lock(results: Path) -> None:
    with archive_lock(results):
        pass


def write_a_frame(results: Path) -> None:
    write_frame(own_folder(results, "report"), "cells", Study.open(results).cells.rows)


WRITERS = {
    "record": lambda results: write_record(results, sample()),
    "grid": lambda results: write_grid(results, "task=tiny", [ID]),
    "archive": compact,
    "archive lock": take_archive_lock,
    "lock": take_lock,
    "log": print_into_log,
    "state": save_state,
    "frame": write_a_frame,
}


@pytest.mark.parametrize(
    ("writer", "name"),
    [
        ("record", f"records/{ID}.json"),
        ("record", f"records/superseded/{ID}.0.json"),
        ("grid", "grids/0a1b2c3d4e5f.json"),
        ("archive", "records.parquet"),
        ("archive", ".archive.lock"),
        ("archive lock", ".archive.lock"),
        ("lock", f"locks/{ID}"),
        ("log", f"logs/{ID}.log"),
        ("state", f"checkpoints/{ID}.npz"),
        ("frame", "report/cells.csv"),
        ("frame", "report/cells.parquet"),
        ("frame", "report/.cells.parquet"),
        ("frame", "report/.cells.csv"),
    ],
)
@pytest.mark.parametrize("dangling", [False, True])
def test_a_file_that_is_a_link_out(writer, name, dangling, results, victim):
    target = victim.with_name("nothing") if dangling else victim
    link(results / name, target)

    with suppress(UserError):  # a lock is refused, all else takes the link's place
        WRITERS[writer](results)

    assert untouched(victim)


@pytest.mark.parametrize(
    ("writer", "name"),
    [
        ("record", "records"),
        ("record", "records/superseded"),
        ("grid", "grids"),
        ("lock", "locks"),
        ("log", "logs"),
        ("state", "checkpoints"),
        ("frame", "report"),
    ],
)
@pytest.mark.parametrize("dangling", [False, True])
def test_a_folder_that_is_a_link_out(writer, name, dangling, results, victim):
    write_record(results, sample())
    link(results / name, victim.parent / "nothing" if dangling else victim.parent)

    with pytest.raises(UserError, match="which leads out of it"):
        WRITERS[writer](results)

    assert untouched(victim)


@pytest.mark.parametrize("name", ["records", "grids", "locks", "logs", "checkpoints"])
def test_a_run_is_refused_before_anything_is_trained(name, results, victim):
    link(results / name, victim.parent)

    with pytest.raises(UserError, match=f"{name}, which leads out of it"):
        prepare_results_dir(results)


@pytest.mark.parametrize(
    "name",
    ["report/.index.html", "report/index.html", "report/index.md", "report/.index.md", "report/cells.csv", "report"],
)
def test_a_report_writes_into_its_folder_alone(name, results, victim, capsys):
    link(results / name, victim.parent if name == "report" else victim)

    status = main(["report", f"results_dir={results}"])

    assert untouched(victim)
    assert status == (2 if name == "report" else 0)
    assert capsys.readouterr().err.count("\n") == (1 if name == "report" else 0)
    if status == 0:
        assert not (results / "report" / "index.html").is_symlink()


def test_a_chapter_that_is_a_link_out(results, victim, capsys):
    link(results / "report" / Study.open(results).comparisons[0].slug, victim.parent)

    assert main(["report", f"results_dir={results}"]) == 2
    assert "which leads out of it" in capsys.readouterr().err
    assert untouched(victim)


def test_a_results_folder_on_another_disk(tmp_path, capsys):
    lay(tmp_path / "disk" / "results", *pilot(2))
    (tmp_path / "results").symlink_to(tmp_path / "disk" / "results")

    assert len(read_records(tmp_path / "results")) == 4
    assert main(["status", f"results_dir={tmp_path / 'results'}"]) == 0
    for write in WRITERS.values():
        write(tmp_path / "results")
    assert (tmp_path / "disk" / "results" / "report" / "cells.csv").exists()


def test_a_link_within_the_folder_is_followed(results):
    (results / "kept").mkdir()
    [first, *_] = sorted((results / "records").iterdir())
    first.rename(results / "kept" / first.name)
    first.symlink_to(results / "kept" / first.name)
    (results / "records").rename(results / "kept" / "records")
    (results / "records").symlink_to("kept/records")

    assert len(read_records(results)) == 4


@pytest.mark.parametrize("kind", ["link out", "dangling", "circle", "folder", "pipe", "/dev/zero"])
@pytest.mark.parametrize("place", ["records/x.json", "grids/x.json", "locks/x", "records.parquet", "made.json"])
def test_what_is_no_file_is_not_read_and_keeps_nobody_waiting(kind, place, results, tmp_path):
    path = results / place
    path.parent.mkdir(exist_ok=True)
    (tmp_path / "secret").write_text(json.dumps(sample(id="x")))
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(
            {"link out": tmp_path / "secret", "dangling": "nothing", "circle": path.name}.get(kind, Path(kind))
        )
    read: list[int] = []

    def read_all() -> None:
        study = Study.open(results)
        read.append(len(study.records) + len(study.grids) + len(read_locks(results)) + len(study.machines))

    thread = threading.Thread(target=read_all, daemon=True)
    thread.start()
    thread.join(timeout=20)

    assert read == [4]


def test_each_file_that_is_none_is_said_and_then_counted(results):
    for number in range(9):
        (results / "records" / f"broken{number}.json").write_text("{\x1b[2J")

    with pytest.warns(NoRecord) as told:
        assert len(read_records(results)) == 4

    [lines] = [str(one.message).splitlines() for one in told]
    assert [line.split(":")[1].strip() for line in lines[:5]] == [f"records/broken{n}.json" for n in range(5)]
    assert lines[5].startswith("and 4 more")
    assert len(lines) == 6


def test_a_name_is_shown_and_not_obeyed(results, capsys):
    (results / "records" / "x\x1b[2J.json").write_text("{")

    assert main(["status", f"results_dir={results}"]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert r"x\x1b[2J.json: no whole JSON" in printed


def test_a_hard_link_in_a_locks_place_is_refused(results, victim):
    (results / "locks").mkdir()
    os.link(victim, results / "locks" / ID)

    with pytest.raises(UserError, match="expected a file of the results' own"):
        take_lock(results)
    assert untouched(victim)


def test_a_log_takes_the_place_of_a_hard_link(results, victim):
    (results / "logs").mkdir()
    os.link(victim, results / "logs" / f"{ID}.log")

    print_into_log(results)

    assert untouched(victim)
    assert (results / "logs" / f"{ID}.log").read_text() == "printed"


def test_a_superseded_file_is_no_copy_of_what_a_link_leads_to(results, victim):
    write_record(results, sample())
    path = results / "records" / f"{ID}.json"
    path.unlink()
    path.symlink_to(victim)

    write_record(results, sample())

    assert untouched(victim)
    kept = results / "records" / "superseded"
    assert all("precious" not in one.read_text() for one in kept.glob("*"))


def test_scratch_names_are_never_the_same(tmp_path):
    names = set()
    for _ in range(3):
        with replacing(tmp_path / "file") as file:
            names.add(file.name if isinstance(file.name, str) else next(tmp_path.glob(".*.tmp")).name)
    assert len(names) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_files_of_others_are_bounded(tmp_path):
    (tmp_path / "large").write_bytes(bytes(100))

    assert len(read_bytes(tmp_path / "large", within=tmp_path, most=100)) == 100
    with pytest.raises(UnreadableError, match="expected at most 99 bytes"):
        read_bytes(tmp_path / "large", within=tmp_path, most=99)


def test_text_that_is_no_utf8_is_written_as_it_can_be(tmp_path):
    assert write_text(tmp_path / "x", "a\udcffb").read_bytes() == rb"a\udcffb"
    os.close(open_anew(tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == b""


def test_grids_through_a_link_out_are_not_read(results, tmp_path):
    write_grid(tmp_path / "other", "task=tiny", [ID])
    link(results / "grids", tmp_path / "other" / "grids")

    assert read_grids(results) == []
