"""How often intervals of a mean difference hold for new data: a table of docs/statistics.md.

    python -m benchmarks.new_data [studies] [--write]

2,000 studies (the default) take seconds. `--write` puts the table between the markers in docs/statistics.md.
"""

from __future__ import annotations

import numpy as np

from benchmarks.page import print_or_write
from harness.seeds import derive_rng
from harness.statistics.new_data import fixed_interval, resplit_interval
from harness.statistics.summary import mean_interval

SIZES = (10, 30, 100)
TRAIN, TEST = 4000, 500  # of the embedded digits


def pool_coverage(correlation: float, n: int, studies: int) -> tuple[float, float]:
    """Share of studies whose t interval, and whose corrected one, hold 0: seeds of one pool share a deviation."""
    rng = derive_rng(0, "pool", str(correlation), n)
    shared = rng.normal(0, np.sqrt(correlation), (studies, 1))
    values = shared + rng.normal(0, np.sqrt(1 - correlation), (studies, n))
    plain = [mean_interval(row) for row in values]
    wider = [resplit_interval(row, train=TRAIN, test=TEST) for row in values]
    return _share([(one.low, one.high) for one in plain]), _share(wider)


def fixed_coverage(n: int, studies: int, *, tested: int = TEST) -> tuple[float, float]:
    """The same for one test set, whose examples differ by 0.1, seeds by 0.01 and the two together by 0.2."""
    rng = derive_rng(0, "fixed", n)
    plain, crossed = [], []
    for _ in range(studies):
        table = rng.normal(0, 0.01, (n, 1)) + rng.normal(0, 0.1, tested) + rng.normal(0, 0.2, (n, tested))
        interval = mean_interval(table.mean(axis=1))
        plain.append((interval.low, interval.high))
        crossed.append(fixed_interval(table))
    return _share(plain), _share(crossed)


def _share(intervals: list[tuple[float, float]]) -> float:
    return float(np.mean([low <= 0 <= high for low, high in intervals]))


def table(studies: int) -> str:
    """The table in Markdown."""
    lines = [
        f"**95 % intervals that hold the mean over new data ({TRAIN:,} training and {TEST} test examples)**",
        "",
        f"| | {' | '.join(f'{n} seeds' for n in SIZES)} |",
        "| :--- | ---: | ---: | ---: |",
    ]
    for correlation in (0.0, 0.05, TEST / (TEST + TRAIN), 0.2):
        found = [pool_coverage(correlation, n, studies) for n in SIZES]
        for place, name in enumerate(("t", "Nadeau & Bengio")):
            shares = " | ".join(f"{100 * one[place]:.1f} %" for one in found)
            lines.append(f"| resplit, correlation {correlation:.2f}, {name} | {shares} |")
    found = [fixed_coverage(n, max(1, studies // 2)) for n in SIZES]
    for place, name in enumerate(("t", "seeds and examples crossed")):
        lines.append(f"| one test set, {name} | {' | '.join(f'{100 * one[place]:.1f} %' for one in found)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print_or_write("new data", table, 2000)
