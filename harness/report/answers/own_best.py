"""Which strategy is most accurate at its own best learning rate?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from harness.report.answer import Answer, Shown
from harness.report.sheet import ARROWS, MISSING, Column, Sheet, label_of
from harness.report.text import (
    Row,
    against_all,
    digits_of_intervals,
    digits_of_widths,
    interval_text,
    mark,
    name_all,
    p_value,
    row_of,
    rows_of,
    strategy_column,
)
from harness.statistics.caution import BETTER, EQUIVALENT, UNDECIDED, WORSE
from harness.statistics.dials import Dial
from harness.statistics.own_best import OwnBest, aggregate_own_best, own_best
from harness.statistics.verdicts import compare_all_pairs

_BETTER = {
    BETTER: "is better than",
    WORSE: "is worse than",
    EQUIVALENT: "is equivalent to",
    UNDECIDED: "is not told apart from",
}


def of_dial(dial: Dial, baseline: str) -> Iterator[Answer]:
    """One answer, of learning rates; none where no seed has all of them yet."""
    own = own_best(dial) if dial.is_learning_rate else None
    if own is None:
        return
    table = aggregate_own_best(dial, baseline=baseline)
    yield Answer(
        question="Which is most accurate at its own best rate?",
        sentence=most_accurate(dial, table, compare_all_pairs(own).rows),
        table=Shown("own-best", "Each at its own best rate", own_best_sheet(dial, table), table.rows),
        caution="The choice was made on the seeds that are compared, which flatters every strategy a little.",
        place=10,
    )


def most_accurate(dial: Dial, table: OwnBest, pairs: pd.DataFrame) -> str:
    """Who is best at its own best value: from `aggregate_own_best` and `compare_all_pairs` of `at_own_best`."""
    rows = table.rows
    finished = rows[rows["n"] > 0]
    if finished.empty:
        return f"No strategy finished at any {dial.label}."
    first = row_of(finished, 0)
    metric, digits = label_of(table.metric), digits_of_intervals(finished)
    reached = f"{mark(first['axis'])} has the best mean {metric}, {interval_text(first, 'mean', 'low', 'high', digits)}"
    told = against_all(pairs, first["axis"], _BETTER)
    said = [f"Each at its own best {dial.label}, {reached} at {dial.labels[first['place']]}{told}."]
    left_out = sorted(set(dial.strategies) - set(rows["axis"]))
    if left_out:
        said.append(
            f"Left out, for want of a seed with every {dial.label} or of a cell that survived: {name_all(left_out)}."
        )
    edges = [str(strategy) for strategy in finished.loc[finished["edge"] != "", "axis"]]
    if edges:
        said.append(
            f"The best {dial.label} of {name_all(edges)} is at the end of the grid: a better one may lie beyond."
        )
    return " ".join(said)


def own_best_sheet(dial: Dial, table: OwnBest) -> Sheet:
    """`statistics.aggregate_own_best`'s table: each strategy at its own best value."""
    rows = table.rows
    digits = digits_of_widths(2 * (rows["high"] - rows["low"]))
    common, metric = dial.labels[dial.values.index(table.common)], label_of(table.metric)
    arrow = ARROWS[table.quantity.direction]
    columns = [
        strategy_column(),
        Column(
            f"best {dial.label}", lambda row: dial.labels[row["place"]] + (f" ({row['edge']})" if row["edge"] else "")
        ),
        Column("agreeing", lambda row: f"{row['agreeing']}/{row['seeds']}", rank=3),
        Column("seeds", lambda row: f"{row['n']}/{row['cells']}"),
        Column(f"{metric} {arrow}", lambda row: interval_text(row, "mean", "low", "high", digits)),
    ]
    if "difference" in rows:
        keys = ("difference", "difference_low", "difference_high")
        columns += [
            Column(f"minus {table.baseline}", lambda row: interval_text(row, *keys, digits, signed=True), rank=1),
            Column("p", lambda row: p_value(row["p"]), rank=2),
            Column("verdict", lambda row: _verdict(row, "verdict", {}), numeric=False),
        ]
    columns.append(
        Column(f"at {common}", lambda row: interval_text(row, "common_mean", "common_low", "common_high", digits))
    )
    caption = [
        f"Each strategy at the {dial.label} at which fewest of its seeds diverge and then its mean validation metric "
        "is best; agreeing: choices with one seed left out that are the same; (lowest), (highest): at the end of the "
        f"grid, so that a better value may lie beyond. At the right all strategies at {common}, chosen for all of them "
        "by the same rule. Means over seeds on these data [95 % t interval]. The choice was made on these seeds, which "
        "flatters every strategy a little.",
    ]
    return Sheet(f"{dial.title}: each at its own best", columns, rows_of(rows), caption)


def _verdict(row: Row, key: str, words: Mapping[str, str]) -> str:
    verdict = row[key]
    return MISSING if not isinstance(verdict, str) else words.get(verdict, verdict)
