"""What does the validation loss say, by what inference takes for its statistics?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from harness.report.answer import TRAINING, Answer, Drawing, seen_of
from harness.report.bands import BAND, curves_of, plot_band
from harness.report.canvas import INK, say_empty, subtitle_of
from harness.report.panels import dress_panel, panels_of, scale_y, share_legend
from harness.statistics.comparison import Comparison
from harness.words import broken

# Inference statistics -> the history's column, and the line's dashes, marker and place in front.
LOSSES = {
    "moving averages": ("validation_loss", "-", "o", 2.0),
    "precise": ("validation_loss_precise", (0, (4, 1.5)), None, 2.2),
    "the batch's own": ("validation_loss_batch", (0, (1, 1.2)), None, 2.1),
}


def of_comparison(comparison: Comparison, baseline: str) -> Iterator[Answer]:
    """One answer, whoever the baseline is; none where only moving averages were looked at."""
    strategies = probed_strategies(comparison)
    if not strategies:
        return
    rows = comparison.history
    yield Answer(
        question="Do moving averages follow the weights?",
        figure=Drawing(
            "inference-losses",
            "Validation loss by inference statistics",
            lambda: plot_inference_losses(comparison)[0],
            lambda: seen_of(rows[rows["axis"].isin(strategies)]),
            wide=True,
        ),
        reading="Where the solid line runs above the others, the weights are better than inference with moving "
        "averages shows. Precise statistics are estimated anew after each epoch, for this figure only.",
        group=TRAINING,
        place=10,
    )


def plot_inference_losses(
    comparison: Comparison, axes: Sequence[Axes] | None = None, *, band: float = BAND
) -> list[Axes]:
    """A panel a strategy, a line for each kind of inference statistics: the validation loss by epoch.

    Lines are medians over seeds; the band is of the loss with moving averages and holds the middle `band` of seeds.
    A strategy without statistics over the batch has one loss, whichever way.
    """
    frame = comparison.history
    strategies = probed_strategies(comparison) or sorted(frame["axis"].unique())[:1]
    notes = (f"lines: medians, band: middle {100 * band:g} % of seeds", "lower is better ↓")
    title = "Validation loss by inference statistics"
    panels = panels_of(axes, len(strategies), title, subtitle_of(comparison, *notes), columns=4, share_y=True)
    for ax, strategy in zip(panels, strategies, strict=True):
        rows = frame[frame["axis"] == strategy]
        for label, (column, dashes, marker, order) in LOSSES.items():
            curves = curves_of(rows, column, by="epoch") if column in rows else pd.DataFrame()
            if not curves.notna().any(axis=None):
                continue
            style = {"linestyle": dashes, "marker": marker, "markersize": 3, "zorder": order, "label": label}
            plot_band(ax, strategy, curves, comparison.looks, band=band if marker else 0.0, **style)
        dress_panel(ax, broken(strategy), "epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        if not ax.lines:
            say_empty(ax, "no epoch was finished")
    scale_y(panels, together=True)
    share_legend(panels, colour=INK)
    return panels


def probed_strategies(comparison: Comparison) -> list[str]:
    """The strategies whose validation loss was also taken with other inference statistics, by name."""
    frame = comparison.history
    columns = [column for column, *_ in list(LOSSES.values())[1:] if column in frame]
    return sorted(frame.loc[frame[columns].notna().any(axis=1), "axis"].unique()) if columns else []
