"""Estimates and tests over seeds, one idea a module; docs/statistics.md says which and why.

The names below are loaded when they are first used: scipy.stats and statsmodels take longer to import than a table
takes to print.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.statistics.across import aggregate_across, normalise_scores, performance_profiles
    from harness.statistics.caution import caution_sentence, detectable_effect, paired_t_power
    from harness.statistics.divergence import compare_divergence
    from harness.statistics.pair import PairedResult, compare_scores
    from harness.statistics.paired import compare_all_pairs, compare_pairs
    from harness.statistics.power import plan_seeds
    from harness.statistics.spread import compare_spread
    from harness.statistics.summary import Interval, aggregate_comparison, mean_interval

__all__ = [
    "Interval",
    "PairedResult",
    "aggregate_across",
    "aggregate_comparison",
    "caution_sentence",
    "compare_all_pairs",
    "compare_divergence",
    "compare_pairs",
    "compare_scores",
    "compare_spread",
    "detectable_effect",
    "mean_interval",
    "normalise_scores",
    "paired_t_power",
    "performance_profiles",
    "plan_seeds",
]
_MODULES = ("summary", "caution", "pair", "paired", "spread", "divergence", "across", "power")  # the light ones first


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in _MODULES:
            found = import_module(f"harness.statistics.{module}")
            if name in vars(found):
                return vars(found)[name]
    raise AttributeError(f"module 'harness.statistics' has no attribute {name!r}")
