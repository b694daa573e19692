from __future__ import annotations

import math
import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from synthetic import RMSE, comparison_of, make_record, make_study

from harness.statistics.caution import BETTER, EQUIVALENT, UNDECIDED, WORSE
from harness.statistics.comparison import comparisons
from harness.statistics.difference import (
    bca_interval,
    compare_scores,
    median_interval,
    permutation_p,
    rank_differences,
    wilcoxon_p,
    win_interval,
)
from harness.statistics.family import holm
from harness.statistics.margin import margin_of
from harness.statistics.verdicts import compare_all_pairs, compare_pairs, compare_series
from harness.types import Quantity, UserError

NAN = float("nan")
# What is said of a pair together with the others of its family.
TOGETHER = ["p", "equivalence_p", "wide_low", "wide_high", "verdict", "size", "seeds_to_decide"]


def rng():
    return np.random.default_rng(0)


def row_of(table, axis):
    return table.set_index("axis").loc[axis]


# --- a pair of strategies -------------------------------------------------------------------------------------------


def test_differences_and_wins_by_hand():
    result = compare_scores([0.9, 0.8, 0.7, 0.6], [0.8, 0.8, 0.8, 0.4], rng=rng())
    # differences 0.1, 0, -0.1, 0.2: mean 0.05, variance (0.0025 + 0.0025 + 0.0225 + 0.0225) / 3
    assert result.difference == pytest.approx(0.05)
    assert result.d_z == pytest.approx(0.05 / (0.05 / 3) ** 0.5)
    assert result.high - result.difference == pytest.approx(3.182446 * (0.05 / 3 / 4) ** 0.5, rel=1e-6)
    assert result.p_better == 2.5 / 4
    assert (result.seeds, result.pairs) == (4, 4)


def test_a_lost_cell_leaves_the_mean_and_loses_the_ranks():
    result = compare_scores([0.9, NAN, NAN, 0.9], [0.8, 0.8, NAN, NAN], rng=rng())
    assert (result.seeds, result.pairs) == (4, 1)
    assert result.difference == pytest.approx(0.1)
    assert result.p_better == (1 + 0 + 0.5 + 1) / 4
    assert np.isnan(result.low)


def test_a_lost_cell_is_worse_than_the_largest_difference():
    ranked = rank_differences(np.array([5.0, NAN, 1.0, NAN]), np.array([1.0, 0.0, NAN, NAN]))
    assert ranked[0] == 4.0
    assert ranked[1] < -4.0
    assert ranked[2] > 4.0
    assert ranked[3] == 0.0


def test_clopper_pearson_by_hand():
    # 10 of 10: the lower bound solves p^10 = 0.025
    assert win_interval(10, 10) == pytest.approx((0.025**0.1, 1.0))
    assert win_interval(0, 10) == pytest.approx((0.0, 1 - 0.025**0.1))
    assert win_interval(7, 10) == pytest.approx(tuple(stats.binomtest(7, 10).proportion_ci(0.95)))
    assert np.isnan(win_interval(0, 0)).all()


def test_the_interval_of_a_median_by_hand():
    # of ten differences at most one lies beyond either bound: 2 * (1 + 10) / 1024 = 0.0215, and 2 * 56 / 1024 = 0.109
    differences = np.array([5.0, 1, 2, 3, 4, 6, 7, 8, 9, -1000])
    assert median_interval(differences) == (1.0, 8.0)
    assert np.isnan(median_interval(differences[:5])).all()  # 2 / 32 exceeds 0.05
    result = compare_scores(differences + 1000.0, np.full(10, 1000.0), rng=None)
    assert (result.median, result.median_low, result.median_high) == pytest.approx((4.5, 1.0, 8.0))
    turned = compare_series(
        series_of({"a": differences + 1000.0, "b": np.full(10, 1000.0)}), [("a", "b")], direction="min"
    ).iloc[0]
    assert turned[["median", "median_low", "median_high"]].tolist() == pytest.approx([4.5, 1.0, 8.0])


