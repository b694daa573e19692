"""Rules as a study's file has them: what is read, and what is refused in a line that says where."""

from __future__ import annotations

import pytest

from harness.statistics.rules import Rule, Vocabulary, read_predictions
from harness.types import UserError

WORDS = Vocabulary(
    ("none", "channel", "elementwise", "group", "keep"),
    {
        "task",
        "architecture",
        "train",
        "train.batch_size",
        "train.learning_rate",
        "task.data.drift",
        "axis.groups",
        "seed",
    },
)


def predictions(**changes):
    one = {"number": 2, "rules": [{"better": "channel", "than": "none"}], "settings": "smaller"}
    return [{key: value for key, value in {**one, **changes}.items() if value is not None}]


def read(content):
    return read_predictions(content, WORDS, study="digits")


def test_a_prediction_s_where_holds_for_each_rule_and_a_rule_s_own_before_it():
    rules = [
        {"better": "channel", "than": "none", "where": {"train.batch_size": 16}},
        {
            "loses": "channel",
            "against": "group",
            "over": "train.batch_size",
            "from": 128,
            "to": 4,
            "measure": "test_loss",
        },
    ]
    [one] = read(predictions(rules=rules, where={"train.batch_size": 4, "task": "mnist"}, settings="two\n  lines"))

    assert one.settings == "two lines"
    assert one.rules == (
        Rule("better", "channel", "none", where={"train.batch_size": 16, "task": "mnist"}),
        Rule(
            *("loses", "channel", "group", "train.batch_size", 128, 4, "test_loss"),
            where={"train.batch_size": 4, "task": "mnist"},
        ),
    )
    assert [rule.expected for rule in one.rules] == ["better", "worse"]
    assert read(None) == ()


@pytest.mark.parametrize("name", ["channel", "group [groups=8]", "keep_1_2", "channel_ghost_8", "none"])
def test_a_strategy_is_named_as_tables_name_it(name):
    [one] = read(predictions(rules=[{"better": name, "than": "elementwise"}]))
    assert one.rules[0].strategy == name


OVER = {"over": "train.batch_size", "from": 128, "to": 4}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"beter": "channel", "than": "none"}, "expected one of .*, the nearest is better. Received: beter"),
        ({"than": "none"}, "expected one of better, worse, equivalent, gains, loses, wider, narrower. Received"),
        ({"better": "channel", "worse": "none"}, "expected one of better"),
        ({"better": "chanel", "than": "none"}, r"better: expected one of .* the nearest is channel\. Received: chanel"),
        ({"better": "channel_wise", "than": "none"}, "better: expected one of"),
        ({"better": "channel", "than": True}, "than: expected one of"),
        ({"better": "channel", "against": "none"}, "expected `than` with `better`. Received: `against`"),
        ({"gains": "channel", "than": "none", **OVER}, "expected `against` with `gains`"),
        ({"gains": "channel", "against": "none"}, "expected against, over, from and to with `gains`"),
        ({"gains": "channel", "against": "none", **OVER, "measure": "gap"}, "measure: expected a metric with `gains`"),
        ({"better": "channel"}, "expected either than, or over, from and to"),
        ({"better": "channel", "than": "none", **OVER}, "expected either than, or over, from and to"),
        ({"better": "channel", "over": "train.batch_size", "to": 3}, "over, from and to together. Received: over, to"),
        (
            {"better": "channel", **OVER, "over": "train.batch"},
            r"over: .* nearest is train.batch_size\. Received: train",
        ),
        ({"better": "channel", **OVER, "over": "axis.groups"}, "over: expected one of"),
        ({"better": "channel", "than": "none", "measure": "gapp"}, "measure: .*the nearest is gap. Received: gapp"),
        ({"better": "channel", **OVER, "measure": "diverged"}, "expected than with measure=diverged"),
        ({"wider": "channel", "than": "none", "measure": "gap"}, "expected no measure with `wider`"),
        ({"equivalent": "channel", "than": "none", "measure": "gap"}, "expected a metric with `equivalent`"),
        ({"better": "channel", "than": "none", "where": {"seed": 3}}, "where: expected one of"),
        ({"better": "channel", "than": "none", "where": 3}, "where: expected settings and their values. Received: 3"),
        ("better channel", "expected a mapping with the keys"),
    ],
)
def test_a_misspelt_rule_is_told_with_its_place(rule, said):
    with pytest.raises(UserError, match=said) as told:
        read(predictions(rules=[{"better": "channel", "than": "none"}, rule]))
    assert str(told.value).startswith("study=digits, predictions[0].rules[1]")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("better", "predictions: expected a list. Received: better"),
        (predictions(number=99), r"predictions\[0\].number: expected one of 1, 2, .* Received: 99"),
        (predictions(number=True), r"predictions\[0\].number: .* Received: True"),
        (predictions(rules=[]), r"rules: expected a list of one rule or more. Received: \[\]"),
        (predictions(settings=None), "settings: expected how the setting differs .* Received: None"),
        (predictions(setings="x"), "the nearest is settings. Received: setings"),
        (predictions(where={"train.batch": 3}), "where: expected one of .*the nearest is train.batch_size"),
    ],
)
def test_a_misspelt_prediction_is_told_with_its_place(content, said):
    with pytest.raises(UserError, match=said):
        read(content)
