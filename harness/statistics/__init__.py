"""Estimates and tests over seeds, one idea a module; docs/statistics.md says which and why.

The names below are loaded when they are first used: scipy.stats and statsmodels take longer to import than a table
takes to print.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.statistics.across import aggregate_across, normalise_scores, performance_profiles
    from harness.statistics.by_value import (
        aggregate_by_value,
        compare_by_value,
        compare_change,
        compare_diverged,
        divergence_by_value,
        gap_by_value,
    )
    from harness.statistics.caution import caution_sentence, detectable_effect, paired_t_power
    from harness.statistics.divergence import compare_divergence
    from harness.statistics.gap import aggregate_gap
    from harness.statistics.own_best import aggregate_own_best, at_own_best, at_value, choose_values, common_value
    from harness.statistics.pair import PairedResult, compare_scores
    from harness.statistics.paired import compare_all_pairs, compare_pairs, compare_series
    from harness.statistics.power import plan_seeds
    from harness.statistics.rates import aggregate_rates
    from harness.statistics.sensitivity import aggregate_sensitivity, compare_sensitivity, rate_sensitivity
    from harness.statistics.spread import compare_spread
    from harness.statistics.stability import aggregate_stability
    from harness.statistics.summary import Interval, aggregate_comparison, mean_interval
    from harness.statistics.target import (
        aggregate_ratios,
        aggregate_times,
        target_of,
        time_profiles,
        time_ratios,
        times_to_target,
    )
    from harness.statistics.usable import aggregate_usable, compare_usable, share_usable, usable_decades

__all__ = [
    "Interval",
    "PairedResult",
    "aggregate_across",
    "aggregate_by_value",
    "aggregate_comparison",
    "aggregate_gap",
    "aggregate_own_best",
    "aggregate_rates",
    "aggregate_ratios",
    "aggregate_sensitivity",
    "aggregate_stability",
    "aggregate_times",
    "aggregate_usable",
    "at_own_best",
    "at_value",
    "caution_sentence",
    "choose_values",
    "common_value",
    "compare_all_pairs",
    "compare_by_value",
    "compare_change",
    "compare_diverged",
    "compare_divergence",
    "compare_pairs",
    "compare_scores",
    "compare_sensitivity",
    "compare_series",
    "compare_spread",
    "compare_usable",
    "detectable_effect",
    "divergence_by_value",
    "gap_by_value",
    "mean_interval",
    "normalise_scores",
    "paired_t_power",
    "performance_profiles",
    "plan_seeds",
    "rate_sensitivity",
    "share_usable",
    "target_of",
    "time_profiles",
    "time_ratios",
    "times_to_target",
    "usable_decades",
]
_MODULES = (  # the light ones first
    *("summary", "caution", "pair", "paired", "spread", "divergence", "stability", "across", "target", "power"),
    *("sensitivity", "usable", "own_best", "rates", "by_value", "gap"),
)


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in _MODULES:
            found = import_module(f"harness.statistics.{module}")
            if name in vars(found):
                return vars(found)[name]
    raise AttributeError(f"module 'harness.statistics' has no attribute {name!r}")
