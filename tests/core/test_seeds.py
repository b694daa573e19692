from __future__ import annotations

import copy

import pytest
from test_identity import CONFIG

from harness.config.identity import outcome_config
from harness.seeds import source_seed


@pytest.mark.parametrize("seeds", [None, {}, {"split": None, "init": None}, {"split": 0}])
def test_seeds_that_follow_the_seed_change_no_identity(seeds):
    assert outcome_config({**copy.deepcopy(CONFIG), "seeds": seeds}) == outcome_config(CONFIG)


def test_a_seed_of_its_own_is_another_cell():
    changed = {**CONFIG, "seeds": {"split": 3, "init": None, "order": None}}
    assert outcome_config(changed) == {**outcome_config(CONFIG), "seeds": {"split": 3}}
    assert [source_seed(changed, source) for source in ("split", "init", "order")] == [3, 0, 0]
