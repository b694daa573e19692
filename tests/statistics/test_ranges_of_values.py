"""No interval says what cannot be: beyond the values that the metric, or a difference of two of them, can take."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics.gap import aggregate_gap, compare_gap
from harness.statistics.new_data import new_data_intervals
from harness.statistics.stability import beyond_test_noise
from harness.statistics.summary import aggregate_comparison
from harness.statistics.verdicts import compare_pairs
from tests.studies.synthetic import RMSE, comparison_of, make_record

scores = st.lists(st.floats(0, 1), min_size=2, max_size=3)
BOUNDS = ("low", "high", "wide_low", "wide_high", "bca_low", "bca_high", "new_low", "new_high")


def within(rows: pd.DataFrame, reach: float) -> bool:
    there = [name for name in rows if name in BOUNDS or name.startswith(("total_", "lag_low", "lag_high", "gap_"))]
    bounds = rows[[name for name in there if rows[name].dtype.kind == "f"]].to_numpy(np.float64)
    return bool((np.abs(bounds[np.isfinite(bounds)]) <= reach).all())


@settings(max_examples=25, deadline=None)
@given(scores, scores)
def test_intervals_of_differences_of_accuracies_lie_between_minus_one_and_one(first, second):
    records = [
        make_record(axis, seed, value, precise=1 - value, batch=value)
        for axis, values in (("channel", first), ("spatial", second))
        for seed, value in enumerate(values)
    ]
    comparison = comparison_of(records)

    assert within(compare_pairs(comparison, baseline="channel", resample=True).rows, 1)
    assert within(new_data_intervals(comparison, baseline="channel"), 1)
    assert within(aggregate_gap(comparison).rows, 1)
    assert within(aggregate_comparison(comparison).rows, 1)
    assert within(compare_gap(comparison, baseline="channel").rows, 2)


def test_what_has_no_largest_value_is_not_cut():
    records = [
        make_record(axis, seed, value, measure=RMSE)
        for axis, values in (("channel", (10.0, 12.0)), ("spatial", (11.0, 30.0)))
        for seed, value in enumerate(values)
    ]
    rows = compare_pairs(comparison_of(records), baseline="channel").rows

    assert float(rows["high"].iloc[0]) > 90  # 9.5 + 12.706 * 8.5, by hand: differences 1 and 18


def test_an_accuracy_beyond_one_has_no_noise_of_test_examples():
    found = beyond_test_noise([0.9, 1.7], 500)  # of a record that somebody changed

    assert np.isnan(list(found.values())).all()
