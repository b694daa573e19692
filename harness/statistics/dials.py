"""Dials: settings that take several values while all others stay as they are, such as the learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.statistics.comparison import Comparison, say_value
from harness.statistics.kept import Keeps, kept
from harness.statistics.summary import FAILED
from harness.types import Direction, UserError
from harness.words import file_name

Scale = Literal["log", "linear", "even"]
# What tells data apart is no setting that one could turn.
_NO_DIALS = ("data_digest",)
# Values a factor of 4 apart may be worth a logarithmic axis; gaps that differ by more than that are not even.
_WIDE = 4.0
_EVEN = 4.0
_PLACE = "_place"


@dataclass(frozen=True, kw_only=True, eq=False)
class Dial(Keeps):
    """The comparisons that differ in one setting only.

    Attributes:
        name: the setting's column, `learning_rate`.
        members: one comparison a value, from the lowest value to the highest; values that are no numbers come in
            alphabetical order, a setting that is not set (`null`) last.
    """

    name: str
    members: tuple[Comparison, ...]

    @cached_property
    def values(self) -> tuple[Any, ...]:
        """The setting's values, in the order of `members`; None where it is not set."""
        return tuple(_value_of(one, self.name) for one in self.members)

    @property
    def label(self) -> str:
        """The setting in words: `learning rate`."""
        return self.name.rpartition(".")[2].replace("_", " ")

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The values as text, numbers with as few digits as tell them apart, three at least."""
        for digits in (3, 4, 5, 6):
            short = tuple(_short(value, digits) for value in self.values)
            if len(set(short)) == len(short):
                return short
        return tuple(map(say_value, self.values))

    @property
    def is_learning_rate(self) -> bool:
        """Whether it is the optimizer's learning rate, for which there are measures of its own."""
        named = self.name.rpartition(".")[2] == "learning_rate"
        return named and self.is_number and all(value > 0 for value in self.values)

    @property
    def is_number(self) -> bool:
        """Whether all values are numbers, so that there are distances between them."""
        return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in self.values)

    @cached_property
    def scale(self) -> Scale:
        """How the values lie on an axis: at equal ratios, at equal steps, or neither (then drawn evenly)."""
        if not self.is_number:
            return "even"
        values = [float(value) for value in self.values]
        uneven: dict[Scale, float] = {"linear": _uneven(values)}
        # Logarithms of 0.9, 0.99, 0.999 hardly differ: it takes a span of some size for ratios to matter.
        if values[0] > 0 and values[-1] / values[0] >= _WIDE:
            uneven = {"log": _uneven([math.log(value) for value in values]), **uneven}
        best = min(uneven, key=lambda scale: uneven[scale])
        return best if uneven[best] <= _EVEN else "even"

    @cached_property
    def whole(self) -> Comparison:
        """All cells, whatever their value: what the cells share is what its title says."""
        first = self.members[0]
        settings = {name: value for name, value in first.settings.items() if name not in (self.name, *_NO_DIALS)}
        return self.comparison(pd.concat([one.cells for one in self.members], ignore_index=True), settings)

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """The place of each cell of `whole` among the values `(cell,)`."""
        return np.repeat(np.arange(len(self.members)), [len(one.cells) for one in self.members])

    @cached_property
    def title(self) -> str:
        """`mnist (embedded), seed_cnn: learning rate 0.0001 to 0.1`."""
        values = f"{self.labels[0]} to {self.labels[-1]}" if self.is_number else ", ".join(self.labels)
        return f"{self.whole.title}: {self.label} {values}"

    @cached_property
    def slug(self) -> str:
        """Name of its folder."""
        return f"{self.whole.slug}-by-{file_name(self.label)}"

    @property
    def strategies(self) -> list[str]:
        """All strategies that were run at any value, in alphabetical order."""
        return self.whole.strategies

    def comparison(self, cells: pd.DataFrame, settings: dict[str, Any]) -> Comparison:
        """Some of the dial's cells as a comparison with these settings."""
        first = self.members[0]
        return Comparison(
            task=first.task,
            data_source=first.data_source,
            architecture=first.architecture,
            settings=settings,
            cells=cells,
            metrics=first.metrics,
            margin=first.margin,
            source=first.source,
            traces=first.traces,
        )

    def validation_metric(self, metric: str | None = None) -> tuple[str, Direction]:
        """Column and direction of a metric on the validation examples, the task's main one unless said.

        Raises:
            UserError: it is one on the test examples, which nothing is chosen by.
        """
        asked = metric if metric is not None else f"validation_{self.whole.metric()[1].name}"
        column, quantity = self.whole.metric(asked)
        if not column.startswith("validation_"):
            raise UserError(
                f"expected a metric on the validation examples, such as validation_loss. Received: {metric=}"
            )
        return column, quantity.direction

    @property
    def has_validation(self) -> bool:
        """Whether its cells have the main metric on the validation examples."""
        return self.validation_metric()[0] in self.whole.cells


