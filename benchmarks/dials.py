"""How often answers over a grid of learning rates are wrong where all strategies are the same, for docs/statistics.md.

    python -m benchmarks.dials [studies] [--write]

1,000 studies (the default) take about ten minutes on one core and give shares to within 1.4 percentage points.
`--write` puts the tables between the markers in docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from benchmarks.page import print_or_write
from harness.seeds import derive_rng
from harness.statistics.caution import ALPHA
from harness.statistics.family import judge_family
from harness.statistics.own_best import best_value
from harness.statistics.ranges import decades, usable
from harness.statistics.sensitivity import rate_sensitivity
from harness.statistics.summary import mean_interval

Array = NDArray[np.float64]
STRATEGIES, RATES = 5, np.logspace(-4, -1, 7)
SIZES = (5, 10, 20, 30)
# What accuracies look like over rates: the mean at each, and the chance to diverge there.
SHAPES: dict[str, tuple[Array, Array]] = {
    "all rates the same": (np.full(7, 0.95), np.zeros(7)),
    "one rate best": (0.95 - 0.06 * np.linspace(-1.6, 1.4, 7) ** 2, np.zeros(7)),
    "high rates diverge": (0.95 - 0.06 * np.linspace(-1.6, 1.4, 7) ** 2, np.array([0, 0, 0, 0, 0, 0.2, 0.6])),
}
_INITIAL = 2.3


def draw_study(shape: str, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Accuracies on validation and on test data `(seed, strategy, rate)` of equal strategies; NaN diverged.

    A third of the variance is shared by a seed's cells, a third by the two accuracies of a cell, a third is their own.
    """
    mean, lost = SHAPES[shape]
    size = (n, STRATEGIES, len(RATES))
    spread = 0.01 / np.sqrt(3)
    cell = mean + spread * (rng.normal(size=(n, 1, 1)) + rng.normal(size=size))
    diverged = rng.random(size) < lost
    validation, test = (np.where(diverged, np.nan, cell + spread * rng.normal(size=size)) for _ in range(2))
    return validation, test


def at_own_best(validation: Array, test: Array, *, leave_out: bool = False) -> tuple[Array, Array]:
    """The test accuracy `(seed, strategy)` at each strategy's best rate, and which rate that is.

    The rate is chosen from the mean over all seeds, or, with `leave_out`, for each seed from the others.
    """
    n, strategies, _ = validation.shape
    if leave_out:
        rows = [[best_value(np.delete(validation[:, k], seed, axis=0)) for k in range(strategies)] for seed in range(n)]
        place = np.array(rows)
    else:
        place = np.tile([best_value(validation[:, k]) for k in range(strategies)], (n, 1))
    return np.take_along_axis(test, place[..., None], axis=2)[..., 0], place


def usable_of(validation: Array, test: Array) -> Array:
    """Decades of usable rates `(seed, strategy)`."""
    best = np.where(np.isfinite(validation), validation, -np.inf).max(axis=2)
    found = [usable(validation[:, k], best[:, k]) @ decades(RATES) for k in range(STRATEGIES)]
    return np.stack(found, axis=1)


def sensitivity_of(validation: Array, test: Array) -> Array:
    """Minus the sensitivity `(seed, strategy)`, so that higher is better; the loss is the share of wrong answers."""
    initial = np.full(len(validation), _INITIAL)
    found = [rate_sensitivity(_INITIAL * (1 - validation[:, k]), initial) for k in range(STRATEGIES)]
    return -np.stack(found, axis=1)


def diverged_of(validation: Array, test: Array) -> Array:
    """Minus the number of rates at which a cell diverged `(seed, strategy)`."""
    return np.asarray(-np.isnan(validation).sum(axis=2), np.float64)


def claims_anything(scores: Array, pairs: list[tuple[int, int]]) -> NDArray[np.bool_]:
    """Whether any of the pairs of strategies is told apart, by study.

    Args:
        scores: `(study, seed, strategy)`, higher is better.
        pairs: which strategies are compared, one family.
    """
    margins = np.full(len(pairs), np.nan)
    told = [(judge_family(one, pairs, margins, alpha=ALPHA, seed=n).p < ALPHA).any() for n, one in enumerate(scores)]
    return np.array(told)


ALL_PAIRS = list(combinations(range(STRATEGIES), 2))
AGAINST_FIRST = [(one, 0) for one in range(1, STRATEGIES)]
MEASURES: dict[str, tuple[Callable[[Array, Array], Array], list[tuple[int, int]]]] = {
    "most accurate at its own best rate": (lambda v, t: at_own_best(v, t)[0], ALL_PAIRS),
    "the same, each seed's rate chosen from the others": (
        lambda v, t: at_own_best(v, t, leave_out=True)[0],
        ALL_PAIRS,
    ),
    "widest range of usable rates": (usable_of, ALL_PAIRS),
    "least sensitive, against the baseline": (sensitivity_of, AGAINST_FIRST),
    "diverges, against the baseline": (diverged_of, AGAINST_FIRST),
}


def claims(measure: str, shape: str, n: int, studies: int) -> float:
    """Share of studies of equal strategies in which a measure tells any two apart: each such claim is false."""
    rng = derive_rng(0, "dials", shape, n)
    scores, pairs = MEASURES[measure]
    return float(claims_anything(np.array([scores(*draw_study(shape, n, rng)) for _ in range(studies)]), pairs).mean())


def flattery(shape: str, n: int, studies: int, *, leave_out: bool = False) -> float:
    """How far the mean at the chosen rate exceeds the true mean of that rate, in standard deviations of a cell."""
    rng = derive_rng(0, "flattery", shape, n)
    mean = SHAPES[shape][0]
    excess = []
    for _ in range(studies):
        reached, place = at_own_best(*draw_study(shape, n, rng), leave_out=leave_out)
        excess.append(mean_interval(reached[:, 0] - mean[place[:, 0]]).estimate)
    return float(np.nanmean(excess) / 0.01)


def tables(studies: int) -> str:
    """All tables as Markdown."""
    header = "| | " + " | ".join(f"{n} seeds" for n in SIZES) + " |\n| :--- |" + " ---: |" * len(SIZES)
    error = 196 * (0.05 * 0.95 / studies) ** 0.5
    lines = [
        f"Shares of {studies:,} simulated studies of {STRATEGIES} equal strategies, to within {error:.1f} points.",
        "",
    ]

    def add(title: str, values: Mapping[str, Callable[[int], float]], say: Callable[[float], str]) -> None:
        lines.extend([f"**{title}**", "", header])
        lines.extend(f"| {name} | " + " | ".join(say(of(n)) for n in SIZES) + " |" for name, of in values.items())
        lines.append("")

    for shape in SHAPES:
        rows = {
            measure: partial(claims, measure, shape, studies=studies)
            for measure in MEASURES
            if shape == "high rates diverge" or not measure.startswith("diverges")
        }
        add(f"A/A, {shape}: studies with any claim (each is false)", rows, lambda share: f"{100 * share:.1f} %")
    add(
        "By how much the choice of the rate flatters a mean, in standard deviations over seeds",
        {
            f"{shape}{', chosen from the other seeds' if leave_out else ''}": partial(
                flattery, shape, studies=studies, leave_out=leave_out
            )
            for shape in SHAPES
            for leave_out in (False, True)
        },
        lambda size: f"{size:+.2f}",
    )
    return "\n".join(lines).rstrip()


if __name__ == "__main__":
    print_or_write("dials", tables, 1000)
