from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from synthetic import RMSE, comparison_of, comparisons_of, make_record, make_study

from harness.report.answers.across import plot_heat_map, plot_profiles
from harness.report.answers.better import plot_paired_differences
from harness.report.answers.cost import plot_cost
from harness.report.answers.gap import plot_inference_gap
from harness.report.answers.learning import plot_learning_curves
from harness.report.answers.reached import plot_seed_cloud
from harness.report.answers.stable import plot_stability
from harness.report.canvas import save_figure, seed_offsets
from harness.report.palette import look_of
from harness.statistics.across import normalise_scores, performance_profiles
from harness.statistics.summary import aggregate_comparison
from harness.statistics.verdicts import compare_pairs
from harness.types import UserError

PROFILED = {"none": [0.8, 0.8], "channel": [0.84, 0.90]}  # scores 0, 0 and 0.2, 0.5
STUDY = {"none": 0.94, "channel": 0.97, "spatial": 0.96}


def text_of(ax):
    return " ".join(
        [ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel(), *(text.get_text() for text in ax.texts)]
    )


def rows_of(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_every_seed_is_a_dot_in_its_strategy_s_row_and_colour():
    comparison = comparison_of(make_study(STUDY, seeds=4))
    frame, ax = comparison.cells, plot_seed_cloud(comparison)
    assert rows_of(ax) == ["channel", "spatial", "none"]
    for row, (strategy, cloud) in enumerate(zip(rows_of(ax), ax.collections, strict=True)):
        x, y = np.asarray(cloud.get_offsets()).T
        assert x.tolist() == frame.loc[frame["axis"] == strategy, "test_accuracy"].tolist()
        assert np.abs(y - row).max() < 0.5
        assert to_hex(cloud.get_facecolor()[0]).upper() == look_of(strategy, {}).colour
    heights = [np.asarray(cloud.get_offsets())[:, 1] - row for row, cloud in enumerate(ax.collections)]
    np.testing.assert_allclose(heights[0], heights[1])  # a seed lies at the same height in every row


def test_mean_and_interval_are_drawn_where_they_are():
    records = [make_record("none", seed, value) for seed, value in enumerate([0.4, 0.5, 0.6])]
    ax = plot_seed_cloud(comparison_of(records))
    interval, mean = ax.lines
    assert mean.get_xdata() == [0.5]
    half = 0.4302653 / 3**0.5
    np.testing.assert_allclose(interval.get_xdata(), [0.5 - half, 0.5 + half], rtol=1e-6)


@pytest.mark.parametrize(("measure", "side"), [({}, "low"), ({"measure": RMSE}, "high")])
def test_diverged_and_failed_cells_are_marked_at_the_worse_end(measure, side):
    records = [make_record("none", seed, 0.5 + seed / 10, **measure) for seed in range(3)]
    records += [make_record("none", 3, status="diverged", **measure), make_record("none", 4, status="oom", **measure)]
    ax = plot_seed_cloud(comparison_of(records))
    lost = {cloud.get_label(): np.asarray(cloud.get_offsets()) for cloud in ax.collections[1:]}
    assert {name: len(where) for name, where in lost.items()} == {"diverged": 1, "failed": 1}
    assert (lost["diverged"][0, 0] < 0.1) == (side == "low")
    assert "× 1 diverged" in text_of(ax)
    assert "+ 1 failed" in text_of(ax)
    dots = np.asarray(ax.collections[0].get_offsets())[:, 0]
    strip = next(patch for patch in ax.patches if patch.get_gid() == "strip-of-the-lost").get_extents()
    strip = strip.transformed(ax.transData.inverted())
    assert dots.min() > strip.x1 if side == "low" else dots.max() < strip.x0  # no dot is hidden by the strip


def test_a_figure_can_be_read_alone():
    records = make_study({"none": 14.0, "channel": 13.0}, seeds=3, task="rul", source="generated", measure=RMSE)
    for ax in (
        plot_seed_cloud(comparison_of(records)),
        plot_inference_gap(comparison_of(records)),
        plot_learning_curves(comparison_of(records)),
    ):
        text = text_of(ax)
        for said in ("rul (generated)", "lenet", "3 seeds a strategy", "rmse", "(cycles)"):
            assert said in text


def test_learning_curves_are_medians_in_a_band_over_seeds():
    curves = [[1.0, 2.0], [3.0, 4.0], [5.0, 9.0]]
    records = [
        make_record("none", seed, history={"epoch": [1, 2], "validation_accuracy": curve})
        for seed, curve in enumerate(curves)
    ]
    ax = plot_learning_curves(comparison_of(records), band=1.0)
    (line,) = ax.lines
    assert line.get_xdata().tolist() == [1, 2]
    assert line.get_ydata().tolist() == [3.0, 4.0]
    (band,) = ax.collections
    extent = band.get_paths()[0].get_extents()
    assert (extent.y0, extent.y1) == (1.0, 9.0)
    assert to_hex(line.get_color()) == to_hex(look_of("none", {}).colour)


def test_a_diverged_seed_s_curve_ends_with_a_cross_and_leaves_the_median():
    nan = float("nan")
    records = [
        make_record("none", 0, history={"epoch": [1, 2, 3], "train_loss": [2.0, 1.0, 0.5]}),
        make_record("none", 1, status="diverged", history={"epoch": [1, 2, 3], "train_loss": [4.0, 8.0, nan]}),
    ]
    ax = plot_learning_curves(comparison_of(records), "train_loss")
    assert ax.lines[0].get_ydata().tolist() == [3.0, 4.5, 0.5]
    assert np.asarray(ax.collections[-1].get_offsets()).tolist() == [[2.0, 8.0]]
    assert "lower is better" in ax.get_ylabel()


def test_the_gap_is_moving_minus_other_statistics():
    records = [make_record("channel", seed, 0.90, precise=0.93, batch=0.95) for seed in range(2)]
    ax = plot_inference_gap(comparison_of(records))
    precise, batch = (np.asarray(cloud.get_offsets()) for cloud in ax.collections)
    np.testing.assert_allclose(precise[:, 0], -0.03)
    np.testing.assert_allclose(batch[:, 0], -0.05)
    filled, hollow = ax.collections
    assert len(filled.get_facecolor()) == 1
    assert len(hollow.get_facecolor()) == 0
    assert "negative: moving averages are worse" in ax.get_xlabel()


def test_paired_differences_are_drawn_with_interval_and_verdict():
    pairs = compare_pairs(comparison_of(make_study(STUDY | {"layer": 0.97}, seeds=10, spread=0.002)))
    ax = plot_paired_differences(pairs)
    assert rows_of(ax)[1:] == ["spatial", "none"]  # the best difference at the top
    table = pairs.rows.set_index("axis")
    wide, intervals, means = ax.lines[1::3], ax.lines[2::3], ax.lines[3::3]  # the first is the line at 0
    for axis, all_at_once, interval, mean in zip(rows_of(ax), wide, intervals, means, strict=True):
        assert list(all_at_once.get_xdata()) == table.loc[axis, ["wide_low", "wide_high"]].tolist()
        assert list(interval.get_xdata()) == table.loc[axis, ["low", "high"]].tolist()
        assert list(mean.get_xdata()) == [table.loc[axis, "difference"]]
    said = [text.get_text() for text in ax.texts]
    assert "worse, by more than 0.01" in said
    (margin,) = ax.patches  # what is too small to matter is shaded
    assert (margin.get_x(), margin.get_width()) == (-0.01, 0.02)
    assert "right of 0: better than channel" in ax.get_xlabel()


def test_stability_shows_the_four_measures():
    records = [make_record("none", seed, value, precise=value) for seed, value in enumerate([0.5, 0.7, 0.9])]
    records += [make_record("none", 3, status="diverged")]
    diverged, sd, worst, gap = plot_stability(comparison_of(records))
    # shares 1 of 4, SD of 0.5, 0.7, 0.9, the least, and no gap; the interval's line comes before the mark
    assert diverged.lines[1].get_xdata() == [0.25]
    assert diverged.lines[0].get_xdata() == pytest.approx([0.045587, 0.699358], abs=1e-6)
    assert sd.lines[0].get_xdata() == [pytest.approx(0.2)]
    assert worst.lines[0].get_xdata() == [0.5]
    assert gap.lines[1].get_xdata() == [0.0]
    assert [ax.get_title(loc="left") for ax in (diverged, sd, worst, gap)][2] == "worst finished seed"


@pytest.mark.parametrize("cost", ["seconds", "normalization_parameters"])
def test_cost_is_the_mean_against_what_it_takes(cost):
    comparison = comparison_of(make_study(STUDY, seeds=3))
    ax = plot_cost(comparison, cost=cost)
    summary = aggregate_comparison(comparison).rows
    marks = ax.lines[1::2]
    assert [mark.get_xdata()[0] for mark in marks] == summary[cost].tolist()
    assert [mark.get_ydata()[0] for mark in marks] == summary["mean"].tolist()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == summary["axis"].tolist()


def test_an_unknown_cost_is_refused():
    with pytest.raises(UserError, match=r"among \['seconds'.*Received: cost='money'"):
        plot_cost(comparison_of(make_study(STUDY, seeds=2)), cost="money")


def test_the_heat_map_shows_shares_of_the_baseline_s_error_and_gaps():
    records = [make_record("none", 0, 0.8), make_record("channel", 0, 0.9)]
    records += [make_record(axis, 0, rmse, task="rul", measure=RMSE) for axis, rmse in (("none", 10.0), ("band", 25.0))]
    ax = plot_heat_map(comparisons_of(records))
    shown = np.ma.filled(ax.images[0].get_array(), np.nan)
    columns = [label.get_text() for label in ax.get_xticklabels()]
    table = {(row, axis): shown[i, j] for i, row in enumerate(rows_of(ax)) for j, axis in enumerate(columns)}
    assert table["mnist (embedded), lenet", "channel"] == pytest.approx(0.5)
    assert table["rul (embedded), lenet", "band"] == -1  # one and a half times the error more: cut at -1
    assert np.isnan(table["rul (embedded), lenet", "channel"])
    assert {"+0.50", "−1.00", "–", "0.00"} <= {text.get_text() for text in ax.texts}


def test_profiles_are_shares_by_threshold():
    records = [make_record(axis, seed, value) for axis, row in PROFILED.items() for seed, value in enumerate(row)]
    profiles = performance_profiles(normalise_scores(comparisons_of(records)), [-0.5, 0.0, 0.25])
    ax = plot_profiles(profiles, "one task", {})
    curves = {line.get_label(): line.get_ydata().tolist() for line in ax.lines[1:]}
    assert curves == {"channel": [1.0, 1.0, 0.5], "none": [1.0, 0.0, 0.0]}
    assert ax.lines[1].get_xdata().tolist() == [-0.5, 0.0, 0.25]
    assert "one task" in text_of(ax)


def test_nothing_to_draw_is_said():
    failed = [make_record("none", 0, status="error")]
    assert "no cell finished" in text_of(plot_seed_cloud(comparison_of(failed)))
    unfinished = [make_record("none", 0, history={"epoch": [1], "train_loss": ["NaN"]})]
    assert "no epoch was finished" in text_of(plot_learning_curves(comparison_of(unfinished), "train_loss"))
    assert "no cell was evaluated" in text_of(plot_inference_gap(comparison_of([make_record("none", 0, 0.9)])))


def test_a_given_ax_is_drawn_on_and_no_global_style_is_touched():
    before = dict(mpl.rcParams)
    figure = Figure()
    left, right = figure.subplots(1, 2)
    frame = comparison_of(make_study(STUDY, seeds=3))
    assert plot_seed_cloud(frame, ax=left) is left
    assert plot_inference_gap(frame, ax=right) is right
    assert dict(mpl.rcParams) == before


def test_a_strategy_looks_the_same_whatever_is_beside_it():
    alone = plot_seed_cloud(comparison_of(make_study({"spatial": 0.9})))
    beside = plot_seed_cloud(comparison_of(make_study(STUDY | {"layer": 0.99})))
    of_spatial = beside.collections[rows_of(beside).index("spatial")]
    assert to_hex(alone.collections[0].get_facecolor()[0]) == to_hex(of_spatial.get_facecolor()[0])


def test_saved_figures_are_the_same_bytes_each_time(tmp_path):
    frame = comparison_of(make_study(STUDY, seeds=3))
    first = [file.read_bytes() for file in save_figure(plot_seed_cloud(frame), tmp_path / "a")]
    second = [file.read_bytes() for file in save_figure(plot_seed_cloud(frame), tmp_path / "b")]
    assert first == second
    assert first[0].startswith(b"\x89PNG")
    assert b"<svg" in first[1]
    assert b"channel" in first[1]  # text stays text, so that it can be searched


@pytest.mark.parametrize("number", [2, 3, 5, 30])
def test_no_seed_lies_under_the_mark_of_the_mean(number):
    seeds = pd.Series(range(number))
    heights = seed_offsets(seeds, seeds)

    assert np.abs(heights).min() > 0.26 / (number + 1) / 2
    assert np.diff(heights).min() > 0
    assert seed_offsets(pd.Series([1]), seeds)[0] == heights[1]
