"""What holds for several families at once: a page of comparisons is a family too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.statistics.caution import ALPHA, BETTER, EQUIVALENT, WORSE
from harness.statistics.table import Table


@dataclass(frozen=True)
class Claim:
    """A verdict that is not `undecided`.

    Attributes:
        of: the title of the comparison.
        strategy, baseline, verdict: what is said of whom.
        holds: whether it holds together with the claims of all other families.
    """

    of: str
    strategy: str
    baseline: str
    verdict: str
    holds: bool


def claims_of(families: Sequence[Table]) -> list[Claim]:
    """The claims of several families (`verdicts.compare_pairs`), and which of them hold for all at once.

    Each family's p-values are corrected over that family. Multiplied by the number of families (Bonferroni), what is
    below the level is wrong anywhere in at most that share of pages, whatever the families have in common.
    """
    judged = [table for table in families if len(table.rows)]
    return [
        Claim(
            table.of.title,
            str(row["axis"]),
            str(row["baseline"]),
            str(row["verdict"]),
            bool(row["equivalence_p" if row["verdict"] == EQUIVALENT else "p"] * len(judged) < ALPHA),
        )
        for table in judged
        for row in table.rows.to_dict("records")
        if row["verdict"] in (BETTER, WORSE, EQUIVALENT)
    ]
