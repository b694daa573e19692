"""The loss around the weights while cells train: how far it, and its gradient, change along a step."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from harness.figures.bands import BAND, curves_of, plot_band
from harness.figures.canvas import say_empty, subtitle_of
from harness.figures.panels import dress_panel, panels_of, scale_y, share_legend
from harness.statistics.comparison import Comparison, the_comparison

PANELS = {
    "loss_variation": "loss variation",
    "gradient_predictiveness": "gradient predictiveness",
    "beta_smoothness": "effective β-smoothness",
    "hessian_eigenvalue": "largest Hessian eigenvalue",
}


def plot_landscape(
    probes: pd.DataFrame | Comparison, axes: Sequence[Axes] | None = None, *, band: float = BAND
) -> list[Axes]:
    """A panel a measure, a line a strategy: the median over seeds by step, in a band of the middle `band` of seeds.

    At a step with gradient g, from half a step to four steps along it: the range of the loss (loss variation), the
    range of the 2-norm of the gradient's change (gradient predictiveness: the lower, the better the gradient
    predicts), and the largest ratio of that norm to the distance (effective β-smoothness). Lower is smoother in all
    panels (Santurkar et al. 2018, figure 4).

    Args:
        probes: `looks.load_probes`'s frame, or rows of it, that holds one comparison.
        axes: one a measure to draw on; `None` makes a figure.
        band: share of the seeds, in (0, 1].

    Returns:
        The axes drawn on, one a measure that was taken.
    """
    comparison = probes if isinstance(probes, Comparison) else the_comparison(probes)
    frame = comparison.cells
    measures = [name for name in PANELS if name in frame and frame[name].notna().any()] or list(PANELS)[:1]
    notes = (f"line: median, band: middle {100 * band:g} % of seeds", "lower is smoother")
    panels = panels_of(axes, len(measures), "The loss around the weights", subtitle_of(comparison, *notes))
    for ax, measure in zip(panels, measures, strict=True):
        for strategy, rows in frame.groupby("axis", sort=True):
            curves = curves_of(rows, measure, by="step") if measure in rows else pd.DataFrame()
            if curves.notna().any(axis=None):
                plot_band(ax, str(strategy), curves, band=band, markersize=3)
        dress_panel(ax, PANELS[measure], "step")
        if not ax.lines:
            say_empty(ax, "no cell was probed (probe=full)")
    scale_y(panels)
    share_legend(panels)
    return panels
