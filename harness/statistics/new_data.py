"""What does a mean difference hold for: these seeds on this data, or new data of this kind?"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from harness.records.frames import examples_of
from harness.statistics.caution import BASELINE
from harness.statistics.comparison import Comparison
from harness.statistics.kept import kept
from harness.statistics.summary import mean_interval
from harness.statistics.table import cut_to_span
from harness.types import UserError

# Metrics whose mean over examples, or its root, the values of single examples make up.
_OF_EXAMPLES = ("accuracy", "overall_accuracy", "mae", "rmse")


@kept
def new_data_intervals(
    comparison: Comparison, metric: str | None = None, *, baseline: str = BASELINE, confidence: float = 0.95
) -> pd.DataFrame:
    """Each strategy's mean difference from the baseline, with its interval for this data and for new data.

    Returns:
        Columns `axis`, `n` (pairs), `difference` (of the metric as it is), `low`, `high` (for these seeds on this
        data), `new_low`, `new_high` (for new data of this kind; NaN where nothing tells), `new_kind` (`resplit`: seeds
        split one pool; `fixed`: one test set; `new`: each seed has data of its own; `unknown`: the records do not
        say), `n_train`, `n_test`. What the draw of the test examples makes, NaN where no record says how single ones
        came out: `test_share`, of the variance of the mean for new examples (`fixed`) or of a difference from seed to
        seed (`resplit`); `floor`, which the standard error for new examples stays above however many seeds there are
        (`fixed`).

    Raises:
        UserError: there is no such metric or baseline.
    """
    column, quantity = comparison.metric(metric)
    if baseline not in comparison.strategies:
        raise UserError(
            f"expected a baseline among the strategies {comparison.strategies}. Received: baseline={baseline!r}"
        )
    cells = comparison.cells[comparison.cells["status"] == "ok"]
    cells = cells if column in cells else cells.assign(**{column: math.nan})  # all diverged
    part = "validation" if column.startswith("validation_") else "test"
    train, test = (_size(cells, f"{name}_examples") for name in ("training", part))
    kind = kind_of(cells) if part == "test" else "resplit"
    examples = {}
    if (
        kind in ("fixed", "resplit")
        and column == f"test_{quantity.name}"
        and quantity.name in _OF_EXAMPLES
        and comparison.traces
    ):
        examples = examples_of(comparison.traces.records)
    rows = []
    for strategy in comparison.strategies:
        if strategy == baseline:
            continue
        mine, theirs = (cells[cells["axis"] == axis].set_index("seed") for axis in (strategy, baseline))
        both = mine[[column, "id"]].join(theirs[[column, "id"]].add_suffix("_other"), how="inner").dropna()
        differences = (both[column] - both[f"{column}_other"]).to_numpy(np.float64)
        plain = mean_interval(differences, confidence=confidence)
        table = _table(both, examples, quantity.name)
        low, high = _for_new_data(differences, kind, train, test, table, confidence=confidence)
        share, floor = _of_test_examples(kind, table)
        rows.append(
            {
                "axis": strategy,
                "n": len(both),
                "difference": plain.estimate,
                "low": plain.low,
                "high": plain.high,
                "new_low": low,
                "new_high": high,
                "new_kind": kind,
                "n_train": train,
                "n_test": test,
                "test_share": share,
                "floor": floor,
            }
        )
    return cut_to_span(pd.DataFrame(rows), quantity)


def kind_of(cells: pd.DataFrame) -> str:
    """How the seeds of cells came by their test examples: `resplit`, `fixed`, `new` or `unknown`."""
    seeds = cells["seed"].nunique()
    if seeds > 1 and cells.groupby("seed")["data_digest"].first().nunique() == seeds:
        return "new"
    tests = cells["test_digest"] if cells["test_digest"].notna().all() else cells["split_hash"]
    if seeds < 2 or tests.isna().any():
        return "unknown"
    return "fixed" if tests.nunique() == 1 else "resplit"


def resplit_interval(
    differences: NDArray[np.float64], *, train: float, test: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Nadeau & Bengio's (2003) interval of a mean over splits of one pool: sd^2 (1/n + test/train), t with n - 1."""
    n = len(differences)
    if n < 2 or not train > 0 or not test > 0:
        return math.nan, math.nan
    return _around(differences, differences.var(ddof=1) * (1 / n + test / train), n - 1, confidence)


