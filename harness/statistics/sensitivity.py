"""How much does a strategy lose at other learning rates than its best?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from harness.statistics.dials import Dial, by_seed
from harness.statistics.kept import kept
from harness.statistics.pairing import pairs_of
from harness.statistics.summary import summarise
from harness.statistics.verdicts import compare_series

LOSS = "validation_loss"


def rate_sensitivity(losses: ArrayLike, initial: ArrayLike) -> NDArray[np.float64]:
    """Mean over the rates of min(loss at that rate, loss at initialisation) minus the best loss on the grid.

    Wortsman et al. (2023), arXiv 2309.14322, section 2.2, the expectation over rates taken as the mean over the grid,
    which is one over log rates where the grid has equal ratios. 0 is a strategy that any rate of the grid suits.

    Args:
        losses: `(seed, rate)`; a loss that is not finite (a cell that diverged) counts as the loss at initialisation.
        initial: `(seed,)`, the losses at initialisation.

    Returns:
        `(seed,)`, in the loss's unit, at least 0. NaN where no rate leads below the loss at initialisation: the formula
        gives 0 there, and a strategy that never trains would be the least sensitive of all.
    """
    losses, start = np.asarray(losses, np.float64), np.asarray(initial, np.float64)[:, None]
    capped = np.minimum(np.where(np.isfinite(losses), losses, start), start)
    best = capped.min(axis=1, initial=np.inf, keepdims=True)
    return np.where(best < start, capped - best, np.nan).mean(axis=1)  # type: ignore[no-any-return]


@kept
def sensitivities(dial: Dial, loss: str = LOSS) -> dict[str, pd.Series]:
    """Strategy -> its sensitivity `(seed,)`, indexed by the seeds that have a cell at every rate.

    Args:
        loss: the loss's column. The final loss on the validation examples, as in the paper: the test set is not for
            choosing among rates. `validation_loss_precise` leaves out what moving averages add to it.
    """
    initial = _initial_losses(dial)
    found = {}
    for strategy, one in by_seed(dial, loss).items():
        start = initial[strategy].reindex(one.seeds).to_numpy(np.float64)
        found[strategy] = pd.Series(rate_sensitivity(one.values, start), index=pd.Index(one.seeds, name="seed"))
    return found


@kept
def aggregate_sensitivity(dial: Dial, loss: str = LOSS, *, confidence: float = 0.95) -> pd.DataFrame:
    """Each strategy's sensitivity to the learning rate: the mean over seeds with its t interval, the least first.

    Returns:
        Columns `axis`, `n` (seeds behind the mean), `incomplete` (seeds left out, as a rate is missing), `lost` (seeds
        at which no rate trains), `sensitivity`, `low`, `high`, `sd`.
    """
    incomplete = {strategy: one.incomplete for strategy, one in by_seed(dial, loss).items()}
    table = summarise(sensitivities(dial, loss), incomplete, "sensitivity", confidence=confidence)
    return table.assign(low=table["low"].clip(lower=0.0))  # a sensitivity is never negative


@kept
def compare_sensitivity(
    dial: Dial, loss: str = LOSS, *, baseline: str | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """Sensitivities paired by seed: against `baseline`, or every strategy with every other; see `compare_series`."""
    values = sensitivities(dial, loss)
    return compare_series(values, pairs_of(values, baseline), direction="min", confidence=confidence)


def _initial_losses(dial: Dial) -> dict[str, pd.Series]:
    """Strategy -> loss at initialisation `(seed,)`: no rate has acted yet, so any cell of the seed knows it."""
    cells = dial.whole.cells
    if "initial_loss" not in cells:
        return {strategy: pd.Series(dtype=np.float64) for strategy in dial.strategies}
    cells = cells[np.isfinite(cells["initial_loss"].to_numpy(np.float64))]
    found = {str(strategy): rows.groupby("seed")["initial_loss"].first() for strategy, rows in cells.groupby("axis")}
    return {strategy: found.get(strategy, pd.Series(dtype=np.float64)) for strategy in dial.strategies}
