"""Records of cells that were looked at while they trained, as with `probe=full`: probes, diagnostics, shifts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from synthetic import make_study

SITES = ("norm_1", "norm_2", "norm_3")
SHIFTS = (
    *({"name": f"moved_{size}", "meaning": "Images are moved.", "unit": "pixels"} for size in (1, 2, 3)),
    {"name": "one_at_a_time", "meaning": "One example makes a batch.", "unit": ""},
    {"name": "length_80", "meaning": "Only the last 80 % of the time steps are shown.", "unit": ""},
)
# strategy -> (m' of each site, share of variances below epsilon at the last site, roughness of the loss)
STRATEGIES: dict[str, tuple[tuple[int, ...], float, float]] = {
    "none": ((), 0.0, 1.0),
    "channel": ((21632, 5408, 1152), 0.0, 0.1),
    "spatial": ((1024, 2048, 4096), 0.05, 0.4),
    "elementwise": ((32, 32, 32), 0.4, 0.8),
}


def make_looked_study(
    means: Mapping[str, float], *, seeds: int = 3, epochs: int = 5, steps: int = 12, **kwargs: Any
) -> list[dict[str, Any]]:
    """`make_study`'s records with what `probe=full` adds; `elementwise` refuses the shift `length_80`."""
    records = make_study(means, seeds=seeds, epochs=epochs, shifts=SHIFTS, **kwargs)
    rng = np.random.default_rng(7)
    for record in records:
        add_looks(record, rng, epochs=epochs, steps=steps)
    return records


def add_looks(record: dict[str, Any], rng: np.random.Generator, *, epochs: int, steps: int) -> None:
    """What `probe=full` adds to a record, with noise from `rng`."""
    samples, below, rough = STRATEGIES[record["axis"]]
    decay = np.exp(-np.arange(steps) / 3) * np.exp(0.2 * rng.normal(size=steps))
    record["probes"] = {
        "step": [10 * step for step in range(steps)],
        "probe_loss": list(2.3 * decay),
        "loss_variation": list(rough * decay),
        "gradient_predictiveness": list(5 * rough * decay),
        "beta_smoothness": list(40 * rough * (0.2 + decay)),
    }
    record["sites"] = [site(name, m) for name, m in zip(SITES, samples, strict=False)]
    record["diagnostics"] = [
        health(name, epoch, below if name == SITES[-1] else 0.0, rng)
        for epoch in range(1, epochs + 1)
        for name, _ in zip(SITES, samples, strict=False)
    ]
    loss = np.array(record["history"]["validation_loss"])
    if samples:
        record["history"] |= {"validation_loss_precise": list(0.9 * loss), "validation_loss_batch": list(0.95 * loss)}
    main = next(key for key in record["metrics"] if key.endswith("_precise")).removesuffix("_precise")
    value = float(record["metrics"][main])
    shifted = {f"moved_{size}": value - 0.1 * size * value for size in (1, 2, 3)}
    shifted |= {"one_at_a_time": 0.9 * value, "length_80": "NaN" if record["axis"] == "elementwise" else 0.97 * value}
    record["metrics"] |= {f"{main}_{name}": one for name, one in shifted.items()}
    record["metrics"]["loss_spikes"] = float(rng.poisson(5 * rough))
    refused = "the statistics of site norm_1 keep the time axis: expected 100 steps. Received: 80"
    record["refusals"] = {"length_80": refused} if record["axis"] == "elementwise" else {}


def site(name: str, samples: int) -> dict[str, Any]:
    """One entry of a record's `sites`."""
    return {
        "name": name,
        "axes": ["height", "width", "channel"],
        "shape": [8, 8, 16],
        "samples_per_statistic": samples,
        "statistics": 16,
        "fell_back": False,
    }


def health(name: str, epoch: int, below: float, rng: np.random.Generator) -> dict[str, Any]:
    """One entry of a record's `diagnostics`."""
    variance = 0.5 ** (epoch + SITES.index(name)) * float(np.exp(0.1 * rng.normal()))
    return {
        "epoch": epoch,
        "site": name,
        "least_variance": variance / 10,
        "median_variance": variance,
        "below_epsilon": below,
        "largest_inverse_sd": (variance / 10 + 1e-3) ** -0.5,
        "mean_lag": 0.1 / epoch,
        "variance_lag": 2.0 / epoch,
    }
