"""What is found to leak from training into the test set, on examples whose overlaps are known by how they were cut."""

from dataclasses import replace

import numpy as np
import tiny

from harness.cell.data import LoadedTask, summarize
from harness.cell.leaks import find_leaks
from harness.types import Split
from tasks.hyperspectral import cut_patches
from tasks.scenes import Scene
from tasks.splits import GroupSplit

IMAGES = tiny.load_images(examples=100)
SERIES = tiny.load_series()
RNG = np.random.default_rng(0)


def of(data, x, **changes):
    x = np.asarray(x, np.float32)
    y = np.arange(len(x)) % data.outputs if data.outputs > 1 else np.arange(len(x), dtype=np.float32)
    return replace(data, x=x, y=y, **changes)


def thirds(examples):
    """Examples one after the other: the first third trains, the next validates, the last tests."""
    return Split(*np.array_split(np.arange(examples), 3))


def test_examples_that_are_twice_are_counted():
    x = RNG.random((90, 6, 6, 1))
    x[60:67] = x[:7]  # seven test examples are training examples
    x[70] = x[40]  # and one a validation example, by which nothing was trained
    assert find_leaks(of(IMAGES, x), thirds(90)) == ["7 of 30 test examples are also training examples"]
    assert find_leaks(of(IMAGES, RNG.random((90, 6, 6, 1))), thirds(90)) == []


def test_a_difference_of_one_bit_is_one():
    x = RNG.random((90, 6, 6, 1)).astype(np.float32)
    x[60] = x[0]
    x[60, 3, 3] = np.nextafter(x[0, 3, 3], np.float32(2))
    assert [found for found in find_leaks(of(IMAGES, x), thirds(90)) if "also" in found] == []


def test_patches_of_one_scene_overlap_unless_they_are_split_by_blocks():
    cube = RNG.random((24, 24, 2)).astype(np.float32)
    x, _, blocks = cut_patches(Scene(cube, np.zeros((24, 24), np.int64), 1), patch=3, block=24)
    data = of(IMAGES, x, axes=("height", "width", "channel"))
    split = GroupSplit(np.arange(len(x)), 0.1, 0.3)(np.random.default_rng(0))
    # By hand: a test patch overlaps where a patch one pixel up, down, left or right trains. 22 x 22 patches.
    trains = np.isin(np.arange(22 * 22), split.train).reshape(22, 22)
    around = np.pad(trains, 1)
    near = around[:-2, 1:-1] | around[2:, 1:-1] | around[1:-1, :-2] | around[1:-1, 2:]
    count = int(near.ravel()[split.test].sum())
    assert count > 0
    assert find_leaks(data, split) == [f"{count} of {len(split.test)} test patches overlap a training patch"]
    x, _, blocks = cut_patches(Scene(cube, np.zeros((24, 24), np.int64), 1), patch=3, block=6)
    assert find_leaks(of(IMAGES, x), GroupSplit(blocks, 0.2, 0.25)(np.random.default_rng(0))) == []


def test_windows_of_one_recording_overlap_from_half_of_their_steps_on():
    recording = RNG.random((200, 2))
    for later in (1, 5, 6, 11):
        # Training windows of 12 steps begin at 0, 12, 24, ..., and test windows so much later: each has 12 - later
        # steps in common with one of them, and `later` with the next; one of the two is half a window or more.
        starts = 12 * np.arange(10)
        others = RNG.random((10, 12, 2))
        cut = [np.stack([recording[start : start + 12] for start in first]) for first in (starts, starts + later)]
        found = find_leaks(of(SERIES, np.concatenate([cut[0], others, cut[1]])), thirds(30))
        # The last has no next one: 11 steps later, one step alone is in common.
        assert found == [f"{9 if later == 11 else 10} of 10 test windows overlap a training window"]


def test_windows_with_less_than_half_in_common_do_not_count():
    recording = RNG.random((60, 2))
    x = np.stack([recording[:12], RNG.random((12, 2)), recording[7:19]])  # 5 steps of 12 in common
    assert find_leaks(of(SERIES, x), thirds(3)) == []
    x[2] = recording[6:18]
    assert find_leaks(of(SERIES, x), thirds(3)) == ["1 of 1 test windows overlap a training window"]


def test_empty_margins_are_no_overlap():
    x = np.zeros((30, 12, 2))
    x[:, 3] = RNG.random((30, 2))  # all windows are 0 at the end, and all differ before
    assert find_leaks(of(SERIES, x), thirds(30)) == []
    x = np.zeros((30, 6, 6, 1))
    x[:, :, 0] = RNG.random((30, 6, 1))
    assert find_leaks(of(IMAGES, x), thirds(30)) == []


def test_what_leaks_is_in_the_note_of_the_data():
    x = IMAGES.x.copy()
    x[:] = x[0]
    note = summarize(LoadedTask(replace(IMAGES, x=x), "digest"), seed=3)["note"]
    assert "test examples are also training examples" in note
    assert note.endswith(", as seed 3 splits them")


def test_a_class_that_is_not_on_every_side_is_named():
    data = of(IMAGES, RNG.random((90, 6, 6, 1)))
    data.y[60:] = np.arange(30) % 2
    data.y[:30] = 1 + np.arange(30) % 2
    assert find_leaks(data, thirds(90)) == [
        "no training example is of class 0",
        "no test example is of class 2",
    ]
