"""Each strategy at its own best learning rate, or value of any other dial: chosen on validation data, then compared.

The choice is made from the mean over the same seeds that are compared afterwards. docs/statistics.md says what that
costs, and why the choice is not made for each seed from the others: that takes the bias out of the means, and seeds are
then no longer independent, as the tests take them to be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from harness.statistics.comparison import Comparison
from harness.statistics.dials import Dial, by_seed
from harness.statistics.kept import kept
from harness.statistics.summary import aggregate_comparison
from harness.statistics.table import Table
from harness.statistics.verdicts import compare_pairs
from harness.types import UserError


def best_value(scores: ArrayLike) -> int:
    """The place of the best value by scores `(seed, value)`, higher is better and NaN is a cell that diverged.

    The value at which fewest seeds diverged, of those the one with the highest mean, of those the lowest: a cell that
    diverged is worse than any other, so that no mean of the others makes up for it.

    Raises:
        UserError: there is no seed to choose by.
    """
    values = np.asarray(scores, np.float64)
    if not len(values):
        raise UserError(f"expected at least one seed to choose by. Received: scores of shape {values.shape}")
    finite = np.isfinite(values)
    survived = finite.sum(axis=0)
    means = np.where(finite, values, 0.0).sum(axis=0) / np.maximum(survived, 1)
    return int(np.argmax(np.where(survived == survived.max(), means, -np.inf)))


@kept
def choose_values(dial: Dial, metric: str | None = None) -> pd.DataFrame:
    """The value of the dial that suits each strategy best, by the mean over seeds of a metric on validation data.

    Args:
        dial: the values to choose among.

    Returns:
        Columns `axis`; `value` and `place` (in the dial's order), missing and -1 where no cell survived; `edge`
        (`lowest`, `highest` or empty: at an end of the grid the best value may lie beyond); `seeds` chosen by (those
        with a cell at every value); `agreeing` (of the choices with one seed left out, how many are the same); `mean`
        (of the metric on validation data at that value) and `diverged` there.

    Raises:
        UserError: the metric is one on the test examples, which nothing is chosen by.
    """
    rows = []
    for strategy, scores in _scores(dial, metric).items():
        if not len(scores) or not np.isfinite(scores).any():
            rows.append((strategy, None, -1, "", len(scores), 0, np.nan, len(scores)))
            continue
        place = best_value(scores)
        others = [np.delete(scores, seed, axis=0) for seed in range(len(scores) if len(scores) > 1 else 0)]
        agreeing = sum(best_value(rest) == place for rest in others)
        chosen = scores[:, place]
        mean = _sign(dial, metric) * float(chosen[np.isfinite(chosen)].mean())
        edge = "lowest" if place == 0 else "highest" if place == len(dial.values) - 1 else ""
        diverged = int((~np.isfinite(chosen)).sum())
        rows.append((strategy, dial.values[place], place, edge, len(scores), agreeing, mean, diverged))
    return pd.DataFrame(rows, columns=["axis", "value", "place", "edge", "seeds", "agreeing", "mean", "diverged"])


@kept
def at_own_best(dial: Dial, metric: str | None = None) -> Comparison:
    """Each strategy's cells at the value that `choose_values` gives it, as one comparison like any other.

    Strategies that have no seed with a cell at every value, or no cell that survived, are not in it.

    Raises:
        UserError: no strategy has a best value.
    """
    chosen = choose_values(dial, metric)
    parts = []
    for strategy, place in zip(chosen["axis"], chosen["place"], strict=True):
        if place >= 0:
            cells = dial.members[place].cells
            parts.append(cells[cells["axis"] == strategy])
    if not parts:
        raise UserError(f"expected seeds with a cell at every {dial.label}. Received: {dial.title}, none of them")
    # The title says how their values were come by.
    return dial.comparison(pd.concat(parts, ignore_index=True), {**dial.whole.settings, dial.name: "own best"})


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnBest(Table):
    """Each strategy at its own best value of a dial.

    Attributes:
        common: the value that suits all strategies best.
        baseline: the strategy that the others are compared with.
    """

    common: Any
    baseline: str


def own_best(dial: Dial) -> Comparison | None:
    """`at_own_best`; None where cells lack a metric on validation data, or every seed a value."""
    try:
        return at_own_best(dial) if dial.has_validation else None
    except UserError:
        return None


@kept
def aggregate_own_best(dial: Dial, metric: str | None = None, *, baseline: str, confidence: float = 0.95) -> OwnBest:
    """Each strategy at its own best value: which that is, what it reaches there on test data, and against the baseline.

    Args:
        dial: the values to choose among, by the task's main metric on validation data.
        metric: what is reported; `None` is the task's main metric on the test examples.
        baseline: the strategy that the others are compared with, it too at its own best value.

    Returns:
        The columns of `choose_values` without `mean` and `diverged`; `cells`, `n`, `diverged`, `mean`, `low`, `high` at
        the own best value; `common_mean`, `common_low`, `common_high` at `common`, the value that suits all
        strategies best; `difference`, `difference_low`, `difference_high`, `p_better`, `p` and `verdict` of
        `compare_pairs` at the own best values, missing for the baseline. The best mean comes first.

    Raises:
        UserError: no strategy has a best value.
    """
    own, common = at_own_best(dial), common_value(dial)
    chosen = choose_values(dial).drop(columns=["mean", "diverged"])
    there = aggregate_comparison(own, metric, confidence=confidence).rows
    at_common = aggregate_comparison(at_value(dial, common), metric, confidence=confidence).rows
    table = there[["axis", "cells", "n", "diverged", "mean", "low", "high"]].merge(chosen, on="axis")
    at_common = at_common[["axis", "mean", "low", "high"]].rename(columns=lambda name: f"common_{name}")
    table = table.merge(at_common.rename(columns={"common_axis": "axis"}), on="axis", how="left")
    if baseline in set(table["axis"]):
        pairs = compare_pairs(own, metric, baseline=baseline, confidence=confidence).rows
        pairs = pairs[["axis", "difference", "low", "high", "p_better", "p", "verdict"]]
        renamed = {"low": "difference_low", "high": "difference_high"}
        table = table.merge(pairs.rename(columns=renamed), on="axis", how="left")
    column, quantity = own.metric(metric)
    return OwnBest(
        rows=table,
        of=own,
        metric=column,
        quantity=quantity,
        confidence=confidence,
        common=common,
        baseline=baseline,
    )


@kept
def common_value(dial: Dial, metric: str | None = None) -> Any:
    """The one value of the dial that suits all strategies best, by the rule that each strategy's own is chosen by.

    Raises:
        UserError: no strategy has a seed with a cell at every value.
    """
    scores = list(_scores(dial, metric).values())
    return dial.values[best_value(np.concatenate(scores))]


def at_value(dial: Dial, value: Any) -> Comparison:
    """The cells at one value of the dial.

    Raises:
        UserError: the dial has no such value.
    """
    if value not in dial.values:
        raise UserError(f"expected a {dial.label} of {list(dial.values)}. Received: {value!r}")
    return dial.members[dial.values.index(value)]


def _scores(dial: Dial, metric: str | None) -> dict[str, NDArray[np.float64]]:
    """Strategy -> scores `(seed, value)`, higher is better."""
    column, _ = dial.validation_metric(metric)
    return {strategy: _sign(dial, metric) * one.values for strategy, one in by_seed(dial, column).items()}


def _sign(dial: Dial, metric: str | None) -> int:
    return 1 if dial.validation_metric(metric)[1] == "max" else -1
