"""Splitters: disjoint and complete, whole groups, all classes, and the same from the same generator."""

import numpy as np
import pytest

from harness.types import UserError
from tasks.splits import FixedTestSplit, GroupSplit, StratifiedSplit, check_limit

GROUPS = np.repeat(np.arange(20), 7)
LABELS = np.tile(np.arange(5), 28)
SPLITTERS = {
    "fixed_test": FixedTestSplit(GROUPS, GROUPS >= 15, validation=3),
    "stratified": StratifiedSplit(LABELS, validation=0.25, test=0.25),
    "group": GroupSplit(GROUPS, validation=0.2, test=0.2),
    "group_with_labels": GroupSplit(GROUPS, validation=0.2, test=0.2, labels=LABELS),
}


@pytest.fixture(params=SPLITTERS.values(), ids=SPLITTERS.keys())
def splitter(request):
    return request.param


def test_every_example_is_on_exactly_one_side(splitter):
    split = splitter(np.random.default_rng(0))
    everything = np.concatenate([split.train, split.validation, split.test])
    assert np.array_equal(np.sort(everything), np.arange(140))
    assert min(len(split.train), len(split.validation), len(split.test)) > 0


def test_same_generator_state_same_split_and_another_seed_another(splitter):
    first, again, other = (splitter(np.random.default_rng(seed)).digest() for seed in (3, 3, 4))
    assert first == again != other


@pytest.mark.parametrize("name", ["fixed_test", "group", "group_with_labels"])
def test_no_group_is_on_two_sides(name):
    for seed in range(20):
        split = SPLITTERS[name](np.random.default_rng(seed))
        sides = [set(GROUPS[side]) for side in (split.train, split.validation, split.test)]
        assert sum(map(len, sides)) == len(set.union(*sides)) == 20


def test_the_fixed_test_set_does_not_depend_on_the_seed():
    for seed in range(3):
        assert np.array_equal(SPLITTERS["fixed_test"](np.random.default_rng(seed)).test, np.flatnonzero(GROUPS >= 15))


def test_stratified_sides_have_the_same_classes():
    split = SPLITTERS["stratified"](np.random.default_rng(0))
    assert np.bincount(LABELS[split.train]).tolist() == [14] * 5
    assert np.bincount(LABELS[split.validation]).tolist() == np.bincount(LABELS[split.test]).tolist() == [7] * 5


def test_a_smaller_limit_keeps_the_first_of_a_larger_one():
    small, large = (StratifiedSplit(LABELS, 0.25, 0.25, limit=n)(np.random.default_rng(0)) for n in (10, 50))
    assert np.array_equal(small.train, large.train[:10])
    assert np.array_equal(small.test, large.test)


def test_labels_make_every_class_present_on_every_side():
    # Class 1 lies in 3 of 20 groups: most assignments miss it somewhere.
    groups, labels = np.repeat(np.arange(20), 2), np.zeros(40, int)
    labels[:6] = 1
    split_with = GroupSplit(groups, 0.2, 0.2, labels=labels)
    split_without = GroupSplit(groups, 0.2, 0.2)

    def complete(splitter, seed):
        split = splitter(np.random.default_rng(seed))
        return all(set(labels[side]) == {0, 1} for side in (split.train, split.validation, split.test))

    assert all(complete(split_with, seed) for seed in range(20))
    assert not all(complete(split_without, seed) for seed in range(20))


def test_a_class_in_one_group_alone_does_not_stop_the_split():
    groups, labels = np.repeat(np.arange(10), 2), np.zeros(20, int)
    labels[0] = 1
    split = GroupSplit(groups, 0.2, 0.2, labels=labels)(np.random.default_rng(0))
    assert len(split.train) + len(split.validation) + len(split.test) == 20


@pytest.mark.parametrize("limit", [0, -5, 2.5, "many", True, 101])
def test_a_limit_that_makes_no_sense_is_refused(limit):
    with pytest.raises(UserError, match=f"Received: .*limit={limit!r}"):
        check_limit(limit, 100)


def test_a_limit_of_everything_is_taken():
    assert check_limit(100, 100) == 100
    assert check_limit(None, 100) is None
