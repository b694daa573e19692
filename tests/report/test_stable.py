"""Every measure of stability side by side, against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from synthetic import RMSE, make_record

from harness.statistics.stability import aggregate_stability
from harness.statistics.stability import dispersion
from harness.tables import stability_sheet, to_markdown


def records():
    """Eleven seeds of channel, 0.80 to 0.90, and of none, one of which diverged."""
    spikes = [0, 0, 1, 0, 7]
    found = [make_record("channel", seed, 0.80 + seed / 100) for seed in range(11)]
    found += [
        make_record("none", seed, 0.5, metrics={"loss_spikes": float(spikes[seed]), "below_epsilon": 0.25})
        for seed in range(5)
    ]
    return [*found, make_record("none", 5, status="diverged", metrics={"loss_spikes": 900.0})]


def test_dispersion_by_hand():
    found = dispersion([0.80 + seed / 100 for seed in range(11)], direction="max")

    assert found["n"] == 11
    assert found["sd"] == pytest.approx(0.01 * math.sqrt(11))  # of 0 to 10: sqrt(110 / 10)
    assert found["iqr"] == pytest.approx(0.05)  # 0.825 to 0.875
    assert found["worst"] == pytest.approx(0.80)
    assert found["worst_tenth"] == pytest.approx(0.805)  # of 11 seeds two


def test_the_worst_is_at_the_other_end_where_lower_is_better():
    assert dispersion([1.0, 2.0, 9.0], direction="min")["worst"] == 9.0
    assert dispersion(np.arange(30.0), direction="min")["worst_tenth"] == 28.0


def test_what_is_not_finite_is_left_out_and_one_seed_has_no_spread():
    one = dispersion([np.nan, 3.0, np.inf], direction="max")

    assert (one["n"], one["worst"], one["worst_tenth"]) == (1, 3.0, 3.0)
    assert np.isnan([one["sd"], one["iqr"]]).all()
    assert dispersion([], direction="max")["n"] == 0


def test_a_row_a_strategy_with_medians_over_what_finished():
    table = aggregate_stability(comparison_of(records())).set_index("axis")

    assert table.loc["none", ["cells", "diverged", "n"]].tolist() == [6, 1, 5]
    assert table.loc["none", "loss_spikes"] == 0.0  # the median of 0, 0, 1, 0, 7: the diverged cell is not in it
    assert table.loc["none", "below_epsilon"] == 0.25
    assert table.loc["channel", "diverged"] == 0
    assert np.isnan(table.loc["channel", "below_epsilon"])
    # Wilson's interval of 1 in 6: Agresti & Coull (1998), formula (2)
    assert table.loc["none", "low"] == pytest.approx(0.030053, abs=1e-5)


def test_the_sheet_has_columns_for_what_was_measured_and_no_others():
    text = to_markdown(stability_sheet(aggregate_stability(comparison_of(records()))))

    assert "| strategy | diverged | finished | SD | IQR | worst seed | worst tenth | loss spikes | below ε |" in text
    assert "| none | 1/6 [3, 56] | 5/6 | 0.0000 | 0.0000 | 0.500 | 0.500 | 0 | 0.25 |" in text
    assert "β" not in text


def test_a_strategy_of_which_nothing_finished_keeps_its_row():
    lost = [make_record("none", seed, status="diverged", measure=RMSE) for seed in range(3)]
    kept = [make_record("channel", seed, 10.0 + seed, measure=RMSE) for seed in range(3)]
    text = to_markdown(stability_sheet(aggregate_stability(comparison_of([*lost, *kept]))))

    assert "| none | 3/3 [44, 100] | 0/3 | – | – | – | – |" in text
    assert "| channel | 0/3 [0, 56] | 3/3 | 1.00 | 1.00 | 12.0 | 12.0 |" in text
