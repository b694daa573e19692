"""Which figures a comparison has, in which order, and the data behind them."""

from __future__ import annotations

import pandas as pd
import pytest
from looked import STRATEGIES, make_looked_study
from synthetic import comparisons_of, make_record, make_study
from UNKNOWN import Looks, drawings_of, gather_evidence, save_drawing

from harness.records.frames import diagnostics_of, history_of, probes_of
from harness.report.answer import GROUPS


def drawn(records, baseline="channel"):
    (comparison,) = comparisons_of(records)
    looks = Looks(history_of(records), probes_of(records), diagnostics_of(records))
    return {one.name: one for one in drawings_of(gather_evidence(comparison, looks, baseline=baseline))}


@pytest.fixture(scope="module")
def looked():
    return drawn(make_looked_study(dict.fromkeys(STRATEGIES, 0.9), seeds=3, epochs=3))


def test_what_decides_comes_first(looked):
    names = list(looked)
    assert names[:5] == ["seeds", "differences", "all-pairs", "stability", "inference-gap"]
    places = [GROUPS.index(one.group) for one in looked.values()]
    assert places == sorted(places)
    assert set(names) - set(names[:5]) == {
        *("learning-curves", "time-to-target", "cost", "shift-moved", "shift-one-at-a-time", "shift-length-80"),
        *("landscape", "inference-losses", "health-by-epoch", "health-by-site", "loss-spikes"),
    }


def test_what_was_not_looked_at_is_not_drawn():
    names = set(drawn(make_study({"none": 0.9, "channel": 0.95}, seeds=3)))
    assert names == {"seeds", "differences", "stability", "inference-gap", "learning-curves", "time-to-target", "cost"}


def test_two_strategies_need_no_square_and_one_no_race():
    names = set(drawn(make_study({"none": 0.9}, seeds=3), baseline="none"))
    assert not names & {"differences", "all-pairs", "time-to-target"}


def test_diverged_cells_alone_are_trouble_to_draw():
    records = [*make_study({"none": 0.9, "channel": 0.95}, seeds=3), make_record("none", 3, status="diverged")]
    assert "loss-spikes" in drawn(records)


def test_a_refusal_is_said_in_the_figure_the_reading_and_the_data(looked):
    drawing = looked["shift-length-80"]
    assert "Only the last 80 % of the time steps" in drawing.reading
    assert "Refused" in drawing.reading
    assert "Refused" not in looked["shift-one-at-a-time"].reading
    said = [text.get_text().replace("\n", " ") for text in drawing.draw().texts]
    assert "refused: the statistics of site norm_1 keep the time axis: expected 100 steps. Received: 80" in said
    refused = drawing.data[drawing.data["axis"] == "elementwise"]
    assert refused["refusals"].str.startswith("length_80: the statistics").all()


def test_the_data_behind_a_figure_is_what_it_shows_without_the_settings(looked):
    probes = looked["landscape"].data
    assert {"axis", "seed", "step", "loss_variation", "beta_smoothness"} <= set(probes)
    assert "learning_rate" not in probes
    assert looked["health-by-site"].data["epoch"].unique().tolist() == [3]
    assert len(looked["all-pairs"].data) == 6
    assert looked["time-to-target"].data.columns.tolist() == ["axis", "seed", "status", "id", "epochs", "seconds"]


@pytest.mark.parametrize("name", ["landscape", "health-by-epoch", "all-pairs", "time-to-target"])
def test_saved_figures_are_whole_and_the_same_each_time(looked, tmp_path, name):
    files, svg = save_drawing(looked[name], tmp_path / "a")
    again, other = save_drawing(looked[name], tmp_path / "b")
    assert [file.read_bytes() for file in files] == [file.read_bytes() for file in again]
    assert svg == other
    assert sorted(file.suffix for file in files) == [".csv", ".png", ".svg"]
    assert len(pd.read_csv(tmp_path / "a" / f"{name}.csv")) == len(looked[name].data)
