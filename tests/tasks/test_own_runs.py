"""Own data through the command line: what `plan` says, what `run` ends with, and what a mistake costs."""

import json

import numpy as np
import pandas as pd
import pytest

from harness.commands.cli import main

RNG = np.random.default_rng(0)
CELL = ("axis=channel", "seed=0", "engine=serial", "train.epochs=8")


def record_of(folder):
    (record,) = (json.loads(path.read_text()) for path in (folder / "records").glob("*.json"))
    return record


def test_a_value_of_a_table_is_learned_in_its_own_unit(tmp_path):
    x = RNG.normal(size=(600, 3))
    frame = pd.DataFrame(x, columns=["a", "b", "c"]).assign(life=1000 + 20 * x[:, 0] - 10 * x[:, 1])
    frame.to_csv(tmp_path / "own.csv", index=False)
    asked = ["task=table", f"task.data.path={tmp_path}/own.csv", "task.data.target=life", "train.learning_rate=0.01"]
    assert main(["run", *asked, *CELL, f"results_dir={tmp_path}/out"]) == 0
    metrics = record_of(tmp_path / "out")["metrics"]
    # The target's deviation is 22.4, which is what always answering its mean costs. In so few steps the moving averages
    # lag behind.
    rmse, r2 = metrics["test_rmse_precise"], metrics["test_r2_precise"]
    assert rmse < 10
    assert r2 == pytest.approx(1 - rmse**2 / frame["life"].var(), abs=0.1)


def test_recordings_of_unequal_lengths_are_told_apart(tmp_path):
    lines = []
    for i in range(120):
        series = (1 if i % 2 else -1) + 0.5 * RNG.normal(size=RNG.integers(3, 9))
        lines.append(",".join(f"{value:.4f}" for value in series) + f":{'up' if i % 2 else 'down'}")
    (tmp_path / "own.ts").write_text("@classLabel true up down\n@data\n" + "\n".join(lines))
    asked = ["task=time_series", f"task.data.path={tmp_path}/own.ts", "axis=per_timestep", "probe=full"]
    given = [setting for setting in CELL if not setting.startswith("axis")]
    assert main(["run", *asked, *given, f"results_dir={tmp_path}/out"]) == 0
    record = record_of(tmp_path / "out")
    assert record["status"] == "ok"
    assert record["metrics"]["test_accuracy"] > 0.9
    assert record["data"]["present"][:3] == [1.0, 1.0, 1.0]
    (site,) = record["sites"]
    assert 1 <= site["samples_per_statistic"] < site["median_samples_per_statistic"] < 16
    assert "unequal lengths" in record["refusals"]["length_80"]


def test_plan_says_in_two_lines_what_it_understood(tmp_path, capsys):
    np.savez(tmp_path / "own.npz", x=RNG.random((60, 4, 3)), y=np.arange(60) % 3)
    assert (
        main(["plan", "task=arrays", f"task.data.path={tmp_path}/own.npz", *CELL, f"results_dir={tmp_path}/out"]) == 0
    )
    first, short, second, *_ = capsys.readouterr().out.splitlines()
    assert short.startswith("after 8 steps moving averages still hold 92 %")
    assert first.startswith(
        "own.npz: 60 examples of 4 × 3 (time, feature), float64, standardised by feature; 3 classes"
    )
    assert second == "arrays: 4 × 3 (time, feature) to 3 classes; 36 train, 6 validate, 18 test"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "asked",
    [
        ["task=arrays", "task.data.axes=[time]"],
        ["task=arrays", "task.data.path=PATH", "task.data.axes=[time]"],
        ["task=arrays", "task.data.path=PATH", "task.data.kind=clasification"],
        ["task=arrays", "task.data.path=PATH", "task.data.standardize_axes=[band]"],
        ["task=arrays", "task.data.path=PATH", "task.data.validation=abc"],
        ["task=arrays", "task.data.path=PATH", "task.data.test=2"],
        ["task=arrays", "task.data.path=PATH.no"],
        ["task=table", "task.data.path=PATH", "task.data.target=a"],
        ["task=image_folder", "task.data.path=PATH"],
        ["task=time_series", "task.data.path=PATH"],
        ["task=idx", "task.data.path=PATH"],
        ["task=mnist", "task.data.path=PATH"],
    ],
    ids=" ".join,
)
def test_a_mistake_is_one_line_and_leaves_nothing(tmp_path, capsys, asked):
    np.savez(tmp_path / "own.npz", x=RNG.random((60, 4, 3)), y=np.arange(60) % 3)
    asked = [part.replace("PATH", str(tmp_path / "own.npz")) for part in asked]
    before = sorted(tmp_path.rglob("*"))
    assert main(["run", *asked, *CELL, f"results_dir={tmp_path}/out"]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("harness: error: ")
    assert printed.err.count("\n") == 1
    assert "Received: " in printed.err
    assert sorted(tmp_path.rglob("*")) == before
