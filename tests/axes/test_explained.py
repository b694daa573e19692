"""What a choice of axes means: sentences, counts and findings, worked out by hand; the picture against np.unique."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from harness.axes.explained import USUAL_AXES, explain, explain_axes
from harness.axes.findings import LEVELS
from harness.axes.picture import Blocks, number_statistics
from harness.axes.strategy import AxisStrategy
from harness.types import Site, UserError

IMAGE = Site("s", ("height", "width", "channel"), (28, 28, 8))
DIGIT = Site("s", ("height", "width", "channel"), (28, 28, 1))
SEQUENCE = Site("s", ("time", "feature"), (100, 5))
VECTOR = Site("s", ("feature",), (10,))
VOLUME = Site("s", ("depth", "height", "width", "channel"), (4, 5, 6, 7))


def kinds(one):
    return [finding.kind for finding in one.findings]


@pytest.mark.parametrize(
    ("site", "axis", "sentence"),
    [
        (IMAGE, (1, 2), "One mean and variance for every pixel position, pooled over the batch and all channels."),
        (DIGIT, (1, 2), "One mean and variance for every pixel position, pooled over the batch and the one channel."),
        (IMAGE, (3,), "One mean and variance for every channel, pooled over the batch and all pixel positions."),
        (IMAGE, (1,), "One mean and variance for every row, pooled over the batch, all columns and all channels."),
        (IMAGE, (1, 3), "One mean and variance for every row and channel, pooled over the batch and all columns."),
        (
            IMAGE,
            (),
            "One mean and variance for everything, pooled over the batch, all pixel positions and all channels.",
        ),
        (
            IMAGE,
            (1, 2, 3),
            "One mean and variance for every single element (pixel position and channel), pooled over the batch.",
        ),
        (IMAGE, (0, 3), "One mean and variance for every channel of every example, pooled over all pixel positions."),
        (SEQUENCE, (1,), "One mean and variance for every time step, pooled over the batch and all features."),
        (VECTOR, (1,), "One mean and variance for every feature, pooled over the batch."),
        (VOLUME, (4,), "One mean and variance for every channel, pooled over the batch and all voxel positions."),
        (
            Site("s", ("sensor", "time"), (3, 4)),
            (1,),
            "One mean and variance for every position along sensor, pooled over the batch and all time steps.",
        ),
    ],
)
def test_axes_in_a_sentence(site, axis, sentence):
    assert explain_axes(axis, site, 32).sentence == sentence


@pytest.mark.parametrize(
    ("strategy", "sentence"),
    [
        (AxisStrategy(kind="none"), "Nothing is normalized: the tensor passes as it is."),
        (
            AxisStrategy(kind="layer"),
            "One mean and variance for every pixel position of every example, pooled over all channels. "
            "One scale and shift for every channel.",
        ),
        (
            AxisStrategy(kind="rms"),
            "One root mean square for every pixel position of every example, pooled over all channels. "
            "One scale for every channel.",
        ),
        (
            AxisStrategy(kind="group", groups=4),
            "One mean and variance for every group of 2 channels of every example, pooled over all pixel positions and "
            "the channels of the group. One scale and shift for every channel.",
        ),
        (
            AxisStrategy("channel", kind="ghost"),
            "One mean and variance for every channel, pooled over every 8 examples of the batch and "
            "all pixel positions.",
        ),
        (
            AxisStrategy("all", "channel"),
            "One mean and variance for every single element (pixel position and channel), pooled over the batch. "
            "One scale and shift for every channel.",
        ),
    ],
)
def test_strategies_in_a_sentence(strategy, sentence):
    assert explain(strategy, IMAGE, 32).sentence == sentence


def test_counts_by_hand():
    one = explain(AxisStrategy((1, 2), (3,)), IMAGE, 32)

    assert (one.resolved.statistics, one.resolved.parameters, one.resolved.samples_per_statistic) == (784, 16, 256)
    assert (one.statistics_shape, one.parameters_shape) == ((28, 28), (8,))
    assert (one.keeps, one.averages) == ("height × width (1, 2)", "batch × channel (0, 3)")


def test_a_kept_batch_is_an_error_with_its_counts():
    one = explain_axes((0, 3), IMAGE, 32)

    assert (one.resolved.statistics, one.resolved.parameters, one.resolved.samples_per_statistic) == (256, 512, 784)
    assert one.findings[0].level == "error"
    assert one.findings[0].kind == "batch-kept"
    assert "axis=3" in one.findings[0].remedy
    assert "tied to a batch of 32" in one.findings[0].reason


@pytest.mark.parametrize(
    ("site", "axis", "batch_size", "found"),
    [
        (IMAGE, (3,), 32, ["folds"]),
        (IMAGE, (3,), 1, ["folds"]),
        (VECTOR, (1,), 31, ["few-samples", "folds"]),
        (VECTOR, (1,), 32, ["folds"]),
        (VECTOR, (1,), 1, ["one-sample", "folds"]),
        (IMAGE, (1, 2), 4, ["constant-places", "moved-inputs", "no-fold"]),
        (IMAGE, (1, 2), 3, ["few-samples", "constant-places", "moved-inputs", "no-fold"]),
        (IMAGE, (1,), 32, ["constant-places", "rows", "moved-inputs", "no-fold"]),
        (DIGIT, (1, 2), 32, ["constant-places", "size-one", "moved-inputs", "no-fold"]),
        (SEQUENCE, (1,), 32, ["constant-places", "moved-inputs", "pools-features", "no-fold"]),
        (IMAGE, (), 32, ["folds"]),
        (IMAGE, (0,), 32, ["batch-kept"]),
    ],
)
def test_findings(site, axis, batch_size, found):
    assert kinds(explain_axes(axis, site, batch_size)) == found


def test_findings_of_a_length_that_is_not_fixed():
    site = Site("s", ("time", "feature"), (None, 5))

    assert kinds(explain_axes((2,), site, 32)) == ["variable-length", "folds"]
    with pytest.raises(UserError, match="a kept axis needs a known size, and 'time'"):
        explain_axes((1,), site, 32)


def test_the_remedy_for_few_samples_is_enough():
    one = explain_axes((1, 2), Site("s", ("height", "width", "channel"), (4, 4, 5)), 2)
    few = next(finding for finding in one.findings if finding.kind == "few-samples")

    assert "m′ is 10" in few.reason
    assert "32 %" in few.reason  # 1/√10
    assert "a batch of 7 or more" in few.remedy  # 7 x 5 = 35
    assert "few-samples" not in kinds(explain_axes((1, 2), one.resolved.site, 7))


@given(data=st.data())
def test_findings_and_pictures_of_any_tensor(data):
    rank = data.draw(st.integers(2, 5))
    shape = data.draw(st.lists(st.integers(1, 40), min_size=rank, max_size=rank))
    axis = tuple(sorted(data.draw(st.sets(st.integers(0, rank - 1)))))
    one = explain_axes(axis, Site("s", USUAL_AXES[rank - 1], tuple(shape[1:])), shape[0])
    levels = [LEVELS.index(finding.level) for finding in one.findings]
    blocks = Blocks.of(one.names, one.shape)
    numbers = number_statistics(one.resolved, blocks.sizes)

    assert levels == sorted(levels)
    assert one.resolved.samples_per_statistic * one.resolved.statistics == np.prod(shape)
    assert len(set(blocks.cells.values())) == len(blocks.cells) == np.prod(blocks.sizes)
    # Two values share a statistic where they agree on the kept axes.
    kept = np.array([[index[k] for k in axis] for index in numbers]).reshape(len(numbers), -1)
    groups = np.unique(kept, axis=0, return_inverse=True)[1].reshape(-1) if axis else np.zeros(len(numbers))
    together = np.array([*numbers.values()])
    assert ((groups[:, None] == groups) == (together[:, None] == together)).all()


def test_the_picture_of_groups_and_ghosts():
    site = Site("s", ("time", "feature"), (3, 4))
    group = number_statistics(explain(AxisStrategy(kind="group", groups=2), site, 2).resolved, (2, 3, 4))
    ghost = number_statistics(explain(AxisStrategy("feature", kind="ghost", ghost=2), site, 4).resolved, (4, 3, 4))

    assert [group[0, 0, k] for k in range(4)] == [1, 1, 2, 2]
    assert group[0, 0, 0] == group[0, 2, 1] != group[1, 0, 0]
    assert ghost[0, 0, 0] == ghost[1, 2, 0] != ghost[2, 0, 0]


def test_height_and_width_make_a_map_wherever_they_are():
    blocks = Blocks.of(("batch", "channel", "height", "width"), (8, 3, 10, 10))

    assert (blocks.rows, blocks.columns, blocks.right) == (2, 3, (1,))
    assert blocks.sizes == (2, 2, 4, 4)
