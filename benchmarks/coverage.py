"""How often intervals cover, and how often a test of spreads finds a difference: tables of docs/statistics.md.

    python -m benchmarks.coverage [studies] [--write]

2,000 studies (the default) take a few minutes on one core and give shares to within about one percentage point.
`--write` puts the tables between the markers in docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.page import print_or_write
from harness.seeds import derive_rng
from harness.statistics.difference import bca_interval, median_interval, win_interval
from harness.statistics.stability import brown_forsythe_p, log_sd_ratio_interval
from harness.statistics.summary import mean_interval

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


def lopsided_coverage(method: Method, n: int, studies: int) -> float:
    """Coverage of the mean paired difference where one of the two has a tenth of bad runs."""
    rng = derive_rng(0, "lopsided", n)
    values = rng.normal(size=(studies, n)) - 10.0 * (rng.random((studies, n)) < 0.1)
    intervals = [method(row, rng) for row in values]
    return float(np.mean([low <= -1.0 <= high for low, high in intervals]))


def median_coverage(n: int, studies: int) -> float:
    """Coverage of the median paired difference in the same studies, by its exact interval; NaN where there is none."""
    if n < 6:
        return float("nan")
    rng = derive_rng(0, "lopsided", n)
    values = rng.normal(size=(studies, n)) - 10.0 * (rng.random((studies, n)) < 0.1)
    # The mixture's median: 0.9 * Phi(x) + 0.1 * Phi(x + 10) = 0.5, where Phi(x + 10) is 1 to ten digits.
    true = float(stats.norm.ppf(4 / 9))
    return float(np.mean([low <= true <= high for low, high in map(median_interval, values)]))


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
            f"| {name} | " + " | ".join("–" if share != share else f"{100 * share:.1f} %" for share in row) + " |"
            for name, row in rows.items()
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
        "Coverage of 95 % intervals where one of two strategies has a tenth of bad runs",
        {
            "mean difference, t": [lopsided_coverage(t_interval, n, studies) for n in sizes],
            "mean difference, BCa": [lopsided_coverage(bca, n, studies) for n in sizes],
            "median difference, exact (from 6 seeds on)": [median_coverage(n, studies) for n in sizes],
            "(studies that see a bad run)": [1 - 0.9**n for n in sizes],
        },
    )
    return "\n".join(lines)


if __name__ == "__main__":
    print_or_write("coverage", tables, 2000)
