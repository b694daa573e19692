"""Where the inference gap comes from: its two parts, by strategy or over the values of a dial."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from harness.figures.by_value import draw_by_value
from harness.figures.canvas import FAINT, INK, dress, say_empty
from harness.statistics.by_value import gap_by_value
from harness.statistics.dials import Dial
from harness.statistics.gap import DEPENDENCE, LAG
from harness.tables import label_of

_TITLES = {
    LAG: ("Lag of the moving averages", "moving averages minus precise statistics"),
    DEPENDENCE: ("Dependence on the batch", "precise statistics minus the batch's"),
}


def plot_gap_parts(dial: Dial, metric: str | None = None, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Two panels over the values of a dial, a line a strategy: what lag and what the batch add to the inference gap.

    Their sum is the metric with moving averages minus with batch statistics. Left: both kinds of statistics stand for
    the training set, and the moving averages are late. Right: beyond 0, an output depends on which other examples are
    in its batch. Bars are 95 % t intervals of the mean over seeds, paired by cell.

    Args:
        dial: the values to draw over.
        metric: its column or name; `None` is the task's main metric on the test examples.
        axes: two axes to draw on; `None` makes a figure.

    Returns:
        The two axes.
    """
    column, measure = dial.whole.measure(metric)
    table = gap_by_value(dial, metric)
    panels = list(axes) if axes is not None else _panels()
    worse = "below" if measure["direction"] == "max" else "above"
    for ax, (part, (title, what)) in zip(panels, _TITLES.items(), strict=True):
        ax.axhline(0, color=FAINT, linewidth=1)
        of_part = table.rename(columns={part: "estimate", f"{part}_low": "low", f"{part}_high": "high"})
        draw_by_value(ax, dial, of_part, legend=ax is panels[-1])
        if table.empty:
            say_empty(ax, "no cell was evaluated with other statistics")
        dress(ax, title, f"{label_of(column)}: {what} · {worse} 0: the first are worse", wrap=44)
    unit = f" ({measure['unit']})" if measure["unit"] else ""
    panels[0].set_ylabel(f"difference of {label_of(column)}{unit}")
    for ax in panels:
        ax.tick_params(axis="x", rotation=35 if len(dial.values) > 5 else 0)
    return panels


def _panels() -> list[Axes]:
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    for ax in (left, right):
        ax.tick_params(colors=INK)
    return [left, right]
