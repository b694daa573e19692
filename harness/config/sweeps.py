"""What our grammar of overrides has beside Hydra's or otherwise than Hydra: ranges of typed decimals, equal ratios.

Hydra's own range adds binary fractions, so that it passes its stop by a rounding error and 0.3 becomes another number
than the 0.3 that somebody types; and it sorts a range by turning its ends about, which names other members.

Hydra holds arguments to a function's annotations as they are at run time, so here they are not put off to strings.
"""

import math
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal, localcontext
from typing import Any

from hydra._internal.grammar import grammar_functions
from hydra.core.override_parser.types import ChoiceSweep, Glob, Sweep

from harness.types import UserError

# More than anybody waits for: a grid of so many values is a typing error, and is told before it is written out.
MOST_VALUES = 100_000


@dataclass
class Listed(ChoiceSweep):
    """The members of a range or of `log`: a choice that may be one of several values itself (`7,range(0,3)`)."""


def number_range(start: int | float, stop: int | float | None = None, step: int | float = 1) -> Listed:
    """`range(5)`, `range(0.65,0.8,0.05)` in an override: from start in steps, as decimals; stop is never a member.

    Raises:
        UserError: a step of 0, what is no number, or more values than a grid could have.
    """
    if stop is None:
        start, stop = 0, start
    values = (start, stop, step)
    received = f"range({','.join(map(str, values))})"
    if any(isinstance(value, bool) or not math.isfinite(value) for value in values) or step == 0:
        raise UserError(
            f"range(start,stop,step): expected finite numbers and a step other than 0. Received: {received}"
        )
    whole = all(isinstance(value, int) for value in values)
    # Python writes a float with the fewest digits that tell it from others: those that were typed.
    low, high, by = (Decimal(repr(value)) for value in values)
    with localcontext() as context:
        context.prec = 60
        count = max(0, int(((high - low) / by).to_integral_value(ROUND_CEILING)))
        _check_count("range(start,stop,step)", count, received)
        members = [low + by * index for index in range(count)]
    return Listed(list=[int(member) if whole else float(member) for member in members])


def log_grid(low: int | float, high: int | float, count: int) -> Listed:
    """`log(1e-4,1e-1,7)` in an override: so many values from low to high at equal ratios, to six digits.

    Raises:
        UserError: bounds that have no logarithm or are in the wrong order, or fewer than two values.
    """
    received = f"log({low},{high},{count})"
    if not 0 < low < high < math.inf or count < 2:
        raise UserError(f"log(low,high,count): expected 0 < low < high and a count of at least 2. Received: {received}")
    _check_count("log(low,high,count)", count, received)
    ratio = (high / low) ** (1 / (count - 1))
    values = [float(f"{low * ratio**index:.6g}") for index in range(count)]
    return Listed(list=[*values[:-1], float(high)])


def choice(*args: Any) -> ChoiceSweep:
    """`choice(1,2)` in an override, as Hydra's; a range in it stands for its members."""
    return grammar_functions.choice(*_written_out(args))


def sort(*args: Any, sweep: Any = None, list: Any = None, reverse: bool = False) -> Any:  # noqa: A002  # named as Hydra names it
    """`sort(range(7,0,-3))` in an override, as Hydra's: what is sorted is no longer shuffled."""
    sorted_ = grammar_functions.sort(*_written_out(args), sweep=sweep, list=list, reverse=reverse)
    if isinstance(sorted_, ChoiceSweep):
        sorted_.shuffle = False
    return sorted_


def shuffle(*args: Any, sweep: Any = None, list: Any = None) -> Any:  # noqa: A002
    """`shuffle(range(3))` in an override, as Hydra's; a range among values stands for its members."""
    return grammar_functions.shuffle(*_written_out(args), sweep=sweep, list=list)


FUNCTIONS = {"choice": choice, "log": log_grid, "range": number_range, "shuffle": shuffle, "sort": sort}


def _written_out(args: tuple[Any, ...]) -> list[Any]:
    """Arguments with ranges among them written out; one that stands alone is its own list."""
    if len(args) < 2 and not any(isinstance(arg, Listed) for arg in args):
        return [*args]
    if len(args) == 1:
        [sweep] = args
        return [ChoiceSweep(list=sweep.list, simple_form=True, shuffle=sweep.shuffle)]
    return [value for arg in args for value in (arg.list if isinstance(arg, Listed) else [arg])]


def with_members(value: Any) -> Any:
    """A choice with the members of ranges in it written out (`7,range(0,3)`); any other value as it is.

    Raises:
        UserError: a choice or a glob within a choice.
    """
    if not isinstance(value, ChoiceSweep):
        return value
    found: list[Any] = []
    for member in value.list:
        if isinstance(member, Listed):
            found += member.list
        elif isinstance(member, (Sweep, Glob)):
            kind = "a glob" if isinstance(member, Glob) else "a choice or an interval"
            raise UserError(f"expected {kind} on its own, or values and ranges in one list, as in 7,range(0,3)")
        else:
            found.append(member)
    return replace(value, list=found)


def _check_count(expected: str, count: int, received: str) -> None:
    if count > MOST_VALUES:
        raise UserError(
            f"{expected}: expected at most {MOST_VALUES:,} values. Received: {received}, which has {count:.3g}"
        )
