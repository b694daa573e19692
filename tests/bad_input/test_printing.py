"""Texts of users are printed as they are, in what characters there are; where nobody reads, work goes on."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table

from harness.commands import terminal
from harness.commands.cli import main
from harness.commands.terminal import Terminal, prepare_streams
from harness.config.composer import config_directory
from harness.report.sheet import Column, Sheet, to_terminal
from harness.words import visible

ROOT = config_directory().parent
TINY = ("task=mnist", "task.data.source=embedded", "task.data.limit=200", "architecture=mlp", "axis=none", "seed=0")
RUN = ("run", *TINY, "train.epochs=1", "engine=serial")


def printed(*things: object, **options) -> str:
    file = io.StringIO()
    Terminal(file=file, width=120, **options).print(*things, soft_wrap=True)
    return file.getvalue().rstrip()


@pytest.mark.parametrize(
    "text",
    [
        "DIR/runs [v1]",
        "DIR/a[/b]",
        "[/red]",
        "[red]x[/]",
        r"\[x]",
        ":smile:/x",
        "[link=x]y[/link]",
        "a[b",
        "[[[",
        "[0]",
    ],
)
def test_a_text_is_printed_as_it_is(text):
    assert printed(text) == text
    assert printed(text, force_terminal=True, color_system=None) == text
    table = Table(title=text)
    table.add_column(text)
    table.add_row(text)
    assert printed(table).count(text) == 3
    sheet = Sheet(text, [Column(text, lambda row: row, numeric=False)], [text], [text])
    assert printed(to_terminal(sheet)).count(text) == 4


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\rb", r"a\rb"),
        ("\x07\x08\x7f\x9b", r"\x07\x08\x7f\x9b"),
        ("\u202eabc", r"\u202eabc"),
        ("\udcff", r"\udcff"),
        ("a\tb\nc", "a\tb\nc"),
        ("größe × 2′", "größe × 2′"),
    ],
)
def test_control_characters_are_shown_and_not_obeyed(text, shown):
    assert visible(text) == shown
    if "\t" not in text:
        assert printed(text) == shown


@pytest.mark.parametrize("name", ["runs [v1]", "a[/b]", "[/red]", "with blank", "it's", "größe", "100%", "a;b"])
def test_a_folder_is_named_as_it_is_and_what_is_offered_can_be_pasted(name, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    folder = tmp_path / name
    assert main([*RUN, f"results_dir={folder}"]) == 0

    out = capsys.readouterr().out
    assert f"records: {folder / 'records'} (1 of 1 cells of this grid)" in out
    [line] = [line for line in out.splitlines() if "harness report" in line]
    words = shlex.split(line.partition("python -m harness ")[2])
    assert words == ["report", f"results_dir={folder}"]
    assert len(list((folder / "records").glob("*.json"))) == 1

    assert main(["status", f"results_dir={folder}"]) == 0


def test_a_failure_with_brackets_and_codes_is_printed(tmp_path, capsys):
    main([*RUN, f"results_dir={tmp_path}"])
    [path] = (tmp_path / "records").glob("*.json")
    record = json.loads(path.read_text()) | {"status": "error", "reason": "what [/red] is \x1b[2J this"}
    path.write_text(json.dumps(record))
    (tmp_path / "records.parquet").unlink()
    capsys.readouterr()

    assert main(["status", f"results_dir={tmp_path}"]) == 0
    assert r"error: what [/red] is \x1b[2J this (1)" in capsys.readouterr().out


def harness(*arguments: str, shell: str = "", cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = shlex.join([sys.executable, "-m", "harness", *arguments])
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        ["bash", "-c", f"{command} {shell}"],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        timeout=300,
        check=False,
        cwd=cwd,
    )


@pytest.mark.parametrize(
    "encoding",
    ["ascii", "utf-16", *(pytest.param(one, marks=pytest.mark.slow) for one in ("latin-1", "utf-8", "cp1252"))],
)
def test_a_table_comes_in_the_characters_that_there_are(encoding, tmp_path):
    done = harness("plan", *TINY, "engine=serial", cwd=tmp_path, PYTHONIOENCODING=encoding, COLUMNS="120")

    assert done.returncode == 0, done.stderr
    text = done.stdout.decode(encoding)
    assert "keeps, site by site" in text
    assert "nothing is normalized" in text
    assert ("m′" in text) == encoding.startswith("utf")
    assert "m'" in text or "m′" in text


@pytest.mark.parametrize(
    ("shell", "status"),
    [
        (">&-", 0),
        ("< /dev/null > /dev/full 2> /dev/full", 0),
        *(pytest.param(one, 0, marks=pytest.mark.slow) for one in ("> /dev/full", "2>&-", ">&- 2>&-")),
    ],
)
def test_records_are_safe_whatever_becomes_of_the_output(shell, status, tmp_path):
    done = harness(*RUN, "results_dir=runs", shell=shell, cwd=tmp_path)

    assert done.returncode == status, done.stderr
    [path] = (tmp_path / "runs" / "records").glob("*.json")
    assert json.loads(path.read_text())["status"] == "ok"
    assert b"Traceback" not in done.stderr + done.stdout
    assert b"Exception ignored" not in done.stderr


def test_who_reads_one_line_stops_nothing(tmp_path):
    done = harness(*RUN, "results_dir=runs", shell="| head -1; exit ${PIPESTATUS[0]}", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    assert len(list((tmp_path / "runs" / "records").glob("*.json"))) == 1


@pytest.mark.parametrize("shell", ["> /dev/full", ">&-", "2> /dev/full", "2>&-", "| head -0; exit ${PIPESTATUS[0]}"])
def test_a_mistake_has_its_exit_status_without_anybody_listening(shell, tmp_path):
    assert harness("plan", "train.epoch=3", shell=shell, cwd=tmp_path).returncode == 2


def test_streams_are_prepared_once_more_without_harm(monkeypatch):
    full = open("/dev/full", "w")  # noqa: SIM115, PTH123
    monkeypatch.setattr(sys, "stdout", full)
    monkeypatch.setattr(sys, "stderr", None)
    prepare_streams()

    print("lost")
    sys.stdout.flush()
    print("lost too", file=sys.stderr)
    assert terminal.console().width > 0
