"""How soon does a strategy reach what training without normalization ends at? A seed that never does is not dropped.

The target is the mean over seeds of the baseline's last validation metric; the time is counted in epochs, at the ends
of which the metric is taken. A cell that never reaches the target, diverges or fails takes infinitely long.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from statsmodels.stats.proportion import proportion_confint

from harness.seeds import derive_rng
from harness.statistics.comparison import Comparison
from harness.statistics.kept import kept
from harness.statistics.table import Table
from harness.types import UserError

BASELINE = "none"


def target_of(comparison: Comparison, *, baseline: str = BASELINE) -> float:
    """The mean over the baseline's finished cells of their last validation metric, in the metric's unit.

    Raises:
        UserError: the baseline has no finished cell with such a value.
    """
    column = _column(comparison)
    cells = comparison.history
    of_baseline = cells[(cells["axis"] == baseline) & (cells["status"] == "ok")]
    last = of_baseline.sort_values("epoch").groupby("id")[column].last() if column in cells else pd.Series(dtype=float)
    last = last[np.isfinite(last)]
    if last.empty:
        raise UserError(
            f"expected finished cells of the baseline, with their {column} by epoch. Received: baseline={baseline!r}"
        )
    return float(last.mean())


@dataclass(frozen=True, kw_only=True, eq=False)
class Times(Table):
    """When cells or strategies reach a target.

    Attributes:
        target: what the metric on the validation examples is to reach.
        baseline: whose mean the target is.
    """

    target: float
    baseline: str


@kept
def times_to_target(comparison: Comparison, *, target: float | None = None, baseline: str = BASELINE) -> Times:
    """One row a cell: when its validation metric first reached the target.

    Args:
        target: what the main metric on the validation examples is to reach; `None` is `target_of`'s.
        baseline: whose mean the target is.

    Returns:
        Columns `axis`, `seed`, `status`, `id`; `epochs` until the target was reached, infinite where it never was or
        the cell did not finish; `seconds` of training until then. `metric` is the validation column.

    Raises:
        UserError: no target was given, and there is no finished cell of the baseline.
    """
    reached = target_of(comparison, baseline=baseline) if target is None else float(target)
    column = _column(comparison)
    _, quantity = comparison.metric()
    epochs = comparison.history.sort_values(["id", "epoch"])
    values = epochs[column].to_numpy(np.float64) if column in epochs else np.full(len(epochs), np.nan)
    # NaN is neither above nor below, and so reaches nothing.
    there = values >= reached if quantity.direction == "max" else values <= reached
    spent = epochs.groupby("id")["seconds"].cumsum() if "seconds" in epochs else pd.Series(np.nan, epochs.index)
    first = epochs.assign(spent=spent)[there].groupby("id")[["epoch", "spent"]].first()
    times = comparison.cells[["axis", "seed", "status", "id"]].reset_index(drop=True)
    finished = (times["status"] == "ok").to_numpy()
    for name, source in (("epochs", "epoch"), ("seconds", "spent")):
        found = times["id"].map(first[source]).to_numpy(np.float64)
        times[name] = np.where(finished & times["id"].isin(first.index), found, np.inf)
    return Times(rows=times, of=comparison, metric=column, quantity=quantity, target=reached, baseline=baseline)


def aggregate_times(times: Times, *, confidence: float = 0.95) -> Times:
    """One row a strategy, the soonest first: how many cells reached the target, and when half of them had.

    Returns:
        Columns `axis`, `cells`, `reached`; `share` of the cells that reached it, with Wilson's interval `low`, `high`;
        `median` and `slow`: epochs by which half and 90 % of all cells had reached it, infinite where fewer ever did;
        `seconds`, the median likewise.
    """
    rows = []
    for strategy, cells in times.rows.groupby("axis", sort=True):
        epochs, seconds = cells["epochs"].to_numpy(np.float64), cells["seconds"].to_numpy(np.float64)
        reached = int(np.isfinite(epochs).sum())
        low, high = proportion_confint(reached, len(cells), alpha=1 - confidence, method="wilson")
        quantiles = [by_share(epochs, 0.5), by_share(epochs, 0.9), by_share(seconds, 0.5)]
        rows.append((strategy, len(cells), reached, reached / len(cells), float(low), float(high), *quantiles))
    columns = ["axis", "cells", "reached", "share", "low", "high", "median", "slow", "seconds"]
    table = pd.DataFrame(rows, columns=columns)
    table = table.sort_values(["median", "share"], ascending=[True, False], kind="stable", ignore_index=True)
    return replace(times, rows=table, confidence=confidence)


def by_share(times: ArrayLike, share: float) -> float:
    """The least time by which `share` of `times` `(cell,)` are over; infinite where fewer ever are."""
    ordered = np.sort(np.asarray(times, np.float64))
    # Rounding must not ask for one cell more: 0.9 * 10 is 9.
    return float(ordered[max(0, math.ceil(round(share * len(ordered), 9)) - 1)]) if len(ordered) else math.nan


@dataclass(frozen=True)
class TimeRatios:
    """Times over the soonest strategy's of the same task and seed, of the strategies that every task has.

    Attributes:
        ratios: strategy -> one array `(seed,)` a task, in the order of `tasks`; infinite where it never arrived.
        tasks: titles of the comparisons.
        left_out: what could not be compared, with the reason.
    """

    ratios: Mapping[str, list[NDArray[np.float64]]]
    tasks: tuple[str, ...]
    left_out: tuple[str, ...]


def time_ratios(times: Sequence[Times]) -> TimeRatios:
    """Dolan & Moré's (2002, section 2) performance ratios r = t / (least t of any strategy), by task and seed.

    A problem is a task under one seed. Only strategies that every task has are compared, on the seeds that all of them
    have; where none of them arrives all ratios are infinite. A task without such a seed is left out.

    Args:
        times: `times_to_target`'s tables, one a task.

    Raises:
        UserError: there is no table, or no strategy that all of them have.
    """
    common = sorted(set.intersection(*(set(one.rows["axis"]) for one in times))) if times else []
    if not common:
        raise UserError(f"expected tasks with a strategy in common. Received: {len(times)} tasks")
    squares = {
        one.of.title: one.rows[one.rows["axis"].isin(common)]
        .pivot(index="seed", columns="axis", values="epochs")
        .dropna()
        for one in times
    }
    ratios = {
        strategy: [_over_soonest(square, strategy) for square in squares.values() if len(square)] for strategy in common
    }
    others = sorted({strategy for one in times for strategy in one.rows["axis"]} - set(common))
    left_out = [f"{title} (no seed that all strategies have)" for title, square in squares.items() if square.empty]
    left_out += [f"{', '.join(others)} (not in every task)"] if others else []
    tasks = tuple(title for title, square in squares.items() if len(square))
    return TimeRatios(ratios, tasks, tuple(left_out))


def _over_soonest(square: pd.DataFrame, strategy: str) -> NDArray[np.float64]:
    """One strategy's times `(seed,)` over the least of `square` `(seed, strategy)`; infinite where it never arrives."""
    times = square[strategy].to_numpy(np.float64)
    soonest = square.min(axis=1).to_numpy(np.float64)
    # Infinite over infinite would be no number.
    return np.where(np.isfinite(times), times / np.where(np.isfinite(soonest), soonest, 1.0), np.inf)


