"""Axis strategies: names to axes, counts and m', fallbacks, errors, equivalence, and every yaml in conf/axis."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from harness.axes import AxisStrategy, ResolvedSite, check_takes, equivalent, keep_axes
from harness.config.build import build_strategy
from harness.types import Site, UserError

CONF = Path(__file__).parents[2] / "conf" / "axis"
# as_built is nothing without a model (tests/models/test_from_file.py).
YAMLS = sorted(path for path in CONF.glob("*.yaml") if path.stem != "as_built")

IMAGE = Site("conv1_norm", ("height", "width", "channel"), (6, 5, 8))
SERIES = Site("lstm_norm", ("time", "feature"), (10, 4))
DENSE = Site("dense1_norm", ("feature",), (16,))
CUBE = Site("conv3d_norm", ("height", "width", "band", "channel"), (3, 3, 7, 2))
SPECTRUM = Site("conv1d_norm", ("band", "channel"), (7, 4))
SITES = (IMAGE, SERIES, DENSE, CUBE, SPECTRUM)
BATCH = 4

# One line a strategy: stat_axes, param_axes and m' at IMAGE, SERIES, DENSE, CUBE and SPECTRUM; * where it falls back.
EXPECTED = {
    "none": "/ None; / None; / None; / None; / None",
    "channel": "3/3 120; 2/2 40; 1/1 4; 4/4 252; 2/2 28",
    "height": "1/1 160; 2/2 40*; 1/1 4*; 1/1 168; 2/2 28*",
    "width": "2/2 192; 2/2 40*; 1/1 4*; 2/2 168; 2/2 28*",
    "spatial": "12/12 32; 2/2 40*; 1/1 4*; 12/12 56; 2/2 28*",
    "elementwise": "123/123 4; 12/12 4; 1/1 4; 1234/1234 4; 12/12 4",
    "global": "/ 960; / 160; / 64; / 504; / 112",
    "timestep": "3/3 120*; 1/1 16; 1/1 4*; 4/4 252*; 2/2 28*",
    "per_timestep": "3/3 120*; 12/2 4; 1/1 4*; 4/4 252*; 2/2 28*",
    "per_timestep_full": "3/3 120*; 12/12 4; 1/1 4*; 4/4 252*; 2/2 28*",
    "band": "3/3 120*; 2/2 40*; 1/1 4*; 3/3 72; 1/1 16",
    "channel_stats_elementwise_params": "3/123 120; 2/12 40; 1/1 4; 4/1234 252; 2/12 28",
    "elementwise_stats_channel_params": "123/3 4; 12/2 4; 1/1 4; 1234/4 4; 12/2 4",
    "keep": "3/3 120; 2/2 40; 1/1 4; 4/4 252; 2/2 28",
    "layer": "012/3 8; 01/2 4; 0/1 16; 0123/4 2; 01/2 4",
    "rms": "012/3 8; 01/2 4; 0/1 16; 0123/4 2; 01/2 4",
    "instance": "03/3 30; 02/2 10; / None*; 04/4 63; 02/2 7",
    "group": "03/3 30; 02/2 10; 01/1 2; 04/4 63; 02/2 7",
    "renorm": "3/3 120; 2/2 40; 1/1 4; 4/4 252; 2/2 28",
    "ghost": "3/3 120; 2/2 40; 1/1 4; 4/4 252; 2/2 28",
    "frozen": "3/3 120; 2/2 40; 1/1 4; 4/4 252; 2/2 28",
}


def summary(r: ResolvedSite) -> str:
    axis, param_axis = ("".join(map(str, axes)) for axes in (r.axis, r.param_axis))
    return f"{axis}/{param_axis} {r.samples_per_statistic}{'*' * r.fell_back}"


def resolve(strategy: AxisStrategy, site: Site = IMAGE) -> ResolvedSite:
    return strategy.resolve(site, batch_size=BATCH)


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_every_yaml_resolves_at_every_site(path: Path) -> None:
    strategy = build_strategy(OmegaConf.load(path))
    resolved = [resolve(strategy, site) for site in SITES]
    assert "; ".join(map(summary, resolved)) == EXPECTED[path.stem]
    for r in resolved:
        assert json.loads(json.dumps(r.to_dict())) == r.to_dict()


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_every_yaml_says_in_a_comment_what_shares_a_statistic(path: Path) -> None:
    comment = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert 1 <= len(comment) <= 2
    assert re.search("share|is left as it is|is kept", comment[0])


def test_record_entry_counts_by_hand() -> None:
    # 10 steps x 4 features: 40 means over the batch alone, 4 scales and 4 shifts.
    strategy = AxisStrategy(stat_axes=("time", "feature"), param_axes=("feature",))
    assert resolve(strategy, SERIES).to_dict() == {
        "name": "lstm_norm",
        "axes": ["time", "feature"],
        "shape": [10, 4],
        "stat_axes": ["time", "feature"],
        "param_axes": ["feature"],
        "statistics": 40,
        "parameters": 8,
        "samples_per_statistic": BATCH,
        "fell_back": False,
    }


def test_references_keep_no_moving_statistics() -> None:
    for kind in ("layer", "instance", "group", "rms"):
        r = resolve(AxisStrategy(kind=kind))
        assert (r.statistics, r.parameters) == (0, 8 if kind == "rms" else 16)
        assert r.stat_axes[0] == "batch"


def test_groups_are_the_largest_divisor_that_is_allowed() -> None:
    found = [
        resolve(AxisStrategy(kind="group", groups=groups), Site("s", ("time", "feature"), (5, channels))).groups
        for groups, channels in [(8, 64), (8, 12), (8, 7), (8, 10), (1, 64), (8, 11)]
    ]
    assert found == [8, 6, 7, 5, 1, 1]


def test_channel_and_feature_mean_the_last_axis_whatever_it_is_called() -> None:
    for word in ("channel", "feature"):
        assert [resolve(AxisStrategy(stat_axes=word), site).axis for site in SITES] == [(3,), (2,), (1,), (4,), (2,)]
    odd = Site("s", ("feature", "channel"), (3, 2))
    assert resolve(AxisStrategy(stat_axes="feature"), odd).axis == (1,)


def test_integers_names_and_negative_integers_mix() -> None:
    assert resolve(keep_axes([-1, "height"])).axis == (1, 3)
    assert resolve(keep_axes([1, 2])) == resolve(keep_axes(["width", "height"]))
    assert resolve(keep_axes(OmegaConf.create([1, 2]))).axis == (1, 2)
    assert resolve(keep_axes(2)).axis == (2,)


def test_a_site_without_the_axis_falls_back() -> None:
    for axis in ("band", 4, -5):
        channel, nothing = (resolve(AxisStrategy([axis], fallback=word)) for word in ("channel", "none"))
        assert channel.fell_back
        assert (channel.kind, channel.stat_axes) == ("batch", ("channel",))
        assert nothing.fell_back
        assert (nothing.kind, nothing.statistics, nothing.parameters) == ("none", 0, 0)
    assert resolve(AxisStrategy("height", "band")).stat_axes == ("channel",), "one of the two sets is enough"


def test_an_averaged_axis_may_have_an_unknown_size() -> None:
    r = resolve(AxisStrategy(stat_axes="feature"), Site("s", ("time", "feature"), (None, 4)))
    assert (r.statistics, r.samples_per_statistic) == (4, None)
    assert r.to_dict()["shape"] == [None, 4]


@pytest.mark.parametrize(
    ("keep", "params", "name"),
    [
        ([1, 2], None, "keep_1_2"),
        (["height", "width"], None, "keep_height_width"),
        ([1, 2], [3], "keep_1_2_params_3"),
        ([], None, "keep_nothing"),
        ([-1], [], "keep_minus1_params_nothing"),
    ],
)
def test_keep_names_itself(keep: list[str | int], params: list[str | int] | None, name: str) -> None:
    assert keep_axes(keep, params).name == keep_axes(keep, params, name="keep").name == name
    assert keep_axes(keep, params, name="mine").name == "mine"


def test_equivalent_strategies() -> None:
    def sites(strategy: AxisStrategy, *where: Site) -> list[ResolvedSite]:
        return [resolve(strategy, site) for site in where]

    channel, elementwise = AxisStrategy("channel"), AxisStrategy("all")
    assert equivalent(sites(channel, DENSE), sites(elementwise, DENSE))
    assert not equivalent(sites(channel, DENSE, IMAGE), sites(elementwise, DENSE, IMAGE))
    assert equivalent(sites(AxisStrategy("band"), DENSE), sites(channel, DENSE)), "a fallback is what it falls back to"
    grey = Site("s", ("height", "width", "channel"), (6, 5, 1))
    assert equivalent(sites(AxisStrategy(["height", "width"]), grey), sites(elementwise, grey))
    assert not equivalent(sites(AxisStrategy(()), IMAGE), sites(AxisStrategy(kind="none"), IMAGE))
    assert not equivalent(sites(AxisStrategy("channel", "all"), IMAGE), sites(channel, IMAGE))
    assert not equivalent(sites(channel, IMAGE), sites(channel, SERIES))


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ([0, 1], "the batch axis cannot be kept: .* Received: keep=\\[0, 1\\]"),
        (["batch"], "the batch axis cannot be kept: .* Received: keep=\\['batch'\\]"),
        ([-4], "axis -4 is the batch axis at site 'conv1_norm'.*Received: axes=\\[-4\\]"),
        ([1, -3], "an axis is kept twice at site 'conv1_norm'.*Received: axes=\\[1, -3\\]"),
        (["channel", "feature"], "an axis is kept twice.*Received: axes=\\['channel', 'feature'\\]"),
        (["all", 1], "an axis is kept twice"),
        ([1.5], "keep must hold axis names and integers. Received: keep=\\[1.5\\]"),
        ([True], "keep must hold axis names and integers. Received: keep=\\[True\\]"),
    ],
)
def test_mistakes_are_told_in_one_line(keep: list[str | int], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        resolve(keep_axes(keep))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "bathc"}, "kind must be one of batch, .* Received: kind='bathc'"),
        ({"fallback": "height"}, "fallback must be channel or none. Received: fallback='height'"),
        ({"groups": 0}, "groups must be a positive integer. Received: groups=0"),
        ({"param_axes": [0]}, "Received: param_axes=\\[0\\]"),
    ],
)
def test_strategy_refuses(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        AxisStrategy(**arguments)  # type: ignore[arg-type]


def test_a_kept_axis_of_unknown_size_is_refused() -> None:
    site = Site("s", ("time", "feature"), (None, 4))
    with pytest.raises(UserError, match=r"'time' of site 's' has none. Received: shape=\[None, 4\]"):
        resolve(AxisStrategy("time"), site)


def test_check_takes() -> None:
    check_takes(AxisStrategy("height"), [DENSE, IMAGE])
    check_takes(AxisStrategy("channel"), [DENSE])
    check_takes(AxisStrategy(kind="none"), [DENSE])
    check_takes(AxisStrategy("height"), [])
    with pytest.raises(UserError, match=r"axes are \(time, feature\); \(feature\).*Received: stat_axes=\['height'\]"):
        check_takes(AxisStrategy("height"), [SERIES, SERIES, DENSE])
    with pytest.raises(UserError, match=r"did you mean 'height'\?.*Received: stat_axes=\['heigth'\]"):
        check_takes(AxisStrategy("heigth"), [IMAGE, DENSE])
    with pytest.raises(UserError, match=r"did you mean 'width'\?.*param_axes=\['widht'\]"):
        check_takes(AxisStrategy("height", "widht"), [IMAGE])
    with pytest.raises(UserError, match=r"counted from 1.*Received: stat_axes=\[7\]"):
        check_takes(keep_axes([7]), [IMAGE])
    with pytest.raises(UserError, match=r"instance normalization anything to average over.*Received: kind='instance'"):
        check_takes(AxisStrategy(kind="instance"), [DENSE])


def test_planning_imports_no_tensorflow() -> None:
    code = (
        "import sys; from harness.axes import AxisStrategy, SiteRecorder, check_takes, equivalent, keep_axes;"
        "sys.exit(any(m.split('.')[0] in ('tensorflow', 'keras') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=CONF.parents[1], timeout=60).returncode == 0


def test_renorm_is_refused_where_keras_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    strategy, sites = AxisStrategy("channel", kind="renorm"), [Site("norm_1", ("height", "channel"), (4, 3))]
    monkeypatch.setattr("harness.axes.strategy.version", lambda package: "3.14.0")
    check_takes(strategy, sites)
    monkeypatch.setattr("harness.axes.strategy.version", lambda package: "3.9.1")

    with pytest.raises(UserError, match=r"came with Keras 3\.14, .* Received: keras 3\.9\.1$"):
        check_takes(strategy, sites)
