"""Which strategy diverges, and at which values of a setting?"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from harness.report.answer import Answer, Shown
from harness.report.dial_sheet import wide_sheet
from harness.report.sheet import Sheet, count
from harness.report.text import TURNED, Row, mark, name_all
from harness.statistics.by_value import compare_diverged, divergence_by_value
from harness.statistics.caution import BETTER, WORSE
from harness.statistics.dials import Dial


def of_dial(dial: Dial, baseline: str) -> Iterator[Answer]:
    """One answer."""
    counts = divergence_by_value(dial)
    yield Answer(
        question="Which diverges?",
        sentence=who_diverges(dial, counts, compare_diverged(dial, baseline=baseline), baseline),
        table=Shown("diverged", "Diverged cells", divergence_sheet(dial, counts), counts),
        place=30,
    )


def who_diverges(dial: Dial, divergence: pd.DataFrame, pairs: pd.DataFrame, baseline: str) -> str:
    """Which strategies diverged and where: from `divergence_by_value` and `compare_diverged` against the baseline."""
    lost = divergence[divergence["diverged"] > 0]
    cells = int(divergence["cells"].sum())
    if lost.empty:
        return f"None of {count(cells)} cells diverged."
    parts = []
    for strategy, rows in lost.groupby("axis"):
        where = ", ".join(
            f"{row['diverged']} of {row['cells']} at {dial.labels[row['place']]}" for row in rows.to_dict("records")
        )
        parts.append(f"{mark(str(strategy))} ({where})")
    said = [f"{count(lost['diverged'].sum())} of {count(cells)} cells diverged: {'; '.join(parts)}."]
    told = {
        verdict: [str(strategy) for strategy in pairs.loc[pairs["verdict"] == verdict, "axis"]] for verdict in TURNED
    }
    for verdict, word in ((WORSE, "more"), (BETTER, "fewer")):
        if told[verdict]:
            verb = "diverges" if len(told[verdict]) == 1 else "diverge"
            said.append(f"Seed by seed, {name_all(told[verdict])} {verb} at {word} values than {mark(baseline)}.")
    if len(pairs) and not told[BETTER] and not told[WORSE]:
        said.append(f"No strategy is told to diverge more or less often than {mark(baseline)}.")
    return " ".join(said)


def divergence_sheet(dial: Dial, table: pd.DataFrame) -> Sheet:
    """`statistics.divergence_by_value`'s table as strategies by values: k/n with its Wilson interval."""

    def text(row: Row) -> str:
        interval = f"[{100 * row['low']:.0f}, {100 * row['high']:.0f}]"
        return f"{row['diverged']}/{row['cells']} {interval}" + ("*" if row["failed"] else "")

    caption = [f"Diverged of all cells [95 % Wilson interval, in per cent], by {dial.label}."]
    if table["failed"].any():
        caption.append("* Others of these cells failed (error, timeout, out of memory); they count as not diverged.")
    return wide_sheet(dial, table, text, f"{dial.title}: diverged", caption)
