from __future__ import annotations

import math

import numpy as np
import pytest
from synthetic import comparison_of, crossed, make_record

from harness.cell.examples import pack_examples
from harness.statistics.new_data import fixed_interval, new_data_intervals, resplit_interval
from harness.statistics.sources import components, variance_sources, what_more_buys
from harness.statistics.stability import beyond_test_noise
from harness.types import UserError


def test_components_by_hand():
    # rows 0 and 4, columns -1 and 1, no interaction: SS 16 and 4; sigma^2 = MS / 2 = 8 and 2
    found = components(np.array([[-1.0, 1.0], [3.0, 5.0]]))
    assert found.variances == pytest.approx([8, 2, 0])
    assert found.shares == pytest.approx([0.8, 0.2, 0])


def test_components_find_what_was_planted():
    rng = np.random.default_rng(0)
    split, init, rest = rng.normal(0, 3, (200, 1)), rng.normal(0, 2, (1, 200)), rng.normal(0, 1, (200, 200))
    assert components(split + init + rest).variances == pytest.approx([9, 4, 1], rel=0.25)


def test_one_source_is_refused():
    with pytest.raises(UserError, match="two sources"):
        components(np.ones(4))


def test_verdicts_use_repetitions_that_share_no_seed():
    comparison = comparison_of(crossed(lambda axis, split, init: 0.9))
    assert set(comparison.cells["id"]) == {f"{axis}-{n}-{n}" for axis in ("channel", "none") for n in range(3)}
    assert len(comparison.crossed) == 18
    assert sorted(comparison.cells["seed"]) == [0, 0, 1, 1, 2, 2]


def test_seeds_that_are_not_taken_apart_leave_cells_as_they_are():
    records = [make_record("none", seed, 0.9) for seed in range(3)]
    for record in records:
        record["config"]["seeds"] = {"split": None, "init": None, "order": None}
    comparison = comparison_of(records)
    assert comparison.crossed is None
    assert len(comparison.cells) == 3
    assert variance_sources(comparison).empty


def test_a_fixed_split_is_no_source():
    records = [make_record("none", seed, 0.9) for seed in range(4)]
    for record in records:
        record["config"]["seeds"] = {"split": 7, "init": None, "order": None}
    assert len(comparison_of(records).cells) == 4


def test_sources_of_a_difference_and_what_an_incomplete_design_is_reduced_to():
    def value(axis, split, init):
        return 0.5 + 0.1 * split + (0.01 * init if axis == "none" else 0.0)

    rows = variance_sources(comparison_of(crossed(value, leave_out=[("none", 2, 1)])), baseline="channel")
    of = rows[(rows["of"] == "difference")].set_index("source")
    assert of.loc["init", "share"] == pytest.approx(1)
    assert of.loc["split", "share"] == pytest.approx(0, abs=1e-9)
    assert (of["cells"].iloc[0], of["cells_all"].iloc[0]) == (6, 8)


def test_what_more_buys_by_hand():
    found = what_more_buys(1.0, 0.6, 500, 500, seeds=1)
    assert [round(value**2, 9) for value in found.values()] == [1.0, 0.5, 0.7, 0.7]


def test_nadeau_and_bengio_by_hand():
    # differences 1, 2, 3: mean 2, variance 1; 1/3 + 1/6 = 1/2; t(0.975, 2) = 4.30265
    low, high = resplit_interval(np.array([1.0, 2.0, 3.0]), train=600, test=100)
    assert (high - low) / 2 == pytest.approx(4.30265 * math.sqrt(0.5), rel=1e-5)
    assert (high + low) / 2 == pytest.approx(2)


def test_a_fixed_test_set_adds_the_examples_variance():
    # no interaction: seeds 0 and 2, examples -1 and 1: variance 2/2 of seeds plus 2/2 of examples, df 4/(1 + 1) = 2
    low, high = fixed_interval(np.array([[-1.0, 1.0], [1.0, 3.0]]))
    assert (high - low) / 2 == pytest.approx(4.30265 * math.sqrt(2), rel=1e-5)


@pytest.mark.parametrize(("digests", "kind"), [("ab", "resplit"), ("aa", "fixed")])
def test_records_say_how_test_examples_came_about(digests, kind):
    rng = np.random.default_rng(0)
    records = []
    for axis in ("channel", "none"):
        for seed, digest in enumerate(digests):
            record = make_record(axis, seed, rng.uniform(0.8, 0.9))
            record["data"] |= {"sizes": {"train": 80, "validation": 10, "test": 10}, "test_digest": digest}
            record["examples"] = pack_examples(rng.integers(0, 2, 10), rng.random((10, 2)), target_scale=1.0)
            records.append(record)
    [row] = new_data_intervals(comparison_of(records), baseline="channel").to_dict("records")
    assert (row["new_kind"], row["n_train"], row["n_test"]) == (kind, 80, 10)
    assert row["new_low"] < row["difference"] < row["new_high"] or kind == "fixed"


def paired(digests, tables):
    """Comparison of `none` with `channel`, whose difference at a seed and example is a table's `(seed, example)`."""
    records = []
    for seed, (digest, table) in enumerate(zip(digests, tables, strict=True)):
        for axis in ("channel", "none"):
            right = (table > 0) if axis == "none" else (table < 0)
            record = make_record(axis, seed, float(right.mean()))
            record["data"] |= {"sizes": {"train": 80, "validation": 10, "test": len(table)}, "test_digest": digest}
            outputs = np.stack([~right, right], axis=1).astype(float)
            record["examples"] = pack_examples(np.ones(len(table), int), outputs, target_scale=1.0)
            records.append(record)
    return comparison_of(records)


def test_what_the_draw_of_test_examples_makes_by_hand():
    # Each seed draws its own: differences 1, 0, 0, -1 (variance 2/3, over 4: 1/6) and 1, 1, 0, 0 (1/3, over 4: 1/12).
    # Means 0 and 1/2: a variance of 1/8, of which their mean 1/8 is all.
    tables = np.array([[1, 0, 0, -1], [1, 1, 0, 0]])
    [row] = new_data_intervals(paired("ab", tables), baseline="channel").to_dict("records")
    assert row["test_share"] == pytest.approx(1.0)
    assert math.isnan(row["floor"])
    # One test set, and no interaction: seeds' means 0 and 0; examples' 1, 0, 0, -1, whose variance 2/3 over 4 is 1/6.
    same = np.array([[1, 0, 0, -1], [1, 0, 0, -1]])
    [row] = new_data_intervals(paired("aa", same), baseline="channel").to_dict("records")
    assert (row["test_share"], row["floor"]) == (1.0, pytest.approx(math.sqrt(1 / 6)))
    # Without what came of single examples nothing is said.
    records = [make_record(axis, seed, 0.9 + 0.01 * seed) for axis in ("channel", "none") for seed in range(2)]
    [row] = new_data_intervals(comparison_of(records), baseline="channel").to_dict("records")
    assert math.isnan(row["test_share"])
    assert math.isnan(row["floor"])


def test_the_spread_that_test_examples_make_by_hand():
    # p = 0.9: 0.9 * 0.1 / 100 = 0.0009, an SD of 0.03; values 0.8 and 1.0 have a variance of 0.02
    found = beyond_test_noise([0.8, 1.0], 100)
    assert found["test_noise"] == pytest.approx(math.sqrt((0.16 + 0) / 2 / 100))
    assert found["left"] == pytest.approx(math.sqrt(0.02 - 0.0008))
    assert found["explained"] == 0
    assert beyond_test_noise([0.89, 0.91], 100)["explained"] == 1
