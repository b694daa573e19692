"""`explain` as its user runs it: a tensor, all strategies, a model's sites, files, what it does without."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness.commands.cli import main
from harness.config.composer import config_directory
from tests.core.conftest import CONF

SHAPE = "shape=[32,28,28,8]"


def printed(capsys, *argv):
    assert main(["explain", *argv]) == 0
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("axis", ["[1,2]", "[height,width]", "spatial", "[-3,-2]", "[2,1]"])
def test_the_same_axes_in_every_way_of_saying_them(axis, capsys):
    said = printed(capsys, SHAPE, f"axis={axis}").partition("on (batch")[2]

    assert "keeps height × width (1, 2)" in said
    assert "statistics 784 means and variances (28 × 28)" in said
    assert "m′ 256 = 32 × 8" in said
    assert "AxisNormalization(axis=[1, 2])" in said


def test_settings_and_axes_apart(capsys):
    assert "m′ 3,136" in printed(capsys, SHAPE, "axis=ghost", "axis.ghost=4")
    assert "scale and shift 8 scales and shifts (8)" in printed(capsys, SHAPE, "axis=[1,2]", "param_axis=channel")
    assert "keeps nothing" in printed(capsys, SHAPE, "axis=[]")
    assert "32 × 5 × 5" in printed(capsys, "shape=[null,5,5]", "axis=-1")
    assert "= 7 × 5 × 5" in printed(capsys, "shape=[null,5,5]", "axis=-1", "batch_size=7")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ((SHAPE, "axis=0"), 1),
        ((SHAPE, "axis=[0,3]"), 1),
        ((SHAPE, "axis=[1,2]"), 0),
        (("shape=[1,8]", "axis=-1"), 1),  # one value is its own mean
        (("shape=[4,8]", "axis=-1"), 0),  # few samples: a warning
        (("shape=[1,8]",), 0),  # all strategies: none was chosen
        (("task=mnist", "task.data.source=embedded", "architecture=lenet", "axis=channel", "seed=0"), 0),
    ],
)
def test_the_exit_status_says_whether_a_finding_is_an_error(asked, status, capsys):
    assert main(["explain", *asked]) == status
    assert ("error: " in capsys.readouterr().out) == bool(status)


def test_a_site_of_a_model_with_an_error_is_told_by_the_exit_status(capsys):
    grid = ("task=mnist", "task.data.source=embedded", "architecture=lenet", "axis=elementwise", "train.batch_size=1")
    assert main(["explain", *grid, "seed=0"]) == 1
    assert "error: m′ is 1" in capsys.readouterr().out


@pytest.mark.parametrize("typed", ["1,2", "(1,2)", "{1,2}", "1 2", "( 1, 2 )"])
@pytest.mark.parametrize("key", ["axis", "param_axis"])
def test_several_axes_without_brackets_are_told_with_them(key, typed, capsys):
    assert main(["explain", SHAPE, *(["axis=[1]"] if key == "param_axis" else []), f"{key}={typed}"]) == 2
    assert f"{key}: expected {key}=[1,2]. Received: {key}={typed}\n" in capsys.readouterr().err


def test_param_axis_alone_is_no_choice(capsys):
    assert main(["explain", SHAPE, "param_axis=[3]"]) == 2
    assert "param_axis: expected axis beside it" in capsys.readouterr().err


def test_all_strategies_side_by_side(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    narrow = printed(capsys, "shape=[32,100,5]", "axes=[time,feature]")
    assert "channel_stats_ feature 5 1,000 3,200 elementwise_params" in narrow
    assert "One mean and variance" not in narrow

    monkeypatch.setenv("COLUMNS", "140")
    said = printed(capsys, "shape=[32,100,5]", "axes=[time,feature]")
    names = {path.stem for path in (config_directory() / "axis").glob("*.yaml")} - {"keep", "as_built"}

    words = said.replace(",", " ").split()
    assert all(name in words for name in names if len(name) <= 22)  # longer ones stand on two lines
    assert said.count(" channel_stats_ ") == said.count(" elementwise_stats_ ") == 1
    assert "Not here: band, height, spatial, width" in said
    assert "100 200 160 One mean and variance for every time step" in said


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_names_and_headings_are_whole_side_by_side_at_any_width(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["explain", "shape=[256,32,224,224,64]"]) == 0
    lines = capsys.readouterr().out.splitlines()
    words = " ".join(lines).split()

    assert max(map(len, lines)) <= columns
    assert words.count("elementwise_params") == 1
    assert words.count("channel_params") == 1
    assert {"strategy", "keeps", "m′", "depth", "height", "26,306,674,688"} <= {*words}
    assert ("Left out for want of width" in " ".join(words)) == (columns == 60)


def test_a_strategy_of_ones_own(tmp_path, capsys):
    (tmp_path / "axis").mkdir()
    (tmp_path / "axis" / "mine.yaml").write_text("_target_: harness.axes.AxisStrategy\nstat_axes: [width]\n")

    assert "every column" in printed(capsys, SHAPE, "axis=mine", "--config-dir", str(tmp_path))


def test_the_sites_of_a_model(tmp_path, capsys):
    argv = ["task=tiny", "architecture=tiny", "axis=channel,global", "engine=serial", f"results_dir={tmp_path}"]
    said = printed(capsys, *argv, f"out={tmp_path / 'sites.html'}", "--config-dir", str(CONF))

    assert "channel on tiny, tiny, site" in said
    assert "global on tiny, tiny, site" in said
    assert "One mean and variance for everything" in said
    assert (tmp_path / "sites.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("suffix", ["png", "svg", "html"])
@pytest.mark.parametrize("argv", [[SHAPE, "axis=spatial"], ["shape=[4,3]"], ["shape=[2,3,4,5,6]", "axis=[1,4]"]])
def test_files(argv, suffix, tmp_path, capsys):
    for name in ("a", "b"):
        printed(capsys, *argv, f"out={tmp_path / name}.{suffix}")
    content = (tmp_path / f"a.{suffix}").read_bytes()

    assert content == (tmp_path / f"b.{suffix}").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a.{suffix}", f"b.{suffix}"]
    if suffix == "png":
        assert content.startswith(b"\x89PNG")
    if suffix == "svg":
        texts = [one.text for one in ET.fromstring(content).iter("{http://www.w3.org/2000/svg}text")]
        assert "Drawn: " in " ".join(filter(None, texts))


def test_a_tensor_is_explained_without_what_takes_long_to_import():
    code = (
        "import sys\nfrom harness.commands.cli import main\n"
        f"assert main(['explain', '{SHAPE}', 'axis=[1,2]']) == 0\n"
        "print([name for name in ('tensorflow', 'keras', 'hydra', 'pandas', 'matplotlib') if name in sys.modules])\n"
        f"assert main(['explain', '{SHAPE}']) == 0\n"
        "print([name for name in ('tensorflow', 'keras', 'pandas', 'matplotlib') if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)

    assert done.stdout.splitlines().count("[]") == 2
