"""How often do cells diverge? Rates with intervals, against the baseline's."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from harness.statistics.comparison import Comparison, the_comparison
from harness.statistics.paired import BASELINE, holm
from harness.statistics.summary import FAILED


def compare_divergence(
    cells: pd.DataFrame | Comparison, *, baseline: str = BASELINE, confidence: float = 0.95
) -> pd.DataFrame:
    """How many of each strategy's cells diverged, and Fisher's exact test against the baseline.

    Returns:
        Columns `axis`, `cells`, `diverged`, `failed`, `rate` (diverged of all cells) with the Wilson interval `low`,
        `high`, `fisher_p` and `holm_p` (NaN for the baseline itself). Failed cells stay in the denominator.
    """
    comparison = cells if isinstance(cells, Comparison) else the_comparison(cells)
    rows = []
    for axis, group in comparison.cells.groupby("axis", sort=True):
        diverged = int((group["status"] == "diverged").sum())
        low, high = proportion_confint(diverged, len(group), alpha=1 - confidence, method="wilson")
        rows.append(
            {
                "axis": axis,
                "cells": len(group),
                "diverged": diverged,
                "failed": int(group["status"].isin(FAILED).sum()),
                "rate": diverged / len(group),
                "low": float(low),
                "high": float(high),
            }
        )
    table = pd.DataFrame(rows)
    of_baseline = table[table["axis"] == baseline]
    table["fisher_p"] = np.nan
    for index, row in table.iterrows():
        if len(of_baseline) and row["axis"] != baseline:
            counts = [[one["diverged"], one["cells"] - one["diverged"]] for one in (row, of_baseline.iloc[0])]
            table.loc[index, "fisher_p"] = stats.fisher_exact(np.array(counts)).pvalue
    table["holm_p"] = holm(table["fisher_p"])
    return table
