"""Verbs, their options and flags: what one does not use is refused, and places are looked at first."""

from __future__ import annotations

import os
import sys

import pytest

from harness.commands.cli import main
from harness.config.composer import config_directory
from tests.bad_input.refusing import TINY, complaint

REFERENCE = config_directory().parent / "results" / "reference" / "mnist"
FAR = "a" * 300
ONE = ("task=mnist", "task.data.source=embedded", "architecture=seed_cnn", "axis=none", "engine=serial", "seed=0")

ROWS = [
    (["rum"], "no such verb: expected one of"),
    (["RUN"], "no such verb"),
    ([""], "no such verb"),
    (["-sc"], "-sc: expected install, uninstall or query of bash, fish or zsh"),
    (["-sc", "install"], "Received: install"),
    (["-sc", "install=tcsh"], "Received: install=tcsh"),
    (["--shell-completion"], "--shell-completion: expected install"),
    (["bench", "--cfg", "job"], "no such option of this verb"),
    (["bench", "rounds=²"], "rounds: expected a whole number of at least 1. Received: ²"),
    (["bench", "rounds=٣"], "rounds: expected a whole number"),
    (["bench", "rounds=0"], "rounds: expected a whole number"),
    (["bench", "rounds=1.5"], "rounds: expected a whole number"),
    (["bench", "tries=" + "9" * 30], "tries: expected at most 1,000"),
    (["bench", "workers=-1"], "workers: expected a whole number"),
    (["bench", "quick=maybe"], "quick: expected true or false"),
    (["bench", "only=gpu"], "only: expected one of deep_cnn, gru, hyper_cnn1d"),
    (["bench", "only="], "only: expected one of"),
    (["bench", f"out={FAR}/{FAR}"], "out: expected a file that can be written"),
    (["bench", "out=/dev/null/x"], "out: expected a file that can be written (Not a directory)"),
    (["bench", "out=/"], "out: expected a file that can be written (Is a directory)"),
    (["bench", "out="], "out: expected a path"),
    (["bench", "only=from_file"], "only: expected one of"),
    (["bench", "batch_size=0"], "batch_size: expected a whole number of at least 1"),
    (["bench", "batch_size=all"], "batch_size: expected a whole number of at least 1"),
    (["bench", "against="], "against: expected a path"),
    (["bench", "against=nothing.json"], "bench out=FILE has written (No such file or directory)"),
    (["bench", "against=/"], "bench out=FILE has written (no regular file)"),
    (["bench", f"against={FAR}"], "bench out=FILE has written (File name too long)"),
    (["bench", "file="], "file: expected a path"),
    (["bench", "file=/dev/null"], "file: expected a file that bench out=FILE has written (no regular file)"),
    (["bench", "file=x.json", "out=y.json"], "out: nothing is measured with file=FILE"),
    (["bench", "--config-dir", "/nope"], "--config-dir expects an existing directory"),
    (["bench", "engine=ray"], "no such option: expected one of"),
    (["browse", "--info"], "no such option of this verb"),
    (["browse", "open=maybe"], "open: expected true or false"),
    (["browse", "word"], "browse takes open=false"),
    (["status", "--cfg", "job"], "no such option of this verb"),
    (["status", "-m"], "no such option of this verb; VERB --help lists what there is. Received: --multirun"),
    (["status", "--config-dir", "/nope"], "no such option of this verb"),
    (["status", "~results_dir"], "no such option: expected one of results_dir"),
    (["status", "results_dir="], "results_dir: expected a path"),
    (["status", f"results_dir={FAR}"], "results_dir"),
    (["status", "baseline=none"], "no such option"),
    (["status", "results_dir=nothing"], "results_dir: expected a folder that `run` has written to"),
    (["audit"], "model: expected the path of a saved Keras model, as in model=PATH.keras. Received: nothing"),
    (["audit", "model="], "model: expected the path of a saved Keras model"),
    (["audit", "word"], "audit takes options such as model=PATH.keras. Received: word"),
    (["audit", "model=nothing.keras"], "expected a file that holds a Keras model"),
    (["audit", "model=/dev/null"], "expected a file that holds a Keras model"),
    (["audit", "model=x.keras", "batch_size=0"], "batch_size: expected a whole number of at least 1"),
    (["audit", "model=x.keras", "batch_size=many"], "batch_size: expected a whole number of at least 1"),
    (["audit", "model=x.keras", "steps=0"], "steps: expected a whole number of at least 1"),
    (["audit", "model=x.keras", "steps=-5"], "steps: expected a whole number of at least 1"),
    (["audit", "model=x.keras", "steps=" + "9" * 40], "steps: expected at most"),
    (["audit", "model=x.keras", "format=yaml"], "format: expected one of table, markdown, json"),
    (["audit", "model=x.keras", "format="], "format: expected one of table, markdown, json"),
    (["audit", "model=x.keras", "data=nothing.npz"], "data: expected an .npz file with arrays x and y"),
    (["audit", "model=x.keras", "data=/dev/null"], "data: expected an .npz file with arrays x and y"),
    (["audit", "model=x.keras", "axis=1"], "no such option: expected one of model, batch_size, steps, data, format"),
    (["audit", "model=x.keras", "--cfg", "job"], "no such option of this verb"),
    (["audit", "model=x.keras", "--config-dir", "/"], "no such option of this verb"),
    (["convert"], "model: expected a path, as in model=IN.keras. Received: nothing"),
    (["convert", "word"], "convert takes options such as model=IN.keras"),
    (["convert", "model=x.keras"], "out: expected a path, as in out=OUT.keras"),
    (["convert", "model=x.keras", "out=y.h5"], "out: expected a file that ends in .keras"),
    (["convert", "model=x.keras", "out=no/y.keras"], "out: expected a file that ends in .keras, in a folder"),
    (["convert", "model=x.keras", "out=y.keras"], "expected what is to be done: axis=[1,2] or axis=spatial, recalib"),
    (["convert", "model=x.keras", "out=y.keras", "fold=false"], "expected what is to be done: axis=[1,2] or axis=spat"),
    (["convert", "model=x.keras", "out=y.keras", "fold=yes"], "fold: expected true or false. Received: yes"),
    (["convert", "model=x.keras", "out=y.keras", "fold=true", "layers=[bn]"], "layers: expected axis= with it"),
    (["convert", "model=x.keras", "out=y.keras", "fold=true", "axis.ghost=4"], "axis.ghost: expected axis= with it"),
    (["convert", "model=x.keras", "out=y.keras", "fold=true"], "expected a file that holds a Keras model"),
    (["convert", "model=x.keras", "out=y.keras", "axis=0"], "the batch axis cannot be kept"),
    (["convert", "model=x.keras", "out=y.keras", "axis=[1"], "axis: expected a value such as 1"),
    (["convert", "model=x.keras", "out=y.keras", "axis=spacial"], "the nearest is spatial"),
    (["convert", "model=x.keras", "out=y.keras", "axis=1", "axis.ghost=2"], "axis.ghost: expected the name of a"),
    (["convert", "model=x.keras", "out=y.keras", "axis=1", "axes=[1]"], "axes: expected names, as in"),
    (["convert", "model=x.keras", "out=y.keras", "axis=1", "layers=[]"], "layers: expected names, as in"),
    (["convert", "model=x.keras", "out=y.keras", "axis=1", "batch_size=0"], "batch_size: expected a whole number"),
    (["convert", "model=x.keras", "out=y.keras", "axis=1", "recalibrate=no.npz"], "recalibrate: expected an .npz"),
    (["convert", "model=x.keras", "out=y.keras", "axis=1"], "expected a file that holds a Keras model"),
    (["convert", "model=x.keras", "out=y.keras", "axis=1", "folds=true"], "no such option: expected one of model"),
    (["explain"], "explain expects a tensor, as in shape=[32,28,28,1], or a grid, as in task=mnist. Received: neither"),
    (["explain", "word"], "explain takes options such as shape"),
    (["explain", "axis=1"], "explain expects a tensor"),
    (["explain", "shape=[32]"], "shape: expected 2 to 5 sizes"),
    (["explain", "shape=[1,2,3,4,5,6]"], "shape: expected 2 to 5 sizes"),
    (["explain", "shape="], "shape: expected 2 to 5 sizes"),
    (["explain", "shape=[0,3]"], "shape: expected sizes of at least 1, or null. Received: 0 in [0,3]"),
    (["explain", "shape=[2,-3]"], "shape: expected sizes of at least 1, or null. Received: -3"),
    (["explain", "shape=[2.5,3]"], "shape: expected sizes of at least 1, or null. Received: 2.5"),
    (["explain", "shape=[true,3]"], "shape: expected sizes of at least 1, or null. Received: True"),
    (["explain", "shape=[1e99,3]"], "shape: expected sizes"),
    (["explain", "shape=" + "[" * 900], "shape: expected a value such as 1"),
    (["explain", "shape=[4,3]", "axis=[1"], "axis: expected a value such as 1, channel or [1,2]"),
    (["explain", "shape=[4,3]", "axis="], "axis: expected numbers or names of axes"),
    (["explain", "shape=[4,3]", "axis=[[1]]"], "axis: expected numbers or names of axes"),
    (["explain", "shape=[4,3]", "axis=2"], "expected axes of (feature), counted from 1"),
    (["explain", "shape=[4,3,3]", "axis=[1,1]"], "an axis is kept twice"),
    (["explain", "shape=[4,3,3]", "axis=[0,0]"], "axis: expected the batch axis at most once"),
    (["explain", "shape=[4,3,3]", "axis=chanel"], "the nearest is channel"),
    (["explain", "shape=[4,3,3]", "axis=band"], "expected axes of (time, feature)"),
    (["explain", "shape=[4,null,3]", "axis=1"], "a kept axis needs a known size"),
    (["explain", "shape=[4,3,3]", "axis=1", "param_axis=5"], "expected axes of (time, feature)"),
    (["explain", "shape=[4,3,3]", "axis=1", "param_axis=0"], "the batch axis cannot be kept"),
    (["explain", "shape=[4,3,3]", "axis=spatial", "param_axis=1"], "param_axis: expected numbers or names in axis"),
    (["explain", "shape=[4,3,3]", "axis=[1]", "axis.ghost=2"], "axis.ghost: expected the name of a strategy with it"),
    (["explain", "shape=[4,3,3]", "axis=ghost", "axis.ghost=3"], "axis.ghost must divide the batch size"),
    (["explain", "shape=[4,3,3]", "axis=ghost", "axis.ghost=x"], "ghost must be a positive integer"),
    (["explain", "shape=[4,3,3]", "axis=ghost", "axis.gost=2"], "axis=ghost: "),
    (["explain", "shape=[4,3,3]", "axes=[a]"], "axes: expected 2 different names, as in [time,feature]"),
    (["explain", "shape=[4,3,3]", "axes=[a,a]"], "axes: expected 2 different names"),
    (["explain", "shape=[4,3,3]", "axes=[1,2]"], "axes: expected 2 different names"),
    (["explain", "shape=[4,3,3]", "axes=[all,b]"], "axes: expected 2 different names"),
    (["explain", "shape=[4,3,3]", "batch_size=5"], "batch_size: expected 4, as in shape"),
    (["explain", "shape=[null,3,3]", "batch_size=0"], "batch_size: expected a whole number"),
    (["explain", "shape=[4,3]", "task=mnist"], "no such option beside shape=: expected one of shape"),
    (["explain", "shape=[4,3]", "out=x.gif"], "out: expected a file that ends in .png, .svg, .html"),
    (["explain", "shape=[4,3]", "out=no/x.png"], "out: expected a file in a folder that is there"),
    (["explain", "shape=[4,3]", f"out={FAR}/{FAR}.png"], "out: expected a file in a folder that is there"),
    (["explain", "shape=[4,3]", "--cfg", "job"], "no such option of this verb"),
    (["explain", "shape=[4,3]", "--config-dir", "/nope"], "--config-dir expects an existing directory"),
    (["explain", "task=mnst"], "task: expected one of"),
    (["explain", "axis=timestep", *[text for text in ONE if text[:4] != "axis"]], "no site of this architecture has"),
    (["power", "--resolve"], "expected --cfg job with it"),
    (["power", "baseline=nope", f"results_dir={REFERENCE}"], "baseline"),
    (["power", "difference=0", f"results_dir={REFERENCE}"], "expected a number above 0"),
    (["power", "difference=nan", f"results_dir={REFERENCE}"], "expected a number above 0"),
    (["power", "difference=²", f"results_dir={REFERENCE}"], "expected a number above 0"),
    (["power", "metric=nope", f"results_dir={REFERENCE}"], "expected a metric of mnist"),
    (["power", f"results_dir={FAR}"], "results_dir"),
    (["report", "baseline=nope", f"results_dir={REFERENCE}", "out=here"], "baseline: expected one of channel"),
    (["report", "baseline=chanel", f"results_dir={REFERENCE}", "out=here"], "the nearest is channel"),
    (["report", "--config-dir", "/nope", f"results_dir={REFERENCE}"], "--config-dir expects an existing directory"),
    (["report", "--config-dir", FAR], "--config-dir expects an existing directory"),
    (["report", "--cfg", "job"], "no such option of this verb"),
    (["report", "out=/dev/null/x", f"results_dir={REFERENCE}"], "out: expected a folder that can be written to"),
    (["report", f"out={FAR}", f"results_dir={REFERENCE}"], "out=PATH says where"),
    (["report", "out=", f"results_dir={REFERENCE}"], "out: expected a path"),
    (["report", "results_dir=/dev/null"], "out"),
    (["reproduce", "x", "--cfg", "job"], "no such option of this verb"),
    (["reproduce", "x", "--config-dir", "/nope"], "--config-dir expects an existing directory"),
    (["reproduce", f"results_dir={FAR}", "x"], ""),
    (["publish", "seeds=99999999999999", "only=records"], "seeds: expected at most 100,000"),
    (["publish", "seeds=²", "only=records"], "seeds: expected a whole number"),
    (["publish", "seeds=0", "only=records"], "seeds: expected a whole number"),
    (["publish", "--cfg", "job", "only=records"], "no such option of this verb"),
    (["publish", "only=records", "study=mnist", "train.epochs=0"], "train.epochs: expected a whole number"),
    (["publish", "only=records", "study=mnist", "train.epoch=3"], "no such setting: train.epoch"),
    (["publish", "only=records", "study=mnist", "engine.workers=0"], "engine.workers"),
    (["publish", "only=records", "study=mnist", "engine=serial", "train.threads=1,2"], "engine=serial has one process"),
    (["publish", "only=nothing"], "only: expected one of"),
    (["publish", "study=mnst", "only=records"], "study: expected one of"),
    (["publish", "results_dir=x", "only=records"], "publish writes to results/reference"),
    (["run", "--cfg", "nope"], "--cfg: expected one of job, hydra, all. Received: nope"),
    (["run", "--cfg"], "--cfg expects a value after it"),
    (["run", "--cfg="], "--cfg expects a value after it"),
    (["run", "--info=nope"], "--info: expected one of all"),
    (["run", "--resolve", *ONE], "expected --cfg job with it"),
    (["run", "-p", "train", *ONE], "expected --cfg job with it"),
    (["run", "--cfg", "job", "-p", "nope", *ONE], "package 'nope' not found in config"),
    (["run", "--cfg", "job", "word", *ONE], "expected overrides such as task=mnist. Received: word"),
    (["run", "--cfg", "job", "--info", "config", *ONE], "expected --cfg or --info"),
    (["run", "--config-dir"], "--config-dir expects a value"),
    (["run", "--config-dir=", "x"], "--config-dir expects a value"),
    (["run", "--config-dir", "/dev/null", *ONE], "--config-dir expects an existing directory"),
    (["run", "train.threads=1,2", *ONE], "engine=serial has one process"),
    (["plan", "train.threads=1,2", *ONE], "engine=serial has one process"),
    (["plan", "train.deterministic=true,false", *ONE], "engine=serial has one process"),
    (["run", f"results_dir={FAR}", *ONE], "results_dir: expected a folder that can be written to (File name too long)"),
    (["run", "results_dir=/dev/null", *ONE], "results_dir: expected a folder that can be written to (Not a directory)"),
    (["run", "results_dir=/dev/null/a/b", *ONE], "results_dir: expected a folder that can be written to"),
    (["run", "until=told_apart", *ONE], "until=told_apart says itself which seeds are run"),
    (["plan", "until=told_apart", *ONE], "until=told_apart says itself which seeds are run"),
    (["run", "until=told_apart", "until.first=0", *ONE[:-1]], "until.first: expected a whole number"),
    (["run", "until=told_apart", "until.first=9", "until.most=5", *ONE[:-1]], "until.first: expected at most"),
    (["run", "until=told_apart", "until.alpha=0", *ONE[:-1]], "until.alpha: expected a number above 0"),
    (["run", "until=told_apart", "until.baseline=3", *ONE[:-1]], "until.baseline: expected the name"),
    (["plan", "until=told_apart", "until.baseline=global", *ONE[:-1]], "until.baseline: expected one of the grid"),
    (["run", "until=told_apart", "+until.colour=red", *ONE[:-1]], "no such setting: until.colour"),
]


