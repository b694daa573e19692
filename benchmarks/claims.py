"""What verdicts claim in simulated studies, how often wrongly, and what they find: the tables of docs/statistics.md.

    python -m benchmarks.claims [studies] [--write]

400 studies (the default) take about an hour on one slow core and give shares of 5 % to within two percentage points.
`--write` puts the tables between the markers in docs/statistics.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.coverage import SHAPES, Array
from benchmarks.page import print_or_write
from harness.seeds import derive_rng
from harness.statistics.caution import ALPHA, BETTER, EQUIVALENT, WORSE, verdict_power
from harness.statistics.difference import win_interval
from harness.statistics.family import holm
from harness.statistics.verdicts import compare_series


@dataclass(frozen=True)
class Claims:
    """Of simulated studies, the share in which ...

    Attributes:
        false: any claim is wrong: a difference where there is none or of the wrong sign, equivalence where the true
            difference is as large as the margin.
        found: the first strategy is told apart, in the right direction.
        equivalent: the first strategy is called equivalent.
        beyond: a difference is said to be larger than the margin, or within it, and is not.
    """

    false: float
    found: float
    equivalent: float
    beyond: float


@cache
def claims(
    shape: str,
    n: int,
    studies: int,
    *,
    effects: tuple[float, ...] = (0.0,) * 4,
    margin: float = math.nan,
    draw: Callable[[np.random.Generator, tuple[int, ...]], Array] | None = None,
) -> Claims:
    """What verdicts claim in studies of some strategies against a baseline, all of one distribution but for a shift.

    Args:
        shape: of `SHAPES`; `draw` instead where given, which is then only called so.
        effects: true paired differences of the strategies from the baseline, in standard deviations of a difference.
        margin: in the same unit; NaN: nothing is called equivalent.
    """
    rng = derive_rng(0, "claims", shape, n, len(effects))
    draw, unit = (SHAPES[shape][0], math.sqrt(2) * SHAPES[shape][2]) if draw is None else (draw, 1.0)
    true = np.array(effects)
    names = ["baseline", *(f"s{place}" for place in range(len(effects)))]
    pairs = [(name, "baseline") for name in names[1:]]
    counts = np.zeros(4)
    for study in range(studies):
        scores = draw(rng, (len(names), n))
        scores[1:] += unit * true[:, None]
        values = {name: pd.Series(row) for name, row in zip(names, scores, strict=True)}
        said = compare_series(values, pairs, direction="max", margin=unit * margin, seed=study)
        verdict, size = said["verdict"].to_numpy(), said["size"].to_numpy()
        wrong = ((verdict == BETTER) & (true <= 0)) | ((verdict == WORSE) & (true >= 0))
        wrong |= (verdict == EQUIVALENT) & (np.abs(true) >= margin)
        missized = ((size == "beyond") & (np.abs(true) <= margin)) | ((size == "within") & (np.abs(true) >= margin))
        counts += [wrong.any(), verdict[0] == BETTER, verdict[0] == EQUIVALENT, (missized & ~wrong).any()]
    return Claims(*(counts / studies).tolist())


def holm_claims(n: int, studies: int, effects: Sequence[float]) -> tuple[float, float]:
    """Share of studies of normal values that find the first strategy by paired t tests with Holm's correction, and by
    the rule of this project's first verdicts: Wilcoxon's test, Holm, and P(A > B) beyond 3/4 not excluded."""
    rng = derive_rng(0, "holm", n)
    differences = rng.normal(size=(studies, len(effects), n)) / math.sqrt(2) + rng.normal(size=(studies, 1, n)) / (
        math.sqrt(2)
    )
    differences += np.array(effects)[:, None]
    t = holm(stats.ttest_1samp(differences, 0, axis=-1).pvalue)[:, 0] < ALPHA
    wins = (differences[:, 0] > 0).sum(axis=-1)
    bounds = np.array([win_interval(float(count), n) for count in range(n + 1)])[wins]
    p = np.reshape(stats.wilcoxon(differences.reshape(-1, n), axis=-1).pvalue, differences.shape[:2])
    old = (holm(p)[:, 0] < ALPHA) & (bounds[:, 0] > 0.5) & (bounds[:, 1] > 0.75)
    return float(t.mean()), float(old.mean())


def of_500(rng: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Accuracies on 500 test examples, 95 % right: how hard they are is a seed's own and shared by strategies."""
    shared = rng.beta(950, 50, size[1:])
    return np.asarray(rng.binomial(500, np.broadcast_to(shared, size)) / 500)


