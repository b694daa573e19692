from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from synthetic import comparison_of, make_record, uneven_records

from harness.statistics.stability import (
    LESS,
    MORE,
    UNTOLD,
    aggregate_stability,
    brown_forsythe_p,
    compare_divergence,
    compare_spread,
    count_diverged,
    dispersion,
    log_sd_ratio_interval,
)
from harness.types import UserError


def study(spreads, seeds, rng_seed=0):
    rng = np.random.default_rng(rng_seed)
    return comparison_of(
        [
            make_record(axis, seed, value)
            for axis, spread in spreads.items()
            for seed, value in enumerate(0.9 + spread * rng.normal(size=seeds))
        ]
    )


def test_the_ratio_s_jackknife_by_hand():
    # leaving out each of 0, 1, 2 leaves SDs sqrt(1/2), sqrt(2), sqrt(1/2); of 0, 2, 4 twice those: the ratio is
    # always 1/2, so that every pseudo-value is ln(1/2) and the interval has no width
    interval = log_sd_ratio_interval([0.0, 1.0, 2.0], [0.0, 2.0, 4.0])
    assert [interval.estimate, interval.low, interval.high] == pytest.approx([math.log(0.5)] * 3)


def test_the_jackknife_agrees_with_leaving_out_one_by_one():
    x, y = np.random.default_rng(0).normal(size=(2, 9)) * [[1], [3]]
    n, theta = 9, math.log(x.std(ddof=1) / y.std(ddof=1))
    without = [np.log(np.delete(x, i).std(ddof=1) / np.delete(y, i).std(ddof=1)) for i in range(n)]
    pseudo = n * theta - (n - 1) * np.array(without)
    low, high = stats.t.interval(0.95, n - 1, pseudo.mean(), stats.sem(pseudo))
    interval = log_sd_ratio_interval(x, y)
    assert (interval.estimate, interval.low, interval.high) == pytest.approx((theta, low, high))


def test_too_few_values_or_none_that_differ_have_no_interval():
    assert math.isnan(log_sd_ratio_interval([1.0, 2.0], [1.0, 3.0]).low)
    assert math.isnan(log_sd_ratio_interval([1.0, 1.0, 1.0], [1.0, 3.0, 2.0]).estimate)
    assert math.isnan(brown_forsythe_p([1.0, 2.0], [1.0, 3.0]))


def test_thirty_seeds_tell_a_ratio_of_three():
    table = compare_spread(study({"channel": 0.01, "none": 0.03, "layer": 0.0033}, 40)).set_index("axis")
    assert table["verdict"].to_dict() == {"none": MORE, "layer": LESS}
    assert table.loc["none", "ratio_low"] < 3 < table.loc["none", "ratio_high"]


def test_ten_seeds_never_say_more_stable_however_clear_it_looks():
    table = compare_spread(study({"channel": 0.05, "none": 0.001}, 10))
    assert table["brown_forsythe_p"].iloc[0] < 0.05
    assert table["verdict"].tolist() == [UNTOLD]


def test_spread_is_over_seeds_that_both_finished():
    records = [make_record("channel", seed, 0.9 + seed / 100) for seed in range(5)]
    records += [make_record("none", seed, 0.8 + seed / 100) for seed in range(4)]
    records += [make_record("none", 4, 0.1, status="diverged")]
    row = compare_spread(comparison_of(records)).iloc[0]
    assert row["n"] == 4
    assert row["ratio"] == pytest.approx(1)


def test_divergence_by_hand():
    records = [make_record("channel", seed, 0.9) for seed in range(10)]
    records += [make_record("none", seed, status="diverged") for seed in range(5)]
    records += [make_record("none", seed, 0.8) for seed in range(5, 9)] + [make_record("none", 9, status="error")]
    comparison = comparison_of([*records, *(make_record("layer", seed, status="diverged") for seed in range(10))])
    table = count_diverged(comparison).set_index("axis")
    assert table.loc["none", ["cells", "diverged", "failed"]].tolist() == [10, 5, 1]
    assert table.loc["none", "rate"] == 0.5
    # Wilson 5 of 10: (0.5 + z^2/20 +- z sqrt(0.25/10 + z^2/400)) / (1 + z^2/10)
    assert table.loc["none", ["low", "high"]].tolist() == pytest.approx([0.236593, 0.763407], abs=1e-6)
    pairs = compare_divergence(comparison).set_index(["axis", "other"])
    assert pairs.index.tolist() == [("layer", "none"), ("layer", "channel"), ("none", "channel")]
    # Fisher: C(10,5) C(10,0) / C(20,5) = 252 / 15504 in each tail; the first pair is the third with other names
    assert pairs["fisher_p"].tolist() == pytest.approx([2 * 252 / 15504, 2 / 184756, 2 * 252 / 15504])
    assert pairs["holm_p"].tolist() == pytest.approx([4 * 252 / 15504, 6 / 184756, 4 * 252 / 15504])


def test_an_unknown_baseline_is_refused():
    with pytest.raises(UserError, match="Received: baseline='layer'"):
        compare_spread(study({"channel": 0.01, "none": 0.01}, 5), baseline="layer")


# --- every measure side by side ---------------------------------------------------------------------------------


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
    table = aggregate_stability(comparison_of(uneven_records())).rows.set_index("axis")

    assert table.loc["none", ["cells", "diverged", "n"]].tolist() == [6, 1, 5]
    assert table.loc["none", "loss_spikes"] == 0.0  # the median of 0, 0, 1, 0, 7: the diverged cell is not in it
    assert table.loc["none", "below_epsilon"] == 0.25
    assert table.loc["channel", "diverged"] == 0
    assert np.isnan(table.loc["channel", "below_epsilon"])
    # Wilson's interval of 1 in 6: Agresti & Coull (1998), formula (2)
    assert table.loc["none", "low"] == pytest.approx(0.030053, abs=1e-5)
