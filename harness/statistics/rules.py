"""Rules: what a study's records are to show, written into its file before it is run, and read here.

    predictions:
      - number: 2                        # of statistics/literature.py
        where: {task.data.drift: 1}      # settings that pick the comparison
        rules:
          - {worse: channel, than: group, where: {train.batch_size: 4}}
          - {equivalent: group, over: train.batch_size, from: 128, to: 4}
          - {loses: channel, against: group, over: train.batch_size, from: 128, to: 4}
          - {narrower: channel, over: train.batch_size, from: 4, to: 128}
        settings: how the setting differs from the paper's

One of the words of `KINDS` says what is expected of which strategy; docs/statistics.md says how each is decided.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.cell.health import MEASURES
from harness.statistics.literature import LITERATURE
from harness.types import UserError
from harness.words import choose_from

# What is expected -> the verdict that says so.
VERDICT = {"better": "better", "worse": "worse", "equivalent": "equivalent"}
CHANGE = {"gains": "better", "loses": "worse"}
RANGE = {"wider": "better", "narrower": "worse"}
KINDS = {**VERDICT, **CHANGE, **RANGE}
# Measured quantities besides metrics: what moving averages cost, cells that diverged, when a target is reached.
GAP, DIVERGED, EPOCHS = "gap", "diverged", "epochs_to_target"
QUANTITIES = (GAP, DIVERGED, EPOCHS, *(one.name for one in MEASURES))
_METRICS = ("test_", "validation_")
_KEYS = (*KINDS, "than", "against", "over", "from", "to", "measure", "where")
_OVER = ("over", "from", "to")
_CHANGED = (" [", "_stat_axes_", "_param_axes_", "_fallback_", "_ghost_", "_keep_")


@dataclass(frozen=True)
class Rule:
    """One thing that records are to show.

    Attributes:
        kind: the word of `KINDS`.
        strategy: of whom it is expected.
        other: against which strategy; None: against itself, at another value of `over`, or (of the gap) against 0.
        over, start, end: a setting by its dotted name, and from which of its values to which.
        measure: what is compared: one of `QUANTITIES` or a metric's column; None: the task's main metric.
        where: dotted name of a setting -> the value that picks the comparison.
    """

    kind: str
    strategy: str
    other: str | None = None
    over: str | None = None
    start: Any = None
    end: Any = None
    measure: str | None = None
    where: Mapping[str, Any] = field(default_factory=dict)

    @property
    def expected(self) -> str:
        """The verdict that would bear it out."""
        return KINDS[self.kind]


@dataclass(frozen=True)
class Prediction:
    """A published prediction, or a claim, with the rules by which a study decides it.

    Attributes:
        number: of the prediction, see `literature.LITERATURE`.
        rules: all of them must hold.
        settings: how the setting differs from that of the source, in a sentence or two.
    """

    number: int
    rules: tuple[Rule, ...]
    settings: str


@dataclass(frozen=True)
class Vocabulary:
    """What rules may name.

    Attributes:
        strategies: the names of the strategies' files.
        settings: dotted names of settings.
    """

    strategies: Collection[str]
    settings: Collection[str]


def read_predictions(content: Any, words: Vocabulary, *, study: str) -> tuple[Prediction, ...]:
    """What a study's file has under `predictions`.

    Raises:
        UserError: it is misspelt, in one line that says where.
    """
    at = f"study={study}, predictions"
    if content is None:
        return ()
    if not isinstance(content, list):
        raise UserError(f"{at}: expected a list. Received: {content}")
    return tuple(_prediction(one, words, f"{at}[{place}]") for place, one in enumerate(content))


def _prediction(content: Any, words: Vocabulary, at: str) -> Prediction:
    given = _mapping(content, ("number", "where", "rules", "settings"), at)
    number, rules, settings = given.get("number"), given.get("rules"), given.get("settings")
    if type(number) is not int or number not in LITERATURE:
        raise UserError(f"{at}.number: {choose_from(str(number), list(map(str, LITERATURE)))}")
    if not isinstance(rules, list) or not rules:
        raise UserError(f"{at}.rules: expected a list of one rule or more. Received: {rules}")
    if not isinstance(settings, str) or not settings.strip():
        raise UserError(f"{at}.settings: expected how the setting differs from the source's. Received: {settings}")
    where = _where(given.get("where", {}), words, at)
    read = (_rule(one, words, f"{at}.rules[{place}]", where) for place, one in enumerate(rules))
    return Prediction(number, tuple(read), " ".join(settings.split()))


def _rule(content: Any, words: Vocabulary, at: str, where: Mapping[str, Any] | None = None) -> Rule:
    """One rule; `where` is what holds for it besides its own.

    Raises:
        UserError: it is misspelt.
    """
    given = _mapping(content, _KEYS, at)
    named = [key for key in given if key in KINDS]
    if len(named) != 1:
        raise UserError(f"{at}: expected one of {', '.join(KINDS)}. Received: {content}")
    [kind] = named
    other_key = "against" if kind in CHANGE else "than"
    if odd := [key for key in ("than", "against") if key in given and key != other_key]:
        raise UserError(f"{at}: expected `{other_key}` with `{kind}`. Received: `{odd[0]}`")
    for key in (kind, other_key):
        if key in given:
            _check_strategy(given[key], words, f"{at}.{key}")
    over = [key for key in _OVER if key in given]
    if over and len(over) < len(_OVER):
        raise UserError(f"{at}: expected over, from and to together. Received: {', '.join(over)}")
    measure = given.get("measure")
    if measure is not None and not str(measure).startswith(_METRICS) and measure not in QUANTITIES:
        raise UserError(f"{at}.measure: {choose_from(str(measure), [*QUANTITIES, 'test_...', 'validation_...'])}")
    _check_form(kind, measure, other_key in given, bool(over), at, content)
    if over:
        _check_setting(given["over"], words, f"{at}.over")
    return Rule(
        kind,
        given[kind],
        given.get(other_key),
        given.get("over"),
        given.get("from"),
        given.get("to"),
        measure,
        {**(where or {}), **_where(given.get("where", {}), words, at)},
    )


def _check_form(kind: str, measure: str | None, other: bool, over: bool, at: str, content: Any) -> None:
    """Hold a rule to a form that can be decided: against whom or over what."""
    if kind in CHANGE:
        if not (other and over):
            raise UserError(f"{at}: expected against, over, from and to with `{kind}`. Received: {content}")
        if measure in QUANTITIES:
            raise UserError(f"{at}.measure: expected a metric with `{kind}`, as in test_loss. Received: {measure}")
        return
    if (other and over) or not (other or over or (measure == GAP and kind in ("better", "worse"))):
        raise UserError(f"{at}: expected either than, or over, from and to with `{kind}`. Received: {content}")
    if measure in (DIVERGED, EPOCHS) and over:
        raise UserError(f"{at}: expected than with measure={measure}. Received: {content}")
    if kind in RANGE and measure is not None:
        raise UserError(f"{at}: expected no measure with `{kind}`, which is of learning rates. Received: {measure}")
    if kind == "equivalent" and measure is not None and not measure.startswith(_METRICS):
        raise UserError(f"{at}: expected a metric with `{kind}`, as it takes a margin. Received: {measure}")


def _mapping(content: Any, keys: Collection[str], at: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise UserError(f"{at}: expected a mapping with the keys {', '.join(keys)}. Received: {content}")
    for key in content:
        if key not in keys:
            raise UserError(f"{at}: {choose_from(str(key), list(keys))}")
    return content


def _where(content: Any, words: Vocabulary, at: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise UserError(f"{at}.where: expected settings and their values. Received: {content}")
    for key in content:
        _check_setting(key, words, f"{at}.where")
    return content


def _check_setting(key: Any, words: Vocabulary, at: str) -> None:
    if key not in words.settings or str(key).partition(".")[0] in ("axis", "seed", "seeds"):
        raise UserError(f"{at}: {choose_from(str(key), _near(str(key), words.settings))}")


def _near(key: str, settings: Collection[str]) -> list[str]:
    """The settings beside the one that was meant, or those at the top."""
    parent = key.rpartition(".")[0]
    beside = sorted(name for name in settings if parent and name.rpartition(".")[0] == parent)
    return beside or ["task", "architecture", "train.batch_size", "train.learning_rate"]


def _check_strategy(name: Any, words: Vocabulary, at: str) -> None:
    # `group [groups=8]`, `renorm_stat_axes_height` and `keep_1_2` are a file's strategy with other settings.
    text = str(name)
    changed = ("keep_", *(f"{one}{end}" for one in words.strategies for end in _CHANGED))
    if not isinstance(name, str) or not (text in words.strategies or text.startswith(changed)):
        raise UserError(f"{at}: {choose_from(text, sorted(words.strategies))}")
