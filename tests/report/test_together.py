"""A page of comparisons is a family too: what holds for each is not yet what holds for all."""

from __future__ import annotations

from synthetic import comparisons_of, make_study

from harness.commands.cli import main
from harness.statistics.together import claims_of
from harness.statistics.verdicts import compare_pairs

MEANS = {"channel": 0.95, "none": 0.93}


def families(studies, **kwargs):
    records = [
        record
        for number, seeds in enumerate(studies)
        for record in make_study(MEANS, seeds=seeds, spread=0.002, architecture=f"net{number}", **kwargs)
    ]
    return records, [compare_pairs(one) for one in comparisons_of(records)]


def test_a_claim_holds_for_all_where_it_survives_the_number_of_families():
    # exact p-values of 6 and 10 seeds that all agree: 2/64 and 2/1024; times 2 families 0.0625 and 0.0039
    _, tables = families([6, 10])
    assert [table.rows["p"].iloc[0] for table in tables] == [2 / 64, 2 / 1024]
    assert [(claim.verdict, claim.holds) for claim in claims_of(tables)] == [("worse", False), ("worse", True)]
    assert [claim.holds for claim in claims_of(tables[:1])] == [True]


def test_what_is_undecided_is_no_claim():
    _, tables = families([5, 5])
    assert claims_of(tables) == []


def test_the_page_says_which_claims_hold_for_all_of_it(tmp_path, unrendered):
    from synthetic import write_study

    records, _ = families([6, 10])
    write_study(tmp_path, records)
    assert main(["report", f"results_dir={tmp_path}"]) == 0
    said = (
        "2 comparisons are judged here, each by itself: in up to one of twenty such comparisons some claim is false. "
        "Of their 2 claims 1 hold for all of them at once: mnist (embedded), net1: `none` is worse than `channel`."
    )
    assert said in (tmp_path / "report" / "index.md").read_text(encoding="utf-8")
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "net1: <code>none</code> is worse than <code>channel</code>." in page
