"""How often intervals cover, verdicts err and planted effects are found: the tables of docs/statistics.md.

    python benchmarks/coverage.py [studies] [--write]

2,000 studies (the default) take a few minutes on one core and give shares to within about one percentage point.
`--write` puts the tables between the markers in docs/statistics.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.seeds import derive_rng
from harness.statistics.caution import BEATS, UNTOLD, detectable_effect
from harness.statistics.difference import bca_interval, win_interval
from harness.statistics.power import seeds_for_verdict
from harness.statistics.stability import brown_forsythe_p, log_sd_ratio_interval
from harness.statistics.summary import mean_interval
from harness.statistics.verdicts import holm, verdicts

Array = NDArray[np.float64]
Method = Callable[[Array, np.random.Generator], tuple[float, float]]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]

# What a metric over seeds may look like: name -> (draw, mean, standard deviation).
SHAPES: dict[str, tuple[Draw, float, float]] = {
    "normal": (lambda rng, size: rng.normal(size=size), 0.0, 1.0),
    "skewed (lognormal, sigma 0.5)": (
        lambda rng, size: rng.lognormal(0, 0.5, size),
        float(np.exp(0.125)),
        float(np.sqrt((np.exp(0.25) - 1) * np.exp(0.25))),
    ),
    "bounded (accuracy, Beta(19, 1))": (lambda rng, size: rng.beta(19, 1, size), 0.95, float(np.sqrt(19 / 8400))),
}


def mean_coverage(method: Method, shape: str, n: int, studies: int, *, paired: bool = False) -> float:
    """Share of studies of `n` values (or of `n` differences of two draws) whose interval holds the true mean."""
    draw, mean, _ = SHAPES[shape]
    rng = derive_rng(0, "coverage", shape, n)
    values = draw(rng, (studies, n))
    if paired:
        values, mean = values - draw(rng, (studies, n)), 0.0
    intervals = [method(row, rng) for row in values]
    return float(np.mean([low <= mean <= high for low, high in intervals]))


def t_interval(values: Array, rng: np.random.Generator) -> tuple[float, float]:
    """Student's t interval of the mean."""
    interval = mean_interval(values)
    return interval.low, interval.high


def bca(values: Array, rng: np.random.Generator) -> tuple[float, float]:
    """BCa bootstrap interval of the mean."""
    return bca_interval(values, rng=rng, n_resamples=1999)


def percentile(values: Array, rng: np.random.Generator) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean."""
    means = values[rng.integers(0, len(values), (1999, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def share_coverage(p: float, n: int) -> float:
    """Exact coverage of the interval of P(A > B), whatever the metric's distribution."""
    wins = np.arange(n + 1)
    bounds = np.array([win_interval(float(count), n) for count in wins])
    return float(stats.binom.pmf(wins, n, p)[(bounds[:, 0] <= p) & (p <= bounds[:, 1])].sum())


def spread_coverage(shape: str, n: int, studies: int, ratio: float = 2.0) -> float:
    """Share of studies whose jackknife interval holds the true ratio of standard deviations."""
    draw, _, _ = SHAPES[shape]
    rng = derive_rng(0, "spread", shape, n)
    intervals = [log_sd_ratio_interval(ratio * draw(rng, (n,)), draw(rng, (n,))) for _ in range(studies)]
    return float(np.mean([one.low <= np.log(ratio) <= one.high for one in intervals]))


def spread_power(n: int, studies: int, ratio: float) -> float:
    """Share of studies in which Brown & Forsythe's test tells a ratio of standard deviations of normal values."""
    rng = derive_rng(0, "spread-power", n)
    p = [brown_forsythe_p(ratio * rng.normal(size=n), rng.normal(size=n)) for _ in range(studies)]
    return float(np.mean(np.array(p) < 0.05))


