"""Scales on which values that crowd near the best one and a few far from it are both seen."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import ArrayLike, NDArray

from harness.types import Quantity

# Errors or differences that differ by less than this factor are seen well enough on an even scale.
_WIDE = 8.0
_STEPS = (1.0, 2.0, 5.0)
_MOST_TICKS = 9


def scale_by_error(ax: Axes, quantity: Quantity, values: ArrayLike) -> str:
    """Spread the vertical axis by the distance from the perfect value, on a log scale, where that differs widely.

    Args:
        ax: of values of the quantity.
        quantity: whose perfect value is finite, as that of an accuracy or an error is.
        values: that are to be seen; those that are not finite are passed over.

    Returns:
        What to say of the scale, empty where it stays even.
    """
    perfect, seen = quantity.perfect, np.asarray(values, np.float64)
    errors = np.abs(perfect - seen[np.isfinite(seen)]) if math.isfinite(perfect) else np.empty(0)
    errors = errors[errors > 0]
    if len(errors) < 2 or errors.max() / errors.min() < _WIDE:
        return ""
    least, sign = errors.min() / 2, 1 if quantity.direction == "max" else -1

    def forward(value: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(-sign * np.log10(np.maximum(sign * (perfect - np.asarray(value, np.float64)), least)))

    def inverse(place: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(perfect - sign * 10 ** (-sign * np.asarray(place, np.float64)))

    ax.set_yscale("function", functions=(forward, inverse))
    worst, best = errors.max() * 1.15, errors.min() / 1.15
    ends = perfect - sign * worst, perfect - sign * max(best, least)
    ax.set_ylim(min(ends), max(ends))
    ticks = [perfect - sign * error for error in _round_between(best, worst)]
    ax.yaxis.set_major_locator(FixedLocator(sorted(ticks)))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(value, 6):g}"))
    return "distance from the best value on a log scale"


def scale_by_size(ax: Axes, bounds: Iterable[ArrayLike], unit: float) -> str:
    """Spread the vertical axis of differences by their size beyond `unit`, where a few are much larger than the rest.

    Args:
        ax: of differences, 0 among them.
        bounds: of what is to be seen, intervals included; what is not finite is passed over.
        unit: up to which the axis stays even, such as the margin.

    Returns:
        What to say of the scale, empty where it stays even.
    """
    seen = np.abs(np.concatenate([np.ravel(np.asarray(one, np.float64)) for one in bounds] or [np.empty(0)]))
    seen = seen[np.isfinite(seen)]
    if not unit > 0 or len(seen) < 2 or seen.max() < 2 * unit or seen.max() < _WIDE * max(np.median(seen), unit / 2):
        return ""
    ax.set_yscale("symlog", linthresh=unit, linscale=0.6)
    most = seen.max() * 1.3
    ax.set_ylim(-most, most)
    sizes = _round_between(unit, most)
    ax.yaxis.set_major_locator(FixedLocator([*(-size for size in reversed(sizes)), 0.0, *sizes]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}" if value else "0"))
    return f"beyond ±{unit:.3g} on a log scale"


def keep_within(ax: Axes, quantity: Quantity) -> None:
    """Cut the vertical axis a little beyond the values that a metric can have, as margins go further."""
    low, high = ax.get_ylim()
    room = 0.02 * (high - low)
    ax.set_ylim(max(low, quantity.low - room), min(high, quantity.high + room))


def keep_ticks_within(ax: Axes, low: float, high: float) -> None:
    """No tick of the vertical axis outside: what lies there is a strip of another kind."""
    ax.yaxis.set_major_locator(FixedLocator([tick for tick in ax.get_yticks() if low <= tick <= high]))


def room_beyond(ax: Axes, share: float, *, below: bool) -> tuple[float, float]:
    """Lengthen the vertical axis by a share of what is seen, whatever its scale; the bounds of what was added."""
    scale = ax.yaxis.get_transform()
    low, high = scale.transform(np.array(ax.get_ylim()))
    depth = share * (high - low)
    added = low - depth if below else high + depth
    bound = float(scale.inverted().transform(np.array([added]))[0])
    inner = ax.get_ylim()[0 if below else 1]
    ax.set_ylim((bound, ax.get_ylim()[1]) if below else (ax.get_ylim()[0], bound))
    return (bound, inner) if below else (inner, bound)


def _round_between(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten between two positive numbers, or only some of them where these are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in (_STEPS, (1.0, 3.0), (1.0,)):
        found = [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]
        if len(found) <= _MOST_TICKS:
            break
    return found
