"""How a strategy is drawn: as its yaml says, else as its name alone decides, the same in every figure."""

from __future__ import annotations

import numpy as np
import pytest
from dials import dial_in, make_dial
from looked import STRATEGIES, make_looked_study
from matplotlib.artist import Artist
from matplotlib.collections import Collection
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from omegaconf import OmegaConf
from synthetic import RMSE, comparison_of, make_record, make_study

from harness.config.composer import config_directory
from harness.report.answers.cost import plot_cost
from harness.report.palette import COLOURS, DASHES, MARKERS, look_of
from harness.report.questions import Questions

# None of them is among those that a name alone decides on.
DECLARED = {
    axis: {"colour": f"#1234{number:02X}", "marker": "P"} for number, axis in enumerate((*STRATEGIES, "layer"), 1)
}


def declare(records):
    """The records, of strategies that declare how they are drawn."""
    for record in records:
        record["config"]["axis"]["look"] = DECLARED[record["axis"]]
    return records


def colours_in(ax):
    """All colours that a figure's lines, marks and areas have."""
    found: set[str] = set()

    def collect(artist: Artist) -> bool:
        colours = [artist.get_color()] if isinstance(artist, Line2D) else []
        if isinstance(artist, Patch):
            colours = [artist.get_facecolor(), artist.get_edgecolor()]
        if isinstance(artist, Collection):
            colours = [*artist.get_facecolor(), *artist.get_edgecolor()]
        found.update(to_hex(colour).upper() for colour in colours)
        return False

    ax.figure.findobj(collect)
    return found


@pytest.fixture(scope="module")
def figures():
    """Question -> its figures, of strategies that declare how they are drawn."""
    questions = Questions.found()
    apart = {name: 0.9 - 0.1 * place for place, name in enumerate(STRATEGIES)}
    looked = comparison_of(declare(make_looked_study(apart, seeds=7, epochs=2)))
    rul = make_study({"none": 15.0, "channel": 13.0}, seeds=3, spread=0.5, task="rul", measure=RMSE)
    accuracies = {"channel": [0.8, 0.9, 0.95], "none": [0.5, 0.9, None], "layer": [0.8, 0.9, 0.9]}
    dial = dial_in(declare(make_dial(accuracies, values=(1, 2, 4))))
    answers = [*questions.about(looked, "channel"), *questions.about(dial, "channel")]
    answers += questions.across([looked, comparison_of(declare(rul))])
    return {one.figure.name: one.figure for one in answers if one.figure is not None}


# Their cells' colours say who is better.
SQUARES = {"all-pairs", "tasks"}


def test_what_a_strategy_declares_is_how_every_figure_draws_it(figures):
    assert set(figures) > SQUARES
    declared = {look["colour"] for look in DECLARED.values()}
    for name, figure in figures.items():
        seen = colours_in(figure.draw())
        assert not seen & set(COLOURS), name
        assert name in SQUARES or len(seen & declared) >= 2, name


def test_a_declared_marker_is_the_one_that_is_drawn():
    comparison = comparison_of(declare(make_study({"channel": 0.9}, seeds=3)))
    assert {line.get_marker() for line in plot_cost(comparison).lines} - {"None"} == {"P"}
    assert look_of("channel", comparison.looks).dashes == DASHES[MARKERS.index("P") % len(DASHES)]


def test_one_of_both_may_be_declared():
    alone = look_of("my_own", {})
    assert look_of("my_own", {"my_own": {"colour": "#123456"}}).marker == alone.marker
    assert look_of("my_own", {"my_own": {"colour": "#123456"}}).colour == "#123456"
    assert look_of("my_own", {"my_own": {"marker": "v"}}).colour == alone.colour
    assert look_of("my_own", {"my_own": {"marker": "v"}}).marker == "v"


def test_what_is_not_declared_looks_the_same_whatever_is_beside_it():
    names = [f"strategy_{number}" for number in range(64)]
    looks = [look_of(name, {}) for name in names]
    assert looks == [look_of(name, DECLARED) for name in names]
    assert looks == [
        look_of(name, {other: {"colour": "#123456"} for other in names if other != name}) for name in names
    ]
    # ... and not all the same.
    assert {look.colour for look in looks} == set(COLOURS)
    assert {look.marker for look in looks} == set(MARKERS)


@pytest.mark.parametrize(
    "colour",
    ["red; background:url(x)", "red", "#12345", "#1234567", "#12345G", "#123456\n", "", None, 0x123456, ["#123456"]],
)
def test_a_colour_that_is_none_is_not_drawn(colour):
    assert look_of("channel", {"channel": {"colour": colour, "marker": "v"}}).colour == look_of("channel", {}).colour


@pytest.mark.parametrize("marker", ["$x$", "*", "ov", "", None, 4, ["o"]])
def test_a_marker_that_is_none_is_not_drawn(marker):
    look = look_of("channel", {"channel": {"colour": "#123456", "marker": marker}})
    assert (look.marker, look.dashes) == (look_of("channel", {}).marker, look_of("channel", {}).dashes)


@pytest.mark.parametrize("look", ["#123456", ["#123456"], 7, {}])
def test_a_look_that_is_none_is_not_drawn(look):
    comparison = comparison_of([make_record("channel", strategy={"look": look})])
    assert look_of("channel", comparison.looks) == look_of("channel", {})
    assert plot_cost(comparison).lines


def test_strategies_that_ship_look_different_and_unknown_ones_have_a_look():
    strategies = {path.stem: OmegaConf.load(path) for path in (config_directory() / "axis").glob("*.yaml")}
    looks = {name: dict(strategy["look"]) for name, strategy in strategies.items() if "look" in strategy}
    assert "channel" in looks
    assert len({look_of(name, looks) for name in strategies}) == len(strategies)
    assert look_of("my_own", looks) == look_of("my_own", {})
    assert look_of("none", looks).colour == "#7F7F7F"


def test_seeds_of_different_strategies_are_drawn_in_their_own_colours():
    records = declare(make_study({"channel": 0.9, "none": 0.8}, seeds=3))
    (seeds,) = (one for one in Questions.found().one("reached", comparison_of(records)))
    clouds = [one for one in seeds.figure.draw().collections if len(one.get_offsets()) == 3]
    assert [to_hex(np.asarray(cloud.get_facecolor())[0]).upper() for cloud in clouds] == [
        DECLARED[axis]["colour"] for axis in ("channel", "none")
    ]