def claims(shape: str, n: int, studies: int, *, strategies: int = 4, d_z: float = 0.0) -> tuple[float, float]:
    """Of studies of `strategies` against a baseline: share with any claim, and share that finds the first one better.

    All strategies draw from the same distribution but for the first, whose paired differences have mean `d_z`
    standard deviations. With `d_z` 0 every claim is false.
    """
    draw, _, _ = SHAPES[shape]
    rng = derive_rng(0, "claims", shape, n, strategies)
    values = draw(rng, (studies, strategies + 1, n))
    differences = values[:, 1:] - values[:, :1]
    differences[:, 0] += d_z * np.sqrt(2) * SHAPES[shape][2]
    wins = (differences > 0).sum(axis=-1)
    bounds = np.array([win_interval(float(count), n) for count in range(n + 1)])
    # Flattened: scipy goes through more than two axes one row at a time.
    p = np.reshape(stats.wilcoxon(differences.reshape(-1, n), axis=-1).pvalue, wins.shape)
    told = verdicts(bounds[wins, 0], bounds[wins, 1], holm(p))
    return float((told != UNTOLD).any(axis=1).mean()), float((told[:, 0] == BEATS).mean())


def tables(studies: int) -> str:
    """All tables as Markdown."""
    sizes = (5, 10, 20, 30)
    header = "| | " + " | ".join(f"{n} seeds" for n in sizes) + " |\n| :--- |" + " ---: |" * len(sizes)
    lines = [
        f"Shares of {studies:,} simulated studies, to within {196 * (0.05 * 0.95 / studies) ** 0.5:.1f} points.",
        "",
    ]

    def add(title: str, rows: dict[str, list[float]]) -> None:
        lines.extend([f"**{title}**", "", header])
        lines.extend(
            f"| {name} | " + " | ".join(f"{100 * share:.1f} %" for share in row) + " |" for name, row in rows.items()
        )
        lines.append("")

    methods: dict[str, Method] = {"t (the default)": t_interval, "BCa": bca, "percentile": percentile}
    for paired, title in ((False, "a mean"), (True, "a mean paired difference")):
        rows = {
            f"{name}, {shape}": [mean_coverage(method, shape, n, studies, paired=paired) for n in sizes]
            for name, method in methods.items()
            for shape in SHAPES
        }
        add(f"Coverage of 95 % intervals of {title}", rows)
    add(
        "Coverage of the 95 % interval of P(A > B) (exact, not simulated)",
        {f"P = {p}": [share_coverage(p, n) for n in sizes] for p in (0.5, 0.75, 0.9)},
    )
    add(
        "Coverage of the 95 % interval of a ratio of standard deviations (jackknife)",
        {shape: [spread_coverage(shape, n, studies) for n in sizes] for shape in SHAPES},
    )
    add(
        "Chance that Brown & Forsythe's test tells a ratio of standard deviations (normal values)",
        {f"ratio {ratio}": [spread_power(n, studies, ratio) for n in sizes] for ratio in (1.0, 1.5, 2.0, 3.0)},
    )
    add(
        "A/A: studies of 4 equal strategies and a baseline with any claim at all (each is false)",
        {shape: [claims(shape, n, studies)[0] for n in sizes] for shape in SHAPES},
    )
    add(
        "Studies that find the one strategy of 4 that is better by the d_z that a paired t test finds 80 % of the time",
        {"normal": [claims("normal", n, studies, d_z=detectable_effect(n))[1] for n in sizes]},
    )
    needed = {d_z: int(seeds_for_verdict(d_z, comparisons=4)) for d_z in (0.8, 1.0, 1.5)}
    lines += [
        "**Promised 80 %: studies that find a planted effect with as many seeds as `power` asks for (4 strategies)**",
        "",
        "| d_z | seeds | found |",
        "| ---: | ---: | ---: |",
        *(f"| {d_z} | {n} | {100 * claims('normal', n, studies, d_z=d_z)[1]:.1f} % |" for d_z, n in needed.items()),
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the tables, or write them into docs/statistics.md."""
    words = [word for word in sys.argv[1:] if word != "--write"]
    text = tables(int(words[0]) if words else 2000)
    if "--write" in sys.argv:
        page = Path(__file__).parents[1] / "docs" / "statistics.md"
        before, _, rest = page.read_text(encoding="utf-8").partition("<!-- coverage -->\n")
        after = rest.partition("<!-- /coverage -->")[2]
        page.write_text(f"{before}<!-- coverage -->\n{text}\n<!-- /coverage -->{after}", encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