def test_bca_leans_with_the_sample_and_is_the_same_bit_for_bit():
    values = stats.expon.ppf(np.linspace(0.02, 0.98, 25))
    first, again, other = (bca_interval(values, rng=np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first == again
    assert first != other
    low, high = first
    assert high - values.mean() > values.mean() - low  # a skewed sample: the interval reaches further up


def test_differences_that_are_all_alike_have_no_width_and_no_warning(recwarn):
    assert bca_interval(np.full(5, 0.25), rng=rng()) == (0.25, 0.25)
    assert permutation_p(np.zeros(5), rng=rng()) == 1.0
    assert wilcoxon_p(np.zeros(5)) == 1.0
    assert not recwarn.list


def test_exact_permutations_by_hand():
    # five positive differences: of 2^5 flips only none and all reach the mean, so p = 2 / 32
    assert permutation_p(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), rng=rng()) == 2 / 32
    # 3, -1: means of the four flips are 1, 2, -2, -1, all at least 1 in size
    assert permutation_p(np.array([3.0, -1.0]), rng=rng()) == 1.0


def test_wilcoxon_s_example_of_darwin_s_maize():
    # Darwin's 15 pairs of maize plants (Fisher 1935), differences in eighths of an inch: W = 24 of 120
    darwin = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], float)
    assert wilcoxon_p(darwin) == pytest.approx(0.0413, abs=5e-4)
    # Fisher's randomization test of the same data counts 863 + 863 of 32,768 flips: p = 0.0527
    assert permutation_p(darwin, rng=rng()) == pytest.approx(1726 / 32768, abs=0.006)


def test_ties_and_differences_of_zero_are_tested_exactly():
    # ranks 1, 2.5, 2.5, 4: of 16 signs those with at most 1 against (none, the smallest) and as many for
    assert wilcoxon_p(np.array([-1.0, 2.0, 2.0, 3.0])) == 2 * 2 / 16
    # the difference of 0 is left out: 3 of 3
    assert wilcoxon_p(np.array([0.0, 1.0, 1.0, 1.0])) == 2 / 8
    draw = np.random.default_rng(0)
    for size in (2, 3, 5, 6, 7, 7):
        differences = draw.integers(1, 4, size) * draw.choice([-1.0, 0.0, 1.0, 1.0], size)
        differences[0] = 1.0
        assert wilcoxon_p(differences) == stats.wilcoxon(differences).pvalue  # which goes through all signs


@pytest.mark.parametrize("of", [500, 1000, 10_000, 7])
def test_equal_differences_of_rounded_scores_share_a_rank(of):
    # 3 of 500 more, seven times, and 3 fewer once: all of a size. By all 2^8 signs, 1 + 8 of them are as far out.
    right = np.array([450, 451, 452, 453, 454, 455, 456, 469])
    by = np.array([3, 3, 3, 3, 3, 3, 3, -3])
    assert compare_scores((right + by) / of, right / of, rng=None).wilcoxon_p == pytest.approx(18 / 256)


def test_differences_by_less_than_rounding_are_none():
    other = np.array([0.1, 0.2, 0.3, 0.7])
    result = compare_scores(other + np.array([1e-17, -1e-16, 5e-17, 0]), other, rng=None)
    assert (result.difference, result.sd, result.p_better, result.wilcoxon_p) == (0, 0, 0.5, 1)
    # What is small but no rounding stays: losses of 1e-12 and their differences of a tenth of them.
    small = compare_scores(np.array([1.1e-12, 2.3e-12]), np.array([1e-12, 2e-12]), rng=None)
    assert small.difference == pytest.approx(2e-13)