def aggregate_ratios(ratios: TimeRatios) -> pd.DataFrame:
    """One row a strategy, the most often soonest first.

    Returns:
        Columns `axis`, `cells`, `soonest` (share of cells at ratio 1, ties counted for all), `reached` (share of cells
        that arrive), `median` (the ratio within which half of all cells arrive, infinite where fewer ever do).
    """
    rows = []
    for strategy, tasks in ratios.ratios.items():
        pooled = np.concatenate(tasks)
        rows.append((strategy, len(pooled), (pooled == 1).mean(), np.isfinite(pooled).mean(), by_share(pooled, 0.5)))
    table = pd.DataFrame(rows, columns=["axis", "cells", "soonest", "reached", "median"])
    return table.sort_values(["soonest", "reached"], ascending=False, kind="stable", ignore_index=True)


def time_profiles(
    ratios: TimeRatios,
    thresholds: ArrayLike | None = None,
    *,
    seed: int = 0,
    n_resamples: int = 2000,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """The share of each strategy's cells that arrive within each multiple of the soonest strategy's time.

    Dolan & Moré's (2002, equation 2.1) performance profile. At 1 it is how often the strategy is the soonest, ties
    counted for all of them; at the right end, how often it arrives at all.

    Args:
        ratios: of `time_ratios`.
        thresholds: `(threshold,)`, from 1; `None` is a grid up to the largest finite ratio.
        seed: of the bootstrap, which draws seeds anew within each task, the same for every strategy.
        n_resamples: of the bootstrap.
        confidence: of the pointwise intervals.

    Returns:
        Columns `axis`, `threshold`, `share`, `low`, `high`.
    """
    pooled = {strategy: np.concatenate(tasks) for strategy, tasks in ratios.ratios.items()}
    every = np.concatenate(list(pooled.values()))
    most = max(every[np.isfinite(every)], default=1.0)
    grid = np.geomspace(1, max(2.0, most), 81) if thresholds is None else np.asarray(thresholds, np.float64)
    sizes = [len(task) for task in next(iter(ratios.ratios.values()))]
    draws = [derive_rng(seed, "times", k).integers(0, n, (n_resamples, n)) for k, n in enumerate(sizes)]
    parts = []
    for strategy, tasks in ratios.ratios.items():
        drawn = np.concatenate([one[draw] for one, draw in zip(tasks, draws, strict=True)], axis=1)
        shares = np.stack([(drawn <= threshold * (1 + 1e-12)).mean(axis=1) for threshold in grid])
        low, high = np.quantile(shares, [(1 - confidence) / 2, (1 + confidence) / 2], axis=1)
        share = (pooled[strategy][:, None] <= grid * (1 + 1e-12)).mean(axis=0)
        parts.append(pd.DataFrame({"axis": strategy, "threshold": grid, "share": share, "low": low, "high": high}))
    return pd.concat(parts, ignore_index=True)


def _column(comparison: Comparison) -> str:
    """The main metric on the validation examples, by which the test examples are not looked at more than once."""
    _, quantity = comparison.metric()
    return f"validation_{quantity.name}"
