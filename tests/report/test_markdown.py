"""The pages of published studies: what they say is in the records, what they link is there."""

from __future__ import annotations

import re
import shutil

import pytest
from publications import publish, run_into
from synthetic import make_record, make_study

from harness.report.markdown import write_pages, write_readme
from harness.report.questions import Questions
from harness.report.study import Study


@pytest.fixture(scope="module")
def page(tmp_path_factory, published_once):
    reference = shutil.copytree(published_once, tmp_path_factory.mktemp("pages") / "reference")
    return write_pages(reference, "digits")


def test_a_page_shows_stamp_verdicts_tables_and_figures(page):
    study = Study.open_published(page.parent)
    (comparison,) = study.comparisons
    text = page.read_text()

    assert str(study.stamp) in text
    said = [answer for answer in Questions.found().about(comparison, "channel") if answer.sentence]
    assert len(said) == 3
    assert all(f"### {answer.question}\n\n{answer.sentence}\n" in text for answer in said)
    assert "On test accuracy, over 6 seeds, " in text
    assert len(re.findall(r"^\| (?:none|channel|spatial) ", text, re.MULTILINE)) == 3 + 2  # all; all but the baseline
    assert "python -m harness publish study=digits" in text


def test_all_that_is_linked_is_there_and_all_that_is_there_is_linked(page):
    links = {page.parent / link for link in re.findall(r"\]\(([^)]+)\)", page.read_text())}

    assert links == {path for kind in ("tables", "figures") for path in (page.parent / kind).rglob("*.*")}
    assert {path.name for path in links} >= {"comparison.csv", "pairs.csv", "seeds.png", "differences.png"}


def test_a_study_of_many_comparisons_keeps_the_figures_that_are_over_all_of_them(tmp_path, unrendered):
    rates = (0.1, 0.03, 0.01, 0.003, 0.001)
    records = [
        record
        for rate in rates
        for record in make_study({"none": 0.9, "channel": 0.95}, seeds=2, settings={"learning_rate": rate})
    ]
    run_into(tmp_path / "work", records)
    publish(tmp_path / "work", tmp_path / "reference" / "digits")
    page = write_pages(tmp_path / "reference", "digits")
    drawn = {path.parent.name for path in (page.parent / "figures").rglob("*.png")}
    said = write_readme(page.parents[1]).read_text()

    assert drawn == {"mnist-embedded-lenet-by-learning-rate"}
    assert len(list((page.parent / "tables").rglob("comparison.csv"))) == 5
    assert "- Which diverges? None of 20 cells diverged." in said
    assert "- mnist (embedded), lenet, learning_rate 0.1:" not in said


def test_what_an_earlier_page_had_and_this_one_has_not_is_gone(published, unrendered):
    left = published / "digits" / "figures" / "another-comparison"
    left.mkdir(parents=True)
    write_pages(published, "digits")

    assert not left.exists()


def test_the_page_over_all_studies_counts_every_cell(tmp_path):
    records = make_study({"none": 0.93, "channel": 0.95}, seeds=4)
    lost = [make_record("spatial", 0, status="diverged"), make_record("spatial", 1, status="timeout")]
    run_into(tmp_path / "work", [*records, *lost], planned=["never-run-s0"])
    publish(tmp_path / "work", tmp_path / "reference" / "digits")
    text = write_readme(tmp_path / "reference").read_text()
    digest = Study.open_published(tmp_path / "reference" / "digits").stamp.digest[:16]

    # 10 records of 12.5 s; one of them diverged, one failed, and one planned cell has none.
    assert f"| [digits](digits/README.md) | 10 of 11 | 4 | 1 | 1 | 2 min 05 s | `{digest}` |" in text
    assert "1 missing" in text
    assert "1 of 10 cells diverged (`spatial` 1 of 2)" in text