def test_constant_differences_have_no_spread_and_no_standardised_mean():
    right = np.array([50, 150, 300, 450, 469])
    score, other = (right + 3) / 500, right / 500
    assert np.ptp(score - other) > 0  # as floats they vary
    result = compare_scores(score, other, rng=None)
    assert (result.sd, result.difference) == (0, pytest.approx(0.006))
    assert np.isnan(result.d_z)


def test_a_small_sample_with_ties_is_tested_as_fast_as_any_other():
    # scipy takes a tenth of a second for each; a page over all studies has hundreds
    start = time.perf_counter()
    for _ in range(50):
        wilcoxon_p(np.array([2.0] * 12 + [-2.0]))
    assert time.perf_counter() - start < 1.0


def test_five_pairs_cannot_reach_five_percent():
    assert wilcoxon_p(np.arange(1.0, 6.0)) == 2 / 32


# --- verdicts -------------------------------------------------------------------------------------------------------


def series_of(values):
    return {name: pd.Series(numbers, index=range(len(numbers))) for name, numbers in values.items()}


def judged(differences, margin=0.01, direction="max"):
    """The verdict on one strategy whose differences from the baseline are these."""
    base = 0.9 + np.arange(len(differences)) / 1000
    values = series_of({"channel": base, "none": base + np.asarray(differences)})
    return compare_series(values, [("none", "channel")], direction=direction, margin=margin).iloc[0]


NOISE = np.tile([0.002, -0.002, 0.001, -0.001], 5)  # 20 seeds, mean 0, standard deviation 0.00162


@pytest.mark.parametrize(
    ("shift", "verdict", "size"),
    [
        (0.03, BETTER, "beyond"),
        (-0.03, WORSE, "beyond"),
        (0.005, BETTER, "within"),
        (0.010, BETTER, ""),  # about as large as the margin: told apart, and of what size is open
        (0.0, EQUIVALENT, ""),
    ],
)
def test_a_difference_and_its_size_are_two_questions(shift, verdict, size):
    row = judged(shift + NOISE)
    assert (row["verdict"], row["size"], row["margin"]) == (verdict, size, 0.01)
    assert row["wide_low"] <= row["low"] <= row["difference"] <= row["high"] <= row["wide_high"]
    turned = judged(shift + NOISE, direction="min")
    assert turned["verdict"] == {BETTER: WORSE, WORSE: BETTER}.get(verdict, verdict)


def test_equivalence_takes_twenty_seeds_a_margin_and_all_cells():
    assert judged(NOISE[:19])["verdict"] == UNDECIDED
    assert judged(NOISE[:19])["seeds_to_decide"] == 20
    assert judged(NOISE, margin=math.nan)["verdict"] == UNDECIDED
    assert np.isnan(judged(NOISE, margin=math.nan)["seeds_to_decide"])
    lost = NOISE.copy()
    lost[3] = NAN
    row = judged(lost)
    assert (row["verdict"], row["lost"]) == (UNDECIDED, 1)
    assert row[["wide_low", "wide_high", "seeds_to_decide", "equivalence_p"]].isna().all()


def test_more_seeds_never_take_a_claim_back_that_few_make():
    # with the rule on P(A > B) a difference of half a deviation was told by 63 seeds and no longer by 400
    rng = np.random.default_rng(0)
    for n in (63, 400, 2000):
        told = [judged(0.5 + rng.normal(size=n), margin=math.nan)["verdict"] == BETTER for _ in range(20)]
        assert np.mean(told) >= 0.85


def test_lost_cells_are_judged_by_ranks():
    row = judged([NAN] * 8 + [0.1] * 2, margin=0.01)  # far better where it finishes, which it seldom does
    assert row["verdict"] == WORSE
    assert row["difference"] == pytest.approx(0.1)


def test_a_seed_twice_is_refused():
    values = {"channel": pd.Series([0.9, 0.91], index=[0, 1]), "none": pd.Series([0.9, 0.92, 0.93], index=[0, 1, 1])}
    with pytest.raises(UserError, match=r"Received: none seeds \[1\] twice"):
        compare_series(values, [("none", "channel")], direction="max")


