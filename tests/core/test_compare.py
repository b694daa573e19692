"""Results of other tools: verdicts on a table with a row a run, and one line for each mistake in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import harness
from harness.commands.cli import main
from harness.types import UserError

SHIFTS = {"adam": 0.0, "adamw": 0.0005, "lion": 0.004, "sgd": -0.03}
VERDICTS = {"adamw": "equivalent", "lion": "better", "sgd": "worse"}
COLUMNS = {"group": "optimizer", "seed": "seed", "metric": "accuracy"}


def runs(seeds=20, spread=0.003):
    rng = np.random.default_rng(0)
    rows = [
        {"optimizer": name, "seed": seed, "accuracy": 0.9 + seed / 1000 + shift + spread * rng.normal()}
        for seed in range(seeds)
        for name, shift in SHIFTS.items()
    ]
    return pd.DataFrame(rows)


def verdicts_of(frame, **options):
    rows = harness.compare_frame(frame, **{**COLUMNS, "baseline": "adam", **options})
    return dict(zip(rows["strategy"], rows["verdict"], strict=True))


def compare(path, *options):
    return main(["compare", str(path), *options])


def test_a_row_a_strategy_with_what_is_known_of_it():
    frame = runs()
    rows = harness.compare_frame(frame, **COLUMNS, direction="max", baseline="adam", margin=0.01).set_index("strategy")
    assert rows["verdict"].to_dict() == VERDICTS
    assert rows["size"].to_dict() == {"adamw": "", "lion": "within", "sgd": "beyond"}
    wide = frame.pivot(index="seed", columns="optimizer", values="accuracy")
    for name in VERDICTS:
        difference = wide[name] - wide["adam"]
        assert rows.loc[name, "difference"] == pytest.approx(difference.mean())
        half = 2.093024 * difference.std() / 20**0.5  # Student's t with 19 degrees of freedom
        assert rows.loc[name, ["low", "high"]].tolist() == pytest.approx(
            [difference.mean() - half, difference.mean() + half], rel=1e-5
        )


def test_neither_order_nor_unit_of_rows_matters():
    frame = runs()
    assert verdicts_of(frame.sample(frac=1, random_state=1)) == VERDICTS
    percent = frame.assign(accuracy=100 * frame["accuracy"])
    assert verdicts_of(percent, margin=1.0) == VERDICTS
    turned = frame.assign(error=1 - frame["accuracy"])
    assert verdicts_of(turned, metric="error", margin=0.01) == VERDICTS  # whose name says that less is better


def test_blocks_are_families_of_their_own():
    frame = pd.concat([runs().assign(data="a"), runs(seeds=5).assign(data="b")])
    rows = harness.compare_frame(frame, **COLUMNS, baseline="adam", block="data")
    assert rows.groupby("block")["verdict"].agg(list).to_dict() == {
        "a": list(VERDICTS.values()),
        "b": ["undecided"] * 3,
    }


def test_seeds_that_one_group_lacks_are_no_pairs():
    frame = runs()
    rows = harness.compare_frame(
        frame[(frame["optimizer"] != "sgd") | (frame["seed"] < 12)], **COLUMNS, baseline="adam"
    )
    assert rows.set_index("strategy")["pairs"].to_dict() == {"adamw": 20, "lion": 20, "sgd": 12}


def test_runs_without_a_number_are_lost_and_lose():
    frame = runs()
    frame.loc[(frame["optimizer"] == "lion") & (frame["seed"] < 12), "accuracy"] = np.nan
    row = harness.compare_frame(frame, **COLUMNS, baseline="adam").set_index("strategy").loc["lion"]
    assert (row["verdict"], row["lost"], row["pairs"]) == ("worse", 12, 8)


def as_csv(folder, frame):
    frame.to_csv(folder / "runs.csv", index=False)
    return folder / "runs.csv"


def as_parquet(folder, frame):
    frame.to_parquet(folder / "runs.parquet")
    return folder / "runs.parquet"


def as_wandb(folder, frame):
    table = frame.assign(Name=[f"glad-sun-{n}" for n in range(len(frame))], State="finished", Runtime=12)
    return as_csv(folder, table)


def as_mlflow(folder, frame):
    names = {"optimizer": "params.optimizer", "seed": "params.seed", "accuracy": "metrics.accuracy"}
    return as_csv(folder, frame.rename(columns=names).assign(run_id="a1", status="FINISHED"))


def as_tensorboard(folder, frame):
    for row in frame.itertuples():
        steps = pd.DataFrame({"Wall time": [1.0, 2.0], "Step": [10, 20], "Value": [0.1, row.accuracy]})
        steps.to_csv(folder / f"run-{row.optimizer}_seed{row.seed}_test-tag-accuracy.csv", index=False)
    return folder


@pytest.mark.parametrize("written", [as_csv, as_parquet, as_wandb, as_mlflow, as_tensorboard])
def test_files_of_trackers_are_read_as_they_come(written, tmp_path, capsys):
    path = written(tmp_path, runs())
    group = [] if written is as_tensorboard else ["group=optimizer"]
    assert compare(path, *group, "metric=accuracy", "baseline=adam") == 0
    assert (
        "lion is better than adam by less than 0.01; sgd is worse than adam by more than 0.01; "
        "adamw is equivalent to adam within 0.01." in capsys.readouterr().out
    )


def test_the_first_name_is_the_baseline_whatever_the_others_are_called(tmp_path, capsys):
    frame = runs(seeds=6).replace({"optimizer": {"lion": "none", "sgd": "channel"}})
    assert compare(as_csv(tmp_path, frame), "group=optimizer", "metric=accuracy") == 0
    assert "runs: against adam" in capsys.readouterr().out
    assert set(harness.compare_frame(frame, **COLUMNS)["baseline"]) == {"adam"}


def test_a_crashed_run_is_a_lost_one(tmp_path, capsys):
    frame = runs().assign(State="finished")
    frame.loc[0, "State"] = "crashed"  # adam's, though it has a number
    assert compare(as_csv(tmp_path, frame), "group=optimizer", "metric=accuracy", "baseline=adam") == 0
    assert "19/20" in capsys.readouterr().out


def test_the_page_is_written_where_asked(tmp_path, capsys, unrendered):
    path = as_csv(tmp_path, runs())
    out = tmp_path / "page"
    assert compare(path, "group=optimizer", "metric=accuracy", "baseline=adam", f"out={out}") == 0
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "is equivalent to" in page
    assert {"pairs.csv", "comparison.csv", "differences.csv"} <= {one.name for one in (out / "runs").iterdir()}
    assert not (out / "runs" / "cost.csv").exists()  # of which nothing is known
    capsys.readouterr()
    assert compare(path, "group=optimizer", "metric=accuracy") == 0
    assert {one.name for one in tmp_path.iterdir()} == {"runs.csv", "page"}


def changed(change):
    frame = runs(seeds=3)
    return change(frame)


def with_value(column, value):
    def change(frame):
        frame[column] = frame[column].astype(object)
        frame.loc[4, column] = value
        return frame

    return change


WRONG = [
    (
        lambda f: f.rename(columns={"seed": "trial"}),
        "seed=COLUMN names the column by which runs are paired: expected one of optimizer, trial, accuracy",
    ),
    (with_value("accuracy", "good"), "metric: expected numbers in accuracy. Received: good"),
    (with_value("seed", "first"), "seed: expected whole numbers in seed. Received: first"),
    (with_value("seed", 1.5), "seed: expected whole numbers in seed. Received: 1.5"),
    (with_value("seed", None), "seed: expected whole numbers in seed. Received:"),
    (with_value("optimizer", None), "group: expected a name in each row of optimizer. Received: rows without one"),
    (lambda f: pd.concat([f, f.iloc[:2]]), "4 rows that share them, as adam with 0"),
    (lambda f: f[f["optimizer"] == "adam"], "group: expected at least two to compare"),
    (lambda f: f.iloc[:0], "expected a table with a row a run. Received: none"),
    (lambda f: f.assign(State="running"), "expected runs that have ended. Received: 12 of 12 that are still going on"),
]


@pytest.mark.parametrize(("change", "said"), WRONG)
def test_a_table_that_cannot_be_compared_is_refused_in_one_line(change, said, tmp_path, capsys):
    path = as_csv(tmp_path, changed(change))
    assert compare(path, "group=optimizer", "metric=accuracy", f"out={tmp_path / 'page'}") == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "page").exists()
    with pytest.raises(UserError):
        harness.compare_frame(pd.read_csv(path), **COLUMNS)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            [],
            "group=COLUMN names the column that says what is compared: expected one of optimizer, seed, accuracy. "
            "Received: group",
        ),
        (
            ["group=optimizer", "metric=acc"],
            "metric=COLUMN names the column of the result: expected one of optimizer, seed, accuracy, the nearest is",
        ),
        (["group=optimizer", "seed=sed"], "seed=COLUMN names the column by which runs are paired: expected one of"),
        (["group=optimizer", "block=task"], "block=COLUMN names the column that tells tasks apart: expected one of"),
        (["group=optimizer", "baseline=adan"], "baseline: expected one of adam, adamw, lion, sgd, the nearest is adam"),
        (["group=optimizer", "margin=0"], "margin: expected a number above 0"),
        (["group=optimizer", "margin=small"], "margin: expected a number above 0"),
        (["group=optimizer", "direction=up"], "direction: expected one of max, min"),
        (["group=optimizer", "unit=s"], "no such option"),
    ],
)
def test_an_option_that_does_not_fit_is_refused_in_one_line(options, said, tmp_path, capsys):
    assert compare(as_csv(tmp_path, runs(seeds=3)), *options) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_metric_whose_direction_no_name_tells_asks_for_it(tmp_path, capsys):
    path = as_csv(tmp_path, runs(seeds=3).rename(columns={"accuracy": "result"}))
    assert compare(path, "group=optimizer") == 2
    assert "direction: expected direction=max (more is better) or direction=min" in capsys.readouterr().err
    assert compare(path, "group=optimizer", "direction=max") == 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("runs.csv", None, "Received: {path}"),
        ("runs.txt", "a,b\n", "whose name ends in .csv or .parquet"),
        ("runs.csv", "", "expected a table with a row a run"),
        ("runs.parquet", "no parquet", "expected a table with a row a run"),
        ("runs.csv", "Wall time,Step,Value\n1,1,1\n", "expected a folder of TensorBoard's CSV files"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_line(name, content, said, tmp_path, capsys):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    assert compare(path, "group=a") == 2
    error = capsys.readouterr().err
    assert said.format(path=path) in error
    assert error.count("\n") == 1
    assert compare(tmp_path) == 2  # a folder without TensorBoard's files
