"""Dials: settings that take several values while all others stay as they are, such as the learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import pandas as pd

from harness.statistics.comparison import Comparison, comparisons, say_value
from harness.types import UserError
from harness.words import choose_from

Scale = Literal["log", "linear", "even"]
# What tells data apart is no setting that one could turn.
_NO_DIALS = ("data_digest",)
# Values a factor of 4 apart may be worth a logarithmic axis; gaps that differ by more than that are not even.
_WIDE = 4.0
_EVEN = 4.0


@dataclass(frozen=True, kw_only=True)
class Dial:
    """The comparisons that differ in one setting only.

    Attributes:
        name: the setting's column, `learning_rate`.
        members: one comparison a value, from the lowest value to the highest; values that are no numbers come in
            alphabetical order, a setting that is not set (`null`) last.
    """

    name: str
    members: tuple[Comparison, ...]

    @property
    def values(self) -> tuple[Any, ...]:
        """The setting's values, in the order of `members`; None where it is not set."""
        return tuple(_value_of(one, self.name) for one in self.members)

    @property
    def label(self) -> str:
        """The setting in words: `learning rate`."""
        return self.name.rpartition(".")[2].replace("_", " ")

    @property
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
        return self.name.rpartition(".")[2] == "learning_rate"

    @property
    def is_number(self) -> bool:
        """Whether all values are numbers, so that there are distances between them."""
        return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in self.values)

    @property
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

    @property
    def whole(self) -> Comparison:
        """All cells, whatever their value: what the cells share is what its title says."""
        first = self.members[0]
        frame = pd.concat([one.cells for one in self.members], ignore_index=True)
        frame.attrs = dict(first.frame.attrs)
        settings = {name: value for name, value in first.settings.items() if name not in (self.name, *_NO_DIALS)}
        return Comparison(
            task=first.task,
            data_source=first.data_source,
            architecture=first.architecture,
            settings=settings,
            frame=frame,
        )

    @property
    def title(self) -> str:
        """`mnist (embedded), seed_cnn: learning rate 0.0001 to 0.1`."""
        values = f"{self.labels[0]} to {self.labels[-1]}" if self.is_number else ", ".join(self.labels)
        return f"{self.whole.title}: {self.label} {values}"

    @property
    def slug(self) -> str:
        """Name of its folder."""
        return f"{self.whole.slug}-by-{self.label.replace(' ', '-')}"

    @property
    def strategies(self) -> list[str]:
        """All strategies that were run at any value, in alphabetical order."""
        return sorted({str(axis) for one in self.members for axis in one.frame["axis"].unique()})


def dials_of(found: Sequence[Comparison]) -> list[Dial]:
    """The dials that comparisons hold: for each setting, every set of two or more that differ in it alone.

    Of a grid over two settings, each is a dial at every value of the other.
    """
    dials = []
    for name in dict.fromkeys(name for one in found for name in one.settings if name not in _NO_DIALS):
        alike: dict[tuple[Any, ...], dict[Any, Comparison]] = {}
        for one in found:
            if name in one.settings:
                alike.setdefault(_others(one, name), {}).setdefault(_value_of(one, name), one)
        for members in alike.values():
            if len(members) > 1:
                ordered = sorted(members.values(), key=lambda one: _order(_value_of(one, name)))
                dials.append(Dial(name=name, members=tuple(ordered)))
    return dials


def the_dial(frame: pd.DataFrame, name: str) -> Dial:
    """The one dial of that name that a frame of cells holds.

    Args:
        frame: cells, as `load_results` gives them.
        name: the setting's column, `learning_rate`.

    Raises:
        UserError: it holds none or several (other settings, tasks or architectures that differ as well).
    """
    every = dials_of(comparisons(frame))
    found = [dial for dial in every if dial.name == name]
    if not found:
        raise UserError(f"name: {choose_from(name, sorted({dial.name for dial in every}))}")
    if len(found) > 1:
        raise UserError(
            f"expected cells that differ in {name} and no other setting; dials_of(comparisons(frame)) "
            f"takes a frame apart. Received: {[dial.title for dial in found]}"
        )
    return found[0]


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
