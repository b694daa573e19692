"""Options of the tasks that make no sense: each is one line that names the option, before anything is generated."""

from __future__ import annotations

import pytest

from harness.types import UserError
from tasks import adding, cmapss, degradation, hyperspectral, mnist

LOADERS = {
    "adding": adding,
    "cmapss": cmapss,
    "degradation": degradation,
    "hyperspectral": hyperspectral,
    "mnist": mnist,
}
NO_INTEGER = [-1, 1.5, "7", float("nan"), float("inf"), 1e300, True, None, [3]]
NO_NUMBER = [-0.1, float("nan"), float("inf"), 1e300, "1", True, None, [0.5]]
INTEGERS = [
    ("adding", "examples", 9),
    ("adding", "steps", 1),
    ("adding", "seed", -3),
    ("degradation", "engines", 9),
    ("degradation", "engines", 10**12),
    ("degradation", "regimes", 0),
    ("degradation", "regimes", 10**9),
    ("degradation", "steps", 10**18),
    ("degradation", "stride", 0),
    ("degradation", "stride", 10**18),
    ("degradation", "cap", 0),
    ("degradation", "cap", 10**18),
    ("hyperspectral", "patch", 4),
    ("hyperspectral", "block", 4),
    ("hyperspectral", "size", 7),
    ("hyperspectral", "size", 10**9),
    ("hyperspectral", "bands", 1),
    ("hyperspectral", "bands", 10**9),
    ("hyperspectral", "endmembers", 1),
    ("hyperspectral", "endmembers", 10**9),
    ("hyperspectral", "striped_bands", 32),
    ("hyperspectral", "dead_bands", 10**9),
    ("hyperspectral", "seed", -1),
]
NUMBERS = [
    ("degradation", "noise", 1e7),
    ("degradation", "drift", 11),
    ("hyperspectral", "smoothness", 101),
    ("hyperspectral", "alpha", 0.01),
    ("hyperspectral", "gain", 3),
    ("hyperspectral", "snr", 101),
    ("hyperspectral", "band_scale", 11),
    ("hyperspectral", "illumination", 11),
]
FLAGS = [("degradation", "random_offset", "false"), ("degradation", "random_offset", 1)]


def refuse(task: str, said: str, **options: object) -> str:
    with pytest.raises(UserError, match=said) as raised:
        LOADERS[task].load(**options)
    assert "\n" not in str(raised.value)
    assert "Received: " in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(("task", "option", "value"), [*INTEGERS, *NUMBERS, *FLAGS], ids=str)
def test_what_is_out_of_range_is_refused(task, option, value):
    refuse(task, f"task.data.{option}", **{option: value})


@pytest.mark.parametrize("value", NO_INTEGER, ids=str)
@pytest.mark.parametrize(("task", "option"), sorted({(task, option) for task, option, _ in INTEGERS}))
def test_what_is_no_whole_number_is_refused(task, option, value):
    if option == "cap" and value is None:
        pytest.skip("no cap at all makes sense")
    refuse(task, f"task.data.{option}", **{option: value})


@pytest.mark.parametrize("value", NO_NUMBER, ids=str)
@pytest.mark.parametrize(("task", "option"), sorted({(task, option) for task, option, _ in NUMBERS}))
def test_what_is_no_number_is_refused(task, option, value):
    refuse(task, f"task.data.{option}", **{option: value})


@pytest.mark.parametrize("limit", [0, -1, 4001, *NO_INTEGER[1:7], [3]], ids=str)
def test_a_limit_that_is_none_is_refused(limit):
    refuse("mnist", r"task.data.limit", source="embedded", limit=limit)


@pytest.mark.parametrize(
    ("option", "value"),
    [("subset", "FD003"), ("sensors", [4]), ("normalize", "regime"), ("published", False)],
)
def test_options_of_real_engines_do_not_go_unheard(option, value):
    refuse("degradation", f"task.data.{option} is about real engines and needs task.data.path", **{option: value})


@pytest.mark.parametrize(
    "path", [5, "", ["a"], "~nobody_of_this_name/x", "x" * 5000, "a\0b"], ids=lambda path: repr(path)[:20]
)
@pytest.mark.parametrize("task", ["cmapss", "degradation", "hyperspectral"])
def test_what_is_no_path_is_one_line(task, path):
    if task != "hyperspectral" or path != "":
        refuse(task, "path|File name too long", path=path)


def test_the_users_home_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    refuse("cmapss", f"{tmp_path}/cmapss/train_FD001.txt, where there is no file", path="~/cmapss")
    refuse("hyperspectral", f"{tmp_path}/a.mat, where there is no file", path="~/a.mat")
