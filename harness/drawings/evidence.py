"""What the figures of one comparison are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from harness.statistics.comparison import Comparison
from harness.statistics.paired import compare_all_pairs, compare_pairs
from harness.statistics.summary import aggregate_comparison
from harness.statistics.target import times_to_target
from harness.types import UserError

_FEWEST_FOR_ALL_PAIRS = 3  # with fewer strategies, the pairs with the baseline are all there are


@dataclass(frozen=True)
class Looks:
    """Frames over all cells with several rows a cell: by epoch, by step, by site and epoch."""

    history: pd.DataFrame
    probes: pd.DataFrame
    diagnostics: pd.DataFrame


@dataclass(frozen=True)
class Evidence:
    """What the tables and figures of one comparison are made from.

    Attributes:
        comparison: its cells.
        history, probes, diagnostics: the same comparison by epoch, by step, and by site and epoch.
        summary: `statistics.aggregate_comparison`'s table.
        pairs, all_pairs: `statistics.compare_pairs`'s and `compare_all_pairs`'s tables; the second is empty where
            the first has all the pairs, or it was not asked for.
        times: `statistics.times_to_target`'s table; `None` where there is no finished baseline to set the target.
    """

    comparison: Comparison
    history: Comparison
    probes: Comparison
    diagnostics: Comparison
    summary: pd.DataFrame
    pairs: pd.DataFrame
    all_pairs: pd.DataFrame
    times: pd.DataFrame | None


def gather_evidence(comparison: Comparison, looks: Looks, *, baseline: str, all_pairs: bool = True) -> Evidence:
    """All that the tables and figures of a comparison need, the strategies compared with `baseline`.

    With twenty strategies `all_pairs` takes ten seconds, which is not for each of many comparisons.
    """
    history = rows_of(comparison, looks.history)
    pairs = compare_pairs(comparison, baseline=baseline)
    many = all_pairs and comparison.frame["axis"].nunique() >= _FEWEST_FOR_ALL_PAIRS
    try:
        times = times_to_target(comparison, history)
    except UserError:
        times = None
    return Evidence(
        comparison=comparison,
        history=history,
        probes=rows_of(comparison, looks.probes),
        diagnostics=rows_of(comparison, looks.diagnostics),
        summary=aggregate_comparison(comparison),
        pairs=pairs,
        all_pairs=compare_all_pairs(comparison) if many else pairs.iloc[:0],
        times=times,
    )


def rows_of(comparison: Comparison, rows: pd.DataFrame) -> Comparison:
    """The same comparison with several rows a cell: those of `rows` that belong to its cells."""
    axis_of = comparison.frame.set_index("id")["axis"]
    own = rows[rows["id"].isin(axis_of.index)]
    return replace(comparison, frame=own.assign(axis=own["id"].map(axis_of)).reset_index(drop=True))
