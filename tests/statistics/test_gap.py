"""What moving averages cost is asked of what has some."""

from __future__ import annotations

import pytest

from harness.statistics.gap import compare_gap
from tests.studies.synthetic import comparison_of, make_record


def test_what_keeps_no_statistics_is_left_out_where_that_is_asked_for():
    # channel loses 0.02 by its moving averages at every seed, spatial 0.05, none has none to lose by.
    records = [
        make_record(axis, seed, 0.9 + 0.001 * seed, precise=0.9 + 0.001 * seed + lag + 0.0001 * (seed % 3))
        for axis, lag in (("channel", 0.02), ("spatial", 0.05), ("none", 0.0))
        for seed in range(20)
    ]
    comparison = comparison_of(records)
    rows = compare_gap(comparison, baseline="channel", with_averages=True).rows
    everyone = compare_gap(comparison, baseline="channel").rows  # as a rule may ask of none, too
    [none] = everyone.loc[everyone["axis"] == "none", "difference"]

    assert none == pytest.approx(0.02)
    assert rows["axis"].tolist() == ["spatial"]
    assert rows["difference"].iloc[0] == pytest.approx(-0.03)
    assert rows["verdict"].iloc[0] == "worse"
