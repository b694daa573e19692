from __future__ import annotations

import numpy as np
from dials import dial_in, make_dial
from synthetic import comparison_of, make_record

from harness.report.answers.by_value import by_value_sheet, differences_sheet
from harness.report.answers.change import change_sheet
from harness.report.answers.diverged import divergence_sheet
from harness.report.answers.gap import gap_sheet
from harness.report.answers.own_best import own_best_sheet
from harness.report.answers.ranges import rates_sheet
from harness.report.sheet import to_html, to_latex, to_markdown
from harness.statistics.by_value import aggregate_by_value, compare_by_value, compare_change, divergence_by_value
from harness.statistics.gap import aggregate_gap
from harness.statistics.own_best import aggregate_own_best
from harness.statistics.ranges import aggregate_rates

ACCURACIES = {"channel": [0.80, 0.92, 0.95, 0.93], "none": [0.50, 0.90, 0.94, None]}


def dial_of(accuracies=ACCURACIES, seeds=10, **kwargs):
    return dial_in(make_dial(accuracies, seeds=seeds, noise=0.002, **kwargs), "learning_rate")


def rows_of(sheet):
    """Strategy -> heading -> text, as all renderings have it."""
    return {row["axis"]: {column.heading: column.text(row) for column in sheet.columns} for row in sheet.rows}


def test_a_value_has_its_mean_and_interval_and_says_what_is_missing():
    dial = dial_of()
    table = aggregate_by_value(dial)
    rows = rows_of(by_value_sheet(dial, table))
    assert list(rows["channel"]) == ["strategy", "0.0001", "0.001", "0.01", "0.1"]
    one = table.rows[(table.rows["axis"] == "channel") & (table.rows["place"] == 2)].iloc[0]
    numbers = [
        float(number) for number in rows["channel"]["0.01"].replace("[", "").replace("]", "").replace(",", "").split()
    ]
    assert np.allclose(numbers, one[["mean", "low", "high"]].tolist(), atol=1e-4)
    assert rows["none"]["0.1"] == "– (0/10)"


def test_a_strategy_that_was_not_run_at_a_value_has_a_dash():
    dial = dial_of(skip=lambda axis, seed, rate: axis == "none" and rate == 1e-2)
    assert rows_of(by_value_sheet(dial, aggregate_by_value(dial)))["none"]["0.01"] == "–"
    assert rows_of(divergence_sheet(dial, divergence_by_value(dial)))["none"]["0.01"] == "–"


def test_differences_carry_their_verdict():
    dial = dial_of()
    rows = rows_of(differences_sheet(dial, compare_by_value(dial)))
    assert rows["none"]["0.0001"].startswith("−0.30")
    assert rows["none"]["0.0001"].endswith(" <")
    assert rows["none"]["0.1"] == "– <"  # lost cells lose, without a difference to show


def test_divergence_is_a_count_with_its_interval_in_per_cent():
    dial = dial_of()
    rows = rows_of(divergence_sheet(dial, divergence_by_value(dial)))
    assert (rows["none"]["0.1"], rows["none"]["0.01"]) == ("10/10 [72, 100]", "0/10 [0, 28]")


def test_cells_that_failed_are_marked_where_divergence_is_counted():
    records = make_dial(ACCURACIES)
    records[0]["status"] = "oom"
    dial = dial_in(records, "learning_rate")
    sheet = divergence_sheet(dial, divergence_by_value(dial))
    assert rows_of(sheet)["channel"]["0.0001"].endswith("*")
    assert "failed" in sheet.caption[-1]


def test_a_change_says_what_it_leaves_out():
    dial = dial_of()
    sheet = change_sheet(dial, compare_change(dial))
    assert rows_of(sheet)["none"]["verdict"] == "undecided"
    assert sheet.caption[-1].endswith("are left out: none 10.")
    dial = dial_of({"channel": [0.8, 0.9], "none": [0.5, 0.9]}, values=(0.1, 0.2))
    sheet = change_sheet(dial, compare_change(dial))
    assert rows_of(sheet)["none"]["verdict"] == "gains ground"
    assert len(sheet.caption) == 1


def test_rates_that_a_strategy_stands():
    dial = dial_of()
    sheet = rates_sheet(dial, aggregate_rates(dial, baseline="channel"))
    rows = rows_of(sheet)
    assert rows["channel"]["usable decades ↑"] == "2.50"
    assert rows["channel"]["usable at most seeds"] == "0.001 to 0.1"
    assert rows["none"]["range against channel"] == "narrower"
    assert rows["none"]["sensitivity against channel"] == "more sensitive"
    assert rows["channel"]["range against channel"] == "–"
    assert "within 5 % of the strategy's own best" in sheet.caption[0]


def test_each_at_its_own_best_with_its_edge():
    dial = dial_of({**ACCURACIES, "layer": [0.7, 0.8, 0.9, 0.95]})
    rows = rows_of(own_best_sheet(dial, aggregate_own_best(dial, baseline="channel")))
    assert rows["layer"]["best learning rate"] == "0.1 (highest)"
    assert rows["channel"]["best learning rate"] == "0.01"
    assert rows["none"]["verdict"] == "worse"
    assert "at 0.01" in rows["none"]


def test_the_parts_of_the_gap_and_every_rendering():
    records = [make_record("channel", seed, 0.9, precise=0.92, batch=0.91) for seed in range(6)]
    sheet = gap_sheet(aggregate_gap(comparison_of(records)))
    row = rows_of(sheet)["channel"]
    assert (row["lag"][:6], row["batch"][:6], row["gap"][:6]) == ("−0.020", "+0.010", "−0.010")
    assert row["m′"] == "6,272"
    assert row["mean lag"] == "–"
    assert r"\begin{tabular}" in to_latex(sheet)
    assert to_markdown(sheet).count("| channel |") == 1
    assert to_html(sheet).startswith("<table>")
