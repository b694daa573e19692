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
        errors: one frame `(seed, strategy)` a task, what the scores were computed from: infinite where a cell was lost,
            NaN where there is none.
        baseline: the strategy whose mean error is the unit.
        tasks: titles of the comparisons.
        left_out: what could not be put on the scale, with the reason.
    """

    scores: Scores
    errors: tuple[pd.DataFrame, ...]
    baseline: str
    tasks: tuple[str, ...]
    left_out: tuple[str, ...]


def normalise_scores(comparisons: Sequence[Comparison], *, baseline: str = BASELINE) -> NormalisedScores:
    """Scores of the strategies that every task has; see `scores_by_task` for which tasks stay.

    Raises:
        UserError: no task stays.
    """
    by_task, left_out = _errors_by_task(comparisons, baseline)
    common = sorted(set.intersection(*(set(map(str, errors)) for errors in by_task.values())))
    others = sorted({str(strategy) for errors in by_task.values() for strategy in errors} - {*common})
    left_out += [f"{', '.join(others)} (not in every task)"] if others else []
    scores = {strategy: [_scored(errors, baseline)[strategy] for errors in by_task.values()] for strategy in common}
    errors = tuple(one[common] for one in by_task.values())
    return NormalisedScores(scores, errors, baseline, tuple(by_task), tuple(left_out))


def scores_by_task(
    comparisons: Sequence[Comparison], *, baseline: str = BASELINE
) -> tuple[dict[str, dict[str, NDArray[np.float64]]], list[str]]:
    """Scores `(seed,)` of the main metric by comparison's title and strategy, and what was left out.

    A task is left out where the baseline has no finished cell, where it is perfect, or where the metric has no
    perfect value.

    Raises:
        UserError: no task stays.
    """
    by_task, left_out = _errors_by_task(comparisons, baseline)
    return {title: _scored(errors, baseline) for title, errors in by_task.items()}, left_out


def _scored(errors: pd.DataFrame, baseline: str) -> dict[str, NDArray[np.float64]]:
    reference = mean_interval(errors[baseline]).estimate
    return {str(name): scores_of(errors[name].dropna(), reference) for name in errors}


def _errors_by_task(comparisons: Sequence[Comparison], baseline: str) -> tuple[dict[str, pd.DataFrame], list[str]]:
    by_task: dict[str, pd.DataFrame] = {}
    left_out = []
    for comparison in comparisons:
        column, quantity = comparison.metric()
        rows = comparison.cells.groupby("axis")
        errors = pd.DataFrame({str(name): _errors(cells, column, quantity.perfect) for name, cells in rows})
        reference = mean_interval(errors[baseline]).estimate if baseline in errors else np.nan
        if not np.isfinite(quantity.perfect) or not reference > 0:
            left_out.append(f"{comparison.title} (no finished cell of {baseline!r} with an error to compare with)")
        else:
            by_task[comparison.title] = errors
    if not by_task:
        raise UserError(f"expected tasks with finished cells of the baseline. Received: baseline={baseline!r}")
    return by_task, left_out


def scores_of(errors: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    """Errors `(seed,)` as scores: 1 - error / reference, at least -1; what is not finite (no value) is -1."""
    scores = 1 - np.asarray(errors, np.float64) / np.asarray(reference, np.float64)
    return np.maximum(np.where(np.isfinite(scores), scores, WORST), WORST)


def aggregate_across(
    normalised: NormalisedScores, *, seed: int = 0, n_resamples: int = 2000, confidence: float = 0.95
) -> pd.DataFrame:
    """Each strategy's interquartile mean and optimality gap over all tasks and seeds, the best first.

    All tasks weigh the same, however many seeds they have. The interquartile mean leaves out a quarter of the scores at
    each end (Agarwal et al. 2021, section 4); the optimality gap is the mean shortfall from 1, the perfect score.
    Intervals are percentiles of a stratified bootstrap: seeds are drawn anew within each task, with the baseline's
    cells of the same seeds, so that its own error is as uncertain as theirs; tasks are taken as they are.

    Returns:
        Columns `axis`, `iqm`, `iqm_low`, `iqm_high`, `gap`, `gap_low`, `gap_high`, `cells`, `worst` (cells at -1).
    """
    drawn = _resample(normalised, seed, n_resamples)
    rows = []
    for strategy, tasks in normalised.scores.items():
        seen, weights = np.concatenate(tasks), np.concatenate([np.full(len(one), 1 / len(one)) for one in tasks])
        iqm = _interval(interquartile_mean, (seen, weights), drawn[strategy], confidence)
        gap = _interval(optimality_gap, (seen, weights), drawn[strategy], confidence)
        rows.append((strategy, *iqm, *gap, len(seen), int((seen <= WORST).sum())))
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
        Columns `axis`, `threshold`, `share` (the mean of the tasks' shares), `low`, `high`; pointwise intervals of the
        bootstrap of `aggregate_across`.
    """
    grid = np.linspace(WORST, 1, 81) if thresholds is None else np.asarray(thresholds, np.float64)
    resampled = _resample(normalised, seed, n_resamples)
    parts = []
    for strategy, tasks in normalised.scores.items():
        scores, weights = resampled[strategy]
        total = weights.sum(axis=-1)
        shares = np.stack([(weights * (scores > one)).sum(axis=-1) / total for one in grid], axis=1)
        low, high = np.quantile(shares, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
        share = np.mean([(one[:, None] > grid).mean(axis=0) for one in tasks], axis=0)
        parts.append(pd.DataFrame({"axis": strategy, "threshold": grid, "share": share, "low": low, "high": high}))
    return pd.concat(parts, ignore_index=True)


def interquartile_mean(scores: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the middle half of the scores' weight, along the last axis."""
    order = np.argsort(scores, axis=-1, kind="stable")
    ranked, heavy = np.take_along_axis(scores, order, axis=-1), np.take_along_axis(weights, order, axis=-1)
    heavy = heavy / heavy.sum(axis=-1, keepdims=True)
    upper = np.cumsum(heavy, axis=-1)
    inside = np.clip(np.minimum(upper, 0.75) - np.maximum(upper - heavy, 0.25), 0, None)
    return np.asarray((inside * ranked).sum(axis=-1) / inside.sum(axis=-1))


def optimality_gap(scores: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean shortfall from a perfect score of 1 along the last axis."""
    return np.asarray(1 - (weights * np.minimum(scores, 1)).sum(axis=-1) / weights.sum(axis=-1))


def _errors(rows: pd.DataFrame, column: str, perfect: float) -> pd.Series:
    """Distances to the perfect value by seed, infinite where a cell diverged or failed."""
    values = rows[column].to_numpy(np.float64) if column in rows else np.full(len(rows), np.nan)
    finite = np.isfinite(values) & (rows["status"] == "ok").to_numpy()
    return pd.Series(np.where(finite, np.abs(values - perfect), np.inf), index=rows["seed"].to_numpy()).sort_index()


def _resample(
    normalised: NormalisedScores, seed: int, n_resamples: int
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Strategy -> scores and weights `(resample, task and seed)`, seeds drawn within each task for all strategies."""
    found: dict[str, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {name: [] for name in normalised.scores}
    for number, errors in enumerate(normalised.errors):
        rng = derive_rng(seed, "across", number)
        drawn = rng.integers(0, len(errors), (n_resamples, len(errors)))
        of_baseline = errors[normalised.baseline].to_numpy(np.float64)
        finite = np.isfinite(of_baseline[drawn])
        total = np.where(finite, of_baseline[drawn], 0.0).sum(axis=1)
        # A draw without a finished cell of the baseline, or of perfect ones, has no unit of its own.
        usual = of_baseline[np.isfinite(of_baseline)].mean()
        reference = np.where(total > 0, total / np.maximum(finite.sum(axis=1), 1), usual)
        for strategy, parts in found.items():
            there = errors[strategy].to_numpy(np.float64)[drawn]
            weights = np.isfinite(there) | np.isinf(there)
            scores = scores_of(np.where(weights, there, np.inf), reference[:, None])
            count = np.maximum(weights.sum(axis=1, keepdims=True), 1)
            parts.append((scores, weights / count))
    return {
        name: (np.concatenate([one for one, _ in parts], axis=1), np.concatenate([one for _, one in parts], axis=1))
        for name, parts in found.items()
    }


def _interval(
    statistic: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
    seen: tuple[NDArray[np.float64], NDArray[np.float64]],
    drawn: tuple[NDArray[np.float64], NDArray[np.float64]],
    confidence: float,
) -> tuple[float, float, float]:
    low, high = np.quantile(statistic(*drawn), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(statistic(*seen)), float(low), float(high)
