from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics.difference import permutation_p
from harness.statistics.family import judge_family

NAN, ABSENT = float("nan"), float("inf")


def judge(differences, margin=NAN, alpha=0.05):
    """Strategies that differ from a baseline of 0 by `differences` `(seed, comparison)`."""
    differences = np.asarray(differences, float)
    scores = np.column_stack([np.zeros(len(differences)), differences])
    pairs = [(place, 0) for place in range(1, scores.shape[1])]
    return judge_family(scores, pairs, np.full(len(pairs), margin), alpha=alpha)


def test_one_comparison_is_the_sign_flip_test():
    differences = np.array([0.3, -0.1, 0.2, 0.5, 0.1, -0.2, 0.4])
    exact = permutation_p(differences, rng=np.random.default_rng(0))
    assert judge(differences[:, None]).p == pytest.approx(exact)


def test_two_comparisons_by_hand():
    # Sums over roots of sums of squares: 6 / sqrt(14) and 0. Signs are flipped together: of 8 flips (+++) and (---)
    # give that to the first, (++-) and (--+) to the second. All flips give the second 0 at least.
    assert judge([[1, 1], [2, 2], [3, -3]]).p == pytest.approx([4 / 8, 1])
    # 6.5 / sqrt(17.25) is all that the second can reach, which is less.
    assert judge([[1, 1], [2, 2], [3, -3.5]]).p == pytest.approx([2 / 8, 1])
    assert judge([[1, 1], [2, 2], [3, 3]]).p == pytest.approx([2 / 8, 2 / 8])


def test_the_second_step_leaves_out_what_the_first_told_apart():
    rng = np.random.default_rng(1)
    clear, unclear = rng.normal(3, 1, 12), rng.normal(0.6, 1, 12)
    together, alone = judge(np.column_stack([clear, unclear])), judge(unclear[:, None])
    assert together.p[1] == pytest.approx(alone.p[0])
    assert together.p[0] <= together.p[1]


def test_a_copy_of_a_comparison_costs_nothing():
    differences = np.random.default_rng(2).normal(0.5, 1, 11)
    assert judge(np.column_stack([differences] * 5)).p == pytest.approx(np.repeat(judge(differences[:, None]).p, 5))


def test_equal_strategies_are_equivalent_within_a_wide_margin_and_not_within_a_narrow_one():
    differences = np.random.default_rng(3).normal(0, 1, (25, 3))
    wide, narrow = judge(differences, margin=2.0), judge(differences, margin=0.1)
    assert (wide.equivalence_p < 0.01).all()
    assert (wide.p > 0.05).all()
    assert (narrow.equivalence_p > 0.5).all()
    assert np.isnan(judge(differences).equivalence_p).all()


def test_a_small_difference_can_be_told_and_lie_within_the_margin():
    differences = 0.5 + 0.1 * np.random.default_rng(4).normal(0, 1, (25, 1))
    family = judge(differences, margin=1.0)
    assert family.p[0] < 0.01
    assert family.equivalence_p[0] < 0.01


def test_lost_cells_lose_by_rank_and_are_never_equivalent():
    scores = np.column_stack([np.full(8, 0.9), np.r_[np.full(6, 0.9), NAN, NAN]])
    family = judge_family(scores, [(1, 0)], np.array([1.0]), alpha=0.05)
    # Six ties and two losses of one size: of the four signs of the two, both equal ones are as far out.
    assert family.p[0] == pytest.approx(2 / 4)
    assert np.isnan(family.equivalence_p[0])
    gone = np.column_stack([np.full(8, 0.9), np.r_[0.95, np.full(7, ABSENT)]])
    assert np.isnan(judge_family(gone, [(1, 0)], np.array([NAN]), alpha=0.05).p[0])


def test_reach_of_one_comparison_is_near_student_s():
    differences = np.random.default_rng(5).normal(0, 1, (40, 4))
    one, four = judge(differences[:, :1]).reach[0], judge(differences).reach
    assert one == pytest.approx(2.02, abs=0.15)
    assert (four > one).all()


def test_drawn_flips_are_the_same_for_the_same_seed_and_others_for_another():
    scores = np.random.default_rng(6).normal(0, 1, (20, 3))
    first, again, other = (
        judge_family(scores, [(1, 0), (2, 0)], np.full(2, NAN), alpha=0.05, seed=seed).p for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert first == pytest.approx(other, abs=0.03)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 9), st.integers(1, 4), st.integers(0, 10**6))
def test_p_values_are_shares_that_grow_with_the_family(seeds, comparisons, draw):
    differences = np.round(np.random.default_rng(draw).normal(0, 1, (seeds, comparisons)), 1)
    together = judge(differences).p
    assert ((together >= 2 / 2**seeds - 1e-12) & (together <= 1)).all()
    for place in range(comparisons):
        assert together[place] >= judge(differences[:, [place]]).p[0] - 1e-12
