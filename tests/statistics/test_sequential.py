"""The rule by which a grid stops adding seeds: by hand, and in simulations of studies without and with a difference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from harness.statistics.sequential import judge, wealth

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
