"""What `until=decided` finds with how many seeds, and how often it is wrong: the table of docs/statistics.md.

    python -m benchmarks.until [studies] [--write]

1,000 studies (the default) take some minutes on one core and give shares to within 1.4 percentage points.
`--write` puts the table between the markers in docs/statistics.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.page import print_or_write
from harness.seeds import derive_rng
from harness.statistics.caution import BETTER, EQUIVALENT, WORSE
from harness.statistics.sequential import decide, judge

FIRST, STEP, MOST = 5, 5, 60
COMPARISONS = 5


@dataclass(frozen=True)
class Ended:
    """Of simulated studies of one of five strategies: shares of how they ended, and the mean number of seeds."""

    better: float
    equivalent: float
    false: float
    seeds: float
    by_coins: float


def studies_of(shift: float, margin: float, studies: int, *, bad: float = 0.0) -> Ended:
    """Studies of paired differences of deviation 1 around `shift`, looked at after every round.

    Args:
        shift: the true difference but for bad runs.
        margin: in the same unit.
        studies: how many.
        bad: share of runs that are ten deviations worse.
    """
    rng = derive_rng(0, "until", shift, margin, bad)
    true = shift - 10 * bad
    counts, used = np.zeros(4), []
    for _ in range(studies):
        values: NDArray[np.float64] = shift + rng.normal(size=MOST) - 10 * (rng.random(MOST) < bad)
        said = None
        for n in range(FIRST, MOST + 1, STEP):
            scores = dict(enumerate(values[:n]))
            zeros = dict.fromkeys(scores, 0.0)
            said = decide(scores, zeros, direction="max", margin=margin, comparisons=COMPARISONS)
            if said.settled:
                break
        assert said is not None
        wrong = {BETTER: true <= 0, WORSE: true >= 0, EQUIVALENT: abs(true) >= margin - 1e-12}
        scores = dict(enumerate(values[:30]))
        coins = judge(scores, dict.fromkeys(scores, 0.0), direction="max", comparisons=COMPARISONS)
        used.append(n)
        counts += [
            said.verdict == BETTER,
            said.verdict == EQUIVALENT,
            wrong.get(said.verdict, False),
            coins.told_apart,
        ]
    better, equivalent, false, by_coins = (counts / studies).tolist()
    return Ended(better, equivalent, false, float(np.mean(used)), by_coins)


ROWS = {
    "no difference, margin 1": (0.0, 1.0, 0.0),
    "no difference, margin 0.5": (0.0, 0.5, 0.0),
    "0.5, margin 1": (0.5, 1.0, 0.0),
    "0.8, no margin": (0.8, float("nan"), 0.0),
    "1, margin 1: the boundary": (1.0, 1.0, 0.0),
    "1.5, margin 1": (1.5, 1.0, 0.0),
    "1, which a tenth of bad runs undo, margin 1": (1.0, 1.0, 0.1),
    "0, but for a tenth of bad runs, margin 1": (0.0, 1.0, 0.1),
}


def table(studies: int) -> str:
    """The table as Markdown."""
    lines = [
        f"Shares of {studies:,} simulated studies, one of {COMPARISONS} comparisons, in standard deviations of a "
        f"paired difference; at most {MOST} seeds, those of the coins at most 30.",
        "",
        "| true difference | better | equivalent | false | seeds on average | told apart by coins |",
        "| :--- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, (shift, margin, bad) in ROWS.items():
        ended = studies_of(shift, margin, studies, bad=bad)
        shares = [f"{100 * one:.1f} %" for one in (ended.better, ended.equivalent, ended.false)]
        row = [name, *shares, f"{ended.seeds:.1f}", f"{100 * ended.by_coins:.1f} %"]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print_or_write("decided", table, 1000)
