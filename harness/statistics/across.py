"""How do strategies do across tasks? Scores on one scale against a named baseline, and their aggregates.

A score is the share of the baseline's error that a cell removes: 1 - error / (mean error of the baseline), where the
error is the distance to the metric's perfect value. 0 is as good as the baseline, 1 is perfect, -1 (the least: a cell
that is worse, diverged or failed counts as -1) has twice the baseline's error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from harness.seeds import derive_rng
from harness.statistics.comparison import Comparison
from harness.statistics.summary import mean_interval
from harness.types import UserError

BASELINE = "none"
WORST = -1.0
Scores = dict[str, list[NDArray[np.float64]]]  # strategy -> one array `(seed,)` a task


@dataclass(frozen=True)
class NormalisedScores:
    """Scores by strategy and task, of the strategies that every task has.

    Attributes:
        scores: strategy -> one array `(seed,)` a task, in the order of `tasks`.
        tasks: titles of the comparisons.
        left_out: what could not be put on the scale, with the reason.
    """

    scores: Scores
    tasks: tuple[str, ...]
    left_out: tuple[str, ...]


def normalise_scores(comparisons: Sequence[Comparison], *, baseline: str = BASELINE) -> NormalisedScores:
    """Scores of the strategies that every task has; see `scores_by_task` for which tasks stay.

    Raises:
        UserError: no task stays.
    """
    by_task, left_out = scores_by_task(comparisons, baseline=baseline)
    common = set.intersection(*(set(scores) for scores in by_task.values()))
    others = sorted({strategy for scores in by_task.values() for strategy in scores} - common)
    left_out += [f"{', '.join(others)} (not in every task)"] if others else []
    scores = {strategy: [of_task[strategy] for of_task in by_task.values()] for strategy in sorted(common)}
    return NormalisedScores(scores, tuple(by_task), tuple(left_out))


def scores_by_task(
    comparisons: Sequence[Comparison], *, baseline: str = BASELINE
) -> tuple[dict[str, dict[str, NDArray[np.float64]]], list[str]]:
    """Scores `(seed,)` of the main metric by comparison's title and strategy, and what was left out.

    A task is left out where the baseline has no finished cell, where it is perfect, or where the metric has no
    perfect value.

    Raises:
        UserError: no task stays.
    """
    by_task: dict[str, dict[str, NDArray[np.float64]]] = {}
    left_out = []
    for comparison in comparisons:
        column, quantity = comparison.metric()
        perfect = quantity.perfect
        errors = {str(strategy): _errors(rows, column, perfect) for strategy, rows in comparison.cells.groupby("axis")}
        reference = mean_interval(errors.get(baseline, [])).estimate
        if not np.isfinite(perfect) or not reference > 0:
            left_out.append(f"{comparison.title} (no finished cell of {baseline!r} with an error to compare with)")
        else:
            by_task[comparison.title] = {strategy: scores_of(values, reference) for strategy, values in errors.items()}
    if not by_task:
        raise UserError(f"expected tasks with finished cells of the baseline. Received: baseline={baseline!r}")
    return by_task, left_out


def scores_of(errors: ArrayLike, reference: float) -> NDArray[np.float64]:
    """Errors `(seed,)` as scores: 1 - error / reference, at least -1; NaN (no value) is -1."""
    scores = 1 - np.asarray(errors, np.float64) / reference
    return np.maximum(np.where(np.isfinite(scores), scores, WORST), WORST)


def aggregate_across(
    normalised: NormalisedScores, *, seed: int = 0, n_resamples: int = 2000, confidence: float = 0.95
) -> pd.DataFrame:
    """Each strategy's interquartile mean and optimality gap over all tasks and seeds, the best first.

    The interquartile mean leaves out a quarter of the scores at each end (Agarwal et al. 2021, section 4); the
    optimality gap is the mean shortfall from 1, the perfect score. Intervals are percentiles of a stratified
    bootstrap: seeds are drawn anew within each task, tasks are taken as they are.

    Returns:
        Columns `axis`, `iqm`, `iqm_low`, `iqm_high`, `gap`, `gap_low`, `gap_high`, `cells`, `worst` (cells at -1).
    """
    rows = []
    for strategy, tasks in normalised.scores.items():
        drawn = _resample(tasks, seed, n_resamples)
        pooled = np.concatenate(tasks)
        iqm = _interval(interquartile_mean, pooled, drawn, confidence)
        gap = _interval(optimality_gap, pooled, drawn, confidence)
        rows.append((strategy, *iqm, *gap, len(pooled), int((pooled <= WORST).sum())))
    columns = ["axis", "iqm", "iqm_low", "iqm_high", "gap", "gap_low", "gap_high", "cells", "worst"]
    return pd.DataFrame(rows, columns=columns).sort_values("iqm", ascending=False, kind="stable", ignore_index=True)


def performance_profiles(
    normalised: NormalisedScores,
    thresholds: ArrayLike | None = None,
    *,
    seed: int = 0,
    n_resamples: int = 2000,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """The share of each strategy's cells whose score exceeds each threshold (Agarwal et al. 2021, section 4.1).

    Returns:
        Columns `axis`, `threshold`, `share`, `low`, `high`; pointwise intervals of the stratified bootstrap.
    """
    grid = np.linspace(WORST, 1, 81) if thresholds is None else np.asarray(thresholds, np.float64)
    parts = []
    for strategy, tasks in normalised.scores.items():
        drawn, pooled = np.sort(_resample(tasks, seed, n_resamples), axis=1), np.concatenate(tasks)
        shares = np.array([1 - np.searchsorted(row, grid, side="right") / len(row) for row in drawn])
        low, high = np.quantile(shares, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
        share = (pooled[:, None] > grid).mean(axis=0)
        parts.append(pd.DataFrame({"axis": strategy, "threshold": grid, "share": share, "low": low, "high": high}))
    return pd.concat(parts, ignore_index=True)


def interquartile_mean(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the middle half of the scores along the last axis."""
    return np.asarray(stats.trim_mean(scores, 0.25, axis=-1))


def optimality_gap(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean shortfall from a perfect score of 1 along the last axis."""
    return np.asarray(1 - np.minimum(scores, 1).mean(axis=-1))


def _errors(rows: pd.DataFrame, column: str, perfect: float) -> NDArray[np.float64]:
    """Distances to the perfect value `(seed,)`, in order of the seeds, NaN where a cell diverged or failed."""
    rows = rows.sort_values("seed")
    values = rows[column].to_numpy(np.float64) if column in rows else np.full(len(rows), np.nan)
    finite = np.isfinite(values) & (rows["status"] == "ok").to_numpy()
    return np.where(finite, np.abs(values - perfect), np.nan)


def _resample(tasks: list[NDArray[np.float64]], seed: int, n_resamples: int) -> NDArray[np.float64]:
    """Scores `(resample, task and seed)`, seeds drawn within each task; the same draws for every strategy."""
    drawn = []
    for number, scores in enumerate(tasks):
        rng = derive_rng(seed, "across", number)
        drawn.append(scores[rng.integers(0, len(scores), (n_resamples, len(scores)))])
    return np.concatenate(drawn, axis=1)


def _interval(
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    scores: NDArray[np.float64],
    drawn: NDArray[np.float64],
    confidence: float,
) -> tuple[float, float, float]:
    low, high = np.quantile(statistic(drawn), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(statistic(scores)), float(low), float(high)
