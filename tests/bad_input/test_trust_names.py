"""Names and words of a stranger's record: they stay in the report's folder, and are shown and not obeyed."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from harness.commands.cli import main
from harness.report.chapters import Folders
from harness.report.study import Study
from harness.words import file_name, in_one_line, visible
from tests.bad_input.samples import lay, pilot

pytestmark = pytest.mark.usefixtures("unrendered")

NAMES = [
    "..",
    ".",
    "",
    "a/b",
    "../../x",
    "/etc/x",
    "C:",
    "C:\\x",
    "a\\b",
    300 * "x",
    "a\x00b",
    "a\x1b[2Jb",
    "a\nb",
    "~",
    "-rf",
    "a b",
    "ünïcödé",
    "CON",
    "<script>",
    '"onload="x',
    "`x`",
    "|",
    "[x](y)",
    "\u202egnp",
    "...",
    " ",
]
SAFE = re.compile(r"[a-z0-9_-][a-z0-9._-]*")


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:20].encode("unicode_escape").decode())
def test_a_name_becomes_that_of_one_file(name):
    found = file_name(name)

    assert SAFE.fullmatch(found)
    assert len(found) < 200


def test_names_that_lost_letters_stay_apart():
    lossy = [name for name in NAMES if file_name(name) != name]

    assert len({file_name(name) for name in lossy}) == len(lossy)


@pytest.mark.parametrize(
    "name", ["mnist-embedded-seed_cnn", "mnist-x-learning_rate-0.0001", "learning rate", "a.b_c-d"]
)
def test_names_of_ours_stay_as_they_are(name):
    assert file_name(name) == name.replace(" ", "-")


def test_no_folder_is_given_twice():
    folders = Folders()

    assert [folders.of(slug) for slug in ("a", "a", "A", "a-2", "b")] == ["a", "a-2", "A-3", "a-2-2", "b"]


@pytest.mark.parametrize("key", ["task", "architecture", "axis"])
@pytest.mark.parametrize(
    "name", ["..", "a/b", "../../../x", "", 300 * "x", "a\x1b]0;b\x07", "<script>alert(1)</script>"]
)
def test_a_report_of_such_names_stays_in_its_folder(key, name, tmp_path, capsys):
    records = pilot(2)
    for record in records if key != "axis" else records[:2]:
        record[key] = name
    lay(tmp_path / "a" / "results", *records)
    (tmp_path / "a" / "out").mkdir()

    assert main(["report", f"results_dir={tmp_path / 'a' / 'results'}", f"out={tmp_path / 'a' / 'out'}"]) == 0

    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["out", "results"]
    assert sorted(path.name for path in (tmp_path / "a" / "results").iterdir()) == ["records"]
    written = [path for path in (tmp_path / "a" / "out").rglob("*") if path.suffix in (".html", ".md", ".tex", ".csv")]
    assert all("\x1b" not in path.read_text(encoding="utf-8") for path in written)
    assert "<script>alert" not in (tmp_path / "a" / "out" / "index.html").read_text(encoding="utf-8")
    assert "\x1b" not in capsys.readouterr().out


def test_tasks_whose_names_differ_in_what_no_folder_can_have(tmp_path, capsys):
    records = []
    for task in ("a b", "a-b", "A-B", "a/b"):
        for record in pilot(2):
            records.append({**record, "task": task, "id": f"{len(records)}-{record['id']}"})
    lay(tmp_path, *records)

    assert main(["report", f"results_dir={tmp_path}"]) == 0
    folders = [path for path in (tmp_path / "report").iterdir() if path.is_dir() and path.name != "across"]
    assert len({path.name.casefold() for path in folders}) == len(Study.open(tmp_path).comparisons) == 4
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    sections = re.findall(r'<section id="([^"]*)" class="chapter', page)
    assert sorted(sections) == sorted(path.name for path in folders)
    assert set(re.findall(r'<td class="txt"><a href="#([^"]*)">', page)) == set(sections)


CODES = ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\x08\x08", "\r", "\u202e", "\u2066", "\x7f", "\x00"]


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.encode("unicode_escape").decode())
def test_codes_are_spelled_out(code):
    assert visible(f"a{code}b").isprintable()
    assert "a" in visible(f"a{code}b")
    assert in_one_line(f"a{code}b\nc").isprintable()


def test_lines_and_letters_stay():
    text = "a\n\tb é 漢字 − ′ ↑ [x] 👍🏽"

    assert visible(text) == text


@pytest.mark.parametrize(
    "place", ["reason", "axis", "task", "architecture", "data.note", "data.source", "provenance.device"]
)
@pytest.mark.parametrize("code", ["\x1b[2J", "\x1b]8;;http://x\x07", "\x9b31m", "\r", "\u202e"], ids=ascii)
def test_a_terminal_is_told_nothing_by_a_record(place, code, tmp_path, capsys):
    records = pilot(2)
    for record in records[:2]:
        record["status"] = "error" if place == "reason" else "ok"
        node = record
        *parents, last = place.split(".")
        for key in parents:
            node = node[key]
        node[last] = f"before{code}after"
    lay(tmp_path, *records)

    for verb in ("status", "power"):
        assert main([verb, f"results_dir={tmp_path}"]) in (0, 2)
    printed = capsys.readouterr()
    assert code not in printed.out + printed.err
    if place == "reason":
        assert f"before{visible(code) if code != chr(13) else ' '}after" in printed.out


@pytest.mark.parametrize("id_of", ["[/red]", "[bold]x", "[link=file:///]x"])
def test_markup_in_a_record_is_text(id_of, tmp_path, capsys):
    records = pilot(2)
    records[0] |= {"id": f"{id_of}-s0".replace("/", ""), "status": "error", "reason": f"{id_of} happened"}
    records[1]["axis"] = id_of
    lay(tmp_path, *records)

    for verb in ("status", "power", "report"):
        assert main([verb, f"results_dir={tmp_path}"]) == 0
    assert f"{id_of} happened" in capsys.readouterr().out


def test_a_page_says_what_was_there(tmp_path, capsys):
    records = pilot(2)
    records[0] |= {"status": "error", "reason": "<b>\x1b[31m & more"}
    lay(tmp_path, *records)

    assert main(["report", f"results_dir={tmp_path}"]) == 0
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert html.escape(r"<b>\x1b[31m & more") in page


def test_an_error_is_one_line_of_text(capsys):
    assert main(["status", "results_dir=/nowhere\x1b[2J\nx"]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "\x1b" not in printed


def test_a_grid_is_shown_as_text(tmp_path, capsys):
    from harness.records.grids import write_grid

    lay(tmp_path, *pilot(2))
    write_grid(tmp_path, "task=tiny \x1b[2J [/red]", [record["id"] for record in pilot(2)])

    assert main(["status", f"results_dir={tmp_path}"]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "[/red]" in Path(tmp_path).name + printed
