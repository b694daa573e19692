from __future__ import annotations

import io
import re

import pandas as pd
import pytest
from dials import make_dial
from rich.console import Console
from synthetic import make_record, make_study, write_study

from harness.commands import report
from harness.commands.cli import parse
from harness.report.report import write_report
from harness.types import UserError


@pytest.fixture
def quick(monkeypatch):
    """Lets figures be drawn and not rendered, which takes most of the time."""
    monkeypatch.setattr("harness.report.files.save_figure", leave_unrendered)


def leave_unrendered(ax, path):
    files = [path.with_suffix(".png"), path.with_suffix(".svg")]
    for file in files:
        file.write_text('<svg viewBox="0 0 1 1"><g/></svg>')
    return files


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A results folder with a report, of two strategies and a cell of another architecture that failed."""
    folder = tmp_path_factory.mktemp("results")
    failed = make_record("spatial", 0, status="error", architecture="mlp")
    write_study(folder, [*make_study({"none": 0.9, "channel": 0.95}, seeds=3), failed])
    return folder


@pytest.fixture(scope="module")
def written(results):
    """The files of its report -> their bytes, as they were when it was written first."""
    return {file: file.read_bytes() for file in write_report(results)}


def test_a_report_has_tables_and_figures_of_every_comparison_and_links_them(results, written):
    files, report = list(written), results / "report"
    assert files[:2] == [report / "index.html", report / "index.md"]
    index = files[1].read_text()
    assert "7 of 7 planned cells have a record: 6 ok, 1 error" in index
    links = set(re.findall(r"\]\(([^)]+)\)", index))
    assert all((report / link).stat().st_size > 50 for link in links)
    folder = report / "mnist-embedded-lenet"
    figures = ("seeds", "differences", "learning-curves", "stability", "inference-gap", "cost", "time-to-target")
    names = {f"{name}.{kind}" for name in figures for kind in ("png", "svg", "csv")}
    tables = ("comparison", "pairs", "resampled", "measures", "times")
    names |= {f"{name}.{kind}" for name in tables for kind in ("md", "csv", "tex")}
    assert {path.name for path in folder.iterdir()} == names  # no scratch files left
    assert {f"mnist-embedded-lenet/{name}" for name in names} <= links
    assert {path for path in report.rglob("*") if path.is_file()} == set(files)


def test_the_rows_are_there_as_csv_and_parquet(results, written):
    for name, rows in (("cells", 7), ("comparisons", 3)):
        csv = pd.read_csv(results / "report" / f"{name}.csv")
        parquet = pd.read_parquet(results / "report" / f"{name}.parquet")
        assert len(csv) == len(parquet) == rows
        assert csv.columns.tolist() == parquet.columns.tolist()
        number = "test_accuracy" if name == "cells" else "mean"
        pd.testing.assert_series_equal(csv[number], parquet[number], rtol=1e-15, atol=0)


def test_writing_again_gives_the_same_bytes(results, written):
    assert {file: file.read_bytes() for file in write_report(results)} == written


def test_a_dial_stands_before_the_comparisons_it_is_made_of_and_only_one_of_those_is_drawn(tmp_path):
    write_study(
        tmp_path, make_dial({"channel": [0.8, 0.95, 0.93], "none": [0.7, 0.9, None]}, seeds=4, values=(0.1, 0.2, 0.4))
    )
    files = write_report(tmp_path)
    report = tmp_path / "report"
    folder = report / "mnist-embedded-lenet-by-learning-rate"
    tables = ("own-best", "rates", "diverged", "by-value", "differences")
    names = {f"{name}.{kind}" for name in tables for kind in ("csv", "md", "tex")}
    figures = ("curves", "usable-rates", "differences-by-value")
    names |= {f"{name}.{kind}" for name in figures for kind in ("csv", "svg", "png")}
    assert {path.name for path in folder.iterdir()} == names
    assert {path for path in report.rglob("*") if path.is_file()} == set(files)
    page = (report / "index.html").read_text()
    assert "<code>channel</code> has the best mean test accuracy" in page
    assert page.index('<section id="mnist-embedded-lenet-by-learning-rate"') < page.index('<details class="single">')
    assert page.index('<details class="single">') < page.index('<section id="mnist-embedded-lenet-learning_rate-0.1"')
    # the one at the rate that suits both best speaks for the task
    assert [path.parent.name for path in report.rglob("seeds.png")] == ["mnist-embedded-lenet-learning_rate-0.2"]
    assert len(list(report.rglob("comparison.csv"))) == 3


@pytest.mark.parametrize(
    ("accuracies", "skip"),
    [
        ({"channel": [None, None], "none": [None, None]}, lambda axis, seed, value: False),
        ({"channel": [0.9, 0.8], "none": [0.7, None]}, lambda axis, seed, value: seed % 2 == (value == 0.1)),
    ],
    ids=["all diverged", "no seed has both rates"],
)
def test_a_dial_of_which_little_is_known_is_reported_all_the_same(tmp_path, accuracies, skip, quick):
    write_study(tmp_path, make_dial(accuracies, seeds=4, values=(0.1, 0.2), skip=skip))
    write_report(tmp_path)
    index = (tmp_path / "report" / "index.md").read_text()
    assert "**Which diverges?**" in index
    assert "own best" not in index


def test_the_numbers_of_all_dials_are_in_one_table(tmp_path, quick):
    write_study(tmp_path, make_dial({"channel": [0.8, 0.9], "none": [0.7, 0.9]}, values=(8, 32), setting="batch_size"))
    write_report(tmp_path)
    csv = pd.read_csv(tmp_path / "report" / "dials.csv")
    assert csv[["dial", "value", "axis"]].drop_duplicates().shape == (4, 3)
    assert csv["dial"].unique().tolist() == ["batch_size"]
    pd.testing.assert_series_equal(pd.read_parquet(tmp_path / "report" / "dials.parquet")["mean"], csv["mean"])


def test_of_two_settings_each_is_turned_where_most_was_run_and_a_lone_one_is_none(tmp_path, quick):
    records = [
        make_record(axis, seed, 0.9 + seed / 100, settings={"learning_rate": rate, "batch_size": size})
        for axis in ("none", "channel")
        for seed in range(2)
        for rate, size in ((0.1, 32), (0.01, 32), (0.001, 8))
    ]
    write_study(tmp_path, records)
    write_report(tmp_path)
    (drawn,) = (tmp_path / "report").rglob("curves.csv")
    assert sorted(pd.read_csv(drawn)["learning_rate"].unique()) == [0.01, 0.1]
    assert drawn.parent.name == "mnist-embedded-lenet-batch_size-32-by-learning-rate"


def test_with_many_comparisons_only_the_largest_of_each_task_is_drawn(tmp_path, quick):
    rates = [0.1 / 2**step for step in range(13)]
    records = [
        make_record(axis, 0, 0.9, settings={"learning_rate": rate}) for axis in ("none", "channel") for rate in rates
    ]
    write_study(tmp_path, records)
    write_report(tmp_path)
    assert len(list((tmp_path / "report").rglob("seeds.png"))) == 1
    assert len(list((tmp_path / "report").rglob("comparison.csv"))) == 13


OWN = """
import pandas as pd
from harness.report.answer import Answer, Shown
from harness.report.sheet import Column, Sheet

