"""What does a metric cost, in time or parameters?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from harness.cell.costs import CELL_COSTS, CellCost
from harness.report.answer import COST, Answer, Drawing, Shown
from harness.report.canvas import INK, axes_of, dress, metric_label, say_empty, subtitle_of
from harness.report.marks import drawn_for, say_of_each
from harness.report.palette import look_of
from harness.report.sheet import Column, Sheet, number
from harness.report.text import rows_of
from harness.statistics.comparison import Comparison
from harness.statistics.summary import aggregate_comparison, aggregate_costs
from harness.types import UserError
from harness.words import broken

COSTS = {
    "seconds": "seconds a cell (median)",
    "normalization_parameters": "scale and shift parameters",
    "statistics": "means kept (as many variances)",
    "parameters": "parameters of the whole model",
}


def of_comparison(comparison: Comparison, baseline: str, metric: str | None = None) -> Iterator[Answer]:
    """One answer, whoever the baseline is: a mark a strategy; none where no cell's time is known."""
    if comparison.cells["seconds"].isna().all():
        return
    costs = aggregate_costs(comparison)
    measured = costs[[cost.name for cost in CELL_COSTS]].notna().any(axis=None)
    yield Answer(
        question="What does it cost?",
        table=Shown("costs", "Cost where it is used", costs_sheet(comparison, costs), costs) if measured else None,
        figure=Drawing(
            "cost",
            "Cost",
            lambda: plot_cost(comparison, metric),
            lambda: aggregate_comparison(comparison, metric).rows,
        ),
        reading="Up (or down, where lower is better) and to the left is better; the time includes building and "
        "evaluating.",
        group=COST,
    )


def costs_sheet(comparison: Comparison, costs: pd.DataFrame) -> Sheet:
    """`statistics.aggregate_costs` as a sheet, without the columns that no strategy has a number in."""

    def text(cost: CellCost, row: Mapping[str, Any]) -> str:
        value = number(row[cost.name], 1 if cost.unit == "ms" else 0)
        of_sites = cost.unit == "sites" and row[cost.name] == row[cost.name]
        return f"{value}/{number(row['sites'], 0)}" if of_sites else value

    known = [cost for cost in CELL_COSTS if costs[cost.name].notna().any()]
    columns = [Column("strategy", lambda row: str(row["axis"]), numeric=False)]
    columns += [Column(cost.heading, partial(text, cost)) for cost in known]
    caption = ["Medians over cells. " + " ".join(f"{cost.heading}: {cost.meaning}" for cost in known)]
    return Sheet(f"{comparison.title}: cost where it is used", columns, rows_of(costs), caption)


def plot_cost(
    comparison: Comparison, metric: str | None = None, ax: Axes | None = None, *, cost: str = "seconds"
) -> Axes:
    """A mark a strategy: its mean with 95 % t interval against what it costs.

    Args:
        cost: `seconds`, `normalization_parameters`, `statistics` or `parameters`.

    Raises:
        UserError: there is no such cost.
    """
    if cost not in COSTS:
        raise UserError(f"expected a cost among {list(COSTS)}. Received: cost={cost!r}")
    column, quantity = comparison.metric(metric)
    summary = aggregate_comparison(comparison, metric).rows.dropna(subset=["mean", cost])
    ax = axes_of(ax)
    for strategy, values in zip(
        summary["axis"], summary[[cost, "mean", "low", "high"]].to_numpy(np.float64), strict=True
    ):
        (x, mean, low, high), look = values, look_of(strategy, comparison.looks)
        with drawn_for(ax, strategy):
            ax.plot([x, x], [low, high], color=look.colour, linewidth=1.6, alpha=0.7)
            style: dict[str, Any] = {"color": look.colour, "markersize": 8, "markeredgecolor": "white"}
            (mark,) = ax.plot([x], [mean], look.marker, label=broken(strategy), **style)
            say_of_each(mark, [f"{strategy}: {mean:.4g} at {x:,.6g}"], [mean])
    if summary.empty:
        say_empty(ax, "no cell finished")
    else:
        if cost != "seconds":
            ax.set_xscale("symlog", linthresh=10)  # no normalization has none: 0 must be on the axis
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    ax.set_xlabel(COSTS[cost])
    ax.set_ylabel(metric_label(column, quantity))
    dress(ax, "Cost", subtitle_of(comparison, "bar: 95 % t interval of the mean"))
    return ax
