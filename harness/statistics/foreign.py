"""Verdicts on a table of any tool's results, from Python."""

from __future__ import annotations

import pandas as pd

from harness.records.foreign import records_of
from harness.records.frames import Cells
from harness.statistics.comparison import comparisons
from harness.statistics.verdicts import compare_pairs
from harness.types import UserError

# What is known of a strategy, in this order; the rest of `compare_pairs` is of this project's cells alone.
_SAID = ("verdict", "size", "margin", "difference", "low", "high", "wide_low", "wide_high", "p", "equivalence_p")
_ALSO = ("seeds_to_decide", "seeds", "pairs", "sd", "d_z", "p_better", "p_better_low", "p_better_high")


def compare_frame(
    frame: pd.DataFrame,
    *,
    group: str,
    seed: str,
    metric: str,
    direction: str = "",
    baseline: str | None = None,
    margin: float | None = None,
    block: str = "",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Whether differences over seeds are real: every group against a baseline, paired by seed.

    Args:
        frame: one row a run.
        group: the column that says what is compared.
        seed: the column by which runs are paired, whole numbers.
        metric: the column of the result; what is not finite there is a lost run, worse than any other.
        direction: whether more (`max`) or less (`min`) is better; empty: by the metric's name.
        baseline: the group that the others are compared with; None: the first in alphabetical order.
        margin: a difference too small to matter, in the metric's unit; None: 0.01 of shares, 5 % of the baseline's mean
            of all others.
        block: the column that tells tasks apart, each a family of its own; empty: there is one.
        confidence: of the intervals.

    Returns:
        One row a strategy and block: `strategy`, `baseline`, `block` where there are several, `verdict` (`better`,
        `worse`, `equivalent`, `undecided`), `size` (`beyond` or `within` the margin), `margin`, the mean `difference`
        with its interval `low`, `high` and the one that holds for all strategies at once `wide_low`, `wide_high`, the
        corrected `p` of no difference and `equivalence_p` of one as large as the margin, `seeds_to_decide`, `seeds`,
        `pairs`, `sd`, `d_z`, `p_better` with its interval, `lost` and `baseline_lost` runs. docs/compare.md says more.

    Raises:
        UserError: a column that is not there, text among numbers, a seed twice, one group only, an unknown baseline.
    """
    if margin is not None and not margin > 0:
        raise UserError(f"margin: expected a number above 0. Received: {margin}")
    records = records_of(frame, group=group, seed=seed, metric=metric, direction=direction, block=block)
    found = []
    for comparison in comparisons(Cells.of(records), margin=margin):
        if len(comparison.strategies) < 2:
            raise UserError(f"group: expected at least two to compare. Received: {', '.join(comparison.strategies)}")
        chosen = baseline if baseline is not None else comparison.strategies[0]
        rows = compare_pairs(comparison, baseline=chosen, confidence=confidence).rows.rename(
            columns={"axis": "strategy"}
        )
        where = {"block": comparison.task} if block else {}
        found.append(rows.assign(**where)[["strategy", "baseline", *where, *_SAID, *_ALSO, "lost", "baseline_lost"]])
    return pd.concat(found, ignore_index=True)
