"""Whatever is typed, what comes of it is configs or a `UserError`."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.axes.strategy import AxisStrategy, keep_axes
from harness.commands.arguments import parse, read_options
from harness.config.composer import hydra_session
from harness.config.files import check_yaml
from harness.config.grid import expand
from harness.types import Site, UserError
from tests.core.conftest import CONF

NAMES = [
    "seed",
    "axis",
    "task",
    "train.epochs",
    "norm.momentum",
    "train.optimizer_options",
    "axis.keep",
    "results_dir",
    "x.y",
    "task.data",
    "task.loss",
    "until",
    "engine",
    "engine.workers",
    "probe.every",
    "study",
    "architecture",
    "hydra.x",
]
WORDS = [
    "range",
    "sort",
    "choice",
    "glob",
    "null",
    "true",
    "nan",
    "inf",
    "1e400",
    "none",
    "channel",
    "${seed}",
    "${",
    "???",
    "_target_",
    "shuffle",
    "tag",
    "log",
    "int",
    "float",
    "interval",
]
CHARACTERS = "0123456789.,()[]{}:=-+~'\"\\$ *#@!%&;|<>/?_abé\t\x00\x1b\udcff"
KEYS = st.sampled_from(["", *NAMES])
PIECES = st.sampled_from([*CHARACTERS, *WORDS])
VALUES = st.lists(PIECES, max_size=8).map("".join)
SIGNS = st.sampled_from(["", "", "", "+", "++", "~"])


@pytest.fixture(scope="module")
def composer():
    with hydra_session([CONF]) as composer:
        yield composer


def expand_or_refuse(composer, overrides):
    given = {text.lstrip("+~").partition("=")[0] for text in overrides}
    rest = [
        text
        for text in ("task=tiny", "architecture=tiny", "axis=none", "seed=0")
        if text.partition("=")[0] not in given
    ]
    with suppress(UserError):
        assert all(config["axis"]["name"] for config in expand(composer, [*rest, *overrides]))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(SIGNS, KEYS, VALUES)
def test_any_override_is_a_config_or_one_line(composer, sign, key, value):
    expand_or_refuse(composer, [f"{sign}{key}={value}"])


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=20))
def test_any_text_is_a_config_or_one_line(composer, text):
    expand_or_refuse(composer, [text])


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.integers(-6, 6) | st.sampled_from(["height", "width", "channel", "all", "batch", "x", "feature", "", "0"])
    )
)
def test_any_list_of_axes_is_a_strategy_or_one_line(composer, axes):
    text = ",".join(f"'{axis}'" if axis == "" else str(axis) for axis in axes)
    for key in ("axis.keep", "axis.keep_params"):
        expand_or_refuse(composer, [f"{key}=[{text}]"])
    site = Site("norm_1", ("height", "width", "channel"), (4, 5, 6))
    for build in (lambda: keep_axes(axes), lambda: AxisStrategy(tuple(axes)), lambda: AxisStrategy((1,), tuple(axes))):
        try:
            resolved = build().resolve(site, batch_size=8)
        except UserError:
            continue
        assert set(resolved.axis) <= {1, 2, 3}


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.text(max_size=12) | st.sampled_from(["--cfg", "-m", "--config-dir", "--info", "job", "a=b", "~", "-"]))
)
def test_any_command_line_is_taken_apart_or_refused(words):
    with suppress(UserError):
        assert read_options(parse(words), results_dir="x", out="")["results_dir"]


YAML = st.lists(
    st.sampled_from([*"ab:-[]{},&*!|>'\"#%@`?~ \n\t", "  ", "key: ", "- ", "&a ", "*a", "<<: "]), max_size=40
)


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=YAML.map("".join) | st.binary(max_size=40))
def test_any_file_is_a_config_or_told_with_its_name(content, tmp_path):
    path = tmp_path / "any.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    problem = ""
    try:
        check_yaml(path)
    except UserError as error:
        problem = str(error)
    assert not problem or problem.startswith(str(path))
