"""Rules decided by records: reproduced, contradicted or undecided, by the verdicts that a study's page has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from harness.cell.health import MEASURES
from harness.statistics.by_value import compare_change
from harness.statistics.caution import ALPHA, BETTER, EQUIVALENT, UNDECIDED, WORSE
from harness.statistics.comparison import Comparison
from harness.statistics.dials import Dial
from harness.statistics.gap import LAG, aggregate_gap, compare_gap, lags_of
from harness.statistics.pairing import pairs_of, scores_of
from harness.statistics.ranges import compare_usable, usable_decades
from harness.statistics.rules import CHANGE, DIVERGED, EPOCHS, GAP, RANGE, Prediction, Rule
from harness.statistics.stability import compare_divergence, count_diverged
from harness.statistics.target import times_to_target
from harness.statistics.verdicts import compare_pairs, compare_series, margin_against, seeds_to_decide
from harness.statistics.where import NotThereError, at_value, column_of, meets, rates_of, said_with, the_one
from harness.types import Quantity, UserError

REPRODUCED, CONTRADICTED = "reproduced", "contradicted"
_DECADES = Quantity(name="usable learning rates", direction="max", unit="decades")
_EPOCHS = Quantity(name="epochs to the target", direction="min", unit="epochs")
_RATE = Quantity(name="share of diverged cells", direction="min", high=1.0)
_MEASURES = {one.name: one for one in MEASURES}


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What records say of a rule.

    Attributes:
        rule: the rule.
        outcome: `reproduced`, `contradicted` or `undecided`.
        reason: why nothing can be said; empty where something was compared.
        verdict, size: as of `verdicts.judge`.
        difference, low, high: the effect in the unit, with its 95 % interval where there is one.
        what: the quantity that was compared, in words.
        unit: of the effect.
        pairs, seeds: pairs behind it, and seeds that both have a cell for.
        margin: a difference too small to matter; NaN where there is none.
        seeds_needed: seeds that would decide what is undecided; NaN where that is not known.
        title: of the comparison or dial.
    """

    rule: Rule
    outcome: str = UNDECIDED
    reason: str = ""
    verdict: str = ""
    size: str = ""
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    what: str = ""
    unit: str = ""
    pairs: int = 0
    seeds: int = 0
    margin: float = math.nan
    seeds_needed: float = math.nan
    title: str = ""


def decide_all(prediction: Prediction, comparisons: Sequence[Comparison]) -> list[Decided]:
    """Each rule of a prediction, decided by a study's comparisons."""
    return [decide(rule, comparisons) for rule in prediction.rules]


def together(decided: Sequence[Decided]) -> str:
    """The verdict on a prediction: contradicted by one rule, reproduced by all."""
    outcomes = {one.outcome for one in decided}
    return CONTRADICTED if CONTRADICTED in outcomes else REPRODUCED if outcomes == {REPRODUCED} else UNDECIDED


def decide(rule: Rule, comparisons: Sequence[Comparison]) -> Decided:
    """One rule, by the comparisons of a study, whose other strategies are in the same family."""
    if not comparisons:
        return Decided(rule=rule, reason="no records")
    try:
        row, quantity, title = _compared(rule, [one for one in comparisons if meets(one, rule.where)])
    except (NotThereError, UserError) as error:
        return Decided(rule=rule, reason=str(error).partition(" Received:")[0])
    pairs = int(row["pairs"])
    if pairs == 0 and row["verdict"] == UNDECIDED:
        return Decided(rule=rule, reason="no seed has all the values that are compared", title=title)
    return Decided(
        rule=rule,
        outcome=outcome_of(rule.expected, str(row["verdict"]), str(row.get("size", ""))),
        verdict=str(row["verdict"]),
        size=str(row.get("size", "")),
        difference=float(row["difference"]),
        low=float(row["low"]),
        high=float(row["high"]),
        what=quantity.name.replace("_", " "),
        unit=quantity.unit,
        pairs=pairs,
        seeds=int(row.get("seeds", pairs)),
        margin=float(row.get("margin", math.nan)),
        seeds_needed=float(row.get("seeds_to_decide", math.nan)),
        title=title,
    )


