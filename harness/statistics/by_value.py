"""How does a metric depend on a setting, and does the difference between strategies depend on it?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from harness.statistics.by_seed import by_seed
from harness.statistics.comparison import Comparison
from harness.statistics.dials import Dial
from harness.statistics.divergence import compare_divergence
from harness.statistics.gap import aggregate_gap
from harness.statistics.paired import BASELINE, compare_pairs, compare_series, holm, pairs_of, verdicts
from harness.statistics.summary import aggregate_comparison


def aggregate_by_value(dial: Dial, metric: str | None = None, *, confidence: float = 0.95) -> pd.DataFrame:
    """`aggregate_comparison` at each value of the dial, which the columns `place` and `value` name."""
    return _at_each(dial, lambda one: aggregate_comparison(one, metric, confidence=confidence))


def compare_by_value(
    dial: Dial, metric: str | None = None, *, baseline: str = BASELINE, confidence: float = 0.95
) -> pd.DataFrame:
    """`compare_pairs` at each value of the dial, which the columns `place` and `value` name.

    All rows are one family for Holm's correction: who looks at all of them has so many chances to find something.
    Values without a cell of the baseline are left out.
    """
    members = [one for one in dial.members if baseline in set(one.frame["axis"])]
    table = _at_each(
        Dial(name=dial.name, members=tuple(members)),
        lambda one: compare_pairs(one, metric, baseline=baseline, confidence=confidence, resample=False),
    )
    table["holm_p"] = holm(table["wilcoxon_p"])
    table["verdict"] = verdicts(table["p_better_low"], table["p_better_high"], table["holm_p"])
    return table


def compare_change(
    dial: Dial, metric: str | None = None, *, baseline: str = BASELINE, confidence: float = 0.95
) -> pd.DataFrame:
    """The interaction of strategy and dial: does the difference to the baseline change from one end to the other?

    A seed's change is its metric at the highest value minus that at the lowest. The difference of a strategy's change
    and the baseline's is the change of their difference: 0 where the setting does the same to both. Seeds at which one
    of the four cells has no value are left out and counted, as there is no telling how much a lost cell changes.

    Returns:
        As `compare_series`, whose `difference` is the strategy's change minus the baseline's, in the metric's unit;
        `change`, the strategy's own mean change; `left_out`, seeds without all four values.
    """
    column, measure = dial.whole.measure(metric)
    ends = Dial(name=dial.name, members=(dial.members[0], dial.members[-1]))
    changes = {
        axis: pd.Series(one.values[:, 1] - one.values[:, 0], index=one.seeds).dropna()
        for axis, one in by_seed(ends, column).items()
    }
    seeds = dial.whole.cells.groupby("axis")["seed"].unique()
    pairs = pairs_of(changes, baseline)
    table = compare_series(changes, pairs, direction=measure["direction"], confidence=confidence)
    table.insert(2, "change", [float(changes[axis].mean()) for axis in table["axis"]])
    both = [len(set(seeds[axis]) & set(seeds[baseline])) for axis in table["axis"]]
    table["left_out"] = np.array(both, np.int64) - table["pairs"]
    table.attrs.update(dial.whole.attributes(metric), confidence=confidence)
    return table


def divergence_by_value(dial: Dial, *, confidence: float = 0.95) -> pd.DataFrame:
    """How many of each strategy's cells diverged at each value of the dial.

    Returns:
        Columns `place`, `value`, `axis`, `cells`, `diverged`, `failed`, `rate`, `low`, `high` (Wilson interval).
    """
    table = _at_each(dial, lambda one: compare_divergence(one, confidence=confidence))
    return table[["place", "value", "axis", "cells", "diverged", "failed", "rate", "low", "high"]]


def compare_diverged(dial: Dial, *, baseline: str | None = None, confidence: float = 0.95) -> pd.DataFrame:
    """At how many values of the dial a seed diverged, paired by seed: `beats` is to diverge at fewer values.

    Over the seeds that have a cell at every value. The cells of one seed are not independent of each other, so that
    it is seeds that are compared and not cells.
    """
    counts = diverged_values(dial)
    return compare_series(counts, pairs_of(counts, baseline), direction="min", confidence=confidence)


def diverged_values(dial: Dial) -> dict[str, pd.Series]:
    """Strategy -> the number of the dial's values at which its cell diverged `(seed,)`."""
    marked = [
        Comparison(
            task=one.task,
            data_source=one.data_source,
            architecture=one.architecture,
            settings=one.settings,
            # Every finished cell has this number, so that what is lost is what diverged.
            frame=one.cells.assign(_finished=1.0),
        )
        for one in dial.members
    ]
    counted = by_seed(Dial(name=dial.name, members=tuple(marked)), "_finished")
    return {
        axis: pd.Series(np.isnan(one.values).sum(axis=1).astype(np.float64), index=one.seeds)
        for axis, one in counted.items()
    }


def gap_by_value(dial: Dial, metric: str | None = None, *, confidence: float = 0.95) -> pd.DataFrame:
    """`aggregate_gap` at each value of the dial, which the columns `place` and `value` name."""
    return _at_each(dial, lambda one: aggregate_gap(one, metric, confidence=confidence))


def _at_each(dial: Dial, statistic: Callable[[Comparison], pd.DataFrame]) -> pd.DataFrame:
    """A statistic's tables at all values of the dial, one under the other."""
    parts = [statistic(one).assign(place=place, value=dial.values[place]) for place, one in enumerate(dial.members)]
    attributes = dict(parts[0].attrs) if parts else {}
    for part in parts:
        part.attrs = {}  # pandas compares them when it puts frames together, titles and all
    table = pd.concat(parts, ignore_index=True)
    table = table[["place", "value", *table.columns.difference(["place", "value"], sort=False)]]
    table.attrs = {**attributes, "title": dial.title}
    return table