def of_comparison(comparison, baseline):
    rows = [{"axis": axis} for axis in comparison.strategies]
    sheet = Sheet("Mine", [Column("strategy", lambda row: row["axis"])], rows)
    table = Shown("mine", "My own table", sheet, pd.DataFrame(rows))
    yield Answer(question="Which is mine?", sentence=f"None but `{baseline}` is.", table=table)
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Results, and where their report with another baseline and a question of one's own was written, and its files."""
    folder = tmp_path_factory.mktemp("own")
    write_study(folder / "results", make_study({"none": 0.9, "channel": 0.95, "layer": 0.96}, seeds=3))
    (folder / "conf" / "answers").mkdir(parents=True)
    (folder / "conf" / "answers" / "mine.py").write_text(OWN)
    options = [f"results_dir={folder / 'results'}", f"out={folder / 'out'}", "baseline=layer"]
    console = Console(width=10_000, file=io.StringIO())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.report.files.save_figure", leave_unrendered)
        assert report.main(parse([*options, "--config-dir", str(folder / "conf")]), console) == 0
    [said] = console.file.getvalue().splitlines()
    files = [path for path in (folder / "out").rglob("*") if path.is_file()]
    assert said.startswith(f"wrote {len(files)} files: ")
    assert said.endswith("index.html")
    return folder / "results", folder / "out", files


def test_another_baseline(own):
    pairs = pd.read_csv(own[1] / "mnist-embedded-lenet" / "pairs.csv")
    assert pairs["baseline"].unique().tolist() == ["layer"]


def test_a_question_of_one_s_own_is_answered_beside_ours(own):
    index, page = ((own[1] / f"index.{kind}").read_text() for kind in ("md", "html"))
    assert "**Which is mine?** None but `layer` is." in index
    assert "None but <code>layer</code> is." in page
    assert "[CSV](mnist-embedded-lenet/mine.csv)" in index
    numbers = (own[1] / "mnist-embedded-lenet" / "mine.csv").read_text().split()
    assert numbers == ["axis", "channel", "layer", "none"]


def test_a_report_can_go_elsewhere(own):
    results, out, files = own
    assert all(file.is_relative_to(out) for file in files)
    assert {file for file in out.rglob("*") if file.is_file()} == set(files)
    assert not (results / "report").exists()


@pytest.mark.parametrize("exists", [True, False])
def test_a_directory_without_records_is_refused(tmp_path, exists):
    folder = tmp_path / "empty"
    if exists:
        folder.mkdir()
    with pytest.raises(UserError, match=r"Received: results_dir='.*empty'"):
        write_report(folder)
