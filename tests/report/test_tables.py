from __future__ import annotations

import io
import re

import pandas as pd
import pytest
from rich.console import Console
from synthetic import RMSE, comparison_of, make_record, make_study

from harness.report.answers.reached import comparison_numbers, comparison_sheet
from harness.report.files import to_csv
from harness.report.sheet import Column, Sheet, latex, number, to_latex, to_markdown, to_terminal
from harness.report.text import decimals
from harness.statistics.caution import caution_sentence
from harness.statistics.summary import aggregate_comparison


@pytest.fixture(scope="module")
def summary():
    records = [
        make_record("channel", 0, 0.9012, precise=0.9032),
        make_record("channel", 1, 0.9032, precise=0.9052),
        make_record("none", 0, 0.8500, stale=True),
        make_record("none", 1, status="diverged"),
        make_record("none", 2, status="error"),
    ]
    return aggregate_comparison(comparison_of(records))


def printed(summary, width=100):
    console = Console(width=width, file=io.StringIO())
    console.print(to_terminal(comparison_sheet(summary), width=width))
    return console.file.getvalue()


def test_markdown_rows_by_hand(summary):
    lines = to_markdown(comparison_sheet(summary)).splitlines()
    assert lines[0] == "**mnist (embedded), lenet**"
    assert lines[2].split(" | ")[:4] == ["| strategy", "seeds", "test accuracy ↑", "SD"]
    # sd = 0.001414, so four decimals; the interval's half-width is 12.706 * 0.001
    assert lines[4] == (
        "| channel | 2/2 | 0.9022 [0.8895, 0.9149] | 0.0014 | 0.9042 | −0.0020 | 96 | 48 | 6,272 | 12.5 |"
    )
    assert lines[5] == "| none | 1/3† | 0.8500 | – | – | – | 0 | 0 | – | 12.5 |"


def test_the_caption_says_what_is_left_out_what_is_stale_and_what_may_be_concluded(summary):
    caption = to_markdown(comparison_sheet(summary))
    assert "Counted in seeds, not in the means: none 1 diverged, 1 failed." in caption
    assert "† Made by other code or versions (stale): 1 of 5 cells." in caption
    assert "One seed only, which says nothing about how much runs differ: none." in caption
    assert caution_sentence(2) in caption


def test_the_caption_of_strategies_with_one_seed_each_claims_nothing():
    summary = aggregate_comparison(comparison_of([make_record("none", 0, 0.85), make_record("channel", 0, 0.9)]))
    caption = to_markdown(comparison_sheet(summary))
    assert caution_sentence(1) in caption
    assert "One seed only" not in caption


def test_direction_and_unit_stand_in_the_heading():
    summary = aggregate_comparison(comparison_of([make_record("none", 0, 14.2, task="rul", measure=RMSE)]))
    assert "test rmse (cycles) ↓" in to_markdown(comparison_sheet(summary))
    assert "lower is better" in to_markdown(comparison_sheet(summary))


def test_csv_has_full_precision_and_says_what_it_is_of(summary):
    back = pd.read_csv(io.StringIO(to_csv(comparison_numbers(summary))))
    assert back.loc[0, ["task", "data_source", "architecture", "metric", "axis"]].tolist() == [
        "mnist",
        "embedded",
        "lenet",
        "test_accuracy",
        "channel",
    ]
    assert back["mean"].tolist() == summary.rows["mean"].tolist()
    assert back["diverged"].tolist() == [0, 1]


def test_latex_escapes_and_has_one_cell_a_column():
    records = [make_record("channel_elementwise", seed, 0.9 + seed / 1000) for seed in range(3)]
    text = to_latex(comparison_sheet(aggregate_comparison(comparison_of(records))))
    assert r"channel\_elementwise & 3/3 &" in text
    assert r"95 \% t interval" in text
    assert r"test accuracy $\uparrow$" in text
    columns = re.search(r"begin{tabular}{(\w+)}", text).group(1)
    body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
    assert {line.count("&") for line in body.splitlines() if "&" in line} == {len(columns) - 1}
    assert not re.search(r"[^\x00-\x7f]", text)  # pdflatex reads it without packages for Unicode


def test_latex_escape_by_hand():
    assert latex(r"a_b & 5 % #1 {x} ~ ^ \y") == (
        r"a\_b \& 5 \% \#1 \{x\} \textasciitilde{} \textasciicircum{} \textbackslash{}y"
    )


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_the_terminal_table_fits(width):
    study = make_study({"none": 0.94, "channel": 0.97, "elementwise_stats_channel_params": 0.93}, seeds=3)
    text = printed(aggregate_comparison(comparison_of(study)), width)
    assert max(map(len, text.splitlines())) <= width
    assert "0.97" in text
    assert "95 % t interval" in " ".join(text.split())


def test_a_wide_terminal_has_all_columns_and_a_narrow_one_says_what_it_left_out():
    summary = aggregate_comparison(comparison_of(make_study({"none": 0.94, "channel": 0.97})))
    assert "Left out" not in printed(summary, 140)
    narrow = " ".join(printed(summary, 70).split())
    assert re.search(r"Left out for want of width: precise ↑.*; the CSV has every column", narrow)


def drawn(columns, row, width):
    console = Console(width=width, file=io.StringIO())
    console.print(to_terminal(Sheet("Names", columns, [row]), width=width), crop=False)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_text_is_wrapped_between_words_before_a_column_of_higher_rank_is_left_out():
    row = {"what": "four words of text", "n": "1,000"}
    what = Column("what", lambda row: row["what"], numeric=False, wraps=10)
    count = Column("count", lambda row: row["n"], rank=1)

    lines = drawn([what, count], row, 20)
    assert lines[4:6] == [" four words   1,000", " of text"]
    assert any("Left out" in line for line in drawn([what, count], row, 18))


@pytest.mark.parametrize("name", ["encoder_stage_one_block_two_bn", "outer/" + 40 * "x"])
def test_a_whole_name_stands_in_one_line_though_it_be_wider_than_the_terminal(name):
    columns = [
        Column("layer", lambda row: row["layer"], numeric=False, whole=True),
        Column("keeps", lambda row: "height × width × channel", numeric=False, wraps=10),
        Column("m′", lambda row: "131,072", rank=1),
    ]
    lines = drawn(columns, {"layer": name}, 40)

    assert any(name in line for line in lines)
    assert " ".join(lines).count("height") == 1
    assert "Left out for want of width: m′" in " ".join(lines)


def test_labels_in_brackets_are_not_taken_for_markup():
    records = [make_record("group", strategy={"groups": groups}) for groups in (4, 8)]
    assert "group [groups=4]" in printed(aggregate_comparison(comparison_of(records)), 120)


def test_decimals_follow_the_spread_or_else_the_size():
    def summary(*values):
        records = [make_record("none", i, value) for i, value in enumerate(values)]
        return aggregate_comparison(comparison_of(records)).rows

    assert decimals(summary(0.90, 0.91)) == 4  # sd 0.0071: two digits of it
    assert decimals(summary(14.0, 16.0)) == 1  # sd 1.4
    assert decimals(summary(1400.0, 1600.0)) == 0
    assert decimals(summary(0.9)) == 4
    assert decimals(summary(None)) == 3


def test_numbers_as_people_write_them():
    assert [number(-0.00001, 3), number(-0.5, 1), number(0.5, 1, signed=True), number(12345.0, 0)] == [
        "0.000",
        "−0.5",
        "+0.5",
        "12,345",
    ]
    assert number(float("nan"), 2) == "–"
