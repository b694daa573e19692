"""Whatever is wrong with a command line, it is said in one line, exits with 2, and nothing is written or trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.commands.cli import main
from tests.core.conftest import CONF

TINY = ["task=tiny", "architecture=tiny", "axis=channel", "seed=0"]


def complain(verb, *arguments, capsys):
    status = main([verb, *arguments, "--config-dir", str(CONF)])
    printed = capsys.readouterr()

    assert status == 2
    assert printed.err.startswith("harness: error: ")
    assert printed.err.count("\n") == 1
    return printed.err


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["train.epoch=3"], "no such setting: train.epoch (nearest: train.epochs"),
        (["architectur=tiny"], "no such setting: architectur (nearest: architecture"),
        (["axis=chanel"], "axis: expected one of"),
        (["axis=chanel"], "the nearest is channel. Received: chanel"),
        (["axis=null"], "axis: expected one of"),
        (["axis=glob(nothing*)"], "names no value at all"),
        (["task=tyni"], "the nearest is tiny. Received: tyni"),
        (["study=nope"], "study: expected one of"),
        (["seed=interval(0,3)"], "an interval cannot be a grid"),
        (["seed=range(3"], "expected an override in Hydra's grammar"),
        (["seed=range(3"], "Received: seed=range(3"),
        (["train.epochs=0"], "train.epochs: expected a whole number of at least 1. Received: 0"),
        (["train.epochs=-1"], "Received: -1"),
        (["train.epochs=abc"], "Received: abc"),
        (["train.epochs=1.5"], "Received: 1.5"),
        (["train.epochs=null"], "Received: None"),
        (["train.batch_size=121"], "at most the 120 training examples. Received: 121"),
        (["train.learning_rate=0"], "train.learning_rate: expected a number above 0"),
        (["train.learning_rate=-0.1"], "Received: -0.1"),
        (["train.learning_rate=nan"], "Received: nan"),
        (["norm.momentum=1.01"], "norm.momentum: expected a number of at least 0 and at most 1. Received: 1.01"),
        (["norm.momentum=-0.01"], "Received: -0.01"),
        (["norm.epsilon=0"], "norm.epsilon: expected a number above 0"),
        (["task.data.scale=inf"], "task.data.scale: expected a finite number. Received: inf"),
        (["train.precision=float8"], "train.precision: expected one of float32"),
        (["train.device=tpu"], "train.device: expected auto, cpu, gpu or gpu:N. Received: tpu"),
        (["train.deterministic=maybe"], "train.deterministic: expected true or false. Received: maybe"),
        (["skip_invalid=maybe"], "skip_invalid: expected true or false. Received: maybe"),
        (["~norm"], "norm.momentum: expected a value"),
        (["~train.epochs"], "train.epochs: expected a value"),
        (["results_dir=a,b"], "results_dir: expected one value for the whole grid"),
        (["engine=serial,local"], "engine: expected one value for the whole grid"),
        (["train.optimizer=sdg"], "the nearest is sgd. Received: sdg"),
        (["+train.optimizer_options.momentun=0.9"], "train.optimizer_options: expected arguments of adam"),
        (["task.loss._target_=keras.losses.Nope"], "task.loss: expected a Keras loss"),
        (["task.data._target_=tiny.nope"], "task.data: "),
        (["task.data._target_=tiny.split"], "task.data: "),
        (["+task.data.colour=red"], "no such setting: colour"),
        (["axis.keep=[0]"], "the batch axis cannot be kept"),
        (["axis.keep=[-4]"], "is the batch axis at site 'norm_1'"),
        (["axis.keep=[7]"], "no site of this architecture has the axes that the strategy keeps"),
        (["axis.keep=[1,-3]"], "an axis is kept twice at site 'norm_1'"),
        (["axis.keep=[1,1]"], "an axis is kept twice"),
        (["axis.keep=[1.5]"], "must hold axis names and integers"),
        (["axis=per_timestep"], "no site of this architecture has the axes that the strategy keeps"),
        (["axis=group", "axis.groups=0"], "groups must be a positive integer"),
        (["architecture=seed_lstm"], "seed_lstm takes examples with the axes (time, feature)"),
        (["+architecture.colour=red"], "architecture tiny cannot be built for task tiny (no such setting: colour"),
        (["architecture._target_=tiny_model.nope"], "architecture tiny cannot be built"),
        (["word"], "expected overrides such as task=mnist. Received: word"),
        (["--fast"], "no such option; python -m harness --help lists what there is. Received: --fast"),
        (["=3"], "Received: =3"),
        (["axis=none", "axis.stat_axes=[1]"], "no such setting: axis.stat_axes"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_mistakes(overrides, said, tmp_path, capsys):
    given = {text.partition("=")[0] for text in overrides}
    rest = [text for text in TINY if text.partition("=")[0] not in given]
    if any(text.startswith("axis.keep") for text in overrides):
        rest = [text for text in rest if not text.startswith("axis=")]
    folder = [] if "results_dir" in given else [f"results_dir={tmp_path / 'runs'}"]
    engine = [] if "engine" in given else ["engine=serial"]

    assert said in complain("run", *rest, *overrides, *folder, *engine, capsys=capsys)
    assert list(tmp_path.iterdir()) == []


def test_serial_takes_one_number_of_threads(tmp_path, capsys):
    said = complain("run", *TINY, "engine=serial", "train.threads=1,2", f"results_dir={tmp_path}", capsys=capsys)

    assert "engine=serial has one process" in said
    assert not list(tmp_path.glob("records/*"))


def test_results_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")

    said = complain("run", *TINY, "engine=serial", f"results_dir={tmp_path / 'file' / 'runs'}", capsys=capsys)

    assert "results_dir: expected a folder that can be written to" in said
    assert str(tmp_path / "file" / "runs") in said


def test_a_verb_that_does_not_exist(capsys):
    assert "no such verb: expected one of" in complain("rum", capsys=capsys)
    assert "the nearest is run" in complain("rum", capsys=capsys)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "reproduce expects one cell's id. Received: nothing"),
        (["a", "b"], "reproduce expects one cell's id. Received: a b"),
        (["tiny-none"], "no records in"),
        (["x", "out=3"], "no such option"),
    ],
)
def test_reproduce_of_nothing(arguments, said, tmp_path, capsys):
    assert said in complain("reproduce", *arguments, f"results_dir={tmp_path}", capsys=capsys)


def test_a_config_to_print_that_does_not_compose(capsys):
    assert "no such setting: train.epoch" in complain("run", *TINY, "train.epoch=3", "--cfg", "job", capsys=capsys)


def test_a_flag_without_its_value(capsys):
    assert main(["run", "--config-dir"]) == 2
    assert "--config-dir expects a value" in capsys.readouterr().err


def test_a_gpu_that_is_not_there():
    from harness.cell.device import _choose_device
    from harness.types import UserError

    with pytest.raises(UserError, match=r"train\.device: expected one of the \d+ GPUs found here.*Received: gpu:99"):
        _choose_device("gpu:99")


def test_a_sites_axis_of_unknown_size_cannot_be_kept():
    from harness.axes import AxisStrategy
    from harness.types import Site, UserError

    with pytest.raises(UserError, match="a kept axis needs a known size"):
        AxisStrategy(("time",)).resolve(Site("norm_1", ("time", "feature"), (None, 4)), batch_size=8)


def test_nothing_is_written_beside_either(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    complain("run", *TINY, "train.epochs=0", capsys=capsys)

    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("axis.look.colour=red", "look.colour: expected '#RRGGBB', in quotes. Received: red"),
        ("axis.look.marker=x", "look.marker: expected one of o, s, D"),
        ("axis.look=5", "look: expected a mapping such as {colour: '#0072B2', marker: o}. Received: 5"),
        ("+axis.look.size=3", "look: expected a mapping such as"),
    ],
)
def test_a_look_that_no_figure_could_draw_is_refused_when_planned(override, said, capsys):
    assert said in complain("run", *TINY, "engine=serial", override, capsys=capsys)