def outcome_of(expected: str, verdict: str, size: str) -> str:
    """What a verdict says of one that was expected.

    A difference that is shown to be smaller than the margin bears out `equivalent` though it be told apart, and
    equivalence contradicts an expected difference.
    """
    if verdict == UNDECIDED:
        return UNDECIDED
    if expected == EQUIVALENT:
        if verdict == EQUIVALENT or size == "within":
            return REPRODUCED
        return CONTRADICTED if size == "beyond" else UNDECIDED
    return REPRODUCED if verdict == expected else CONTRADICTED


Compared = tuple[Mapping[str, Any], Quantity, str]


def _compared(rule: Rule, found: Sequence[Comparison]) -> Compared:
    """The row of numbers that decides a rule, the quantity that it is of, and of which comparison or dial."""
    if not found:
        raise NotThereError(f"no records{said_with(rule.where)}")
    if rule.kind in RANGE:
        return _range(rule, found)
    if rule.over is None:
        return _pair(rule, the_one(found, rule.where))
    start, end = (at_value(found, rule, value) for value in (rule.start, rule.end))
    title = f"{start.title} to {rule.over.rpartition('.')[2]} {rule.end}"
    return (*(_change if rule.kind in CHANGE else _itself)(rule, start, end), title)


def _pair(rule: Rule, comparison: Comparison) -> Compared:
    """One strategy against another, or its gap against 0, in one comparison."""
    _check_run(comparison, rule.strategy, rule.other)
    title, main = comparison.title, comparison.metric()[1]
    if rule.other is None:
        rows = aggregate_gap(comparison).rows
        part = rows.rename(columns={LAG: "difference", f"{LAG}_low": "low", f"{LAG}_high": "high", "n": "pairs"})
        row = _row(part.rename(columns={f"{LAG}_verdict": "verdict"}), rule.strategy)
        return row, _gap(main), title
    if rule.measure == GAP:
        return _row(compare_gap(comparison, baseline=rule.other).rows, rule.strategy), _gap(main), title
    if rule.measure == DIVERGED:
        return _divergence(rule, comparison), _RATE, title
    if rule.measure == EPOCHS or rule.measure in _MEASURES:
        series, quantity = _series(comparison, rule.measure)
        _check_run(comparison, rule.strategy, rule.other, series)
        rows = compare_series(series, pairs_of(series, rule.other), direction=quantity.direction)
        return _row(rows, rule.strategy), quantity, title
    table = compare_pairs(comparison, rule.measure, baseline=rule.other)
    return _row(table.rows, rule.strategy), _named(table.quantity, table.metric), title


def _itself(rule: Rule, start: Comparison, end: Comparison) -> tuple[Mapping[str, Any], Quantity]:
    """One strategy at one value of a setting against itself at another, paired by seed."""
    for one in (start, end):
        _check_run(one, rule.strategy)
    (before, quantity), (after, _) = (_series(one, rule.measure) for one in (start, end))
    if rule.strategy not in before or rule.strategy not in after:
        raise NotThereError(f"no cell of {rule.strategy} has {quantity.name}")
    values = {"from": before[rule.strategy], "to": after[rule.strategy]}
    margin = math.nan
    if rule.measure not in (*_MEASURES, GAP):
        margin = margin_against(start, before, rule.strategy, rule.measure)
    rows = compare_series(values, [("to", "from")], direction=quantity.direction, margin=margin)
    return _row(rows, "to"), quantity


def _change(rule: Rule, start: Comparison, end: Comparison) -> tuple[Mapping[str, Any], Quantity]:
    """The change of two strategies' difference from one value of a setting to another."""
    assert rule.over is not None
    for one in (start, end):
        _check_run(one, rule.strategy, rule.other)
    dial = Dial(name=column_of(start, rule.over) or rule.over, members=(start, end))
    table = compare_change(dial, rule.measure, baseline=str(rule.other))
    row = dict(_row(table.rows, rule.strategy))
    margin = margin_against(start, scores_of(start, rule.measure), rule.other, rule.measure)
    if row["verdict"] == UNDECIDED:
        row["seeds_to_decide"] = seeds_to_decide(float(row["sd"]), margin, len(table.rows))
    return row, _named(table.quantity, f"change_of_the_difference_in_{table.metric}")


