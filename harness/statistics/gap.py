"""Where the inference gap comes from: moving averages that lag behind, or statistics that the batch makes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from harness.statistics.comparison import Comparison
from harness.statistics.kept import kept
from harness.statistics.pairing import pairs_of, scores_of
from harness.statistics.summary import mean_interval
from harness.statistics.table import Table, cut_to_span
from harness.statistics.verdicts import compare_series

LAG, DEPENDENCE = "lag", "dependence"
KINDS = ("moving", "precise", "batch")
# part -> (the statistics whose metric it is, those whose metric is taken away)
PARTS = {LAG: ("moving", "precise"), DEPENDENCE: ("precise", "batch")}
DIAGNOSTICS = ("samples_per_statistic", "mean_lag", "variance_lag", "least_variance")
_COLUMNS = ["axis", "n", *(f"{part}{end}" for part in ("total", *PARTS) for end in ("", "_low", "_high"))]


@kept
def aggregate_gap(comparison: Comparison, metric: str | None = None, *, confidence: float = 0.95) -> Table:
    """The inference gap of each strategy in two parts that add up to it, each paired by cell.

    `lag` is the metric with moving averages minus with precise statistics: both stand for the training set, and only
    the moving averages are late. `dependence` is the metric with precise statistics minus with those of the batch: what
    it makes that an output depends on the other examples of its batch (and, where test examples are unlike the
    training examples, on which of the two statistics are taken from). `total` is their sum (Wu & Johnson 2021,
    sections 3 and 4).

    Returns:
        Columns `axis`, `n` (cells with all three numbers); `total`, `lag` and `dependence`, each with `_low` and
        `_high`; `lag_p` and `dependence_p`, corrected over all of the table, and `lag_verdict` and
        `dependence_verdict` of the first statistics against the second (`worse`: the difference costs); the medians
        over cells of m' (`samples_per_statistic`) and of the diagnostics `mean_lag`, `variance_lag`, `least_variance`.
        Strategies none of whose cells have all three are left out.
    """
    column, quantity = comparison.metric(metric)
    kinds = [f"{column}{kind}" for kind in ("", "_precise", "_batch")]
    frame = comparison.cells
    ok = frame[frame["status"] == "ok"].reindex(columns=[*dict.fromkeys(["axis", "seed", *kinds, *DIAGNOSTICS])])
    ok = ok[np.isfinite(ok[kinds].to_numpy(np.float64)).all(axis=1)]
    rows: list[dict[str, Any]] = []
    scores: dict[str, pd.Series] = {}
    pairs: list[tuple[str, str]] = []
    for strategy, of_axis in ok.groupby("axis", sort=True):
        values = of_axis.set_index("seed").rename(columns=dict(zip(kinds, KINDS, strict=True)))
        row = {"axis": strategy, "n": len(values)} | _mean("total", values["moving"] - values["batch"], confidence)
        for part, (first, second) in PARTS.items():
            row |= _mean(part, values[first] - values[second], confidence)
            pairs.append((f"{strategy}: {first}", f"{strategy}: {second}"))
        scores |= {f"{strategy}: {kind}": values[kind] for kind in KINDS}
        rows.append(row | {name: values[name].astype(np.float64).median() for name in DIAGNOSTICS})
    table = pd.DataFrame(rows, columns=[*_COLUMNS, *DIAGNOSTICS])
    tested = compare_series(scores, pairs, direction=quantity.direction, confidence=confidence)
    for place, part in enumerate(PARTS):
        for name, column_of in ((f"{part}_p", "p"), (f"{part}_verdict", "verdict")):
            table[name] = tested[column_of].to_numpy()[place :: len(PARTS)]
    table = cut_to_span(table, quantity)
    return Table(rows=table, of=comparison, metric=column, quantity=quantity, confidence=confidence)


@kept
def compare_gap(
    comparison: Comparison,
    metric: str | None = None,
    *,
    baseline: str,
    with_averages: bool = False,
    confidence: float = 0.95,
) -> Table:
    """Does a strategy lose more by its moving averages than the baseline does? Their lags, paired by seed.

    `with_averages`: only strategies that keep statistics. Of all others it would say, again and again, what the
    baseline loses.

    That one verdict tells strategies apart with moving averages and another does not with precise statistics does not
    show that the averages made the difference: this does.

    Returns:
        As `verdicts.compare_series`, of the metric with moving averages minus with precise statistics: `worse` loses
        more by them than the baseline.
    """
    column, quantity = comparison.metric(metric)
    lags = lags_of(comparison, metric)
    pairs = pairs_of(lags, baseline) if baseline in lags else []
    if with_averages:
        counts = comparison.cells.groupby("axis")["statistics"].max()
        pairs = [pair for pair in pairs if counts[pair[0]] != 0]
    rows = compare_series(lags, pairs, direction=quantity.direction, confidence=confidence)
    rows = cut_to_span(rows, quantity, times=2)
    return Table(rows=rows, of=comparison, metric=column, quantity=quantity, confidence=confidence)


def lags_of(comparison: Comparison, metric: str | None = None) -> dict[str, pd.Series]:
    """Strategy -> the metric with moving averages minus with precise statistics `(seed,)`, of cells that have both."""
    column, _ = comparison.metric(metric)
    moving, precise = (scores_of(comparison, name) for name in (column, f"{column}_precise"))
    lags = {name: (moving[name] - precise[name]).dropna() for name in moving}
    return {name: lag for name, lag in lags.items() if len(lag)}


def _mean(name: str, values: pd.Series, confidence: float) -> dict[str, float]:
    mean = mean_interval(values, confidence=confidence)
    return {name: mean.estimate, f"{name}_low": mean.low, f"{name}_high": mean.high}
