from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower
from synthetic import RMSE, comparison_of, comparisons_of, make_record, make_study

from harness.statistics.caution import (
    caution_sentence,
    detectable_effect,
    family_reach,
    smallest_p,
    unseen_sentence,
    unseen_share,
    verdict_power,
)
from harness.statistics.summary import aggregate_comparison, mean_interval


def test_mean_interval_by_hand():
    # mean 2, sd 1, standard error 1/sqrt(3); t(0.975, 2) = 4.302653
    interval = mean_interval([1.0, 2.0, 3.0])
    assert interval.estimate == 2.0
    assert interval.high - 2.0 == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
    assert 2.0 - interval.low == pytest.approx(4.302653 / 3**0.5, rel=1e-6)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_mean_interval_agrees_with_scipy(confidence):
    values = np.random.default_rng(0).normal(3, 2, 17)
    low, high = stats.t.interval(confidence, 16, values.mean(), stats.sem(values))
    assert mean_interval(values, confidence=confidence).low == pytest.approx(low, rel=1e-12)
    assert mean_interval(values, confidence=confidence).high == pytest.approx(high, rel=1e-12)


def test_what_is_not_finite_is_left_out_and_too_few_values_have_no_bounds():
    assert mean_interval([1.0, 3.0, np.nan, np.inf]).n == 2
    one = mean_interval([5.0, np.nan])
    assert (one.estimate, one.n, np.isnan(one.low), np.isnan(one.high)) == (5.0, 1, True, True)
    assert np.isnan(mean_interval([]).estimate)


def test_an_interval_ends_where_the_measure_does():
    assert mean_interval([0.2, 0.9], least=0.0, most=1.0).low == 0.0
    assert mean_interval([0.2, 0.9], least=0.0, most=1.0).high == 1.0
    assert np.isnan(mean_interval([0.2], least=0.0, most=1.0).low)
    accurate = [make_record("none", seed, x) for seed, x in enumerate([0.1, 0.97])]
    wrong = [make_record("none", seed, x, measure=RMSE) for seed, x in enumerate([0.1, 2.0])]
    accuracies, errors = (aggregate_comparison(comparison_of(records)).rows for records in (accurate, wrong))

    assert accuracies[["low", "high"]].to_numpy().tolist() == [[0.0, 1.0]]
    assert errors["low"].item() == 0.0
    assert errors["high"].item() > 10


def test_aggregate_by_hand():
    records = [
        make_record("channel", 0, 0.90, precise=0.92),
        make_record("channel", 1, 0.94, precise=0.95),
        make_record("none", 0, 0.80, precise=0.80),
        make_record("none", 1, 0.84, precise=0.84),
    ]
    summary = aggregate_comparison(comparison_of(records)).rows.set_index("axis")
    assert summary.index.tolist() == ["channel", "none"]  # best mean first
    channel = summary.loc["channel"]
    assert channel["mean"] == pytest.approx(0.92)
    assert channel["sd"] == pytest.approx(0.04 / 2**0.5)
    assert channel["precise_mean"] == pytest.approx(0.935)
    assert channel["gap"] == pytest.approx(-0.015)
    assert channel["gap_high"] - channel["gap"] == pytest.approx(12.7062 * 0.005, rel=1e-4)
    assert channel[["statistics", "normalization_parameters", "samples_per_statistic"]].tolist() == [48, 96, 6272]
    assert channel["seconds"] == 12.5


def test_lower_is_better_sorts_the_other_way():
    records = [make_record(axis, 0, value, measure=RMSE) for axis, value in {"none": 15.0, "channel": 13.0}.items()]
    assert aggregate_comparison(comparison_of(records)).rows["axis"].tolist() == ["channel", "none"]


