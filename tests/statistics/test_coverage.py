"""The statistics are themselves tested: on simulated studies whose truth is known (see benchmarks)."""

from __future__ import annotations

import pytest

from benchmarks.claims import DRAWS, claims
from benchmarks.coverage import SHAPES, bca, mean_coverage, median_coverage, share_coverage, spread_coverage, t_interval

STUDIES = 2000
# Three standard errors of a share of 95 % (or 5 %) of so many studies: 1.5 points.
ERROR = 3 * (0.05 * 0.95 / STUDIES) ** 0.5


FEW = 300
FEW_ERROR = 3 * (0.05 * 0.95 / FEW) ** 0.5


@pytest.mark.parametrize("shape", [*SHAPES, *DRAWS])
@pytest.mark.parametrize("n", [6, 20])
def test_studies_without_anything_to_find_claim_something_in_at_most_five_percent(shape, n):
    """A/A: four strategies and a baseline that are all the same."""
    assert claims(shape, n, FEW, margin=0.5, draw=DRAWS.get(shape)).false <= 0.05 + FEW_ERROR


@pytest.mark.parametrize("effects", [(0.5, -0.5, 0.5, 0.5), (0.5, -0.5, 0.0, 0.0)])
def test_differences_as_large_as_the_margin_are_seldom_called_equivalent(effects):
    found = claims("normal", 30, FEW, effects=effects, margin=0.5)
    assert found.false <= 0.05 + FEW_ERROR
    assert found.beyond <= 0.05 + FEW_ERROR


def test_many_seeds_decide():
    assert claims("normal", 100, 100, margin=0.5).equivalent > 0.95
    assert claims("normal", 100, 100, effects=(0.5, 0.0, 0.0, 0.0), margin=0.5).found > 0.95


@pytest.mark.parametrize("n", [6, 10, 31])
def test_the_interval_of_a_median_covers_it_whatever_the_shape(n):
    assert median_coverage(n, STUDIES) >= 0.95 - ERROR


@pytest.mark.parametrize("n", [10, 20, 30])
def test_the_t_interval_of_a_normal_mean_covers_what_it_says(n):
    assert abs(mean_coverage(t_interval, "normal", n, STUDIES) - 0.95) < ERROR


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [10, 20, 30])
def test_the_t_interval_of_a_paired_difference_covers_93_to_97_percent(shape, n):
    assert 0.93 - ERROR <= mean_coverage(t_interval, shape, n, STUDIES, paired=True) <= 0.97 + ERROR


def test_bca_undercovers_with_few_seeds_which_is_why_it_is_not_the_default():
    assert mean_coverage(bca, "normal", 5, 300) < 0.90


@pytest.mark.parametrize("n", [1, 2, 5, 10, 30])
@pytest.mark.parametrize("p", [0.5, 0.6, 0.75, 0.9, 0.99])
def test_the_interval_of_a_share_never_undercovers(n, p):
    assert share_coverage(p, n) >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("n", [10, 20, 30])
def test_the_jackknife_interval_of_a_ratio_of_sds_covers(n):
    assert abs(spread_coverage("normal", n, STUDIES) - 0.95) < ERROR + 0.01
    assert spread_coverage("bounded (accuracy, Beta(19, 1))", n, STUDIES) > 0.86
