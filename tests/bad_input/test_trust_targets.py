"""What a stranger's record asks to call is called by nobody, unless the user names a config folder that names it."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from harness.commands.cli import main
from harness.config.trust import check_trusted
from harness.records.store import read_records
from harness.types import UserError
from tests.bad_input.samples import RECORD, changed, lay, pilot, sample

CONFIG = RECORD["config"]
FOREIGN = [
    "pandas.read_pickle",
    "numpy.savetxt",
    "os.system",
    "builtins.eval",
    "builtins.exec",
    "subprocess.run",
    "harness.files.write_text",
    "harness.config.build.instantiate",
    "harness.commands.cli.main",
    "harness.records.store.os.system",
    "harness.axes",
    "harness.axes.AxisStrategy.__init__",
    "tasks.mnist.np.save",
    "tasks.mnist.resources.os.system",
    "tasks.mnist",
    "keras.models.load_model",
    "keras.saving.load_model",
    "keras.utils.get_file",
    "keras.layers.Lambda",
    "keras.losses.deserialize",
    "keras.losses.get",
    "keras.losses.Loss.from_config",
    "keras.losses.MeanSquaredError.from_config",
    "keras.src.saving.serialization_lib.deserialize_keras_object",
    "hydra.utils.instantiate",
    "hydra.utils.get_method",
    "",
    "..",
    "/etc/passwd",
    "${oc.env:HOME}",
    300 * "x",
    "x\x1b[2J",
    None,
    5,
    ["os.system"],
    {"a": 1},
]


@pytest.mark.parametrize("target", FOREIGN, ids=lambda value: str(value)[:40].replace("\x1b", "ESC"))
def test_what_is_not_called(target):
    with pytest.raises(UserError) as refusal:
        check_trusted(changed("config.task.data", {"_target_": target})["config"])

    assert "task.data._target_" in str(refusal.value)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 600


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("task.data.path", {"_target_": "os.system", "_args_": ["true"]}),
        ("task.data.length", [1, {"_target_": "os.system"}]),
        ("task.data.length", [[[{"a": {"_target_": "os.system"}}]]]),
        ("task.loss", {"_target_": "builtins.print", "_partial_": True}),
        ("task.loss.reduction", {"_target_": "os.getcwd"}),
        ("architecture._target_", "os.getcwd"),
        ("architecture.widths", [{"_target_": "os.getcwd"}]),
        ("axis._target_", "os.getcwd"),
        ("axis.look", {"_target_": "os.getcwd"}),
        ("engine._target_", "os.getcwd"),
        ("train.optimizer_options", {"x": {"_target_": "os.getcwd"}}),
        ("train.optimizer_options", {"learning_rate": {"class_name": "x", "config": {}}}),
        ("train.optimizer_options", {"x": {"module": "builtins", "class_name": "eval", "config": "1"}}),
        ("architecture.activation", {"registered_name": "x"}),
        ("task.data.path", "${oc.env:HOME}"),
        ("task.data.path", '${oc.decode:"{_target_: os.getcwd}"}'),
        ("task.data", "${oc.create:{_target_: os.getcwd}}"),
        ("task.data.path", ["${x}"]),
        ("norm.${x}", 1),
    ],
    ids=str,
)
def test_wherever_it_stands(place, value):
    config = copy.deepcopy(CONFIG)
    *parents, last = place.split(".") if "${x}" not in place else place.split(".", 1)
    node = config
    for key in parents:
        node = node[key]
    node[last] = value

    with pytest.raises(UserError):
        check_trusted(config)


@pytest.mark.parametrize(
    "target",
    ["keras.losses.MeanSquaredError", "keras.losses.Huber", "keras.losses.SparseCategoricalCrossentropy"],
)
def test_losses_of_keras_may_be_called(target):
    check_trusted(changed("config.task.loss", {"_target_": target})["config"])


def test_what_is_committed_may_be_called():
    for folder in sorted(Path("results/reference").glob("*/")):
        for record in read_records(folder):
            check_trusted(record["config"])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("_target_: mine.load", True),
        ("data: {_target_: mine.load, size: 3}", True),
        ("data:\n  _target_: 'mine.load'  # mine", True),
        ('"_target_": "mine.load"', True),
        ("# _target_: mine.load", False),
        ("size: 3  # not _target_: mine.load", False),
        ("_target_: mine.loader", False),
        ("_target_: mine", False),
        ("target: mine.load", False),
    ],
)
def test_a_config_folder_of_the_users_own_says_what_is_trusted(tmp_path, text, named):
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "mine.yaml").write_text(text)
    config = changed("config.task.data._target_", "mine.load")["config"]

    with pytest.raises(UserError, match="--config-dir DIR with a yaml that names it"):
        check_trusted(config)
    if named:
        check_trusted(config, [tmp_path])
    else:
        with pytest.raises(UserError, match=r"mine\.load"):
            check_trusted(config, [tmp_path])


def records_that_call(tmp_path: Path) -> Path:
    """A folder whose every record would write a file if anything of it were called."""
    call = {"_target_": "pathlib.Path.touch", "_args_": [{"_target_": "pathlib.Path", "_args_": [str(tmp_path / "x")]}]}
    records = pilot(2)
    for record in records:
        record["config"]["task"]["data"] = call
        record["config"]["axis"]["look"] = call
        record["config"]["task"]["loss"] = call
    return lay(tmp_path / "results", *records)


@pytest.mark.parametrize("verb", ["status", "power", "report"])
def test_reading_calls_nothing(verb, tmp_path, capsys):
    results = records_that_call(tmp_path)

    assert main([verb, f"results_dir={results}"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_reproducing_calls_nothing(tmp_path, capsys):
    results = records_that_call(tmp_path)

    assert main(["reproduce", sample()["id"], f"results_dir={results}"]) == 2
    said = capsys.readouterr().err
    assert "pathlib.Path.touch" in said
    assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("config.train", {}, "expected a value"),
        ("config.task", {"name": "tiny"}, "expected a record"),
        ("config.axis", {}, "expected a record"),
        ("config.architecture", {"name": 5}, "architecture=5: expected a mapping whose _target_"),
        ("config.train.epochs", "many", "train.epochs: expected a whole number"),
        ("data", {}, "no digest, axes, shape, outputs"),
    ],
)
def test_a_record_that_is_not_complete_is_not_trained_again(place, value, said, tmp_path, capsys):
    lay(tmp_path, changed(place, value))

    assert main(["reproduce", sample()["id"], f"results_dir={tmp_path}"]) == 2
    assert said in capsys.readouterr().err


def test_a_place_that_the_data_do_not_have(tmp_path, capsys):
    lay(tmp_path, sample())

    assert main(["reproduce", sample()["id"], f"results_dir={tmp_path}", "task.data.labels_path=x"]) == 2
    assert "expected one of task.data.path" in capsys.readouterr().err


def test_a_cell_that_cannot_be_trained_again_says_why_in_a_line(tmp_path, capsys):
    record = sample()
    record["config"]["task"]["data"] = {"_target_": "tasks.cmapss.load", "subset": "FD001", "path": "/nowhere/at/all"}
    lay(tmp_path, record)

    assert main(["reproduce", record["id"], f"results_dir={tmp_path}"]) == 1
    printed = capsys.readouterr().out
    assert "cannot be trained again" in printed
    assert "/nowhere/at/all" in printed
    assert "task.data.path=PATH" in printed
    assert "now None" not in printed
    assert printed.count("\n") <= 5


def test_data_that_moved_are_found_and_checked(tmp_path, capsys):
    record = sample()
    record["config"]["task"]["data"] = {"_target_": "tasks.cmapss.load", "subset": "FD001", "path": "/nowhere/at/all"}
    lay(tmp_path, record)

    place = tmp_path / "elsewhere"
    assert main(["reproduce", record["id"], f"results_dir={tmp_path}", f"task.data.path={place}"]) == 1
    assert str(place) in capsys.readouterr().out.replace("\n", "")


def test_json_of_a_record_stays_strict(tmp_path):
    lay(tmp_path, sample())
    [path] = (tmp_path / "records").glob("*.json")

    assert json.loads(path.read_text()) == sample()
