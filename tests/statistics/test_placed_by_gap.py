"""Who stands where it stands because of its moving averages, by numbers made by hand."""

from __future__ import annotations

from harness.report.answers.reached import caption_lines, comparison_sheet, gap_sentence
from harness.statistics.summary import aggregate_comparison, order_by_precise, placed_by_gap
from tests.studies.synthetic import comparison_of, make_record


def summary(test_examples=None, **scores):
    """Of strategies by their accuracy with moving averages and with precise statistics, three seeds a little apart."""
    records = [
        make_record(axis, seed, moving + seed / 1000, precise=precise + seed / 1000)
        for axis, (moving, precise) in scores.items()
        for seed in range(3)
    ]
    for record in records:
        record["data"]["sizes"] = {"test": test_examples} if test_examples else {}
    return aggregate_comparison(comparison_of(records))


def test_a_strategy_that_lags_is_named_and_the_order_without_the_lag():
    found = summary(channel=(0.28, 0.78), none=(0.62, 0.62), spatial=(0.5, 0.53))

    assert placed_by_gap(found) == ["channel"]
    assert order_by_precise(found) == ["channel", "none", "spatial"]
    assert gap_sentence(found) == (
        "Moving averages decide the place of `channel`: with precise statistics the means stand in the order "
        "`channel`, `none`, `spatial`, the best first."
    )
    text = comparison_sheet(found)
    assert [text.columns[0].text(row) for row in text.rows] == ["none", "spatial", "channel‡"]
    assert any(line.startswith("‡") for line in caption_lines(found))


def test_places_that_differ_by_less_than_the_margin_of_gaps_are_nobodys_fault():
    found = summary(channel=(0.900, 0.905), none=(0.903, 0.903))  # gaps of 0.005 and 0, margin 0.01

    assert placed_by_gap(found) == []
    assert gap_sentence(found) == ""


def test_an_equal_lag_moves_nobody():
    assert placed_by_gap(summary(channel=(0.5, 0.8), spatial=(0.4, 0.7))) == []


def test_a_few_test_examples_place_nobody():
    scores = {"channel": (0.90, 0.97), "none": (0.95, 0.95)}  # gaps of 0.07 and 0, over three seeds

    assert placed_by_gap(summary(test_examples=18, **scores)) == []  # 0.07 * 18 * 3 = 3.8 examples
    assert placed_by_gap(summary(test_examples=20, **scores)) == ["channel"]  # 4.2
