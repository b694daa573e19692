"""Figures: each takes a frame (or a Comparison) and an optional `ax`, and returns the axes it drew on.

No global style and no pyplot state: `plot_seed_cloud(frame).figure` is a figure like any other.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from harness.figures.canvas import save_figure
from harness.figures.cost import plot_cost
from harness.figures.curves import plot_learning_curves
from harness.figures.forest import plot_paired_differences
from harness.figures.gap import plot_inference_gap
from harness.figures.palette import look_of
from harness.figures.profiles import plot_profiles
from harness.figures.seeds import plot_seed_cloud

if TYPE_CHECKING:
    from harness.figures.aggregates import plot_aggregates
    from harness.figures.dial import plot_dial, plot_dial_differences
    from harness.figures.gap_parts import plot_gap_parts
    from harness.figures.health import plot_health_by_epoch, plot_site_health
    from harness.figures.heat import plot_heat_map
    from harness.figures.inference import plot_inference_losses
    from harness.figures.landscape import plot_landscape
    from harness.figures.matrix import plot_all_pairs
    from harness.figures.shifts import plot_shift
    from harness.figures.spikes import plot_spikes
    from harness.figures.stability import plot_stability
    from harness.figures.times import plot_time_profiles, plot_time_to_target
    from harness.figures.usable import plot_usable_rates

__all__ = [
    "look_of",
    "plot_aggregates",
    "plot_all_pairs",
    "plot_cost",
    "plot_dial",
    "plot_dial_differences",
    "plot_gap_parts",
    "plot_health_by_epoch",
    "plot_heat_map",
    "plot_inference_gap",
    "plot_inference_losses",
    "plot_landscape",
    "plot_learning_curves",
    "plot_paired_differences",
    "plot_profiles",
    "plot_seed_cloud",
    "plot_shift",
    "plot_site_health",
    "plot_spikes",
    "plot_stability",
    "plot_time_profiles",
    "plot_time_to_target",
    "plot_usable_rates",
    "save_figure",
]
# Loaded when first used: some rest on scipy.stats, which takes as long to import as all the others together.
_LATER = {
    "plot_aggregates": "aggregates",
    "plot_all_pairs": "matrix",
    "plot_dial": "dial",
    "plot_dial_differences": "dial",
    "plot_gap_parts": "gap_parts",
    "plot_health_by_epoch": "health",
    "plot_heat_map": "heat",
    "plot_inference_losses": "inference",
    "plot_landscape": "landscape",
    "plot_shift": "shifts",
    "plot_site_health": "health",
    "plot_spikes": "spikes",
    "plot_stability": "stability",
    "plot_time_profiles": "times",
    "plot_time_to_target": "times",
    "plot_usable_rates": "usable",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f"harness.figures.{_LATER[name]}"), name)
    raise AttributeError(f"module 'harness.figures' has no attribute {name!r}")
