"""Rules and what records say of them, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.report.sheet import label_of, number
from harness.report.text import mark
from harness.statistics.caution import UNDECIDED
from harness.statistics.decided import Decided
from harness.statistics.rules import CHANGE, DIVERGED, EPOCHS, GAP, RANGE, Rule

_MEASURES = {
    GAP: "what moving averages cost against precise statistics",
    DIVERGED: "the share of diverged cells",
    EPOCHS: "the epochs to what `none` ends at",
}
# What is known by its value alone.
_BY_VALUE = ("task", "architecture", "task.data.path")


def rule_text(rule: Rule) -> str:
    """A rule as a phrase: "`elementwise` is worse than `channel`, by batch_size=4"."""
    who, what = mark(rule.strategy), _what(rule.measure)
    at = f" at {_settings(rule.where)}" if rule.where else ""
    if rule.over is None and rule.other is None:
        return f"the inference gap of {who} is {rule.kind} than 0{at}"
    if rule.over is None:
        kind = {"equivalent": "equivalent to"}.get(rule.kind, f"{rule.kind} than")
        if rule.kind in RANGE:
            return f"{who} has a {rule.kind} range of usable learning rates than {mark(str(rule.other))}{at}"
        return f"{who} is {kind} {mark(str(rule.other))}{what}{at}"
    over = rule.over.rpartition(".")[2]
    turned = f"from {over} {_value(rule.start)} to {_value(rule.end)}"
    if rule.kind in CHANGE:
        does = {"gains": "gains on", "loses": "loses to"}[rule.kind]
        return f"{turned}, {who} {does} {mark(str(rule.other))}{what}{at}"
    if rule.kind in RANGE:
        return f"{turned}, the range of usable learning rates of {who} gets {rule.kind}{at}"
    gets = "stays equivalent" if rule.kind == "equivalent" else f"gets {rule.kind}"
    return f"{turned}, {who} {gets}{what}{at}"


def effect_text(decided: Decided) -> str:
    """The effect with its interval and unit; why there is none where nothing was compared."""
    if decided.reason:
        return decided.reason
    if not math.isfinite(decided.difference):
        return "no pair of values, as cells are lost"
    unit = f" {decided.unit}" if decided.unit else ""
    widths = [decided.high - decided.low] if math.isfinite(decided.high - decided.low) else [abs(decided.difference)]
    digits = _digits(widths[0])
    said = number(decided.difference, digits, signed=True)
    if math.isfinite(decided.low):
        said += f" [{number(decided.low, digits, signed=True)}, {number(decided.high, digits, signed=True)}]"
    what = label_of(decided.what)
    return f"{said} {what}" if decided.unit and what.startswith(decided.unit) else f"{said}{unit} in {what}"


def verdict_words(decided: Decided) -> str:
    """The verdict on a rule with what is known of its size, and how many seeds would decide what is undecided."""
    if decided.reason:
        return "not decided here"
    margin = f"{decided.margin:.3g}{f' {decided.unit}' if decided.unit else ''}"
    if decided.outcome != UNDECIDED:
        size = {"beyond": f", by more than {margin}", "within": f", but within {margin}"}.get(decided.size, "")
        return f"{decided.outcome}{size}"
    if decided.seeds < decided.seeds_needed < math.inf:
        return f"{UNDECIDED}: about {decided.seeds_needed:,.0f} seeds would decide"
    return UNDECIDED


def seeds_text(decided: Decided) -> str:
    """`10`, or `6/10` where so many seeds gave both numbers."""
    return f"{decided.pairs}" if decided.pairs == decided.seeds else f"{decided.pairs}/{decided.seeds}"


def _what(measure: str | None) -> str:
    if measure is None:
        return ""
    return f" in {_MEASURES.get(measure, label_of(measure))}"


def _settings(where: Mapping[str, Any]) -> str:
    named = {key: _value(value) for key, value in where.items()}
    return ", ".join(value if key in _BY_VALUE else f"{key.rpartition('.')[2]} {value}" for key, value in named.items())


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _digits(width: float) -> int:
    """Decimals that show two digits of a width."""
    return max(0, min(6, 1 - math.floor(math.log10(width)))) if math.isfinite(width) and width > 0 else 3
