from __future__ import annotations

import re

import pytest
from synthetic import make_record, make_study

from harness.records import prepare_results_dir, write_record
from harness.report import write_report
from harness.types import UserError


def write(results_dir, records):
    prepare_results_dir(results_dir)
    for record in records:
        write_record(results_dir, {key: value for key, value in record.items() if key not in ("stale", "path")})


def test_a_report_has_tables_and_figures_of_every_comparison_and_links_them(tmp_path):
    failed = make_record("spatial", 0, status="error", architecture="mlp")
    write(tmp_path, [*make_study({"none": 0.9, "channel": 0.95}, seeds=3), failed])
    files = write_report(tmp_path)
    assert files[0] == tmp_path / "report" / "index.md"
    index = files[0].read_text()
    assert "7 cells: 6 ok, 1 error." in index
    links = re.findall(r"\]\(([^)]+)\)", index)
    assert {str(file.relative_to(tmp_path / "report")) for file in files[1:]} == set(links)
    assert all((tmp_path / "report" / link).stat().st_size > 100 for link in links)
    names = {"comparison.md", "comparison.csv", "comparison.tex"}
    names |= {f"{name}.{kind}" for name in ("seeds", "learning-curves", "inference-gap") for kind in ("png", "svg")}
    folders = ("mnist-embedded-lenet", "mnist-embedded-mlp")
    assert {path.name for path in (tmp_path / "report" / folders[0]).iterdir()} == names  # no scratch files left
    assert {file.parent.name for file in files[1:]} == set(folders)


def test_writing_again_gives_the_same_bytes(tmp_path):
    write(tmp_path, make_study({"none": 0.9, "channel": 0.95}, seeds=3))
    first = {file: file.read_bytes() for file in write_report(tmp_path)}
    assert {file: file.read_bytes() for file in write_report(tmp_path)} == first


def test_a_report_can_go_elsewhere(tmp_path):
    write(tmp_path / "results", make_study({"none": 0.9}, seeds=2))
    files = write_report(tmp_path / "results", tmp_path / "out")
    assert all(file.is_relative_to(tmp_path / "out") for file in files)
    assert not (tmp_path / "results" / "report").exists()


@pytest.mark.parametrize("exists", [True, False])
def test_a_directory_without_records_is_refused(tmp_path, exists):
    folder = tmp_path / "empty"
    if exists:
        folder.mkdir()
    with pytest.raises(UserError, match=r"Received: results_dir='.*empty'"):
        write_report(folder)