@pytest.mark.parametrize(
    ("quantity", "reference", "asked", "margin"),
    [
        (Quantity(name="accuracy", direction="max", high=1.0), 0.5, None, 0.01),
        (Quantity(name="rmse", direction="min", unit="cycles"), 14.0, None, 0.7),
        (Quantity(name="rmse", direction="min"), 14.0, 2.0, 2.0),
        (Quantity(name="rmse", direction="min", margin=0.3), 14.0, None, 0.3),
        (Quantity(name="rmse", direction="min", margin=0.3), 14.0, 0.1, 0.1),
        (Quantity(name="loss", direction="min"), NAN, None, NAN),
        (Quantity(name="loss", direction="min"), 0.0, None, NAN),
    ],
)
def test_the_margin_is_asked_for_declared_or_by_a_rule(quantity, reference, asked, margin):
    assert margin_of(quantity, reference, asked) == pytest.approx(margin, nan_ok=True)


def test_the_margin_that_cells_were_run_with_holds_for_the_main_metric():
    records = make_study({"channel": 0.95, "none": 0.95}, seeds=20, spread=0.002)
    for record in records:
        record["config"]["margin"] = 1e-5
    run = comparison_of(records)
    assert compare_pairs(run).rows["margin"].tolist() == [1e-5]
    assert compare_pairs(run).rows["verdict"].tolist() == [UNDECIDED]
    assert compare_pairs(run, "loss").rows["margin"].tolist() != [1e-5]
    (again,) = comparisons(run.source, margin=0.02)
    assert compare_pairs(again).rows["margin"].tolist() == [0.02]


def test_holm_by_hand_and_by_statsmodels():
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.03, NAN, 0.01]).tolist() == pytest.approx([0.03, NAN, 0.02], nan_ok=True)
    for size in (1, 2, 9):
        p = np.random.default_rng(size).random(size) ** 3
        np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], rtol=1e-12)
    assert holm([]).tolist() == []


# --- a comparison ---------------------------------------------------------------------------------------------------


def test_a_clear_winner_beats_and_twins_are_not_told_apart():
    records = make_study({"channel": 0.95, "spatial": 0.93, "layer": 0.95}, seeds=12, spread=0.004)
    table = compare_pairs(comparison_of(records)).rows
    assert table["axis"].tolist() == ["layer", "spatial"]
    assert row_of(table, "spatial")["verdict"] == WORSE
    assert row_of(table, "spatial")["difference"] == pytest.approx(-0.02, abs=0.004)
    assert row_of(table, "layer")["verdict"] == UNDECIDED


def test_pairs_are_matched_by_seed_not_by_order():
    records = [make_record("channel", seed, 0.1 * seed) for seed in (3, 1, 2)]
    records += [make_record("none", seed, 0.1 * seed - 0.01) for seed in (1, 2, 3, 4)]
    row = row_of(compare_pairs(comparison_of(records)).rows, "none")
    assert (row["seeds"], row["pairs"]) == (3, 3)
    assert row["difference"] == pytest.approx(-0.01)
    assert row["sd"] == 0


def test_lower_is_better_turns_wins_but_not_the_difference():
    records = make_study({"channel": 14.0, "none": 16.0}, seeds=12, spread=0.5, measure=RMSE)
    row = row_of(compare_pairs(comparison_of(records), resample=True).rows, "none")
    assert row["difference"] == pytest.approx(2.0, abs=0.5)
    assert row["low"] < row["difference"] < row["high"]
    assert row["bca_low"] < row["difference"] < row["bca_high"]
    assert row["p_better"] == 0
    assert row["verdict"] == WORSE


