"""`harness.compare` and `harness.run`: what they make of models and data, what they return, what they refuse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import harness
from harness import UserError
from harness.commands import from_python
from harness.commands.cli import main
from harness.commands.given_model import key_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6, 6, 1)).astype(np.float32)
Y = np.arange(60) % 3
FEW = {"seeds": 1, "epochs": 1, "batch_size": 10, "quiet": True}


def model(axis=1, classes=3, **options):
    stack = [keras.Input((6, 6, 1)), layers.Conv2D(4, 3), layers.BatchNormalization(axis=axis), layers.Flatten()]
    return keras.Sequential([*stack, layers.Dense(classes, **options)])


def by_function(task, norm):
    x = inputs = keras.Input(task.shape)
    x = norm(layers.Conv2D(4, 3)(x), axes=("row", "column", "map"), name="first")
    return keras.Model(inputs, layers.Dense(task.outputs)(layers.Flatten()(x)))


@pytest.fixture
def here(monkeypatch, capsys):
    """Runs in this process, which has TensorFlow; what was asked for is noted."""
    asked = []

    def run(arguments, *, quiet):
        asked.append(list(arguments))
        capsys.readouterr()
        if main(["run", *arguments, "engine=serial"]) == 2:
            raise UserError(capsys.readouterr().err.partition("error: ")[2])

    monkeypatch.setattr(from_python, "_run", run)
    return asked


def test_a_model_and_arrays_are_compared_and_a_second_call_trains_nothing(here, tmp_path):
    found = harness.compare(model(), (X, Y), strategies=["as_built", "channel", [1, 2]], results_dir=tmp_path, **FEW)

    assert set(found.table["axis"]) == {"as_built", "channel", "keep_1_2"} == set(found.cells["axis"])
    assert found.baseline == "as_built"
    assert "nothing is decided against as_built" in found.verdict or "One seed" in found.verdict
    assert found.table.set_index("axis")["statistics"].to_dict() == {"as_built": 4, "channel": 4, "keep_1_2": 16}
    html = found._repr_html_()
    assert "<table>" in html
    assert "keep_1_2" in html
    assert found.verdict.replace("'", "&#x27;") in html
    assert "keep_1_2" in repr(found)
    assert found.plot().get_title(loc="left") or found.plot().figure.get_suptitle()
    records = sorted((tmp_path / "records").glob("*.json"))
    again = harness.compare(
        model(), {"x": X, "y": Y}, strategies=["as_built", "channel", [1, 2]], results_dir=tmp_path, **FEW
    )
    assert sorted((tmp_path / "records").glob("*.json")) == records
    assert again.table["mean"].equals(found.table["mean"])  # one that diverged has none


def test_a_function_is_given_the_task_and_the_norm_and_its_sites_keep_their_names(here, tmp_path):
    found = harness.compare(by_function, (X, Y), strategies=["none", ["row"]], results_dir=tmp_path, **FEW)

    assert set(found.table["axis"]) == {"none", "keep_row"}
    assert found.table.set_index("axis")["statistics"].to_dict() == {"none": 0, "keep_row": 4}
    assert found.baseline == "none"


@pytest.mark.parametrize(
    "function", [lambda: model(), lambda norm: norm and model(), lambda spec: model(classes=spec.outputs)]
)
def test_a_function_may_take_less(here, tmp_path, function):
    found = harness.compare(function, (X, Y), strategies=["as_built"], results_dir=tmp_path, **FEW)
    assert found.table["axis"].tolist() == ["as_built"]
    assert found.verdict == "as_built alone is no comparison."


def test_settings_go_to_the_command_line_as_they_are(here, tmp_path):
    path = tmp_path / "a model.keras"
    model().save(path)
    np.savez(tmp_path / "data.npz", x=X, y=Y)
    harness.compare(
        path,
        tmp_path / "data.npz",
        strategies=["none"],
        seeds=[4],
        weights="keep",
        data_axes=["height", "width", "channel"],
        overrides=["train.learning_rate=0.5"],
        results_dir=tmp_path / "runs",
        epochs=1,
        quiet=True,
    )
    (record,) = harness.load_results(tmp_path / "runs").to_dict("records")
    assert (record["seed"], record["learning_rate"], record["weights"]) == (4, 0.5, "keep")
    frame = harness.run([*here[0], "engine=serial"], quiet=True)
    assert frame["id"].tolist() == [record["id"]]


def test_a_model_is_known_again_whatever_keras_calls_its_layers_and_not_with_other_layers():
    assert key_of(model(), keep=False) == key_of(model(), keep=False)
    assert key_of(model(), keep=False) != key_of(model(axis=2), keep=False)
    assert key_of(model(), keep=False) != key_of(model(activation="softmax"), keep=False)
    one = model()
    assert key_of(one, keep=True) != key_of(model(), keep=True)
    before = key_of(one, keep=True)
    one.layers[0].bias.assign([1.0, 2, 3, 4])
    assert key_of(one, keep=True) != before
    adapted = [layers.Normalization(axis=None) for _ in range(2)]
    for place, layer in enumerate(adapted):
        layer.adapt(X + place)
    keys = {key_of(keras.Sequential([keras.Input((6, 6, 1)), one]), keep=False) for one in adapted}
    assert len(keys) == 2


def unbuilt():
    return keras.Sequential([layers.BatchNormalization()])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"model": 3}, "model: expected a built Keras model.*Received: int"),
        ({"model": unbuilt}, "model: expected a model that is built"),
        ({"model": lambda: 3}, "model: expected .*Received: int"),
        ({"model": lambda a, b, c: 3}, r"expected a function of task and norm.*\(a, b, c\)"),
        ({"data": X}, "data: expected arrays as .*Received: ndarray"),
        ({"data": {"x": X}}, r"data: expected arrays.*Received: \['x'\]"),
        ({"data": {"x": [1, "a", None], "y": Y}}, "expected numbers or texts of one shape in x"),
        ({"strategies": "channel"}, "strategies: expected a list"),
        ({"strategies": []}, "strategies: expected a list"),
        ({"strategies": [[1.5]]}, "strategies: expected names, and lists of axes"),
        ({"strategies": ["chanel"]}, "the nearest is channel"),
        ({"seeds": 0}, "seeds: expected at least 1"),
        ({"seeds": "two"}, "seeds: expected how many"),
        ({"overrides": "train.epochs=3"}, "overrides: expected a list"),
        ({"baseline": "layer"}, "baseline: expected one of none"),
    ],
)
def test_what_cannot_be_compared_is_told(here, tmp_path, arguments, said):
    given = {"model": model(), "data": (X, Y), "strategies": ["none"], **FEW, **arguments}
    with pytest.raises(UserError, match=said):
        harness.compare(**given, results_dir=tmp_path)


def test_what_is_public_is_told_and_costs_nothing_until_it_is_asked_for():
    public = {"Comparison", "UserError", "compare", "compare_frame", "run"}
    assert public < set(dir(harness)) == set(harness.__all__)
    assert all(getattr(harness, name).__doc__ for name in dir(harness))
    code = "import sys, harness; print(sorted({'tensorflow', 'keras', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


SCRIPT = """
import numpy as np, keras, harness
from keras import layers
x = np.random.default_rng(0).normal(size=(60, 6, 6, 1)).astype("float32")
stack = [keras.Input((6, 6, 1)), layers.Conv2D(4, 3), layers.BatchNormalization(axis=1), layers.Flatten()]
model = keras.Sequential([*stack, layers.Dense(3)])
found = harness.compare(model, (x, np.arange(60) % 3), strategies=["as_built", "none"], seeds=1, epochs=1)
print(sorted(found.table["axis"]))
"""


@pytest.mark.slow
def test_a_script_without_a_guard_compares_in_processes_of_its_own(tmp_path):
    (tmp_path / "mine.py").write_text(SCRIPT)
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True, check=True, env={"PYTHONPATH": root}
    )
    assert "2 cells: 0 done, 2 to run" in done.stdout
    assert done.stdout.strip().endswith("['as_built', 'none']")