def of_20(rng: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Accuracies on 20 test examples, most of them tied."""
    return np.asarray(rng.binomial(20, 0.95, size) / 20)


def with_lost(rng: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Normal values, a fifth of the cells diverged."""
    return np.where(rng.random(size) < 0.2, np.nan, rng.normal(size=size))


def with_bad_runs(rng: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Normal values, a tenth of the runs ten standard deviations worse."""
    return np.asarray(rng.normal(size=size) - 10.0 * (rng.random(size) < 0.1))


DRAWS = {
    "accuracies k/500": of_500,
    "accuracies k/20, mostly tied": of_20,
    "a fifth of the cells diverged": with_lost,
    "a tenth of the runs bad": with_bad_runs,
}


def one_with_bad_runs(rng: np.random.Generator, size: tuple[int, ...]) -> Array:
    """The first strategy has a tenth of bad runs, which makes its mean worse by 1."""
    scores = rng.normal(size=size)
    scores[1] += -10.0 * (rng.random(size[1]) < 0.1)
    return scores


def tables(studies: int) -> str:
    """All tables as Markdown."""
    sizes = (5, 10, 20, 30, 100)
    head = "| | " + " | ".join(f"{n} seeds" for n in sizes) + " |\n| :--- |" + " ---: |" * len(sizes)
    equal, boundary = (0.0,) * 4, (0.5, -0.5, 0.5, 0.5)

    def row(name: str, found: Sequence[float]) -> str:
        return f"| {name} | " + " | ".join(f"{100 * share:.1f} %" for share in found) + " |"

    lines = [
        f"Shares of {studies:,} simulated studies, to within {196 * (0.05 * 0.95 / studies) ** 0.5:.1f} points.",
        "",
    ]
    lines += ["**Four strategies and a baseline, all equal: studies with any false claim (margin: half a deviation)**"]
    lines += ["", head]
    lines += [row(name, [claims(name, n, studies, margin=0.5).false for n in sizes]) for name in SHAPES]
    lines += [row(name, [claims(name, n, studies, draw=draw).false for n in sizes]) for name, draw in DRAWS.items()]
    title = "True differences of exactly the margin, or of that and of none: studies with any false claim"
    lines += ["", f"**{title}**", "", head]
    for name in SHAPES:
        lines += [
            row(f"{name}, {said}", [claims(name, n, studies, effects=e, margin=0.5).false for n in sizes])
            for said, e in (("all at the margin", boundary), ("two at it, two equal", (0.5, -0.5, 0.0, 0.0)))
        ]
    lines += ["", "**The same studies: a size said wrongly, and nothing else wrong**", "", head]
    lines += [row("normal", [claims("normal", n, studies, effects=boundary, margin=0.5).beyond for n in sizes])]
    lines += ["", "**Equal strategies: studies that call the first of four equivalent, by the margin**", "", head]
    lines += [
        row(f"{m:g} deviations", [claims("normal", n, studies, effects=equal, margin=m).equivalent for n in sizes])
        for m in (0.25, 0.5, 1.0)
    ]
    bad = [
        claims("bad runs", n, studies, draw=one_with_bad_runs, effects=(0.0,), margin=0.999).equivalent for n in sizes
    ]
    title = "A tenth of bad runs makes a strategy worse by the margin: studies that call it equivalent, which is false"
    lines += ["", f"**{title}**", "", head, row("normal otherwise", bad)]
    lines += [
        "",
        "**One of four strategies is better: studies that find it**",
        "",
        "| seeds | d_z | verdict | paired t tests, Holm | Wilcoxon, Holm and P(A > B) | promised by `power` |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for n, d_z in ((10, 1.0), (20, 0.8), (30, 0.5), (100, 0.3)):
        effects = (d_z, 0.0, 0.0, 0.0)
        t, old = holm_claims(n, 10 * studies, effects)
        found = claims("normal", n, studies, effects=effects).found
        promised = verdict_power(d_z, n, comparisons=4)
        lines += [f"| {n} | {d_z} | " + " | ".join(f"{100 * one:.0f} %" for one in (found, t, old, promised)) + " |"]
    return "\n".join(lines)


if __name__ == "__main__":
    print_or_write("claims", tables, 400)
