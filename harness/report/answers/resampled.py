"""Do the differences from the baseline hold without a distribution taken for granted, and in spite of bad runs?"""

from __future__ import annotations

from collections.abc import Iterator

from harness.report.answer import Answer, Shown
from harness.report.sheet import Column, Sheet, label_of
from harness.report.text import digits_of_widths, interval_text, p_value, rows_of, strategy_column
from harness.statistics.comparison import Comparison
from harness.statistics.table import Table
from harness.statistics.verdicts import compare_pairs

THOROUGH = True  # thousands of resamples a pair
_ENOUGH = 20  # pairs; with fewer a bootstrap's intervals cover visibly less than they say (docs/statistics.md)


def of_comparison(comparison: Comparison, baseline: str, metric: str | None = None) -> Iterator[Answer]:
    """One answer; none where only the baseline was run."""
    pairs = compare_pairs(comparison, metric, baseline=baseline, resample=True)
    if pairs.rows.empty:
        return
    yield Answer(
        question="Does it hold by resampling?",
        table=Shown("resampled", f"Pairs against {baseline}, by resampling", resampled_sheet(pairs), pairs.rows),
        place=15,
    )


def resampled_sheet(pairs: Table) -> Sheet:
    """`verdicts.compare_pairs`'s table with what takes resampling."""
    rows = pairs.rows
    digits = digits_of_widths(rows["high"] - rows["low"])
    columns = [
        strategy_column(),
        Column("pairs", lambda row: f"{row['pairs']}/{row['seeds']}"),
        Column("difference", lambda row: interval_text(row, "difference", "bca_low", "bca_high", digits, signed=True)),
        Column("median", lambda row: interval_text(row, "median", "median_low", "median_high", digits, signed=True)),
        Column("p (permutation)", lambda row: p_value(row["permutation_p"])),
    ]
    caption = [
        f"Difference of {label_of(pairs.metric)}, paired by seed [{100 * pairs.confidence:g} % BCa bootstrap "
        "interval], and their median [exact interval, from 6 pairs on]: rare bad runs move a mean and hardly a median. "
        "p: signs of the differences flipped, not corrected for the number of comparisons.",
    ]
    if int(rows["pairs"].min()) < _ENOUGH:
        caption.append(
            "From so few pairs a bootstrap's intervals are too narrow (those that say 95 % hold 81 to 85 % with 5 "
            "pairs, 87 to 91 % with 10): the t intervals above cover better."
        )
    return Sheet(f"{pairs.of.title}: by resampling", columns, rows_of(rows), caption)
