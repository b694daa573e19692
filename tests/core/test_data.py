from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny

from harness.cell.data import check_data, draw_split, load_task, prepare_split, summarize
from harness.types import Split, UserError

IMAGES = {"_target_": "tiny.load_images", "examples": 100}


def test_data_are_loaded_and_digested_once_for_cells_that_share_them(monkeypatch):
    digests = []
    plain = tiny.TaskData.digest
    monkeypatch.setattr(tiny.TaskData, "digest", lambda self: digests.append(self) or plain(self))
    first = load_task({**IMAGES, "seed": 41})

    assert load_task({"seed": 41, **IMAGES}) is first
    assert first.digest == plain(first.data)
    load_task({**IMAGES, "seed": 42})
    assert load_task({**IMAGES, "seed": 41}) is first
    load_task({**IMAGES, "seed": 43})  # the third; only two are kept
    assert load_task({**IMAGES, "seed": 41}) is not first
    assert len(digests) == 4


def test_a_summary_says_what_the_data_are():
    loaded = load_task(IMAGES)

    assert summarize(loaded) == {
        "source": "generated",
        "digest": loaded.digest,
        "axes": ["height", "width", "channel"],
        "shape": [6, 6, 1],
        "outputs": 3,
        "sizes": {"train": 60, "validation": 20, "test": 20},
        "note": "",
    }


def test_pixels_stay_bytes_until_they_are_on_the_device_and_are_there_the_same_floats():
    every = np.arange(256, dtype=np.uint8).reshape(64, 2, 2, 1)
    plain = replace(tiny.load_images(examples=64), x=every.astype(np.float32) / np.float32(255))
    stored = replace(plain, x=every, divisor=255)

    check_data(stored)
    assert stored.digest() == plain.digest()
    for seed in (0, 1):
        parts, floats = (prepare_split(data, seed)[1] for data in (stored, plain))
        for name in parts:
            assert parts[name].x.dtype == np.uint8
            for mine, other in zip(parts[name].on_device, floats[name].on_device, strict=True):
                np.testing.assert_array_equal(mine.numpy(), other.numpy(), strict=True)


def nan(data):
    x = data.x.copy()
    x[3, 2, 1, 0] = np.nan
    return x


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: {"y": data.y[:-1]}, "100 examples but 99 targets"),
        (lambda data: {"axes": ("height", "width")}, r"x of shape \(100, 6, 6, 1\)"),
        (lambda data: {"axes": ("height", "height", "channel")}, "two have one name"),
        (lambda data: {"y": data.y[:, None]}, r"y of shape \(100, 1\)"),
        (lambda data: {"x": data.x.astype(np.float64)}, "x of type float64"),
        (lambda data: {"x": nan(data)}, "values that are not finite"),
        (lambda data: {"y": data.y + 1}, "from 1 to 3 for 3 classes"),
        (lambda data: {"y": data.y - 1}, "from -1 to 1 for 3 classes"),
        (lambda data: {"y": data.y.astype(np.float32)}, "y of type float32"),
        (lambda data: {"metrics": ()}, "no metric"),
    ],
)
def test_a_users_task_is_held_to_what_task_data_promises(change, said):
    data = tiny.load_images(examples=100)
    check_data(data)

    with pytest.raises(UserError, match=rf"task tiny: expected .*Received: .*{said}"):
        check_data(replace(data, **change(data)))


@pytest.mark.parametrize(
    "parts",
    [
        ([], [1], [2]),
        ([1], [], [2]),
        ([1], [2], []),
        ([1, 2], [2], [3]),
        ([1, 1], [2], [3]),
        ([1], [2], [1]),
    ],
)
def test_the_parts_of_a_split_are_disjoint_and_none_is_empty(parts):
    split = Split(*(np.array(part, dtype=np.int64) for part in parts))
    data = replace(tiny.load_images(examples=10), splitter=lambda rng: split)

    with pytest.raises(UserError, match=f"Received: {len(parts[0])} to train, {len(parts[1])} to validation"):
        draw_split(data, seed=0)


def test_a_split_hangs_on_the_seed_alone():
    data = tiny.load_images(examples=100)

    assert draw_split(data, 1).digest() == draw_split(data, 1).digest() != draw_split(data, 2).digest()


def test_examples_are_standardised_by_the_training_part_alone():
    data = tiny.load_series()
    split, parts = prepare_split(data, seed=3)
    train = data.x[split.train].astype(np.float64)
    mean, deviation = train.mean(axis=(0, 1)), train.std(axis=(0, 1))

    np.testing.assert_allclose(parts["train"].x.mean(axis=(0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(parts["train"].x.std(axis=(0, 1)), 1, rtol=1e-5)
    np.testing.assert_allclose(parts["test"].x, (data.x[split.test] - mean) / deviation, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(parts["validation"].y, data.y[split.validation][:, None])


def test_a_constant_feature_is_centred_and_not_blown_up():
    data = tiny.load_series()
    x = data.x.copy()
    x[:, :, 1] = 7.0
    _, parts = prepare_split(replace(data, x=x), seed=0)

    assert np.abs(parts["test"].x[:, :, 1]).max() == 0


def test_images_are_taken_as_they_are():
    data = tiny.load_images()
    split, parts = prepare_split(data, seed=0)

    np.testing.assert_array_equal(parts["validation"].x, data.x[split.validation])
    np.testing.assert_array_equal(parts["validation"].y, data.y[split.validation])


def test_what_fails_inside_a_loader_is_said_in_one_line():
    said = r"^task\.data: no such setting: colour \(there are examples, seed, scale, path\)"
    with pytest.raises(UserError, match=said):
        load_task({**IMAGES, "colour": "red"})
    with pytest.raises(UserError, match=r"expected a function that returns TaskData\. Received: float"):
        load_task({"_target_": "builtins.float", "_args_": [3]})


def test_memory_that_runs_out_while_loading_is_no_mistake_of_the_users(monkeypatch):
    def load(**options):
        raise MemoryError("too much")

    monkeypatch.setattr(tiny, "load_images", load)
    with pytest.raises(MemoryError):
        load_task({**IMAGES, "seed": 99})