def _range(rule: Rule, found: Sequence[Comparison]) -> Compared:
    """Decades of usable learning rates: of two strategies, or of one at two values of a setting."""
    if rule.over is None:
        dial = rates_of(found, rule.where)
        _check_run(dial.whole, rule.strategy, rule.other)
        rows = compare_usable(dial, baseline=rule.other)
        return _row(rows, rule.strategy), _DECADES, dial.title
    values = {}
    for name, value in (("from", rule.start), ("to", rule.end)):
        where = {**rule.where, rule.over: value}
        dial = rates_of([one for one in found if meets(one, where)], where)
        _check_run(dial.whole, rule.strategy)
        values[name] = usable_decades(dial)[rule.strategy]
    title = f"{dial.whole.title}, from {rule.over.rpartition('.')[2]} {rule.start}"
    return _row(compare_series(values, [("to", "from")], direction="max"), "to"), _DECADES, title


def _divergence(rule: Rule, comparison: Comparison) -> Mapping[str, Any]:
    """Shares of diverged cells, by Fisher's exact test over all pairs."""
    pairs = compare_divergence(comparison)
    both = pairs[pairs[["axis", "other"]].isin([rule.strategy, rule.other]).all(axis=1)].iloc[0]
    counts = count_diverged(comparison)
    one, other = (_row(counts, str(name)) for name in (rule.strategy, rule.other))
    difference = float(one["rate"]) - float(other["rate"])
    verdict = UNDECIDED if not both["holm_p"] < ALPHA else BETTER if difference < 0 else WORSE
    cells = min(int(one["cells"]), int(other["cells"]))
    return {"verdict": verdict, "difference": difference, "low": math.nan, "high": math.nan, "pairs": cells}


def _series(comparison: Comparison, measure: str | None) -> tuple[dict[str, pd.Series], Quantity]:
    """Strategy -> a quantity by seed; NaN is a cell that has none, and is worse than any."""
    if measure == GAP:
        return lags_of(comparison), _gap(comparison.metric()[1])
    if measure == EPOCHS:
        times = times_to_target(comparison).rows
        of_axis = times.replace(np.inf, np.nan).groupby("axis")
        return {str(name): rows.set_index("seed")["epochs"] for name, rows in of_axis}, _EPOCHS
    if measure in _MEASURES:
        cells = comparison.cells[comparison.cells["status"] == "ok"].reindex(columns=["axis", "seed", measure])
        known = cells[cells[measure].notna()]
        found = {str(n): rows.set_index("seed")[measure].astype(np.float64) for n, rows in known.groupby("axis")}
        return found, _MEASURES[measure]
    column, quantity = comparison.metric(measure)
    return scores_of(comparison, measure), _named(quantity, column)


def _named(quantity: Quantity, column: str) -> Quantity:
    return Quantity(name=column, direction=quantity.direction, unit=quantity.unit)


def _gap(main: Quantity) -> Quantity:
    return _named(main, f"{main.name} with moving averages minus with precise statistics")


def _row(rows: pd.DataFrame, strategy: str) -> Mapping[str, Any]:
    of_strategy = rows[rows["axis"] == strategy]
    if of_strategy.empty:
        raise NotThereError(f"no cell of {strategy} has the numbers that are compared")
    return {str(key): value for key, value in of_strategy.iloc[0].to_dict().items()}


def _check_run(
    comparison: Comparison, strategy: str, other: str | None = None, there: Mapping[str, Any] | None = None
) -> None:
    for name in (strategy, other):
        if name is not None and name not in (comparison.strategies if there is None else there):
            raise NotThereError(f"no records of {name}" if there is None else f"no cell of {name} was measured so")