def test_losing_seeds_does_not_win():
    # equal where both finish; the strategy diverges in 8 of 12 seeds
    records = [make_record("channel", seed, 0.9 + seed / 1000) for seed in range(12)]
    records += [make_record("none", seed, 0.9 + seed / 1000) for seed in range(4)]
    records += [make_record("none", seed, 0.99, status="diverged") for seed in range(4, 12)]
    row = row_of(compare_pairs(comparison_of(records)).rows, "none")
    assert (row["pairs"], row["lost"], row["baseline_lost"]) == (4, 8, 0)
    assert row["difference"] == 0
    assert row["p_better"] == 2 / 12
    assert row["wilcoxon_p"] < 0.05
    assert row["verdict"] == WORSE


def test_pairs_that_did_not_start_alike_are_counted():
    records = make_study({"channel": 0.95, "none": 0.93}, seeds=3)
    records[1]["hashes"]["order"] = "another order"
    assert compare_pairs(comparison_of(records)).rows["mispaired"].tolist() == [1]


def test_adding_a_strategy_leaves_the_others_numbers_alone():
    two = make_study({"channel": 0.95, "none": 0.93}, seeds=8)
    three = [*two, *make_study({"layer": 0.96}, seeds=8)]
    before, after = (row_of(compare_pairs(comparison_of(one), resample=True).rows, "none") for one in (two, three))
    assert before.drop(TOGETHER).tolist() == after.drop(TOGETHER).tolist()


def test_the_same_seed_gives_the_same_table_and_another_seed_another():
    records = make_study({"channel": 0.95, "none": 0.949}, seeds=15)
    # A comparison keeps what was computed of it: another one computes it again.
    first, again = (compare_pairs(comparison_of(records), seed=1, resample=True).rows for _ in range(2))
    assert first is not again
    assert first.equals(again)
    assert not first.equals(compare_pairs(comparison_of(records), seed=2, resample=True).rows)


def test_resampling_is_only_for_who_asks_and_changes_nothing_else():
    comparison = comparison_of(make_study({"channel": 0.95, "none": 0.949}, seeds=15))
    resampled = ["bca_low", "bca_high", "permutation_p"]
    for compare in (compare_pairs, compare_all_pairs):
        without, with_it = (compare(comparison, resample=resample).rows for resample in (False, True))
        assert compare(comparison).rows.equals(without)
        assert not set(resampled) & set(without)
        assert np.isfinite(with_it[resampled].to_numpy()).all()
        assert with_it.drop(columns=resampled).equals(without)


def test_a_table_says_what_it_is_of():
    comparison = comparison_of(make_study({"channel": 14.0, "none": 16.0}, seeds=3, measure=RMSE))
    pairs = compare_pairs(comparison, confidence=0.9)
    assert pairs.of is comparison
    assert (pairs.metric, pairs.quantity.name, pairs.quantity.direction, pairs.confidence) == (
        *("test_rmse", "rmse", "min"),
        0.9,
    )


def test_all_pairs():
    frame = comparison_of(make_study({"channel": 0.95, "none": 0.93, "layer": 0.94}, seeds=6))
    table = compare_all_pairs(frame).rows
    assert list(zip(table["axis"], table["baseline"], strict=True)) == [
        ("channel", "layer"),
        ("channel", "none"),
        ("layer", "none"),
    ]
    assert (table["p"] >= 2 / 2**6).all()


def test_one_strategy_alone_is_an_empty_table():
    assert compare_pairs(comparison_of(make_study({"channel": 0.9}, seeds=3))).rows.empty


def test_an_unknown_baseline_is_refused():
    with pytest.raises(UserError, match=r"\['channel', 'none'\]\. Received: baseline='chanel'"):
        compare_pairs(comparison_of(make_study({"channel": 0.95, "none": 0.93})), baseline="chanel")


def test_two_cells_of_one_seed_are_refused():
    records = [make_record("channel", 0, 0.9), make_record("none", 0, 0.9), make_record("none", 0, 0.91)]
    with pytest.raises(UserError, match=r"one cell a seed.*Received: none seeds \[0\] twice"):
        compare_pairs(comparison_of(records))