@pytest.mark.parametrize(("argv", "said"), ROWS, ids=[" ".join(row[0])[:60] for row in ROWS])
def test_a_mistake_is_one_line(argv, said, tmp_path, capsys):
    assert said in complaint(argv, capsys, tmp_path, config_dir=None)


@pytest.mark.parametrize("backend", ["jax", "torch", "numpy", "TensorFlow"])
@pytest.mark.parametrize(
    "argv", [["plan", *ONE], ["run", *ONE], ["reproduce", "x"], ["bench"], ["audit", "model=x.keras"]]
)
def test_another_backend_is_told_before_anything_starts(backend, argv, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERAS_BACKEND", backend)

    said = complaint(argv, capsys, tmp_path, config_dir=None)
    assert f"expected KERAS_BACKEND=tensorflow. Received: KERAS_BACKEND={backend}" in said


def test_another_backend_in_keras_own_file_is_told(tmp_path, monkeypatch, capsys):
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)

    assert "keras.json: backend=jax" in complaint(["plan", *ONE], capsys, tmp_path, config_dir=None)

    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert main(["plan", *ONE, f"results_dir={tmp_path / 'runs'}"]) == 0


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path, capsys):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)

    assert "Permission denied" in complaint(
        ["run", f"results_dir={closed}/runs", *ONE], capsys, tmp_path, config_dir=None
    )


