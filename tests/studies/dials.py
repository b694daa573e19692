"""Studies over a dial, with losses and metrics chosen by the test that asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from synthetic import comparisons_of, make_record

from harness.statistics.dials import Dial, dials_of

RATES = (1e-4, 1e-3, 1e-2, 1e-1)
INITIAL = 2.3


def dial_in(records: Sequence[Mapping[str, Any]], name: str = "learning_rate") -> Dial:
    """The one dial of that name that records hold."""
    [found] = [dial for dial in dials_of(comparisons_of(records)) if dial.name == name]
    return found


def make_dial(
    accuracies: Mapping[str, Sequence[float | None]],
    *,
    seeds: int = 3,
    values: Sequence[Any] = RATES,
    setting: str = "learning_rate",
    noise: float = 0.0,
    rng: np.random.Generator | None = None,
    skip: Callable[[str, int, Any], bool] = lambda axis, seed, value: False,
    **kwargs: Any,
) -> list[dict[str, Any]]:
    """Records of strategies with these accuracies, one a value of the dial; None is a cell that diverged.

    The accuracy on test and validation examples is the same but for the noise of each, and the validation loss is
    `INITIAL` times the share of wrong answers. `skip` names cells that were not run.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    records = []
    for axis, of_axis in accuracies.items():
        for seed in range(seeds):
            for value, accuracy in zip(values, of_axis, strict=True):
                test, validation = noise * rng.normal(size=2)
                if skip(axis, seed, value):
                    continue
                metrics = {"initial_loss": INITIAL}
                if accuracy is not None:
                    metrics |= {
                        "validation_accuracy": accuracy + validation,
                        "validation_loss": INITIAL * (1 - accuracy - validation),
                    }
                records.append(
                    make_record(
                        axis,
                        seed,
                        None if accuracy is None else accuracy + test,
                        status="diverged" if accuracy is None else "ok",
                        settings={setting: value},
                        metrics=metrics,
                        **kwargs,
                    )
                )
    return records
