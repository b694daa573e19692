"""A user's own yaml and what it calls: a mistake in either is told with file and line, within seconds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.bad_input.refusing import complaint

DATA = "data: {_target_: tiny.load_images}\n"
LOSS = "loss: {_target_: keras.losses.SparseCategoricalCrossentropy, from_logits: true}\n"
RECIPE = "recipe: {epochs: 2, batch_size: 20, learning_rate: 0.01, optimizer: adam}\n"
BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

TASKS = [
    ("data: [1\nloss: 3\n", "task/mine.yaml, line 2: "),
    (f"{DATA}\tloss: 3\n", "task/mine.yaml, line 2: found character"),
    (f"{DATA}{LOSS}{DATA}", "task/mine.yaml, line 3: expected each key once. Received: data again"),
    ("data: {a: 1, a: 2}\n", "task/mine.yaml, line 1: expected each key once. Received: a again"),
    ("# gr\xfc\xdfe\n".encode("latin-1"), "task/mine.yaml, line 1: expected UTF-8. Received: b'\\xfc'"),
    (b"a: 1\nb: \x80\n", "task/mine.yaml, line 2: expected UTF-8"),
    (b"a: \x00\n", "task/mine.yaml"),
    ("- a\n- b\n", "task/mine.yaml, line 1: expected keys and values, as in `epochs: 3`. Received: a list"),
    ("word\n", "task/mine.yaml, line 1: expected keys and values, as in `epochs: 3`. Received: word"),
    (BOMB, "expected at most 10,000 values, aliases written out"),
    ("a: &a [*a]\n", "task/mine.yaml, line 1: expected an anchor &a that ends before it is used"),
    ("a: *nothing\n", "task/mine.yaml, line 1: expected an anchor &nothing"),
    ("a: 1\n---\nb: 2\n", "task/mine.yaml, line 2: expected one document"),
    ("? [a, b]\n: 1\n", "task/mine.yaml, line 1: expected a word as the key"),
    ("[" * 5000, "task/mine.yaml, line 1: "),
    ("a: " + "[" * 200 + "]" * 200, "expected at most 64 levels"),
    ("a: !!python/object:os.system x\n", "task/mine.yaml, line 1: "),
    ("a: ${\n", "task/mine"),
    ("a: x" + "x" * 2**20, "expected a config of at most 1,048,576 bytes"),
    ("defaults: {a: 1}\n", "defaults must be a list"),
    ("defaults: [{axis: nope, task: x}]\n", "Too many keys in default item"),
    ("defaults: [other]\n", "other"),
    ("", "task/mine.yaml: task.recipe.epochs: expected a value, which train.epochs refers to. Received: none"),
    (LOSS + RECIPE, "task/mine.yaml: task.data: expected a value"),
    (DATA + RECIPE, "task/mine.yaml: task.loss: expected a value"),
    (f"data: null\n{LOSS}{RECIPE}", "task.data: expected a mapping whose _target_ says what is called"),
    (f"data: 3\n{LOSS}{RECIPE}", "task.data: expected a mapping whose _target_ says what is called"),
    (f"data: {{examples: 3}}\n{LOSS}{RECIPE}", "task.data: expected a mapping whose _target_ says what is called"),
    (f"{DATA}loss: mse\n{RECIPE}", "task.loss: expected a mapping whose _target_ says what is called"),
    (
        f"{DATA}loss: {{_target_: keras.losses.MeanSquareError}}\n{RECIPE}",
        "task.loss: expected a Keras loss (keras.losses",
    ),
    (
        f"{DATA}{LOSS}recipe:\n  epoch: 2\n",
        "task/mine.yaml, line 4: no such setting: task.recipe.epoch (nearest: task.recipe.epochs). "
        "Received: task.recipe.epoch=2",
    ),
    (f"{DATA}{LOSS}recipie: 3\n", "task/mine.yaml, line 3: no such setting: task.recipie (nearest: task.recipe)"),
    (f"{DATA}{LOSS}{RECIPE}colour: red\n", "task/mine.yaml, line 4: no such setting: task.colour"),
    (
        f"{DATA}{LOSS}{RECIPE}comparison: {{axes: none}}\n",
        "task/mine.yaml, line 4: no such setting: task.comparison.axes (nearest: task.com",
    ),
    (
        f"{DATA}{LOSS}{RECIPE.replace('}', ', batch: 3}')}",
        "task/mine.yaml, line 3: no such setting: task.recipe.batch (nearest: task.recipe.batch_size",
    ),
    # What is wrong is train.epochs, which our own config takes from the task.
    (f"{DATA}{LOSS}{RECIPE.replace('2', 'two')}", "task/mine.yaml, line 3: train.epochs: expected a whole number"),
]


@pytest.mark.parametrize(("content", "said"), TASKS)
def test_a_file_that_cannot_be_is_told_with_its_line(content, said, tmp_path, capsys):
    write(tmp_path / "conf", "task/mine.yaml", content)

    began = time.monotonic()
    assert said in plan_mine(tmp_path, capsys)
    assert time.monotonic() - began < 20


STUDY = "# @package _global_\nhydra:\n  sweeper:\n    params:\n"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("seed=0",), "task/mine.yaml, line 6: axis: expected one of"),
        (("axis=nane", "seed=0"), "harness: error: axis: expected one of"),
        (("axis=none",), "task/mine.yaml, line 7: seed: expected one value, or several as in seed=range(4)"),
        (("axis=none", "seed=-1"), "harness: error: seed: expected a whole number"),
        (("axis=none", "train.epochs=0", "seed=0"), "harness: error: train.epochs: expected a whole number"),
        (("axis=none", "seed=0", "study=mine"), "study/mine.yaml, line 5: train.epochs: expected one value, or sev"),
        (("axis=none", "seed=0", "study=mine", "train.epochs=x"), "harness: error: train.epochs: expected a whole"),
    ],
)
def test_what_the_command_line_says_is_not_put_down_to_a_file(typed, said, tmp_path, capsys):
    comparison = "comparison:\n  architecture: seed_cnn\n  axis: none,chanel\n  seed: 0..3\n"
    write(tmp_path / "conf", "task/mine.yaml", f"{DATA}{LOSS}{RECIPE}{comparison}")
    write(tmp_path / "conf", "study/mine.yaml", f"{STUDY}      train.epochs: 1..3\n")

    said_of_it = complaint(
        ["plan", "task=mine", "engine=serial", *typed], capsys, tmp_path, config_dir=tmp_path / "conf"
    )
    assert said in said_of_it


@pytest.mark.parametrize(
    ("group", "content", "said"),
    [
        ("axis", "stat_axes: [height]\n", "axis/mine.yaml: axis=mine: expected a mapping whose _target_"),
        (
            "axis",
            "_target_: harness.axes.AxisStrategy\nstat_axis: [height]\n",
            "no such setting: stat_axis",
        ),
        ("axis", "_target_: harness.axes.AxisStrategy\nkind: bach\n", "kind must be one of batch"),
        ("axis", "_target_: harness.axes.AxisStrategy\nstat_axes: [0]\n", "the batch axis cannot be kept"),
        ("axis", "_target_: builtins.dict\n", "axis=mine"),
        (
            "architecture",
            "filters: [3]\n",
            "architecture/mine.yaml: architecture=mine: expected a mapping whose _target_",
        ),
        ("architecture", "_target_: harness.architectures.lenet.bild\n", "harness.architectures.lenet has no bild"),
        ("train", "epoch: 3\n", "train."),
        ("engine", "workers: 3\n", "engine: expected a mapping whose _target_"),
        ("engine", "_target_: harness.engines.local.LocalEngine\nworker: 3\n", "no such option: engine.worker"),
        ("norm", "momentum: 0.9\nepsilon: x\n", "norm/mine.yaml, line 2: norm.epsilon: expected a number"),
        (
            "probe",
            "every: 0\nepoch_statistics: false\nhessian: no way\nshifts: false\n",
            "probe/mine.yaml, line 3: probe.hessian: expected true",
        ),
        ("until", "rule: told_apart\nfirst: 5\n", "until."),
        ("until", "rule: never\n", "until/mine.yaml, line 1: until.rule: expected one of none, told_apart"),
        ("study", "train: {epochs: 3}\n", "study=mine: expected a file that begins with `# @package _global_`"),
        ("study", "# @package _global_\nhydra: {sweeper: {params: {seed: 'range(0,3,0)'}}}\n", "a step other than 0"),
        (
            "study",
            "# @package _global_\nhydra: {sweeper: {params: {sed: 3}}}\n",
            "study/mine.yaml, line 2: no such setting: sed",
        ),
        ("study", "# @package _global_\nhydra: {sweeper: {params: [1]}}\n", ""),
        ("study", "# @package _global_\ndefaults: [{override /norm: nope}]\n", "nope"),
        ("study", "# @package _global_\npredictions: 3\n", "study=mine, predictions: expected a list. Received: 3"),
        (
            "study",
            "# @package _global_\npredictions: [{number: 1, rules: 3}]\n",
            "predictions[0].rules: expected a list",
        ),
    ],
)
def test_a_file_of_any_group_is_held_to_what_it_is_for(group, content, said, tmp_path, capsys):
    write(tmp_path / "conf", f"{group}/mine.yaml", content)

    rest = {"task": "mnist", "architecture": "seed_cnn", "axis": "none", "seed": "0", "engine": "serial"} | {
        group: "mine"
    }
    argv = [f"{key}={value}" for key, value in rest.items() if not (group == "until" and key == "seed")]
    if "told" in content:
        argv = [text for text in argv if not text.startswith("seed=")]
    argv.append("task.data.source=embedded")
    assert said in complaint(["run", *argv], capsys, tmp_path, config_dir=tmp_path / "conf")


MODULES = [
    ("import sys\nsys.exit(7)\n", "it calls sys.exit(7)"),
    ("import sys\ndef load(): sys.exit(7)\n", "it calls sys.exit(7) ({folder}/called_{number}.py, line 2)"),
    ("def load(): raise SystemExit\n", "it calls sys.exit()"),
    ("def load(:\n    pass\n", "SyntaxError: invalid syntax ({folder}/called_{number}.py, line 1)"),
    ("x = 1\n  y = 2\n", "IndentationError: unexpected indent ({folder}/called_{number}.py, line 2)"),
    ("import nothing_of_this_name\n", "ModuleNotFoundError: No module named 'nothing_of_this_name' ({folder}"),
    ("from harness.types import TaskDat\n", "cannot import name 'TaskDat'"),
    ("\nx = 1 / 0\n", "ZeroDivisionError: division by zero ({folder}/called_{number}.py, line 2)"),
    (
        "def load():\n    return nothing\n",
        "NameError: name 'nothing' is not defined ({folder}/called_{number}.py, line 2)",
    ),
    ("def load():\n    raise KeyError('label')\n", "KeyError: 'label' ({folder}/called_{number}.py, line 2)"),
    ("def load():\n    raise ValueError('a [/b] c')\n", "ValueError: a [/b] c ("),
    ("def load():\n    raise Exception\n", "Exception ({folder}/called_{number}.py, line 2)"),
    ("def load():\n    raise FileNotFoundError(2, 'No such file', 'x.csv')\n", "x.csv"),
    ("def load():\n    assert False\n", "AssertionError ("),
    ("def load():\n    return load()\n", "RecursionError"),
    ("def load():\n    return None\n", "expected a function that returns TaskData. Received: None"),
    ("def laod(): pass\n", "called_{number} has no load: expected one of laod, the nearest is laod. Received: load"),
    ("load = 5\n", "task.data"),
    ("def load(a): pass\n", "missing 1 required positional argument: 'a'"),
    (b"x = 'gr\xfc\xdfe'\ndef load(): pass\n", "SyntaxError"),
    ("from harness.types import UserError\ndef load(): raise UserError('mine: x')\n", "harness: error: mine: x"),
    (
        "from harness.types import TaskData\ndef load(): return TaskData('m', 's', ('a',), [], [], 1, None, ())\n",
        "expected x to be a NumPy array",
    ),
]


@pytest.mark.parametrize(("number", "content", "said"), [(number, *row) for number, row in enumerate(MODULES)])
def test_a_loader_that_fails_is_told_by_its_cause(number, content, said, tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    write(tmp_path, f"called_{number}.py", content)
    write(tmp_path / "conf", "task/mine.yaml", f"data: {{_target_: called_{number}.load}}\n{LOSS}{RECIPE}")

    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert said.format(folder=tmp_path, number=number) in plan_mine(tmp_path, capsys)


def test_an_architecture_that_ends_the_program_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    write(tmp_path, "ending_model.py", "def build(task, norm):\n    raise SystemExit(7)\n")
    write(tmp_path / "conf", "architecture/mine.yaml", "_target_: ending_model.build\n")

    argv = [
        "run",
        "task=mnist",
        "task.data.source=embedded",
        "architecture=mine",
        "axis=none",
        "seed=0",
        "engine=serial",
    ]
    said = complaint(argv, capsys, tmp_path, config_dir=tmp_path / "conf")
    assert "architecture mine cannot be built for task mnist (SystemExit: 7" in said


def write(place: Path, name: str, content: str | bytes) -> None:
    path = place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def plan_mine(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    argv = ["run", "task=mine", "architecture=seed_cnn", "axis=none", "seed=0", "engine=serial"]
    return complaint(argv, capsys, folder, config_dir=folder / "conf")
