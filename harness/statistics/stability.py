"""Every measure of stability side by side: description, on which no verdict rests."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from harness.cell.health import MEASURES
from harness.statistics.comparison import Comparison, the_comparison
from harness.statistics.divergence import compare_divergence
from harness.types import Direction

# Measures of a cell's training that a record may hold; of several sites the worst off (`harness.cell.health`).
OF_TRAINING = tuple(measure.name for measure in MEASURES if measure.tabled)
WORST_SHARE = 0.1


def aggregate_stability(cells: pd.DataFrame | Comparison, metric: str | None = None) -> pd.DataFrame:
    """One row a strategy: how often it diverged, how far its seeds lie apart, and how its training went.

    Args:
        cells: a `Comparison`, or a frame that holds one.
        metric: the metric's column or name; `None` is the task's main metric on the test examples.

    Returns:
        Columns `axis`; `cells`, `diverged` and its `rate` with the Wilson interval `low`, `high`; of the metric over
        the `n` seeds that finished `sd`, `iqr` (interquartile range), `worst` (seed) and `worst_tenth` (mean of the
        worst tenth of the seeds, rounded up); then the median over those seeds of each of `OF_TRAINING`, NaN where it
        was not measured. `attrs` as those of `aggregate_comparison`.

    Raises:
        UserError: the frame holds no or several comparisons, or the task has no such metric.
    """
    comparison = cells if isinstance(cells, Comparison) else the_comparison(cells)
    column, measure = comparison.measure(metric)
    finished = comparison.cells[comparison.frame["status"] == "ok"].reindex(columns=["axis", column, *OF_TRAINING])
    rows = []
    for axis in sorted(comparison.frame["axis"].unique()):
        of_axis = finished[finished["axis"] == axis]
        values = of_axis[column].to_numpy(np.float64)
        training = {name: float(of_axis[name].astype(np.float64).median()) for name in OF_TRAINING}
        rows.append({"axis": axis} | dispersion(values, direction=measure["direction"]) | training)
    diverged = compare_divergence(comparison)[["axis", "cells", "diverged", "rate", "low", "high"]]
    table = diverged.merge(pd.DataFrame(rows), on="axis", validate="one_to_one")
    table.attrs.update(comparison.attributes(metric))
    return table


def dispersion(values: ArrayLike, *, direction: Direction) -> dict[str, float]:
    """`n`, `sd`, `iqr`, `worst` and `worst_tenth` of the finite ones of `values` `(seed,)`."""
    finite = np.asarray(values, dtype=np.float64)
    finite = np.sort(finite[np.isfinite(finite)])
    worst_first = finite if direction == "max" else finite[::-1]
    n = len(finite)
    if not n:
        return {"n": 0, "sd": math.nan, "iqr": math.nan, "worst": math.nan, "worst_tenth": math.nan}
    quarter, three_quarters = np.percentile(finite, [25, 75])
    return {
        "n": n,
        "sd": float(finite.std(ddof=1)) if n > 1 else math.nan,
        "iqr": float(three_quarters - quarter) if n > 1 else math.nan,
        "worst": float(worst_first[0]),
        "worst_tenth": float(worst_first[: math.ceil(WORST_SHARE * n)].mean()),
    }
