"""Figures of probes and diagnostics: the values of the records, each at its step, epoch or site."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from looked import SITES, STRATEGIES, make_looked_study
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from synthetic import comparison_of, make_record

from harness.cell.health import measures_of
from harness.report.answers.health import plot_health_by_epoch, plot_site_health
from harness.report.answers.inference import plot_inference_losses
from harness.report.answers.landscape import plot_landscape
from harness.report.answers.spikes import has_trouble, plot_spikes
from harness.report.canvas import INK
from harness.report.palette import look_of


@pytest.fixture(scope="module")
def records():
    return make_looked_study(dict.fromkeys(STRATEGIES, 0.9), seeds=3, epochs=4)


@pytest.fixture(scope="module")
def comparison(records):
    return comparison_of(records)


def lines_of(ax):
    return {line.get_label(): line for line in ax.lines if not str(line.get_label()).startswith("_")}


def titles_of(axes):
    return [ax.get_title(loc="left") for ax in axes]


def test_the_landscape_is_a_panel_a_measure_with_medians_over_seeds(comparison, records):
    axes = plot_landscape(comparison)
    assert titles_of(axes) == ["loss variation", "gradient predictiveness", "effective β-smoothness"]
    for ax, name in zip(axes, ("loss_variation", "gradient_predictiveness", "beta_smoothness"), strict=True):
        lines = lines_of(ax)
        assert sorted(lines) == sorted(STRATEGIES)
        seen = [record["probes"][name] for record in records if record["axis"] == "spatial"]
        np.testing.assert_allclose(lines["spatial"].get_ydata(), np.median(seen, axis=0))
        assert lines["spatial"].get_xdata().tolist() == records[0]["probes"]["step"]
        assert to_hex(lines["spatial"].get_color()) == to_hex(look_of("spatial", {}).colour)
        assert ax.get_yscale() == "log"


def test_the_band_is_from_the_lowest_to_the_highest_seed_when_it_holds_all(comparison, records):
    ax = plot_landscape(comparison, band=1.0)[0]
    first = [record["probes"]["loss_variation"][0] for record in records if record["axis"] == "channel"]
    corners = ax.collections[0].get_paths()[0].vertices
    at_start = corners[corners[:, 0] == 0, 1]
    np.testing.assert_allclose([at_start.min(), at_start.max()], [min(first), max(first)])


def test_a_probe_that_is_not_finite_leaves_the_median(records):
    spoilt = [record | {"probes": dict(record["probes"])} for record in records if record["axis"] == "none"]
    values = [list(record["probes"]["loss_variation"]) for record in spoilt]
    spoilt[0]["probes"]["loss_variation"] = ["Infinity", *values[0][1:]]
    line = lines_of(plot_landscape(comparison_of(spoilt))[0])["none"]
    assert line.get_ydata()[0] == pytest.approx(np.median([values[1][0], values[2][0]]))


def test_the_hessian_has_a_panel_where_it_was_asked_for(records):
    asked = [record | {"probes": record["probes"] | {"hessian_eigenvalue": [1.0] * 12}} for record in records]
    assert titles_of(plot_landscape(comparison_of(asked)))[-1] == "largest Hessian eigenvalue"


def test_inference_losses_are_a_panel_a_strategy_with_a_line_for_each_kind_of_statistics(comparison, records):
    axes = plot_inference_losses(comparison)
    assert titles_of(axes) == ["channel", "elementwise", "spatial"]  # none has no other statistics
    lines = lines_of(axes[0])
    assert sorted(lines) == ["moving averages", "precise", "the batch's own"]
    history = records[3]["history"]  # the same for each seed of the study
    np.testing.assert_allclose(lines["moving averages"].get_ydata(), history["validation_loss"])
    np.testing.assert_allclose(lines["precise"].get_ydata(), history["validation_loss_precise"])
    np.testing.assert_allclose(lines["the batch's own"].get_ydata(), history["validation_loss_batch"])
    assert len({ax.get_yscale() for ax in axes}) == 1
    (legend,) = axes[0].figure.legends  # of kinds of statistics, and so of no strategy's colour
    assert {to_hex(line.get_color()) for line in legend.get_lines()} == {to_hex(INK)}


def test_health_by_epoch_is_of_the_worst_site(comparison, records):
    axes = dict(zip(measures_of("site"), plot_health_by_epoch(comparison), strict=True))
    below = lines_of(axes["below_epsilon"])
    assert below["elementwise"].get_ydata().tolist() == [0.4] * 4  # 0 at the other two sites
    assert below["elementwise"].get_xdata().tolist() == [1, 2, 3, 4]
    assert "none" not in below
    of_channel = [record["diagnostics"] for record in records if record["axis"] == "channel"]
    least = [
        [min(row["least_variance"] for row in rows if row["epoch"] == e) for e in range(1, 5)] for rows in of_channel
    ]
    np.testing.assert_allclose(lines_of(axes["least_variance"])["channel"].get_ydata(), np.median(least, axis=0))


def test_site_health_is_of_the_last_epoch_with_the_samples_of_each_site(comparison):
    axes = plot_site_health(comparison)
    assert titles_of(axes)[0] == "m′, samples behind a statistic"
    assert lines_of(axes[0])["channel"].get_ydata().tolist() == [21632, 5408, 1152]
    assert [label.get_text() for label in axes[0].get_xticklabels()] == list(SITES)
    lag = lines_of(axes[titles_of(axes).index("lag of the means (SDs)")])
    np.testing.assert_allclose(lag["spatial"].get_ydata(), [0.1 / 4] * 3)


def test_epsilon_is_marked_among_the_variances(comparison):
    axes = plot_site_health(comparison)
    ax = axes[titles_of(axes).index("median moving variance")]
    low, high = ax.get_ylim()
    marked = [line.get_ydata()[0] for line in ax.lines if str(line.get_label()).startswith("_")]
    assert marked == ([1e-3] if low < 1e-3 < high else [])


def test_layers_that_keep_their_own_epsilon_are_drawn_without_one(records):
    theirs = copy.deepcopy(records)
    for record in theirs:
        record["config"]["norm"] |= {"epsilon": None, "momentum": None}
    axes = plot_site_health(comparison_of(theirs))
    ax = axes[titles_of(axes).index("median moving variance")]
    assert not [line for line in ax.lines if str(line.get_label()).startswith("_")]


def test_strategies_at_a_model_s_only_site_do_not_hide_each_other(records):
    first = [
        record | {"diagnostics": [row for row in record["diagnostics"] if row["site"] == SITES[0]]}
        for record in records
    ]
    axes = plot_site_health(comparison_of(first))
    places = [float(line.get_xdata()[0]) for line in lines_of(axes[0]).values()]
    assert len(set(places)) == 3
    assert max(map(abs, places)) < 0.5


def test_spikes_are_counted_by_seed_and_diverged_cells_are_crosses():
    records = [make_record("none", seed, 0.9) for seed in range(3)]
    records += [make_record("channel", 0, 0.9), make_record("channel", 1, status="diverged")]
    for record, spikes in zip(records, (0.0, 2.0, 3.0, 0.0, 7.0), strict=True):
        record["metrics"]["loss_spikes"] = spikes
    comparison = comparison_of(records)
    assert has_trouble(comparison)
    ax = plot_spikes(comparison)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["none", "channel"]  # the diverged one last
    marks = [np.asarray(cloud.get_offsets())[:, 0].tolist() for cloud in ax.collections]
    assert marks == [[0, 2, 3], [], [0], [7]]
    said = [text.get_text() for text in ax.texts]
    assert "2 of 3 with spikes, 0 diverged" in said
    assert "1 of 2 with spikes, 1 diverged" in said


def test_smooth_training_is_no_trouble():
    calm = make_record("none", 0, 0.9)
    calm["metrics"]["loss_spikes"] = 0.0
    assert not has_trouble(comparison_of([calm]))
    assert has_trouble(comparison_of([make_record("none", 0, status="diverged")]))


def test_nothing_to_draw_is_said():
    unseen = [make_record("none", 0, 0.9, history={"epoch": [1], "validation_loss": ["NaN"]})]
    (ax,) = plot_inference_losses(comparison_of(unseen))
    assert [text.get_text() for text in ax.texts] == ["no epoch was finished"]


def test_given_axes_are_drawn_on(comparison):
    given = list(Figure().subplots(1, 3))
    assert plot_landscape(comparison, given) == given
