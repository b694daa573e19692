"""Seeds in rounds: who goes on, who is done, and when it ends."""

from __future__ import annotations

from typing import Any

import pytest

from harness.commands.rounds import Rounds
from harness.types import UserError

STRATEGIES = "axis=channel,none,elementwise"


@pytest.fixture
def rounds(configs: Any) -> Rounds:
    return Rounds.of(configs(STRATEGIES, "until=told_apart", "until.first=4", "until.step=4", "until.most=10"))


def record(config: dict[str, Any], score: float, *, status: str = "ok") -> dict[str, Any]:
    measures = [{"name": "accuracy", "direction": "max", "unit": "", "low": 0.0, "high": 1.0}]
    return {
        "config": config,
        "seed": config["seed"],
        "status": status,
        "measures": measures,
        "metrics": {"test_accuracy": score},
    }


def scored(cells: list[dict[str, Any]], **scores: float) -> list[dict[str, Any]]:
    return [record(config, scores[config["axis"]["name"]]) for config in cells]


def names(cells: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return sorted((config["seed"], config["axis"]["name"]) for config in cells)


def test_the_first_round_is_every_strategy_on_the_first_seeds(rounds: Rounds) -> None:
    assert names(rounds.first_round()) == sorted(
        (seed, name) for seed in range(4) for name in ("channel", "none", "elementwise")
    )


def test_who_is_told_apart_gets_no_more_seeds_and_the_baseline_goes_on_with_the_rest(rounds: Rounds) -> None:
    # Two comparisons need a wealth of 40: nine wins of nine give 51.2, eight of eight 28.4.
    cells = rounds.first_round()
    records = scored(cells, channel=0.9, none=0.8, elementwise=0.9)
    second = rounds.next_round(records)
    assert names(second) == sorted((s, n) for s in range(4, 8) for n in ("channel", "none", "elementwise"))
    records += scored(second, channel=0.9, none=0.8, elementwise=0.9)
    third = rounds.next_round(records)
    assert {config["seed"] for config in third} == {8, 9}
    records += scored(third, channel=0.9, none=0.8, elementwise=0.9)
    assert rounds.next_round(records) == []
    lines = rounds.verdicts(records)
    assert lines[0].startswith("none and channel: told apart (worse): better at 0 of the 10 seeds at which they differ")
    assert lines[1].startswith(
        "elementwise and channel: not told apart: they differ at no seed; evidence 1, told apart from"
    )


def test_a_strategy_told_apart_drops_out(configs: Any) -> None:
    rounds = Rounds.of(configs(STRATEGIES, "until=told_apart", "until.first=10", "until.most=20"))
    records = scored(rounds.first_round(), channel=0.9, none=0.8, elementwise=0.9)
    assert {name for _, name in names(rounds.next_round(records))} == {"channel", "elementwise"}
    assert rounds.cells_of_most() == 60


def test_a_cell_that_diverged_loses(configs: Any) -> None:
    rounds = Rounds.of(configs("axis=channel,none", "until=told_apart", "until.first=10", "until.most=10"))
    records = [
        record(config, 0.99, status="diverged" if config["axis"]["name"] == "none" else "ok")
        for config in rounds.first_round()
    ]
    assert "told apart (worse): better at 0 of the 10" in rounds.verdicts(records)[0]


def test_settings_are_compared_apart(configs: Any) -> None:
    grid = configs("axis=channel,none", "train.learning_rate=0.01,0.1", "until=told_apart", "until.first=10")
    rounds = Rounds.of(grid)
    cells = rounds.first_round()
    assert len(cells) == 40
    records = [
        record(c, 0.9 if c["axis"]["name"] == "channel" or c["train"]["learning_rate"] == 0.1 else 0.5) for c in cells
    ]
    assert {config["train"]["learning_rate"] for config in rounds.next_round(records)} == {0.1}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("axis=none,elementwise",), r"until.baseline: expected one of the grid's strategies .* Received: channel"),
        (("axis=channel",), r"another to compare with it, which are channel\. Received: channel"),
        (
            (STRATEGIES, "until.most=4"),
            r"until.most: expected at least until.first=5, or until.first=4 beside it. Received: until.most=4",
        ),
        ((STRATEGIES, "until.first=40"), r"until.first: expected at most until.most=30. Received: 40"),
        ((STRATEGIES, "until.alpha=0"), r"until.alpha: expected a number above 0"),
        ((STRATEGIES, "until.step=0"), r"until.step: expected a whole number of at least 1"),
    ],
)
def test_rules_that_make_no_sense_are_refused(configs: Any, overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Rounds.of(configs("until=told_apart", *overrides))


def test_rounds_end_when_all_is_decided(configs: Any) -> None:
    rounds = Rounds.of(configs(STRATEGIES, "until=decided", "until.first=10", "until.step=5", "until.most=40"))
    noise = [0.001, -0.001, 0.002, -0.002, 0.0]

    def add(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
        means = {"channel": 0.9, "none": 0.8, "elementwise": 0.9005}
        return [
            record(one, means[name] + noise[one["seed"] % 5] * (1 if name == "none" else len(name) / 5))
            for one in cells
            for name in [one["axis"]["name"]]
        ]

    records = add(rounds.first_round())
    while cells := rounds.next_round(records):
        assert not any(config["axis"]["name"] == "none" for config in cells)  # told apart in the first round
        records += add(cells)
    lines = rounds.verdicts(records)
    assert lines[0].startswith("none and channel: worse after ")
    assert lines[1].startswith("elementwise and channel: equivalent within 0.01 after 20 seeds")


def test_the_margin_of_a_run_is_its_own(configs: Any) -> None:
    options = ("until=decided", "until.first=20", "until.most=20", "margin=0.0001")
    rounds = Rounds.of(configs(STRATEGIES, *options))
    records = [
        record(one, 0.9 + 0.001 * (one["seed"] % 3 - 1) * len(one["axis"]["name"])) for one in rounds.first_round()
    ]
    assert all(line.split(": ")[1].startswith("undecided after 20") for line in rounds.verdicts(records))
