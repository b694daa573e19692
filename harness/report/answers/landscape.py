"""How smooth is the loss around the weights while cells train?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
from matplotlib.axes import Axes

from harness.cell.health import measures_of
from harness.report.answer import TRAINING, Answer, Drawing, seen_of
from harness.report.bands import BAND, curves_of, plot_band
from harness.report.canvas import say_empty, subtitle_of
from harness.report.panels import dress_panel, panels_of, scale_y, share_legend
from harness.statistics.comparison import Comparison


def of_comparison(comparison: Comparison, baseline: str) -> Iterator[Answer]:
    """One answer, whoever the baseline is; none where no cell was probed."""
    if not probed_measures(comparison):
        return
    yield Answer(
        question="How smooth is the loss around the weights?",
        figure=Drawing(
            "landscape",
            "The loss around the weights",
            lambda: plot_landscape(comparison)[0],
            lambda: seen_of(comparison.probes),
            wide=True,
        ),
        reading="From half a step to four steps along the gradient: how much the loss varies, how much the gradient "
        "changes, and how fast it changes. Lower is smoother (Santurkar et al. 2018).",
        caution="Early steps matter most, since later ones also depend on how far training has come.",
        group=TRAINING,
        place=0,
    )


def probed_measures(comparison: Comparison) -> list[str]:
    """The measures of the loss around the weights that were taken."""
    frame = comparison.probes
    return [name for name in measures_of("probe") if name in frame and frame[name].notna().any()]


def plot_landscape(comparison: Comparison, axes: Sequence[Axes] | None = None, *, band: float = BAND) -> list[Axes]:
    """A panel a measure, a line a strategy: the median over seeds by step, in a band of the middle `band` of seeds.

    At a step with gradient g, from half a step to four steps along it: the range of the loss (loss variation), the
    range of the 2-norm of the gradient's change (gradient predictiveness: the lower, the better the gradient
    predicts), and the largest ratio of that norm to the distance (effective β-smoothness). Lower is smoother in all
    panels (Santurkar et al. 2018, figure 4).
    """
    frame = comparison.probes
    measures = probed_measures(comparison) or list(measures_of("probe"))[:1]
    notes = (f"line: median, band: middle {100 * band:g} % of seeds", "lower is smoother")
    panels = panels_of(axes, len(measures), "The loss around the weights", subtitle_of(comparison, *notes))
    for ax, measure in zip(panels, measures, strict=True):
        for strategy, rows in frame.groupby("axis", sort=True):
            curves = curves_of(rows, measure, by="step") if measure in rows else pd.DataFrame()
            if curves.notna().any(axis=None):
                plot_band(ax, str(strategy), curves, comparison.looks, band=band, markersize=3)
        dress_panel(ax, measures_of("probe")[measure].title, "step")
        if not ax.lines:
            say_empty(ax, "no cell was probed (probe=full)")
    scale_y(panels)
    share_legend(panels)
    return panels
