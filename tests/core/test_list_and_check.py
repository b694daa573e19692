"""`list` says what there is, `check` holds a user's own files to what they promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.commands.cli import main
from harness.commands.list import GROUPS, first_sentence
from harness.config.composer import config_directory

OWN = Path(__file__).parent / "own" / "conf"
YAMLS = sorted(path for group in GROUPS for path in (config_directory() / group).glob("*.yaml"))


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_yaml_says_in_a_sentence_what_it_is(path):
    said = first_sentence(path)

    assert len(said.split()) >= 3
    assert not said.startswith("(")
    assert not re.search(r"\bal\.?$", said), "cut in the middle of a name"


def test_a_study_is_listed_by_what_it_asks(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "# @package _global_\n# Costs an hour.\n# Expect which axes to\n# keep.\n# python -m harness run study=mine\n"
    )

    assert first_sentence(path) == "Which axes to keep"


def test_what_there_is_is_listed_with_where_it_is_from(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["list", "--config-dir", str(OWN)]) == 0
    out = capsys.readouterr().out

    assert all(re.search(rf"^ +{path.stem} ", out, re.MULTILINE) for path in YAMLS)
    assert str(OWN) in re.sub(r"\s+", "", out.partition("tiny_series")[2])
    assert main(["list", "architectures"]) == 0
    out = capsys.readouterr().out
    assert "seed_cnn" in out
    assert "per_timestep" not in out
    assert main(["list", "axes"]) == 2
    assert "the nearest is axis. Received: axes" in capsys.readouterr().err
    assert main(["list", "task=mnist"]) == 2
    assert "no such option: this verb has none, and --help says what it takes. Received: task=mnist" in (
        capsys.readouterr().err
    )


BROKEN = {
    "loader.py": """
import numpy as np
from harness.types import Metric, Split, TaskData

count = 0

def load(kind="right"):
    global count
    count += 1
    rng = np.random.default_rng(count if kind == "random" else 0)
    y = np.arange(60) % 3

    def split(generator):
        order = (np.random.default_rng() if kind == "careless" else generator).permutation(60)
        return Split(order[:30], order[30:45], order[45:])

    high = 0.2 if kind == "range" else 1.0
    metric = Metric("accuracy", "max", lambda t, o: float((o.argmax(-1) == t).mean()), low=0.0, high=high)
    return TaskData(name="mine", source="made", axes=("time", "feature"), x=rng.normal(size=(60, 8, 2)).astype("f4"),
                    y=y, outputs=3, splitter=split, metrics=(metric,))
""",
    "network.py": """
import keras

def build(task, norm, *, kind="right"):
    inputs = keras.Input(task.shape, name="input")
    names = {} if kind == "unnamed" else {"name": "conv"}
    x = keras.layers.Conv1D(4, 3, **names)(inputs)
    x = norm(x, axes=("time", "channel"), name="norm")
    x = keras.layers.GlobalAveragePooling1D(name="average")(x)
    if kind == "lambda":
        x = keras.layers.Lambda(lambda z: z * 2, name="twice")(x)
    last = {"activation": "softmax"} if kind == "softmax" else {}
    width = 5 if kind == "wide" else task.outputs
    return keras.Model(inputs, keras.layers.Dense(width, name="output", **last)(x))
""",
    "conf/task/mine.yaml": """
# Noise of three classes.
data: {_target_: loader.load, kind: right}
loss: {_target_: keras.losses.SparseCategoricalCrossentropy, from_logits: true}
recipe: {epochs: 1, batch_size: 10, learning_rate: 0.01, optimizer: adam}
comparison: {architecture: net, axis: "channel,none", seed: "0"}
""",
    "conf/architecture/net.yaml": "# One convolution.\n_target_: network.build\nkind: right\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("own")
    for name, text in BROKEN.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("task.data.kind=random", "the same data each time"),
        ("task.data.kind=careless", "a split that depends on the given generator alone"),
        ("task.data.kind=range", "metric accuracy: expected a value from 0 to 0.2, as it declares. Received: 0.33"),
        ("architecture.kind=unnamed", "every layer to have a name of its own"),
        ("architecture.kind=lambda", "a model that can be saved and opened again"),
        ("architecture.kind=softmax", "the model ends in softmax, and the task's loss has from_logits=true"),
        ("architecture.kind=wide", "expected one output of shape (batch, 3). Received: (None, 5)"),
    ],
)
def test_a_broken_promise_is_named(folder, capsys, override, problem, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    assert main(["check", "task=mine", override, "--config-dir", str(folder / "conf")]) == 1
    out = capsys.readouterr().out

    assert "  broken  " in out
    assert problem in out
    assert out.endswith("0 of 1 keep what they promise\n")


def test_all_of_a_folder_is_checked_each_with_what_fits_it(folder, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    assert main(["check", "--config-dir", str(folder / "conf")]) == 0
    out = capsys.readouterr().out

    assert [line for line in out.splitlines() if not line.startswith(" ")] == [
        "task=mine",
        "architecture=net",
        "2 of 2 keep what they promise",
    ]
    assert "loads 60 examples of 8 x 2 (time, feature)" in out
    assert "splits into 30 train, 15 validation, 15 test, another split for another seed" in out
    assert "normalizes 1 site: norm (6, 4) keeps channel" in out


def test_check_without_anything_to_check_says_what_it_takes(capsys):
    assert main(["check"]) == 2
    assert "expected --config-dir DIR with tasks, architectures or strategies of your own" in capsys.readouterr().err