def test_diverged_and_failed_cells_are_counted_and_not_averaged():
    records = [
        make_record("channel", 0, 0.9),
        make_record("channel", 1, 0.1, status="diverged"),  # evaluated all the same: chance level
        make_record("channel", 2, float("nan"), status="diverged"),
        make_record("channel", 3, status="oom"),
        make_record("channel", 4, 0.8, stale=True),
        make_record("none", 0, status="timeout"),
    ]
    summary = aggregate_comparison(comparison_of(records)).rows.set_index("axis")
    counts = ["cells", "ok", "diverged", "failed", "stale", "n"]
    assert summary.loc["channel", counts].tolist() == [5, 2, 2, 1, 1, 2]
    assert summary.loc["channel", "mean"] == pytest.approx(0.85)
    assert summary.loc["none", counts].tolist() == [1, 0, 0, 1, 0, 0]
    assert np.isnan(summary.loc["none", "mean"])


def test_the_gap_is_paired_by_cell():
    # seed 1 lacks precise statistics: the gap is seed 0's alone, not the difference of the two means
    records = [make_record("channel", 0, 0.90, precise=0.93), make_record("channel", 1, 0.50)]
    assert aggregate_comparison(comparison_of(records)).rows["gap"].tolist() == pytest.approx([-0.03])


def test_several_comparisons_are_not_pooled():
    records = [make_record(source="full", value=0.9), make_record(value=0.5)]
    means = {one.data_source: aggregate_comparison(one).rows["mean"].tolist() for one in comparisons_of(records)}
    assert means == {"full": [0.9], "embedded": [0.5]}


@pytest.mark.parametrize(("seeds", "effect"), [(10, 1.00), (20, 0.66), (30, 0.53)])
def test_detectable_effects_of_the_plan(seeds, effect):
    assert detectable_effect(seeds) == pytest.approx(effect, abs=0.005)
    by_statsmodels = TTestPower().solve_power(nobs=seeds, alpha=0.05, power=0.8)
    assert detectable_effect(seeds) == pytest.approx(
        by_statsmodels, rel=1e-5
    )  # its solver stops there with older SciPy


def test_nothing_is_detectable_where_no_flip_of_signs_is_rare_enough():
    assert smallest_p(5) == 1 / 16
    assert detectable_effect(5) == math.inf
    assert verdict_power(9.0, 5) == 0


def test_power_of_one_comparison_agrees_with_statsmodels():
    for effect, n in [(0.3, 12), (1.0, 6), (2.0, 8)]:
        assert verdict_power(effect, n) == pytest.approx(TTestPower().power(effect, n, 0.05), abs=1e-9)
    assert verdict_power(0.0, 10) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("df", "comparisons", "table"),
    # Dunnett's two-sided table for 5 % (Biometrics 20, 1964): 2.65 and 2.73 stand in it
    [(20, 4, 2.65), (20, 2, 2.38), (60, 8, 2.73), (120, 3, 2.38)],
)
def test_the_reach_of_a_family_is_dunnett_s(df, comparisons, table):
    assert family_reach(df + 1, comparisons) == pytest.approx(table, abs=0.006)


@pytest.mark.parametrize("seeds", [2, 5, 10, 29])
def test_no_claim_of_stability_from_few_seeds(seeds):
    sentence = caution_sentence(seeds)
    assert "which strategy is more stable cannot be told" in sentence
    assert ("no difference can be told" in sentence) == (stats.wilcoxon(np.arange(1, seeds + 1)).pvalue >= 0.05)
    assert (f"{detectable_effect(seeds):.2f}" in sentence) == (seeds > 5)


def test_what_so_many_seeds_may_all_have_missed():
    # (1 - p)^30 = 0.05 at p = 0.0950, 1 of 10.5
    assert unseen_share(30) == pytest.approx(0.09503, abs=1e-5)
    assert unseen_sentence(30) == "bad runs in fewer than 1 of 10 are not excluded"


def test_one_seed_says_nothing_and_thirty_say_what_they_can():
    assert "nothing can be said" in caution_sentence(1)
    assert caution_sentence(0).startswith("No seed")
    assert "cannot be told" not in caution_sentence(30)


def test_the_study_factory_gives_the_means_it_is_asked_for():
    study = comparison_of(make_study({"none": 0.9, "channel": 0.95}, seeds=200))
    summary = aggregate_comparison(study).rows.set_index("axis")
    assert summary["mean"].to_dict() == pytest.approx({"none": 0.9, "channel": 0.95}, abs=0.001)
    assert summary["sd"].tolist() == pytest.approx([0.004, 0.004], rel=0.15)
