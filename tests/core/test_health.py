"""Measures of stability on cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from harness.cell.health import SiteStatistics, compute_measures, loss_spikes, measures_of, worst_site


def test_spikes_are_counted_where_they_were_put() -> None:
    rng = np.random.default_rng(0)
    losses = 1.0 + 0.01 * rng.standard_normal(400)
    assert loss_spikes(losses) == 0
    losses[[100, 101, 350]] += 1.0
    assert loss_spikes(losses) == 3


def test_a_spike_is_five_robust_deviations_above_the_median_before_it() -> None:
    # Median 2, median absolute deviation 1: the limit is 2 + 5 * 1.4826 = 9.413.
    before = [1.0, 2.0, 3.0]
    assert loss_spikes([*before, 9.41], window=3) == 0
    assert loss_spikes([*before, 9.42], window=3) == 1
    assert loss_spikes([*before, 5.0], window=3, deviations=2.0) == 1  # 2 + 2 * 1.4826 = 4.965


def test_a_falling_loss_and_a_short_one_have_no_spikes() -> None:
    assert loss_spikes(np.geomspace(1, 0.01, 300)) == 0
    assert loss_spikes([1.0, 50.0, 1.0]) == 0
    assert loss_spikes([]) == 0


def test_losses_that_are_not_finite_are_spikes() -> None:
    assert loss_spikes([1.0, np.inf, np.nan]) == 2


def test_health_by_hand() -> None:
    epsilon = 0.25
    moving = (np.array([0.0, 2.0, 1.0]), np.array([0.0, 0.75, 3.75]))
    precise = (np.array([0.0, 1.0, 3.0]), np.array([0.0, 0.75, 0.75]))
    health = compute_measures("site", SiteStatistics(*moving, *precise, epsilon))
    assert health == pytest.approx(
        {
            "least_variance": 0.0,
            "median_variance": 0.75,
            "below_epsilon": 1 / 3,
            "largest_inverse_sd": 2.0,  # 1 / sqrt(0 + 0.25)
            "mean_lag": 1.0,  # of 0, |2 - 1| / 1, |1 - 3| / 1
            "variance_lag": 0.0,  # of 0, 0 and log 4
        }
    )


def test_health_of_one_global_statistic() -> None:
    one, four = np.float64(1.0), np.float64(4.0)
    health = compute_measures("site", SiteStatistics(one, four, one, one, 0.0))
    assert health["variance_lag"] == pytest.approx(np.log(4.0))
    assert health["largest_inverse_sd"] == pytest.approx(0.5)


def test_the_worst_site_speaks_for_the_cell() -> None:
    names = ("least_variance", "median_variance", "below_epsilon", "largest_inverse_sd", "mean_lag", "variance_lag")
    a = dict(zip(names, (1.0, 2.0, 0.0, 1.0, 0.5, 0.1), strict=True))
    b = dict(zip(names, (0.5, 3.0, 0.2, 1.4, 0.1, 0.2), strict=True))
    assert worst_site([a, b]) == dict(zip(names, (0.5, 2.0, 0.2, 1.4, 0.5, 0.2), strict=True))
    assert worst_site([]) == {}
    assert tuple(measures_of("site")) == names
