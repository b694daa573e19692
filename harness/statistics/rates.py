"""All that the learning rates of a grid say of each strategy, in one table."""

from __future__ import annotations

import pandas as pd

from harness.statistics.dials import Dial
from harness.statistics.paired import compare_series, pairs_of
from harness.statistics.sensitivity import LOSS, aggregate_sensitivity, sensitivities
from harness.statistics.usable import TOLERANCE, aggregate_usable, usable_decades


def aggregate_rates(
    dial: Dial, *, baseline: str, tolerance: float = TOLERANCE, confidence: float = 0.95
) -> pd.DataFrame:
    """How a strategy stands other learning rates than its best: one row each, the widest range of usable rates first.

    Args:
        dial: the learning rates.
        baseline: the strategy that the others are compared with, paired by seed.
        tolerance: what usable means; see `usable.usable`.
        confidence: of the t intervals.

    Returns:
        Columns `axis`, `n`, `incomplete`; of the usable rates near a strategy's own best `decades`, `decades_low`,
        `decades_high`, `decades_verdict`, `lowest`, `highest`; of those near the best of all strategies `all_decades`,
        `all_low`, `all_high`; `sensitivity`, `sensitivity_low`, `sensitivity_high`, `sensitivity_verdict`, `lost`
        (seeds at which no rate trains); `precise_sensitivity`, of the loss with precise statistics. `attrs`: `span` of
        the grid in decades, `tolerance`, `baseline`, `loss` and those of the comparison.
    """
    own = aggregate_usable(dial, tolerance=tolerance, confidence=confidence)
    attributes = {str(key): value for key, value in own.attrs.items()}
    near_all = aggregate_usable(dial, tolerance=tolerance, best="all", confidence=confidence)
    table = own.drop(columns="sd").rename(columns={"low": "decades_low", "high": "decades_high"})
    near_all = near_all[["axis", "decades", "low", "high"]]
    table = table.merge(
        near_all.rename(columns={name: f"all_{name}" for name in ("decades", "low", "high")}), on="axis"
    )
    widths = usable_decades(dial, tolerance=tolerance)
    wider = compare_series(widths, pairs_of(widths, baseline), direction="max", confidence=confidence)
    table = _with_verdict(table, wider, "decades_verdict")
    if LOSS in dial.whole.frame:
        least = aggregate_sensitivity(dial, confidence=confidence).drop(columns=["n", "incomplete", "sd"])
        renamed = {"low": "sensitivity_low", "high": "sensitivity_high"}
        table = table.merge(least.rename(columns=renamed), on="axis", how="left")
        values = sensitivities(dial)
        less = compare_series(values, pairs_of(values, baseline), direction="min", confidence=confidence)
        table = _with_verdict(table, less, "sensitivity_verdict")
    if f"{LOSS}_precise" in dial.whole.frame:
        precise = aggregate_sensitivity(dial, f"{LOSS}_precise")[["axis", "sensitivity"]]
        table = table.merge(precise.rename(columns={"sensitivity": "precise_sensitivity"}), on="axis", how="left")
    table.attrs.update(dial.whole.attributes(), **attributes, confidence=confidence, baseline=baseline, loss=LOSS)
    return table


def _with_verdict(table: pd.DataFrame, pairs: pd.DataFrame, name: str) -> pd.DataFrame:
    return table.merge(pairs[["axis", "verdict"]].rename(columns={"verdict": name}), on="axis", how="left")
