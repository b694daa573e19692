from __future__ import annotations

import copy

import pytest

from harness.cell.examples import unpack_examples
from harness.commands.cli import main
from harness.config.identity import outcome_config
from harness.records.frames import load_results, records_under
from harness.seeds import source_seed
from tests.core.conftest import CONF
from tests.core.test_identity import CONFIG


@pytest.mark.parametrize("seeds", [None, {}, {"split": None, "init": None}, {"split": 0}])
def test_seeds_that_follow_the_seed_change_no_identity(seeds):
    assert outcome_config({**copy.deepcopy(CONFIG), "seeds": seeds}) == outcome_config(CONFIG)


def test_a_seed_of_its_own_is_another_cell():
    changed = {**CONFIG, "seeds": {"split": 3, "init": None, "order": None}}
    assert outcome_config(changed) == {**outcome_config(CONFIG), "seeds": {"split": 3}}
    assert [source_seed(changed, source) for source in ("split", "init", "order")] == [3, 0, 0]


def test_each_part_follows_its_own_seed(tmp_path):
    grid = ["run", "task=tiny", "architecture=tiny", "axis=channel", "engine=serial", f"results_dir={tmp_path}"]
    grid += ["--config-dir", str(CONF), "train.epochs=1", "seeds.split=3"]
    assert main([*grid, "seed=0,1"]) == 0
    assert main([*grid, "seed=0", "seeds.order=1"]) == 0
    cells = load_results(tmp_path).set_index(["seed", "seeds.order"])
    assert len(cells) == 3
    assert cells["split_hash"].nunique() == 1
    assert cells["weights_hash"].nunique() == 2
    ordered = cells.xs(0, level="seed")
    assert ordered["weights_hash"].nunique() == 1
    assert ordered["order_hash"].nunique() == 2
    for record in records_under(tmp_path):
        values = unpack_examples(record["examples"])
        assert len(values) == record["data"]["sizes"]["test"]
        if record["examples"]["kind"] == "correct":
            assert values.mean() == pytest.approx(record["metrics"]["test_accuracy"])