@dataclass(frozen=True)
class BySeed:
    """One strategy's numbers by seed and value of a dial, over the seeds that have all of them.

    Attributes:
        values: `(seed, value)`, the values in the dial's order; NaN where a cell diverged or its number is not finite.
        seeds: `(seed,)`.
        incomplete: seeds left out, as a cell of theirs is missing or failed (error, timeout, out of memory): what a
            cell that was not run would have been is not known, whereas one that diverged is known to be bad.
    """

    values: NDArray[np.float64]
    seeds: NDArray[np.int64]
    incomplete: int


@kept
def by_seed(dial: Dial, column: str) -> dict[str, BySeed]:
    """Strategy -> its `column` by seed and value of the dial.

    Raises:
        UserError: two cells have the same strategy, seed and value, or no cell has such a number.
    """
    if column not in dial.whole.cells:
        raise UserError(f"expected a number that the cells were measured by. Received: column={column!r}")
    return _by_seed(dial, dial.whole.cells[column].to_numpy(np.float64))


@kept
def diverged_values(dial: Dial) -> dict[str, pd.Series]:
    """Strategy -> the number of the dial's values at which its cell diverged `(seed,)`."""
    # Every cell that finished has this number, so that what is lost is what diverged.
    counted = _by_seed(dial, np.ones(len(dial.whole.cells)))
    return {
        strategy: pd.Series(np.isnan(one.values).sum(axis=1).astype(np.float64), index=one.seeds)
        for strategy, one in counted.items()
    }


def _by_seed(dial: Dial, numbers: NDArray[np.float64]) -> dict[str, BySeed]:
    """`by_seed` of one number a cell of the whole dial `(cell,)`."""
    cells = dial.whole.cells[["axis", "seed", "status"]].assign(**{_PLACE: dial.places})
    twice = cells.duplicated(["axis", "seed", _PLACE])
    if twice.any():
        row = cells[twice].iloc[0]
        raise UserError(f"expected one cell a seed and strategy. Received: {row['axis']} seed {row['seed']} twice")
    cells["_value"] = np.where((cells["status"] == "ok") & np.isfinite(numbers), numbers, np.nan)
    run = cells[~cells["status"].isin(FAILED)]
    found = {}
    for strategy, rows in cells.groupby("axis", sort=True):
        of_strategy = run[run["axis"] == strategy]
        places = of_strategy.pivot(index="seed", columns=_PLACE, values="_value")
        complete = of_strategy.groupby("seed").size().reindex(places.index) == len(dial.members)
        whole = places[complete].reindex(columns=range(len(dial.members))).sort_index()
        incomplete = rows["seed"].nunique() - len(whole)
        found[str(strategy)] = BySeed(whole.to_numpy(np.float64), whole.index.to_numpy(np.int64), incomplete)
    return found


def dials_of(found: Sequence[Comparison]) -> list[Dial]:
    """The dials that comparisons hold: for each setting, every set of two or more that differ in it alone.

    Of a grid over two settings, each is a dial at every value of the other.
    """
    dials = []
    for name in dict.fromkeys(name for one in found for name in one.settings if name not in (*_NO_DIALS, "data")):
        alike: dict[tuple[Any, ...], dict[Any, Comparison]] = {}
        for one in found:
            if name in one.settings:
                alike.setdefault(_others(one, name), {}).setdefault(_value_of(one, name), one)
        for members in alike.values():
            if len(members) > 1:
                ordered = sorted(members.values(), key=lambda one: _order(_value_of(one, name)))
                dials.append(Dial(name=name, members=tuple(ordered)))
    return dials


def _others(comparison: Comparison, name: str) -> tuple[Any, ...]:
    """What a comparison shares with those that differ from it in `name` alone."""
    rest = [(key, _value_of(comparison, key)) for key in comparison.settings if key not in (name, *_NO_DIALS)]
    return (comparison.task, comparison.data_source, comparison.architecture, *sorted(rest, key=str))


def _value_of(comparison: Comparison, name: str) -> Any:
    """A setting's value as Python's own number; None where it is not set (pandas has NaN for that)."""
    value = comparison.settings[name]
    if value is None or value != value:
        return None
    return value.item() if hasattr(value, "item") else value


def _order(value: Any) -> tuple[int, float, str]:
    if value is None:
        return 2, 0.0, ""
    if isinstance(value, (int, float)):
        return 0, float(value), ""
    return 1, 0.0, str(value)


def _short(value: Any, digits: int) -> str:
    return f"{value:.{digits}g}" if isinstance(value, float) and not value.is_integer() else say_value(value)


def _uneven(places: Sequence[float]) -> float:
    """The widest gap over the narrowest."""
    gaps = [after - before for before, after in pairwise(places)]
    return max(gaps) / min(gaps)
