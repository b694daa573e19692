"""What the user's machine says of Keras, matplotlib, clocks and languages reaches no record and no picture."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.commands.cli import main
from harness.config.provenance import current_provenance, environment, environment_difference, is_stale
from harness.records.store import read_records
from tests.bad_input.samples import lay, pilot, sample

CELL = ["task=mnist", "task.data.source=embedded", "task.data.limit=256", "train.epochs=1", "train.device=cpu"]
CELL = [*CELL, "engine=serial", "seed=0"]
CONFIG = sample()["config"]


def harness(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, **variables}
    command = [sys.executable, "-m", "harness", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


def report_of(folder: Path, **variables: str) -> dict[str, bytes]:
    done = harness("report", "results_dir=results", "out=out", cwd=folder, **variables)
    assert done.returncode == 0, done.stderr
    files = {str(path.relative_to(folder)): path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file()}
    subprocess.run(["rm", "-r", str(folder / "out")], check=True)
    return files


@pytest.mark.slow
def test_pictures_do_not_depend_on_the_users_matplotlibrc_language_clock_or_hashes(tmp_path):
    lay(tmp_path / "results", *pilot(3))
    plain = report_of(tmp_path)
    for number, style in enumerate(
        [
            "text.usetex: True",
            "font.size: 20\nlines.linewidth: 9\naxes.grid: False",
            "savefig.dpi: 20\nsvg.fonttype: path",
        ]
    ):
        (tmp_path / f"rc{number}").write_text(style)
        assert report_of(tmp_path, MATPLOTLIBRC=str(tmp_path / f"rc{number}")) == plain
    assert report_of(tmp_path, TZ="Asia/Tokyo", PYTHONHASHSEED="7", LC_ALL="C", LANG="tr_TR.UTF-8") == plain


def test_a_figure_is_drawn_in_the_plain_style(tmp_path):
    import matplotlib as mpl

    lay(tmp_path / "results", *pilot(2))
    plain = tmp_path / "plain"
    styled = tmp_path / "styled"
    assert main(["report", f"results_dir={tmp_path / 'results'}", f"out={plain}"]) == 0
    with mpl.rc_context({"font.size": 20, "lines.linewidth": 7, "axes.facecolor": "red", "text.usetex": True}):
        assert main(["report", f"results_dir={tmp_path / 'results'}", f"out={styled}"]) == 0
        assert mpl.rcParams["font.size"] == 20

    names = sorted(str(path.relative_to(plain)) for path in plain.rglob("*") if path.is_file())
    assert names == sorted(str(path.relative_to(styled)) for path in styled.rglob("*") if path.is_file())
    assert [name for name in names if (plain / name).read_bytes() != (styled / name).read_bytes()] == []


def outcome(record: dict[str, Any]) -> dict[str, Any]:
    kept = {key: record[key] for key in ("id", "status", "hashes", "metrics", "sites", "counts", "config")}
    kept["history"] = {name: column for name, column in record["history"].items() if name != "seconds"}
    return kept | {"provenance": {key: one for key, one in record["provenance"].items() if key != "finished"}}


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"floatx": "float64", "epsilon": 0.1, "image_data_format": "channels_first", "backend": "tensorflow"},
        {"floatx": "float16", "epsilon": 1e-7, "image_data_format": "channels_last"},
    ],
    ids=["channels_first", "float16"],
)
def test_a_record_does_not_depend_on_keras_json(settings, tmp_path):
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "keras.json").write_text(json.dumps(settings))
    records = []
    for name, variables in {"plain": {}, "set": {"KERAS_HOME": str(tmp_path / "keras")}}.items():
        done = harness("run", *CELL, "axis=channel", f"results_dir={name}", cwd=tmp_path, **variables)
        assert done.returncode == 0, done.stderr + done.stdout
        [record] = read_records(tmp_path / name)
        record["config"]["results_dir"] = ""
        records.append(outcome(record))

    assert records[0] == records[1]


@pytest.mark.parametrize(
    ("name", "recorded"),
    [
        ("TF_DETERMINISTIC_OPS", True),
        ("TF_XLA_FLAGS", True),
        ("XLA_FLAGS", True),
        ("ONEDNN_MAX_CPU_ISA", True),
        ("DNNL_MAX_CPU_ISA", True),
        ("KERAS_NNX_ENABLED", True),
        ("NVIDIA_TF32_OVERRIDE", True),
        ("TF_CPP_MIN_LOG_LEVEL", False),
        ("TF_GPU_ALLOCATOR", False),
        ("TF_VAR_password", False),
        ("TF_TOKEN_example_com", False),
        ("TF_CLI_CONFIG_FILE", False),
        ("KERAS_HOME", False),
        ("KERAS_BACKEND", False),
        ("TFDS_DATA_DIR", False),
        ("HOME", False),
        ("PYTHONHASHSEED", False),
        ("MY_SECRET", False),
    ],
)
def test_what_can_change_bits_is_recorded(name, recorded, monkeypatch):
    monkeypatch.setenv(name, "1")

    assert (environment().get(name) == "1") is recorded
    assert (current_provenance(CONFIG)["environment"].get(name) == "1") is recorded


def test_what_is_set_here_where_it_is_not_counts_as_unset(monkeypatch):
    """So that the process which plans and the worker, where it is set, say the same."""
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    unset = environment()
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")

    assert environment() == unset
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert environment() == {**unset, "TF_ENABLE_ONEDNN_OPTS": "0"}


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ({}, {}, ""),
        ({"XLA_FLAGS": "a"}, {"XLA_FLAGS": "a"}, ""),
        ({"XLA_FLAGS": "a"}, {}, "made with XLA_FLAGS=a, and now it is without XLA_FLAGS"),
        ({}, {"XLA_FLAGS": "a"}, "made without XLA_FLAGS, and now it is XLA_FLAGS=a"),
        ({"XLA_FLAGS": "a"}, {"XLA_FLAGS": "b"}, "made with XLA_FLAGS=a, and now it is XLA_FLAGS=b"),
    ],
)
def test_a_record_made_with_other_variables_is_stale_and_says_so(then, now, said, monkeypatch):
    for name, value in now.items():
        monkeypatch.setenv(name, value)
    made_by = {**current_provenance(CONFIG), "environment": then}
    record = {"config": CONFIG, "provenance": made_by}

    assert is_stale(record) is bool(said)
    assert environment_difference(record) == said


def test_a_record_of_before_variables_were_recorded_was_made_with_none(monkeypatch):
    made_by = current_provenance(CONFIG)
    del made_by["environment"]

    assert not is_stale({"config": CONFIG, "provenance": made_by})
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert is_stale({"config": CONFIG, "provenance": made_by})


def test_status_says_with_which_variables_records_were_made(tmp_path, capsys):
    records = pilot(2)
    for record in records:
        record["provenance"] = {**current_provenance(record["config"]), "environment": {"TF_ENABLE_ONEDNN_OPTS": "0"}}
    lay(tmp_path, *records)

    assert main(["status", f"results_dir={tmp_path}"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("made with TF_ENABLE_ONEDNN_OPTS=0, and now it is without TF_ENABLE_ONEDNN_OPTS") == 1
    assert "4 records" in printed
