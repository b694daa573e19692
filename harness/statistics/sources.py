"""Where does the variance come from? Shares of the split, the initial weights and the order, from crossed seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.records.frames import examples_of
from harness.seeds import SOURCES, derive_rng
from harness.statistics.caution import BASELINE
from harness.statistics.comparison import SOURCE_COLUMNS, Comparison
from harness.statistics.kept import kept
from harness.types import UserError

REST, TEST = "rest", "test examples"
SEEDS = 10  # of the ordinary study that `more` looks at
_DRAWS = 10_000


@dataclass(frozen=True)
class Components:
    """Variance components of a balanced crossed design, the sources' in the order of its axes and the rest's last.

    Attributes:
        variances: of each, by the method of moments, at least 0.
        shares: of their sum.
        low, high: of the shares, the 95 % generalized interval (Weerahandi 1993), which takes them for normal.
    """

    variances: NDArray[np.float64]
    shares: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@kept
def variance_sources(comparison: Comparison, metric: str | None = None, *, baseline: str = BASELINE) -> pd.DataFrame:
    """How much of the variance of each strategy's metric, and of its difference from the baseline, has which source.

    Returns:
        One row an `axis`, `of` (`metric` or `difference`) and `source` (`split`, `init`, `order`, those that vary, and
        `rest`: their interactions; then `test examples`, what of all this their draw alone makes). Columns `sd`,
        `share`, `low`, `high` (of the share); `cells` that it rests on, of `cells_all`; and `sd_total` of one seed that
        draws all, with the SD of a mean over `SEEDS` such seeds `now`, with `twice_seeds`, `twice_test` and
        `both_parts` (validation and test examples together). No row where no seeds were taken apart, or fewer than two
        levels are complete.
    """
    column, quantity = comparison.metric(metric)
    if comparison.crossed is None or column not in comparison.crossed:
        return pd.DataFrame()
    crossed = comparison.crossed
    factors = [name for name in SOURCE_COLUMNS if crossed[name].nunique() > 1]
    whole = crossed[(crossed["status"] == "ok") & np.isfinite(crossed[column].astype(np.float64))]
    examples = {}
    if comparison.traces and column == f"test_{quantity.name}" and quantity.name in ("accuracy", "overall_accuracy"):
        examples = examples_of(comparison.traces.records)
    sizes = [float(whole[f"{part}_examples"].astype(np.float64).min()) for part in ("test", "validation")]
    rows: list[dict[str, object]] = []
    for strategy in comparison.strategies:
        for of in ("metric", "difference"):
            if of == "difference" and (strategy == baseline or baseline not in comparison.strategies):
                continue
            mine = whole[whole["axis"] == strategy].set_index(factors)
            pairs = mine[[column, "id"]].assign(value=mine[column].astype(np.float64))
            if of == "difference":
                other = whole[whole["axis"] == baseline].set_index(factors)[[column, "id"]]
                pairs = pairs.join(other.add_suffix("_other"), how="inner")
                pairs["value"] = pairs[column] - pairs[f"{column}_other"]
            pairs = _complete(pairs, factors)
            if pairs.empty:
                continue
            table = (
                pairs["value"]
                .to_numpy(np.float64)
                .reshape([pairs.index.get_level_values(f).nunique() for f in factors])
            )
            found = components(table)
            noise = _test_noise(pairs, examples, of)
            total = float(found.variances.sum())
            names = [SOURCES[SOURCE_COLUMNS.index(name)] for name in factors]
            more: dict[str, object] = {"cells": len(pairs), "cells_all": len(crossed[crossed["axis"] == strategy])}
            more |= {"sd_total": math.sqrt(total), **what_more_buys(total, noise, *sizes)}
            for place, name in enumerate([*names, REST]):
                shares: dict[str, object] = {key: float(getattr(found, key)[place]) for key in ("low", "high")}
                sd = math.sqrt(found.variances[place])
                rows.append(
                    {"axis": strategy, "of": of, "source": name, "sd": sd, "share": float(found.shares[place])}
                    | shares
                    | more
                )
            share = noise / total if total > 0 else math.nan
            rows.append(
                {"axis": strategy, "of": of, "source": TEST, "sd": math.sqrt(noise), "share": share}
                | {"low": math.nan, "high": math.nan}
                | more
            )
    return pd.DataFrame(rows)


def components(table: NDArray[np.float64]) -> Components:
    """Components of one value a cell `(level of the first source, of the second, ...)`; interactions are the rest.

    Raises:
        UserError: a source has fewer than two levels, or there is only one.
    """
    if table.ndim < 2 or min(table.shape) < 2:
        raise UserError(f"expected two sources or more with two levels each. Received: {table.shape}")
    centred = table - table.mean()
    levels, total = np.array(table.shape), table.size
    means = [centred.mean(axis=tuple(j for j in range(table.ndim) if j != i)) for i in range(table.ndim)]
    squares = np.array([total / len(mean) * float((mean**2).sum()) for mean in means])
    freedom = levels - 1
    rest_freedom = total - 1 - int(freedom.sum())
    rest = max(0.0, float((centred**2).sum()) - float(squares.sum()))
    repeats = total / levels  # cells at one level of a source
    mean_rest = rest / rest_freedom
    variances = np.append(np.maximum(0.0, (squares / freedom - mean_rest) / repeats), mean_rest)
    rng = derive_rng(0, "components", *table.shape)
    drawn_rest = rest / rng.chisquare(rest_freedom, _DRAWS)
    drawn = np.maximum(0.0, (squares / rng.chisquare(freedom, (_DRAWS, len(levels))) - drawn_rest[:, None]) / repeats)
    drawn = np.column_stack([drawn, drawn_rest])
    if not variances.sum() > 0:
        nothing = np.full(len(variances), math.nan)
        return Components(variances, nothing, nothing, nothing)
    low, high = np.percentile(drawn / drawn.sum(axis=1, keepdims=True), [2.5, 97.5], axis=0)
    return Components(variances, variances / variances.sum(), low, high)


def what_more_buys(
    total: float, noise: float, test: float, validation: float, *, seeds: int = SEEDS
) -> dict[str, float]:
    """The SD of a mean over `seeds` seeds as it is, and with more seeds or test examples.

    `total` is the variance from seed to seed, and `noise` what of it the draw of `test` examples makes.
    """
    noise = min(noise, total) if noise == noise else noise
    both = noise * (1 - test / (test + validation))
    variances = {"now": total, "twice_seeds": total / 2, "twice_test": total - noise / 2, "both_parts": total - both}
    return {key: math.sqrt(value / seeds) for key, value in variances.items()}


def _complete(pairs: pd.DataFrame, factors: Sequence[str]) -> pd.DataFrame:
    """The largest part that is crossed in full: levels with the most gaps are left out one after another."""
    index = pairs.index
    if len(factors) < 2 or not len(index):
        return pairs.iloc[:0]
    there = set(index)
    levels = [sorted(set(index.get_level_values(name))) for name in factors]
    while all(len(one) > 1 for one in levels):
        missing = [cell for cell in product(*levels) if cell not in there]
        if not missing:
            return pairs.loc[list(product(*levels))]
        gaps = {
            (place, level): sum(cell[place] == level for cell in missing) * len(one)
            for place, one in enumerate(levels)
            for level in one
        }
        place, level = max(gaps, key=lambda key: (gaps[key], -key[0], key[1]))
        levels[place].remove(level)
    return pairs.iloc[:0]


def _test_noise(pairs: pd.DataFrame, examples: dict[str, NDArray[np.float64]], of: str) -> float:
    """Variance that the draw of the test examples gives an accuracy, or a difference of two on the same examples."""
    keys = ["id", "id_other"] if of == "difference" else ["id"]
    found = []
    for ids in pairs[keys].itertuples(index=False, name=None):
        values = [examples.get(one) for one in ids]
        if any(one is None for one in values) or len({len(one) for one in values if one is not None}) > 1:
            return math.nan
        mine = np.asarray(values[0]) - (np.asarray(values[1]) if len(values) > 1 else 0.0)
        found.append(float(mine.var(ddof=1)) / len(mine) if len(mine) > 1 else math.nan)
    return float(np.mean(found))
