"""What used to be taken for something else, and its right values: ranges, files of one name, changed strategies."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from harness.commands.cli import main
from harness.config.composer import hydra_session
from harness.config.grid import expand
from harness.config.identity import canonical, outcome_config
from harness.config.sweeps import number_range
from tests.core.conftest import CONF

GRID = ("task=tiny", "architecture=tiny", "axis=none")


@pytest.fixture
def composer():
    with hydra_session([CONF]) as composer:
        yield composer


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("range(7,0,-3)", [7, 4, 1]),
        ("sort(range(7,0,-3))", [1, 4, 7]),
        ("sort(range(7,0,-3),reverse=true)", [7, 4, 1]),
        ("sort(range(0,5,2),reverse=true)", [4, 2, 0]),
        ("sort(range(0,5,2))", [0, 2, 4]),
        ("sort(range(0,6,2),reverse=true)", [4, 2, 0]),
        ("sort(range(10,1,-4))", [2, 6, 10]),
        ("sort(shuffle(range(4)))", [0, 1, 2, 3]),
        ("sort(7,range(0,3))", [0, 1, 2, 7]),
        ("sort(choice(3,1,2))", [1, 2, 3]),
        ("tag(a,range(3))", [0, 1, 2]),
        ("tag(a,sort(range(2,-1,-1)))", [0, 1, 2]),
        ("7,range(0,3)", [7, 0, 1, 2]),
        ("range(0,2),range(5,7)", [0, 1, 5, 6]),
        ("choice(range(3))", [0, 1, 2]),
        ("choice(9,range(3))", [9, 0, 1, 2]),
        ("range(start=1,stop=4)", [1, 2, 3]),
        ("range(0.0,3)", [0, 1, 2]),
        ("int(range(0.0,3))", [0, 1, 2]),
    ],
)
def test_whole_ranges(composer, text, seeds):
    assert [config["seed"] for config in expand(composer, [*GRID, f"seed={text}"])] == seeds


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("range(0.65,0.8,0.05)", [0.65, 0.7, 0.75]),
        ("range(0.1,0.4,0.1)", [0.1, 0.2, 0.3]),
        ("range(0.4,0.1,-0.1)", [0.4, 0.3, 0.2]),
        ("sort(range(0.4,0.1,-0.1))", [0.2, 0.3, 0.4]),
        ("sort(range(0.1,0.4,0.1),reverse=true)", [0.3, 0.2, 0.1]),
        ("range(1e-3,5e-3,1e-3)", [0.001, 0.002, 0.003, 0.004]),
        ("range(0,1,0.25)", [0.0, 0.25, 0.5, 0.75]),
        ("range(0.7)", [0.0]),
        ("range(0.9,0.99999,0.03)", [0.9, 0.93, 0.96, 0.99]),
        ("tag(t,range(0.1,0.4,0.1))", [0.1, 0.2, 0.3]),
        ("0.5,range(0.1,0.4,0.1)", [0.5, 0.1, 0.2, 0.3]),
        ("range(0.3,0.2,-1e-1)", [0.3]),
    ],
)
def test_ranges_of_reals_are_typed_decimals(composer, text, values):
    found = [config["norm"]["momentum"] for config in expand(composer, [*GRID, "seed=0", f"norm.momentum={text}"])]

    assert found == values  # to the last bit


def test_shuffled_ranges_keep_their_members(composer):
    found = [config["seed"] for config in expand(composer, [*GRID, "seed=shuffle(range(7,0,-3))"])]

    assert sorted(found) == [1, 4, 7]


def test_a_value_of_a_range_is_the_same_cell_as_the_value_typed(composer):
    ranged = expand(composer, [*GRID, "seed=0", "norm.momentum=range(0.1,0.4,0.1)"])
    [typed] = expand(composer, [*GRID, "seed=0", "norm.momentum=0.3"])

    assert canonical(outcome_config(ranged[2])) == canonical(outcome_config(typed))


decimals = st.decimals(-100, 100, places=3)


@settings(max_examples=300, deadline=None)
@given(decimals, decimals, st.decimals(-10, 10, places=2).filter(lambda step: abs(step) >= Decimal("0.01")))
def test_a_range_is_what_decimal_arithmetic_says(start, stop, step):
    expected = []
    value = start
    while (value < stop) if step > 0 else (value > stop):
        expected.append(float(value))
        value += step

    assert number_range(float(start), float(stop), float(step)).list == expected


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["axis=channel"], "channel"),
        (["axis=channel", "axis.stat_axes=[channel]"], "channel"),
        (["axis=channel", "axis.stat_axes=[height]"], "channel_stat_axes_height"),
        (["axis=channel", "axis.stat_axes=[height,width]"], "channel_stat_axes_height_width"),
        (["axis=channel", "axis.stat_axes=[]"], "channel_stat_axes_nothing"),
        (["axis=channel", "axis.stat_axes=[-1]"], "channel_stat_axes_minus1"),
        (["axis=channel", "axis.stat_axes=all"], "channel_stat_axes_all"),
        (["axis=channel", "+axis.param_axes=all"], "channel_param_axes_all"),
        (["axis=channel", "++axis.fallback=none"], "channel_fallback_none"),
        (["axis=group", "axis.groups=4"], "group"),
        (["axis=group", "axis.fallback=channel"], "group_fallback_channel"),
        (["axis=channel", "axis.look.marker=s"], "channel"),
        (["axis.keep=[1,2]"], "keep_1_2"),
        (["axis.keep=[1]", "axis.keep_params=[3]"], "keep_1_params_3"),
        (["axis=channel", "axis.stat_axes=${axis.look.marker}"], "channel_stat_axes_o"),
    ],
)
def test_a_changed_strategy_has_a_name_of_its_own(composer, overrides, name):
    [config] = expand(composer, ["task=tiny", "architecture=tiny", "seed=0", *overrides])

    assert config["axis"]["name"] == name
    assert ("look" in config["axis"]) == (name in ("channel", "group"))


def test_names_that_lose_characters_stay_apart(composer):
    texts = ["axis.stat_axes=['a b']", "axis.stat_axes=['a/b']", "axis.stat_axes=['a_b']"]
    names = [
        config["axis"]["name"]
        for text in texts
        for config in expand(composer, ["task=tiny", "architecture=tiny", "seed=0", "axis=channel", text])
    ]

    assert len(set(names)) == 3
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_") for name in names)


HEIGHT = "_target_: harness.axes.AxisStrategy\nstat_axes: [height]\n"
TRAIN = (CONF.parents[3] / "conf" / "train" / "default.yaml").read_text(encoding="utf-8")


def own(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


def plan(*arguments: object, capsys) -> str:
    status = main(["plan", *map(str, arguments), "engine=serial", "task.data.source=embedded"])
    printed = capsys.readouterr()
    assert status == 0, printed.err
    return printed.out


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("axis/channel", HEIGHT),
        ("train/default", TRAIN.replace("precision: float32", "precision: mixed_bfloat16")),
        ("norm/default", "momentum: 0.5\nepsilon: 0.001\n"),
        ("task/mnist", (CONF.parents[3] / "conf" / "task" / "mnist.yaml").read_text(encoding="utf-8")),
    ],
)
def test_a_users_file_goes_before_ours_and_a_line_says_so(name, content, tmp_path, capsys):
    folder = own(tmp_path / "mine", **{name.replace("/", "__"): content})

    printed = plan("task=mnist", "axis=channel", "seed=0", "--config-dir", folder, capsys=capsys)

    assert f"note: {name.replace('/', '=')} is {folder.resolve()}/{name}.yaml, not ours" in printed.replace("\n", "")
    assert printed.count("note: ") == 1


def test_the_users_file_is_what_is_run(tmp_path):
    folder = own(tmp_path, axis__channel=HEIGHT, norm__default="momentum: 0.5\nepsilon: 0.001\n")
    with hydra_session([folder]) as composer:
        [config] = expand(composer, ["task=mnist", "architecture=seed_cnn", "axis=channel", "seed=0"])

        assert config["axis"]["stat_axes"] == ["height"]
        assert config["norm"]["momentum"] == 0.5


def test_a_file_that_is_not_chosen_is_no_news(tmp_path, capsys):
    folder = own(tmp_path, axis__channel=HEIGHT, task__cmapss="{}")

    assert "note:" not in plan("task=mnist", "axis=none", "seed=0", "--config-dir", folder, capsys=capsys)


def test_of_two_folders_the_first_wins_and_is_named(tmp_path, capsys):
    first, second = own(tmp_path / "a", axis__mine=HEIGHT), own(tmp_path / "b", axis__mine=HEIGHT)

    folders = ["--config-dir", first, "--config-dir", second]
    printed = plan("task=mnist", "axis=mine", "seed=0", *folders, capsys=capsys).replace("\n", "")

    assert f"note: axis=mine is {first}/axis/mine.yaml, not that of the later --config-dir {second}" in printed


def test_a_config_of_the_users_own_is_told_too(tmp_path, capsys):
    ours = (CONF.parents[3] / "conf" / "config.yaml").read_text(encoding="utf-8")
    folder = own(tmp_path, config=ours.replace("seed: 0", "seed: 4"))

    printed = plan("task=mnist", "axis=none", "--config-dir", folder, capsys=capsys).replace("\n", "")

    assert f"note: config is {folder}/config.yaml, not ours" in printed


def test_what_is_printed_is_what_would_run(tmp_path, capsys):
    folder = own(tmp_path, axis__channel=HEIGHT)

    main(["run", "task=mnist", "axis=channel", "seed=0", "--config-dir", str(folder), "--cfg", "job", "-p", "axis"])
    printed = capsys.readouterr()

    assert "- height" in printed.out
    assert "note: axis=channel is" in printed.err
    assert "note:" not in printed.out


@pytest.mark.parametrize("name", ["2", "1e3", "true", "-1", "1.5", "1_000", "0x1f", "nan", "null_", "on", "a.b"])
def test_strategies_are_found_whatever_their_names_mean_in_yaml(name, tmp_path):
    with hydra_session([own(tmp_path, **{f"axis__{name}": HEIGHT})]) as composer:
        for text in (f"axis={name}", f"axis={name},none", f"axis=glob({name}*)", f"axis=choice({name})"):
            configs = expand(composer, ["task=mnist", "architecture=seed_cnn", text, "seed=0"])
            assert name in [config["axis"]["name"] for config in configs], text


def test_a_glob_finds_them_all(tmp_path):
    names = ["2", "1e3", "true"]
    with hydra_session([own(tmp_path, **{f"axis__{name}": HEIGHT for name in names})]) as composer:
        configs = expand(composer, ["task=mnist", "architecture=seed_cnn", "axis=glob(*)", "seed=0"])

        assert {*names, "channel", "none"} <= {config["axis"]["name"] for config in configs}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("~/runs", "{home}/runs"),
        ("'~/runs'", "{home}/runs"),
        ("~", "{home}"),
        ("DIR/runs [v1]", "DIR/runs [v1]"),
        ("DIR/a[/b]", "DIR/a[/b]"),
        ("/tmp/größe", "/tmp/größe"),
        ("/tmp/a=b", "/tmp/a=b"),
        ("/tmp/100%", "/tmp/100%"),
        ("/tmp/a b", "/tmp/a b"),
        ("/tmp/it's", "/tmp/it's"),
        ('/tmp/"q"', '/tmp/"q"'),
        ("/tmp/(x)", "/tmp/(x)"),
        ("/tmp/a~b", "/tmp/a~b"),
        ("~nobody_of_this_name/x", "~nobody_of_this_name/x"),
    ],
)
def test_paths_are_what_was_typed(typed, meant, composer):
    [config] = expand(composer, ["task=tiny", "architecture=tiny", "axis=none", "seed=0", f"results_dir={typed}"])
    [other] = expand(composer, ["task=tiny", "architecture=tiny", "axis=none", "seed=0", f"task.data.path={typed}"])

    assert config["results_dir"] == meant.format(home=Path.home())
    assert other["task"]["data"]["path"] == meant.format(home=Path.home())


def test_a_home_in_the_other_places(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    own(tmp_path / "conf", axis__mine=HEIGHT)

    assert "mine" in plan("task=mnist", "axis=mine", "seed=0", "--config-dir", "~/conf", capsys=capsys)
    assert main(["status", "results_dir=~/nothing"]) == 2
    assert f"Received: {tmp_path}/nothing" in capsys.readouterr().err
    assert main(["report", "results_dir=~/nothing", "out=~/conf/axis/mine.yaml"]) == 2
    assert f"Received: {tmp_path}/conf/axis/mine.yaml" in capsys.readouterr().err
