from __future__ import annotations

import numpy as np
import pytest
from dials import RATES, dial_in, make_dial
from matplotlib.collections import PathCollection
from matplotlib.patches import Rectangle
from synthetic import make_record

from harness.report.answers.by_value import plot_dial, plot_dial_differences
from harness.report.answers.gap import plot_gap_parts
from harness.report.answers.ranges import plot_usable_rates
from harness.statistics.by_value import compare_by_value, gap_by_value
from harness.statistics.ranges import share_usable


def dial_of(accuracies, setting="learning_rate", **kwargs):
    return dial_in(make_dial(accuracies, setting=setting, **kwargs), setting)


def lines_of(ax):
    """Label -> line, of those that have one."""
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


def text_of(ax):
    return " ".join([ax.get_title(loc="left"), *(text.get_text().replace("\n", " ") for text in ax.texts)])


def test_a_line_is_the_mean_of_what_survived_and_every_diverged_cell_is_marked():
    records = [make_record("none", seed, 0.5 + seed / 10, settings={"learning_rate": 0.1}) for seed in range(2)]
    records += [make_record("none", 0, 0.4, settings={"learning_rate": 1.0})]
    records += [make_record("none", 1, status="diverged", settings={"learning_rate": 1.0})]
    records += [make_record("none", seed, status="diverged", settings={"learning_rate": 10.0}) for seed in range(2)]
    ax = plot_dial(dial_in(records, "learning_rate"))
    line = lines_of(ax)["none"]
    assert line.get_xdata() == pytest.approx([0.1, 1.0, 10.0])
    assert line.get_ydata()[:2] == pytest.approx([0.55, 0.4])
    assert np.isnan(line.get_ydata()[2])
    marks = [one for one in ax.collections if isinstance(one, PathCollection)]
    crosses = np.concatenate([np.asarray(one.get_offsets()) for one in marks])
    assert len(crosses) == 3
    assert (
        np.abs(np.log10(np.sort(crosses[:, 0]) / [1.0, 10.0, 10.0])).max() < 0.5
    )  # nearer to their own than to the next
    assert (crosses[:, 1] < 0.4).all()
    assert ax.get_xscale() == "log"
    assert "× 3 diverged" in text_of(ax)


def test_bars_are_the_intervals():
    dial = dial_of({"none": [0.5, 0.6, 0.7, 0.8]}, seeds=5, noise=0.01)
    ax = plot_dial(dial)
    (bars,) = ax.collections
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    middle = lines_of(ax)["none"].get_ydata()
    assert ends.mean(axis=1) == pytest.approx(middle)
    assert (np.diff(ends, axis=1) > 0).all()


@pytest.mark.parametrize(
    ("values", "scale", "places"),
    [
        (RATES, "log", RATES),
        ((2, 4, 6, 8), "linear", (2, 4, 6, 8)),
        ((0.9, 0.99, 0.999, 0.9999), "linear", (0, 1, 2, 3)),
        (("adam", "adamw", "rmsprop", "sgd"), "linear", (0, 1, 2, 3)),
    ],
)
def test_the_axis_suits_the_values_and_names_each_of_them(values, scale, places):
    dial = dial_of({"none": [0.5, 0.6, 0.7, 0.8]}, values=values)
    ax = plot_dial(dial)
    assert ax.get_xscale() == scale
    assert ax.get_xticks() == pytest.approx(places)
    assert [label.get_text() for label in ax.get_xticklabels()] == list(dial.labels)


def test_strategies_stand_side_by_side_within_reach_of_their_value():
    dial = dial_of({axis: [0.5] * 4 for axis in ("none", "channel", "layer")})
    places = np.array([line.get_xdata() for line in lines_of(plot_dial(dial)).values()])
    assert len(np.unique(places[:, 0])) == 3
    assert np.abs(np.log10(places / RATES)).max() < 0.5


def test_differences_are_those_of_the_table():
    dial = dial_of({"none": [0.5, 0.6, 0.7, 0.8], "channel": [0.6] * 4}, seeds=4, noise=0.01)
    ax = plot_dial_differences(dial)
    assert lines_of(ax)["none"].get_ydata() == pytest.approx(compare_by_value(dial).rows["difference"].to_numpy())
    assert "above 0: better than channel" in ax.get_ylabel()


def test_blocks_are_as_full_as_the_share_of_seeds():
    dial = dial_of({"none": [0.5, 0.88, 0.9, None], "channel": [0.9] * 4}, seeds=6, noise=0.02)
    ax = plot_usable_rates(dial)
    strategies = [label.get_text() for label in ax.get_yticklabels()]
    assert strategies == ["channel", "none"]  # the widest range at the top
    blocks = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    frames, filled = blocks[::2], blocks[1::2]
    full = np.array([fill.get_height() / frame.get_height() for frame, fill in zip(frames, filled, strict=True)])
    assert full.reshape(2, 4) == pytest.approx(share_usable(dial).loc[strategies].to_numpy())
    assert "× 6" in text_of(ax)


def test_the_best_rate_is_marked_where_there_is_one():
    ax = plot_usable_rates(dial_of({"none": [0.5, 0.8, 0.9, None], "channel": [None] * 4}, seeds=4))
    marks = [line for line in ax.lines if line.get_marker() == "D"]
    assert [line.get_xdata()[0] for line in marks] == [2]


def test_the_panels_show_the_two_parts():
    records = [
        make_record("channel", seed, 0.9, precise=0.9 + lag, batch=0.91 + lag, settings={"learning_rate": rate})
        for seed in range(3)
        for rate, lag in ((0.01, 0.02), (0.1, 0.05))
    ]
    dial = dial_in(records, "learning_rate")
    lag, batch = plot_gap_parts(dial)
    assert lines_of(lag)["channel"].get_ydata() == pytest.approx([-0.02, -0.05])
    assert lines_of(batch)["channel"].get_ydata() == pytest.approx(gap_by_value(dial).rows["dependence"].to_numpy())
    assert lines_of(batch)["channel"].get_ydata() == pytest.approx([-0.01, -0.01])
