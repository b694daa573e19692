"""All pairs as a square: each pair from either side, what is told apart marked."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import comparison_of, make_record

from harness.report.answers.all_pairs import matrix_of, matrix_sheet, plot_all_pairs
from harness.report.sheet import latex, to_latex, to_markdown
from harness.statistics.verdicts import compare_all_pairs


@pytest.fixture(scope="module")
def pairs():
    # best wins all ten seeds against both others; middle wins six of ten against worst
    records = [make_record("best", seed, 0.9 + seed / 1000) for seed in range(10)]
    records += [make_record("middle", seed, 0.5 + seed / 1000) for seed in range(10)]
    records += [make_record("worst", seed, 0.5 + seed / 1000 + (0.01 if seed < 4 else -0.01)) for seed in range(10)]
    return compare_all_pairs(comparison_of(records))


def test_a_pair_stands_in_the_square_from_either_side(pairs):
    matrix = matrix_of(pairs.rows)
    assert matrix.strategies == ["best", "middle", "worst"]
    np.testing.assert_allclose(matrix.p_better[0, 1:], [1, 1])
    np.testing.assert_allclose(matrix.p_better[1:, 0], [0, 0])
    np.testing.assert_allclose([matrix.p_better[1, 2], matrix.p_better[2, 1]], [0.6, 0.4])
    assert matrix.verdicts.tolist() == [
        ["", "better", "better"],
        ["worse", "", "undecided"],
        ["worse", "undecided", ""],
    ]


def test_the_order_does_not_depend_on_the_names(pairs):
    turned = pairs.rows.replace({"axis": {"best": "zebra"}, "baseline": {"best": "zebra"}})
    assert matrix_of(turned).strategies == ["zebra", "middle", "worst"]


def test_the_table_says_who_beats_whom(pairs):
    said = to_markdown(matrix_sheet(pairs))
    assert "| best | – | 1.00 > | 1.00 > |" in said
    assert "| middle | 0.00 < | – | 0.60 |" in said
    assert "all 3 pairs judged at once" in said
    assert "1.00 $>$" in to_latex(matrix_sheet(pairs))


def test_signs_that_old_text_fonts_lack_are_mathematics():
    assert latex("p < 0.001, ∞ > 1") == r"p $<$ 0.001, $\infty$ $>$ 1"


def test_the_figure_colours_what_is_told_apart_and_nothing_else(pairs):
    ax = plot_all_pairs(pairs)
    (mesh,) = (one for one in ax.collections if one.get_array() is not None)
    shown = np.ma.filled(np.ma.masked_invalid(mesh.get_array()).astype(float), np.nan).reshape(3, 3)
    np.testing.assert_array_equal(np.isfinite(shown), [[False, True, True], [True, False, False], [True, False, False]])
    texts = {text.get_position(): (text.get_text(), text.get_fontweight()) for text in ax.texts}
    assert texts[1, 0] == ("1.00", "bold")
    assert texts[2, 1] == ("0.60", "normal")
    assert (0, 0) not in texts
    assert [label.get_text() for label in ax.get_yticklabels()] == ["best", "middle", "worst"]
