"""Does what is better depend on a setting?"""

from __future__ import annotations

from collections.abc import Iterator

from harness.report.answer import Answer, Shown
from harness.report.sheet import MISSING, Column, Sheet, label_of, number
from harness.report.text import (
    counts_text,
    digits_of_intervals,
    digits_of_widths,
    interval_text,
    mark,
    name_all,
    p_value,
    rows_of,
    strategy_column,
    too_few,
)
from harness.statistics.by_value import compare_change
from harness.statistics.caution import BETTER, UNDECIDED, WORSE
from harness.statistics.dials import Dial
from harness.statistics.table import Table

_CHANGES = {BETTER: "gains ground", WORSE: "loses ground", UNDECIDED: "undecided"}


def of_dial(dial: Dial, baseline: str) -> Iterator[Answer]:
    """One answer, of settings but the learning rate; none where the baseline was not run at both ends."""
    if dial.is_learning_rate or dial.whole.metric()[0] not in dial.whole.cells or len(dial.strategies) < 2:
        return
    if any(baseline not in one.strategies for one in (dial.members[0], dial.members[-1])):
        return
    changes = compare_change(dial, baseline=baseline)
    heading = f"Change of the differences from {baseline}"
    yield Answer(
        question=f"Does what is better depend on the {dial.label}?",
        sentence=interaction(dial, changes, baseline),
        table=Shown("change", heading, change_sheet(dial, changes), changes.rows),
        place=10,
    )


def interaction(dial: Dial, table: Table, baseline: str) -> str:
    """Whether differences from the baseline depend on the setting: from `compare_change`."""
    changes = table.rows
    if changes.empty:
        return f"Only {mark(baseline)} was run, so there is nothing to compare it with."
    ends = f"From {dial.label} {dial.labels[0]} to {dial.labels[-1]}"
    metric = label_of(table.metric)
    if few := too_few(int(changes["pairs"].max())):
        return (
            f"{ends}, {few} with all four values to tell whether {metric} changes "
            f"otherwise than that of {mark(baseline)}."
        )
    digits = digits_of_intervals(changes)
    parts = []
    for verdict, does in ((BETTER, "gains ground on"), (WORSE, "loses ground to")):
        for row in rows_of(changes[changes["verdict"] == verdict]):
            by = interval_text(row, "difference", "low", "high", digits)
            parts.append(f"{mark(row['axis'])} {does} {mark(baseline)} ({by})")
    untold = [
        str(strategy) for strategy in changes.loc[(changes["verdict"] == UNDECIDED) & (changes["pairs"] > 0), "axis"]
    ]
    unknown = [str(strategy) for strategy in changes.loc[changes["pairs"] == 0, "axis"]]
    if unknown:
        parts.append(f"no seed has all four values for {name_all(unknown)}")
    if not parts:
        return f"{ends}, no strategy's difference from {mark(baseline)} in {metric} is told to change."
    if untold:
        parts.append(f"no change of the difference is told for {name_all(untold)}")
    return f"{ends}, in {metric}: {'; '.join(parts)}."


def change_sheet(dial: Dial, table: Table) -> Sheet:
    """`statistics.compare_change`'s table: the interaction of strategy and setting."""
    changes = table.rows
    digits = digits_of_widths(changes["high"] - changes["low"])
    baseline = str(changes["baseline"].iloc[0]) if len(changes) else MISSING
    columns = [
        strategy_column(),
        Column("seeds", lambda row: f"{row['pairs']}"),
        Column("change", lambda row: number(row["change"], digits, signed=True)),
        Column(
            f"minus that of {baseline}",
            lambda row: interval_text(row, "difference", "low", "high", digits, signed=True),
        ),
        Column("p", lambda row: p_value(row["p"])),
        Column("verdict", lambda row: _CHANGES[row["verdict"]], numeric=False),
    ]
    metric = label_of(table.metric)
    ends = f"{dial.label} {dial.labels[0]} to {dial.labels[-1]}"
    caption = [
        f"Change of {metric} from {ends}, and how far it differs from that of {baseline} at the same seeds on "
        "these data [95 % t interval]: 0 where the setting does the same to both.",
    ]
    left_out = counts_text(changes, "left_out")
    if left_out:
        caption.append(f"Seeds at which one of the four cells has no value are left out: {left_out}.")
    return Sheet(f"{dial.title}: change of the difference from {baseline}", columns, rows_of(changes), caption)