def fixed_interval(table: NDArray[np.float64], *, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a mean of differences `(seed, example)` of one test set, for new seeds and new examples.

    Seeds and examples are crossed: sd^2 / n, plus the examples' own variance over their number. That variance is the
    one of the examples' means over seeds, less the n-th part of the interaction that is in it. Degrees of freedom by
    Satterthwaite.
    """
    n, count = table.shape
    if n < 2 or count < 2:
        return math.nan, math.nan
    of_seeds, of_examples = fixed_parts(table)
    total = of_seeds + of_examples
    if total == 0:
        return math.nan, math.nan
    freedom = total**2 / (of_seeds**2 / (n - 1) + of_examples**2 / (count - 1))
    return _around(table.mean(axis=1), total, freedom, confidence)


def fixed_parts(table: NDArray[np.float64]) -> tuple[float, float]:
    """The variance of a mean of differences `(seed, example)` that the seeds make, and that the examples make."""
    n, count = table.shape
    by_seed, by_example = table.mean(axis=1), table.mean(axis=0)
    rest = table - by_seed[:, None] - by_example + table.mean()
    interaction = float((rest**2).sum() / ((n - 1) * (count - 1)))
    of_seeds = float(by_seed.var(ddof=1)) / n
    return of_seeds, max(0.0, float(by_example.var(ddof=1)) - interaction / n) / count


def _of_test_examples(kind: str, table: NDArray[np.float64] | None) -> tuple[float, float]:
    """`test_share` and `floor` of `new_data_intervals`, from differences `(seed, example)`."""
    if table is None or min(table.shape) < 2:
        return math.nan, math.nan
    if kind == "fixed":
        of_seeds, of_examples = fixed_parts(table)
        total, floor = of_seeds + of_examples, math.sqrt(of_examples)
    else:
        of_examples = float(table.var(axis=1, ddof=1).mean()) / table.shape[1]
        total, floor = float(table.mean(axis=1).var(ddof=1)), math.nan
    return min(1.0, of_examples / total) if total > 0 else math.nan, floor


def _for_new_data(
    differences: NDArray[np.float64],
    kind: str,
    train: float,
    test: float,
    table: NDArray[np.float64] | None,
    *,
    confidence: float,
) -> tuple[float, float]:
    if kind == "new":
        plain = mean_interval(differences, confidence=confidence)
        return plain.low, plain.high
    if kind == "resplit":
        return resplit_interval(differences, train=train, test=test, confidence=confidence)
    if kind == "fixed" and table is not None:
        return fixed_interval(table, confidence=confidence)
    return math.nan, math.nan


def _around(values: NDArray[np.float64], variance: float, freedom: float, confidence: float) -> tuple[float, float]:
    half = float(special.stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(variance)
    return float(values.mean()) - half, float(values.mean()) + half


def _size(cells: pd.DataFrame, column: str) -> float:
    """The least number of examples that a cell had."""
    return float(cells[column].astype(np.float64).min()) if len(cells) else math.nan


def _table(both: pd.DataFrame, examples: dict[str, NDArray[np.float64]], name: str) -> NDArray[np.float64] | None:
    """What each example adds to each pair's difference `(seed, example)`; None where a cell does not say."""
    ids = [*both["id"], *both["id_other"]]
    if not ids or not all(one in examples for one in ids) or len({len(examples[one]) for one in ids}) > 1:
        return None
    mine, theirs = (np.array([_share(examples[one], name) for one in both[key]]) for key in ("id", "id_other"))
    return np.asarray(mine - theirs, np.float64)


def _share(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Values whose mean is the metric and whose spread is that of its linearization (a root's: the delta method)."""
    if name != "rmse":
        return values
    squares = values**2
    root = math.sqrt(squares.mean())
    return np.asarray(root + (squares - squares.mean()) / (2 * root) if root > 0 else squares)
