"""The rule by which a grid stops adding seeds: by hand, and in simulations of studies without and with a difference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from harness.statistics.sequential import decide, judge, mean_sequence, wealth

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (3, 1), (10, 0), (7, 8)])
def test_wealth_is_the_mean_over_all_coins_of_the_bet_on_each(wins: int, losses: int) -> None:
    mean, _ = quad(lambda p: (2 * p) ** wins * (2 * (1 - p)) ** losses, 0, 1)
    assert wealth(wins, losses) == pytest.approx(mean, rel=1e-9)


def test_wealth_is_fair() -> None:
    # Under a fair coin the expected wealth after n tosses is the stake.
    for n in (1, 5, 12):
        mean = sum(math.comb(n, w) * 0.5**n * wealth(w, n - w) for w in range(n + 1))
        assert mean == pytest.approx(1.0, rel=1e-12)


def test_wealth_does_not_overflow() -> None:
    assert math.isfinite(wealth(5000, 0))


def test_ten_wins_of_ten_tell_one_pair_apart_and_one_of_five_pairs_not_yet() -> None:
    scores = dict.fromkeys(range(10), 1.0)
    lower = dict.fromkeys(range(10), 0.0)
    assert judge(scores, lower, direction="max").told_apart  # 93.1 >= 20
    assert not judge(scores, lower, direction="max", comparisons=5).told_apart  # 93.1 < 100
    eleven = {**scores, 10: 1.0}, {**lower, 10: 0.0}
    assert judge(*eleven, direction="max", comparisons=5).told_apart  # 170.7 >= 100


def test_direction_ties_missing_seeds_and_broken_cells() -> None:
    strategy = {0: 1.0, 1: 2.0, 2: NAN, 3: 5.0, 4: 1.0, 9: 7.0}
    baseline = {0: 2.0, 1: 2.0, 2: 9.0, 3: INF, 4: 2.0}
    seen = judge(strategy, baseline, direction="min")
    # Seed 1 is a tie, seed 2 diverged for the strategy, seed 3 for the baseline, seed 9 has no partner.
    assert (seen.wins, seen.losses) == (3, 1)


def test_what_is_told_apart_stays_so() -> None:
    strategy = {seed: 1.0 if seed < 10 else -1.0 for seed in range(20)}
    baseline = dict.fromkeys(range(20), 0.0)
    assert judge(strategy, baseline, direction="max").told_apart


@pytest.mark.parametrize("distribution", ["normal", "skewed", "bounded"])
def test_same_strategy_under_two_names_is_seldom_told_apart_however_often_one_looks(distribution: str) -> None:
    rng = np.random.default_rng(7)
    draw = {
        "normal": lambda n: rng.normal(size=n),
        "skewed": lambda n: rng.exponential(size=n),
        "bounded": lambda n: rng.beta(30, 2, size=n),
    }[distribution]
    studies, seeds, others = 2000, 30, 5
    false = 0
    for _ in range(studies):
        baseline = draw(seeds)
        wins = np.cumsum([draw(seeds) > baseline for _ in range(others)], axis=1)
        n = np.arange(1, seeds + 1)
        grown = np.array([[wealth(int(w), int(m - w)) for w, m in zip(row, n, strict=True)] for row in wins])
        false += bool((grown >= others / 0.05).any())
    # Ville and Bonferroni promise 5 %; 2,000 studies tell a share of 5 % to within 1.0 points (two standard errors).
    assert false / studies <= 0.05


def test_a_planted_difference_is_found_with_fewer_seeds_than_thirty() -> None:
    rng = np.random.default_rng(11)
    used, found = [], 0
    for _ in range(400):
        baseline = rng.normal(size=30)
        better = baseline + 1.5 + rng.normal(size=30)  # better at 93 % of seeds
        for n in range(5, 31, 5):
            if judge(dict(enumerate(better[:n])), dict(enumerate(baseline[:n])), direction="max").told_apart:
                found += 1
                break
        used.append(n)
    assert found / 400 > 0.97
    assert np.mean(used) < 15


# Whether it matters


@pytest.mark.parametrize(("n", "alpha"), [(5, 0.05), (20, 0.01), (60, 0.045)])
def test_the_interval_ends_where_the_bet_s_wealth_is_one_over_alpha(n: int, alpha: float) -> None:
    values = np.random.default_rng(n).normal(0.3, 2.0, n)
    low, high = mean_sequence(values, alpha=alpha)
    for end in (low, high):
        # The mixture of noncentral t densities over effects d ~ N(0, 1), against the central one, by quadrature.
        t = (values.mean() - end) / (values.std(ddof=1) / math.sqrt(n))
        ratio, _ = quad(lambda d, t=t: stats.nct.pdf(t, n - 1, d * math.sqrt(n)) * stats.norm.pdf(d), -8, 8, limit=400)
        assert ratio / stats.t.pdf(t, n - 1) == pytest.approx(1 / alpha, rel=1e-3)


def test_equal_values_and_few_ones_have_no_interval() -> None:
    assert mean_sequence(np.full(10, 0.2), alpha=0.05) == (-INF, INF)
    assert mean_sequence(np.array([0.1]), alpha=0.05) == (-INF, INF)
    assert mean_sequence(np.array([0.1, 0.2]), alpha=0.001) == (-INF, INF)


def decided(differences, *, margin=1.0, direction="max", **options):
    strategy = dict(enumerate(differences))
    return decide(strategy, dict.fromkeys(strategy, 0.0), direction=direction, margin=margin, **options)


NOISE = np.tile([0.3, -0.3, 0.1, -0.1], 10)


def test_a_large_difference_is_told_early_and_an_unimportant_one_takes_twenty_seeds() -> None:
    better = decided(3 + NOISE)
    assert (better.verdict, better.seeds < 8, better.low > 0) == ("better", True, True)
    assert decided(3 + NOISE, direction="min").verdict == "worse"
    equal = decided(NOISE)
    assert (equal.verdict, equal.seeds) == ("equivalent", 20)
    assert str(equal).startswith("equivalent within 1 after 20 seeds; difference +0 [-0.")
    assert decided(NOISE[:19]).verdict == "undecided"
    assert decided(NOISE, margin=NAN).verdict == "undecided"


def test_lost_cells_lose_and_are_never_equivalent() -> None:
    lost = decided([NAN] * 40)
    assert (lost.verdict, lost.seeds) == ("worse", 12)  # 2^12 / 13 = 315 exceeds 1 / 0.005, 2^11 / 12 = 171 does not
    once = NOISE.copy()
    once[0] = NAN
    assert decided(once).verdict == "undecided"


def test_what_is_decided_stays_so() -> None:
    assert decided([*(3 + NOISE[:10]), *(-30 + NOISE)]).verdict == "better"


@pytest.mark.parametrize(("shift", "false"), [(0.0, {"better", "worse"}), (1.0, {"worse", "equivalent"})])
def test_a_false_claim_is_rare_however_often_one_looks(shift: float, false: set[str]) -> None:
    rng, studies = np.random.default_rng(3), 300
    wrong = sum(decided(shift + rng.normal(size=60)).verdict in false for _ in range(studies))
    assert wrong / studies <= 0.05 + 3 * (0.05 * 0.95 / studies) ** 0.5


def test_it_finds_more_than_coins_do() -> None:
    rng, studies = np.random.default_rng(5), 200
    by_means = by_coins = 0
    for _ in range(studies):
        differences = 0.8 + rng.normal(size=30)
        by_means += decided(differences, margin=NAN, comparisons=5).verdict == "better"
        scores = dict(enumerate(differences))
        by_coins += judge(scores, dict.fromkeys(scores, 0.0), direction="max", comparisons=5).told_apart
    assert by_means / studies > 0.6 > by_coins / studies
