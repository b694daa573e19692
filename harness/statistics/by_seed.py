"""A strategy's numbers by seed and value of a dial, over the seeds that have all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.statistics.dials import Dial
from harness.statistics.summary import FAILED
from harness.types import UserError


@dataclass(frozen=True)
class BySeed:
    """One strategy's numbers.

    Attributes:
        values: `(seed, value)`, the values in the dial's order; NaN where a cell diverged or its number is not finite.
        seeds: `(seed,)`.
        incomplete: seeds left out, as a cell of theirs is missing or failed (error, timeout, out of memory): what a
            cell that was not run would have been is not known, whereas one that diverged is known to be bad.
    """

    values: NDArray[np.float64]
    seeds: NDArray[np.int64]
    incomplete: int


def by_seed(dial: Dial, column: str) -> dict[str, BySeed]:
    """Strategy -> its `column` by seed and value of the dial.

    Raises:
        UserError: two cells have the same strategy, seed and value, or no cell has such a number.
    """
    cells = pd.concat([one.cells.assign(_place=place) for place, one in enumerate(dial.members)], ignore_index=True)
    if column not in cells:
        raise UserError(f"expected a number that the cells were measured by. Received: column={column!r}")
    twice = cells.duplicated(["axis", "seed", "_place"])
    if twice.any():
        row = cells[twice].iloc[0]
        raise UserError(f"expected one cell a seed and strategy. Received: {row['axis']} seed {row['seed']} twice")
    values = cells[column].to_numpy(np.float64)
    cells["_value"] = np.where((cells["status"] == "ok") & np.isfinite(values), values, np.nan)
    run = cells[~cells["status"].isin(FAILED)]
    found = {}
    for axis, rows in cells.groupby("axis", sort=True):
        places = run[run["axis"] == axis].pivot(index="seed", columns="_place", values="_value")
        complete = run[run["axis"] == axis].groupby("seed").size().reindex(places.index) == len(dial.members)
        kept = places[complete].reindex(columns=range(len(dial.members))).sort_index()
        incomplete = rows["seed"].nunique() - len(kept)
        found[str(axis)] = BySeed(kept.to_numpy(np.float64), kept.index.to_numpy(np.int64), incomplete)
    return found
