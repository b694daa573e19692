"""What a user's loader may return wrong: what was expected, what came and what would mend it, in one line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny

from harness.cell.data import LoadedTask, check_data, draw_split, load_task, prepare_split, summarize
from harness.types import Split, UserError

IMAGES = tiny.load_images(examples=100)
SERIES = tiny.load_series()
X, Y = IMAGES.x, IMAGES.y
ONE_HOT = np.eye(3)[Y]
NAN_TARGET = np.where(np.arange(len(SERIES.y)) == 4, np.nan, SERIES.y)


def refuse(data, said):
    with pytest.raises(UserError, match=said) as raised:
        check_data(data)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(f"task {data.name}: expected ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x": X.astype(np.float64)}, r"x.astype\(np.float32\) makes. Received: x of type float64"),
        ({"x": X.astype(np.float16)}, "Received: x of type float16"),
        ({"x": X.astype(">f4")}, "Received: x of type >f4"),
        ({"x": X.astype(np.uint8)}, "or divisor=255 if they are pixels. Received: x of type uint8"),
        (
            {"x": X.astype(np.uint8), "divisor": 0},
            "a number above 0, 255 for pixels. Received: divisor=0",
        ),
        ({"x": X.astype(np.uint8), "divisor": "255"}, "Received: divisor='255'"),
        ({"x": X.astype(np.uint8), "divisor": 255, "standardize_axes": ()}, "where there are standardize_axes"),
        ({"divisor": 255}, "no divisor, which is for x of type uint8. Received: x of type float32, divisor=255"),
        ({"x": X.astype(complex)}, "Received: x of type complex128"),
        ({"x": X.astype(object)}, "Received: x of type object"),
        ({"x": X.tolist()}, r"np.asarray\(x, np.float32\) makes. Received: x of type list"),
        ({"x": None}, "Received: x of type NoneType"),
        ({"x": np.ma.masked_array(X)}, "Received: x of type MaskedArray"),
        ({"x": X[..., 0]}, r"x\[..., np.newaxis\] adds an axis channel of size 1. Received: x of shape \(100, 6, 6\)"),
        ({"x": X[..., None]}, "as many axes must be named"),
        ({"x": X[:0], "y": Y[:0]}, r"none of their axes of size 0. Received: x of shape \(0, 6, 6, 1\)"),
        ({"x": X[:, :0]}, r"Received: x of shape \(100, 0, 6, 1\)"),
        ({"x": np.where(X.max() == X, np.inf, X)}, "not finite in 1 examples, the first x"),
        ({"x": X * np.float32(1e30)}, "whose squares float32 can hold"),
        ({"y": Y[:, None]}, r"y.ravel\(\) makes. Received: y of shape \(100, 1\)"),
        ({"y": ONE_HOT}, r"y.argmax\(axis=1\) makes. Received: y of shape \(100, 3\)"),
        ({"y": Y[:90]}, "Received: 100 examples but 90 targets"),
        ({"y": np.r_[Y, 0]}, "Received: 100 examples but 101 targets"),
        ({"y": np.array(3)}, "Received: 100 examples but 1 targets"),
        ({"y": Y + 1}, "classes from 0 to 2, which y - 1 makes. Received: y of type int64 from 1 to 3"),
        ({"y": Y - 1}, "Received: y of type int64 from -1 to 1 for 3 classes"),
        ({"y": Y * 2}, "Received: y of type int64 from 0 to 4 for 3 classes"),
        ({"y": Y.astype(np.float64)}, r"y.astype\(np.int64\) makes. Received: y of type float64"),
        ({"y": Y > 1}, r"y.astype\(np.int64\) makes. Received: y of type bool"),
        ({"y": np.array(["cat", "dog", "cow"])[Y]}, r"np.unique\(y, return_inverse=True\)\[1\] makes of names"),
        ({"y": Y.tolist()}, "Received: y of type list"),
        ({"y": None}, "Received: y of type NoneType"),
        ({"y": Y * 0 + 2}, "two classes or more to tell apart. Received: 100 examples of one class, 2"),
        ({"outputs": 0}, "Received: outputs=0"),
        ({"outputs": 3.0}, "Received: outputs=3.0"),
        ({"outputs": None}, "Received: outputs=None"),
        ({"axes": ["height", "width", "channel"]}, "axes to be a tuple of names"),
        ({"axes": "height"}, "Received: axes='height'"),
        ({"axes": ()}, r"Received: axes=\(\)"),
        ({"axes": ("height", "height", "channel")}, "of which two have one name"),
        ({"metrics": ()}, "no metric"),
        ({"metrics": IMAGES.metrics[0]}, "metrics to be a tuple"),
        ({"metrics": ("accuracy",)}, r"Received: metrics=\('accuracy',\)"),
        ({"target_scale": 0}, "target_scale=0"),
        ({"target_scale": float("nan")}, "target_scale=nan"),
        ({"splitter": Split(Y, Y, Y)}, "Received: splitter of type Split"),
        ({"standardize_axes": "channel"}, "Received: standardize_axes='channel'"),
        ({"standardize_axes": ("band",)}, r"Received: standardize_axes=\('band',\)"),
        ({"standardize_groups": Y}, "only where there are standardize_axes"),
        ({"standardize_axes": (), "standardize_groups": Y[:9]}, r"Received: int64 \(9,\)"),
        ({"standardize_axes": (), "standardize_groups": Y * 0.5}, r"Received: float64 \(100,\)"),
        ({"shifts": [np.negative]}, "Received: shifts of type list"),
        ({"shifts": {"a": lambda: 3}}, "the shift a to take examples. Received: TypeError"),
        ({"shifts": {"a": lambda x: None}}, "the shift a to take examples. Received: AttributeError"),
        ({"shifts": {"a": lambda x: x[:1]}}, "keep type and shape"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_what_a_classifiers_loader_returns(change, said):
    check_data(IMAGES)
    refuse(replace(IMAGES, **change), said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y": NAN_TARGET}, r"values that are not finite, the first y\[4\]"),
        ({"y": SERIES.y * 0 + 5}, "targets that differ. Received: .* of one value, 5"),
        ({"y": SERIES.y.astype(np.float64) * 1e300}, "targets whose squares float32 can hold"),
        ({"y": SERIES.y.astype(str)}, "y of numbers"),
    ],
)
def test_what_a_regressions_loader_returns(change, said):
    check_data(SERIES)
    refuse(replace(SERIES, **change), said)


ONES = np.flatnonzero(Y == 1)
A, B, C = np.arange(60), np.arange(60, 80), np.arange(80, 100)


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ((A, B, C), r"Split\(\*parts\) makes one of three. Received: tuple"),
        ([A, B], "harness.types.Split. Received: list"),
        (None, "harness.types.Split. Received: NoneType"),
        (Split(A, B, A), "60 to test, and 60 of them twice"),
        (Split(A, A[:3], C), "without an example in common"),
        (Split(A, B[:0], C), "none of them empty. Received: 60 to train, 0 to validation, 20 to test"),
        (Split(A.tolist(), B, C), "Received: train of type list"),
        (Split(A, B * 1.0, C), r"Received: validation of type float64 \(20,\)"),
        (Split(A, B, C[:, None]), r"Received: test of type int64 \(20, 1\)"),
        (Split(np.arange(100) < 60, B, C), "np.flatnonzero makes of a mask. Received: train of type bool"),
        (Split(A, B, C + 1), "indices from 0 to 99. Received: test from 81 to 100"),
        (Split(A, B, -C), "indices from 0 to 99. Received: test from -99 to -80"),
        (Split(ONES[:9], np.setdiff1d(B, ONES), np.setdiff1d(C, ONES)), "two classes or more to train on"),
    ],
)
def test_what_a_splitter_returns(split, said):
    with pytest.raises(UserError, match=said) as raised:
        draw_split(replace(IMAGES, splitter=lambda rng: split), seed=0)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("splitter", "said"), [(lambda: A, "TypeError"), (lambda rng: rng.nope, "AttributeError")])
def test_a_splitter_that_fails_is_one_line(splitter, said):
    with pytest.raises(UserError, match=f"task tiny: its splitter failed: {said}"):
        draw_split(replace(IMAGES, splitter=splitter), seed=0)


def give(value):
    return value


def several():
    yield IMAGES


def give_up():
    raise SystemExit(7)


@pytest.mark.parametrize(
    ("loader", "said"),
    [
        (lambda: None, "Received: None; a function without `return` gives that"),
        (several, "Received: generator; `return` in the place of `yield`"),
        (lambda: (X, Y), "Received: tuple"),
        (give_up, r"it calls sys.exit\(7\)"),
        (lambda: {}["path"], "KeyError: 'path'"),
    ],
)
def test_what_comes_in_the_place_of_data(monkeypatch, loader, said):
    monkeypatch.setattr(tiny, "load_images", loader)
    with pytest.raises(UserError, match=said):
        load_task({"_target_": "tiny.load_images"})


def test_a_class_that_nothing_is_tested_on_is_noted():
    untested = np.flatnonzero(Y != 2)
    split = Split(np.setdiff1d(np.arange(80), untested[-9:]), untested[-9:-6], untested[-6:])
    data = replace(IMAGES, splitter=lambda rng: split, note="of mine")
    said = "no validation example is of class 2; no test example is of class 2, as seed 0 splits them"
    assert summarize(LoadedTask(data, ""))["note"] == f"of mine; {said}"


def test_a_constant_of_float32_is_not_blown_up():
    # The mean of many 518.67 is off by a rounding error, which must not pass for a deviation.
    x = SERIES.x.copy()
    x[:, :, 0] = np.float32(518.67)
    data = replace(SERIES, x=x)
    split = draw_split(data, 0)
    x[split.test, :, 0] += np.float32(0.01)
    _, parts = prepare_split(data, 0)
    assert np.abs(parts["train"].x[:, :, 0]).max() < 1e-9
    assert np.abs(parts["test"].x[:, :, 0]).max() == pytest.approx(0.01, rel=0.01)


def test_groups_are_standardised_by_their_own_training_readings():
    steps = SERIES.x.shape[1]
    groups = np.broadcast_to(np.arange(steps) % 2, SERIES.x.shape[:2]).copy()
    x = SERIES.x + np.float32(100) * groups[:, :, None].astype(np.float32)
    data = replace(SERIES, x=x, standardize_groups=groups)
    check_data(data)
    split, parts = prepare_split(data, 0)
    for group in (0, 1):
        train = parts["train"].x[:, group::2].astype(np.float64)
        np.testing.assert_allclose(train.mean(axis=(0, 1)), 0, atol=1e-5)
        np.testing.assert_allclose(train.std(axis=(0, 1)), 1, rtol=1e-5)
        raw = x[split.train][:, group::2].astype(np.float64)
        expected = (x[split.test][:, group::2] - raw.mean(axis=(0, 1))) / raw.std(axis=(0, 1))
        np.testing.assert_allclose(parts["test"].x[:, group::2], expected, rtol=1e-4, atol=1e-4)
    assert data.digest() != replace(data, standardize_groups=None).digest()


def test_a_group_that_none_trains_is_standardised_by_all():
    split = draw_split(SERIES, 0)
    groups = np.zeros(len(SERIES.x), np.int64)
    groups[split.test] = 1
    _, parts = prepare_split(replace(SERIES, standardize_groups=groups), 0)
    np.testing.assert_array_equal(parts["test"].x, prepare_split(SERIES, 0)[1]["test"].x)
