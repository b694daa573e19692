"""Estimates and tests over seeds, one idea a module; docs/statistics.md says which and why.

The names below are loaded when they are first used: scipy.stats and statsmodels take longer to import than a table
takes to print.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.statistics.caution import caution_sentence, detectable_effect, paired_t_power
    from harness.statistics.summary import Interval, aggregate_comparison, mean_interval

_HOMES = {
    "Interval": "summary",
    "aggregate_comparison": "summary",
    "caution_sentence": "caution",
    "detectable_effect": "caution",
    "mean_interval": "summary",
    "paired_t_power": "caution",
}
__all__ = [
    "Interval",
    "aggregate_comparison",
    "caution_sentence",
    "detectable_effect",
    "mean_interval",
    "paired_t_power",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"harness.statistics.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'harness.statistics' has no attribute {name!r}")