def test_seeds_in_rounds_are_planned_as_they_would_run(tmp_path, capsys):
    argv = [
        "plan",
        "until=told_apart",
        "axis=none,channel",
        *[text for text in ONE if text[:4] not in ("axis", "seed")],
    ]
    assert main([*argv, f"results_dir={tmp_path / 'runs'}"]) == 0

    assert "the first round of until=told_apart: 5 seeds; at most 60 cells in all" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "nearest"),
    [
        (["explain", "axis=ghost", "axis.gost=5", "shape=[32,8,8,3]"], "gost (the nearest is ghost)"),
        (["explain", "axis.gost=5", "shape=[32,8,8,3]"], "gost (there are keep, keep_params)"),
        (["run", *TINY[:2], "axis=ghost", *TINY[3:], "+axis.gost=5"], "gost (the nearest is ghost)"),
        (["run", *TINY, "+task.data.exampels=5"], "exampels (the nearest is examples)"),
        (["run", *ONE[:2], "architecture=lenet", *ONE[3:], "+architecture.norm_positon=x"], "is norm_position)"),
        (["run", *TINY, "+task.loss.from_logit=true"], "from_logit (the nearest is from_logits)"),
    ],
)
def test_a_misspelt_setting_is_told_with_the_nearest(argv, nearest, capsys, tmp_path):
    assert nearest in complaint(argv, capsys, tmp_path)
