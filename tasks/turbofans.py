"""Generated engines that wear out and fail: the series behind the task `degradation`.

After the damage propagation of Saxena et al. (2008): wear grows exponentially, is seen through noisy sensors whose
level depends on the operating regime, and the engine fails where it reaches 1. For engine e, cycle c, sensor f:

    life          L_e = 128 + round(Gamma(2, 40))                       shortest 128, mean 208 cycles
    wear          w_e(c) = w0_e + (1 - w0_e) (exp(k_e c / L_e) - 1) / (exp(k_e) - 1),  w0_e ~ U(0, 0.1),  k_e ~ U(3, 5)
    regime        r_e(c): kept with probability 1 - 1 / 10 a cycle, else drawn anew from the regimes
    reading       x_f = b[r, f] + u[e, f] + a_f w_e(c)^p_f + noise * N(0, 1)

with regime levels b ~ N(0, 0.5^2), an engine's own levels u ~ N(0, 0.1^2), sensor gains a_f ~ U(2, 3) of alternating
sign and exponents p_f ~ U(0.5, 1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.windows import Series

SHORTEST_LIFE = 128
MEAN_LIFE = SHORTEST_LIFE + 80
DWELL = 10
"""Mean number of cycles before a regime is drawn anew."""


def generate_engines(*, engines: int, sensors: int, regimes: int, noise: float, rng: np.random.Generator) -> Series:
    """Run `engines` engines to failure.

    Args:
        engines: number of engines.
        sensors: number of sensors.
        regimes: number of operating regimes; 1: none to be told apart.
        noise: standard deviation of a reading around its expectation; the wear of a whole life moves it by 2 to 3.
        rng: draws everything.

    Returns:
        All cycles of all engines; the last row of an engine is its failure, with 0 cycles remaining.
    """
    life = SHORTEST_LIFE + np.rint(rng.gamma(2.0, 40.0, engines)).astype(np.int64)
    engine = np.repeat(np.arange(engines), life)
    cycle = np.arange(life.sum()) - np.repeat(np.cumsum(life) - life, life)
    remaining = life[engine] - 1 - cycle
    wear = _wear(cycle / (life[engine] - 1), engine, engines, rng)
    regime = _regimes(len(engine), regimes, starts=cycle == 0, rng=rng)
    levels = rng.normal(0.0, 0.5, (regimes, sensors))[regime] + rng.normal(0.0, 0.1, (engines, sensors))[engine]
    gains = rng.uniform(2.0, 3.0, sensors) * np.where(np.arange(sensors) % 2 == 0, 1.0, -1.0)
    trend = gains * wear[:, None] ** rng.uniform(0.5, 1.0, sensors)
    return Series(levels + trend + noise * rng.standard_normal(trend.shape), engine, remaining)


def _wear(
    fraction: NDArray[np.float64], engine: NDArray[np.int64], engines: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Wear `(row,)` in [0, 1] at a fraction of each engine's life `(row,)`."""
    initial, rate = rng.uniform(0.0, 0.1, engines)[engine], rng.uniform(3.0, 5.0, engines)[engine]
    grown: NDArray[np.float64] = np.expm1(rate * fraction) / np.expm1(rate)
    return initial + (1.0 - initial) * grown


def _regimes(rows: int, regimes: int, *, starts: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """Regime of each row `(row,)`: every engine's first row and one in `DWELL` others draw a new one."""
    drawn = rng.integers(regimes, size=rows)
    changes = starts | (rng.random(rows) < 1.0 / DWELL)
    return drawn[np.maximum.accumulate(np.where(changes, np.arange(rows), 0))]
