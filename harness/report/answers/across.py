"""How do strategies do over all tasks?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from harness.report.answer import Answer, Drawing, Shown
from harness.report.canvas import FAINT, INK, ON_DARK, ON_LIGHT, axes_of, dress, rows_height, strategy_rows
from harness.report.palette import Looks, look_of
from harness.report.panels import dress_panel
from harness.report.profiles import draw_profiles
from harness.report.sheet import ARROWS, MISSING, Column, Sheet, number
from harness.report.text import rows_of
from harness.statistics.across import BASELINE as ACROSS_BASELINE
from harness.statistics.across import (
    NormalisedScores,
    aggregate_across,
    normalise_scores,
    performance_profiles,
    scores_by_task,
)
from harness.statistics.comparison import Comparison
from harness.types import UserError
from harness.words import broken

PANELS = {"iqm": f"interquartile mean {ARROWS['max']}", "gap": f"optimality gap {ARROWS['min']}"}


def of_tasks(comparisons: Sequence[Comparison]) -> Iterator[Answer]:
    """Several tasks by strategies, and their aggregates; nothing of one task, or without finished cells of `none`."""
    try:
        by_task, _ = scores_by_task(comparisons)
    except UserError:
        return
    if len(by_task) < 2:
        return
    means = [(task, strategy, float(one.mean())) for task, row in by_task.items() for strategy, one in row.items()]
    yield Answer(
        question="Which removes how much of the error on which task?",
        figure=Drawing(
            "tasks",
            "Tasks by strategies",
            lambda: plot_heat_map(comparisons),
            lambda: pd.DataFrame(means, columns=["task", "axis", "score"]),
        ),
        reading="Blue removes error that training without normalization leaves, red adds to it; a dash was not run.",
        caution="These are means alone: whether a difference is more than luck is for the verdicts to say.",
        place=0,
    )
    scores = normalise_scores(comparisons)
    if len(scores.tasks) > 1 and scores.scores:
        yield from _together(scores, _how_many(comparisons, scores), comparisons[0].looks)


def _how_many(comparisons: Sequence[Comparison], scores: NormalisedScores) -> str:
    """`3 tasks`, or where one has several architectures or settings `1 task, 2 comparisons`."""
    tasks = len({one.task for one in comparisons if one.title in scores.tasks})
    said = f"{tasks} task{'' if tasks == 1 else 's'}"
    return said if tasks == len(scores.tasks) else f"{said}, {len(scores.tasks)} comparisons"


def _together(scores: NormalisedScores, tasks: str, looks: Looks) -> Iterator[Answer]:
    table, profiles = aggregate_across(scores), performance_profiles(scores)
    note = f"{tasks} · bars and bands: 95 % stratified bootstrap"
    yield Answer(
        question="Which is best over all tasks?",
        table=Shown("across", "All tasks together", across_sheet(table, scores.tasks, scores.left_out, tasks), table),
        figure=Drawing(
            "together", "All tasks together", lambda: plot_aggregates(table, note, looks)[0], lambda: table, wide=True
        ),
        reading="The interquartile mean leaves out the best and worst quarter of cells; the optimality gap is the mean "
        "distance from a perfect score, lost cells and all. Lines mark the baseline none.",
        caution="Intervals are over seeds of the same tasks and say nothing about other tasks.",
        place=10,
        leads=True,
    )
    yield Answer(
        question="Which is safer, and which has the better best cells?",
        figure=Drawing(
            "profiles", "Performance profiles", lambda: plot_profiles(profiles, note, looks), lambda: profiles
        ),
        reading="A curve above another everywhere is better at every level; where they cross, one is safer and the "
        "other has the better best cells. Lost cells are at the left end.",
        place=20,
    )


def across_sheet(table: pd.DataFrame, tasks: Sequence[str], left_out: Sequence[str], how_many: str = "") -> Sheet:
    """`statistics.aggregate_across`'s table as a sheet; `tasks` and `left_out` are what it is and is not of."""
    columns = [
        Column("strategy", lambda row: str(row["axis"]), numeric=False),
        Column("interquartile mean ↑", lambda row: _interval(row, "iqm")),
        Column("optimality gap ↓", lambda row: _interval(row, "gap"), rank=1),
        Column("cells", lambda row: str(row["cells"])),
        Column("at −1", lambda row: str(row["worst"])),
    ]
    caption = [
        f"Over {how_many or f'{len(tasks)} comparisons'}: {'; '.join(tasks)}. Scores: share of the error of "
        "none removed; 0 as good, 1 perfect, -1 twice the error, worse, or no value. Intervals (95 %, stratified "
        "bootstrap) are over seeds of the same tasks and say nothing about other tasks.",
    ]
    if left_out:
        caption.append(f"Left out: {'; '.join(left_out)}.")
    return Sheet("across tasks", columns, rows_of(table), caption)


def plot_heat_map(
    comparisons: Sequence[Comparison], ax: Axes | None = None, *, baseline: str = ACROSS_BASELINE
) -> Axes:
    """Mean score of each strategy on each task: the share of the baseline's error removed.

    0 (white) is as good as the baseline, 1 perfect, -1 twice its error or worse; a lost cell counts as -1. A dash is
    a strategy that the task has no cell of.

    Args:
        comparisons: one a row.
        baseline: the strategy whose error is the unit.

    Raises:
        UserError: no task has finished cells of the baseline.
    """
    by_task, _ = scores_by_task(comparisons, baseline=baseline)
    table = pd.DataFrame(
        {task: {strategy: one.mean() for strategy, one in row.items()} for task, row in by_task.items()}
    ).T
    table = table[table.mean().sort_values(ascending=False).index]
    values = table.to_numpy(np.float64)
    ax = axes_of(ax, width=max(6.0, 2.6 + 0.95 * values.shape[1]), height=2.4 + 0.5 * values.shape[0])
    ax.imshow(values, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        text = number(value, 2, signed=True)
        colour = ON_DARK if abs(value) > 0.65 else ON_LIGHT
        ax.text(column, row, text, ha="center", va="center", fontsize=9, color=FAINT if text == MISSING else colour)
    scale = "mean over seeds · 0: as good as without · 1: perfect · lost cells count as −1"
    dress(ax, f"Share of the error of {baseline} removed", scale, wrap=56)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.set_xticks(range(values.shape[1]), [broken(name, 18) for name in table.columns], rotation=35, ha="right")
    ax.set_yticks(range(values.shape[0]), [broken(name, 30) for name in table.index])
    ax.tick_params(length=0)
    return ax


def plot_aggregates(table: pd.DataFrame, subtitle: str, looks: Looks, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Two panels with a row a strategy, the best interquartile mean at the top; bars are the intervals of the table."""
    panels = list(axes) if axes is not None else _panels(len(table), subtitle)
    for ax, (column, name) in zip(panels, PANELS.items(), strict=True):
        for row, one in enumerate(table.to_dict("records")):
            look = look_of(str(one["axis"]), looks)
            interval = [one[f"{column}_low"], one[f"{column}_high"]]
            ax.plot(interval, [row, row], color=look.colour, linewidth=2.4, solid_capstyle="butt")
            ax.plot([one[column]], [row], look.marker, color=look.colour, markersize=8, markeredgecolor="white")
        dress_panel(ax, name)
        strategy_rows(ax, table["axis"].tolist())
        ax.grid(visible=False, axis="y")
        ax.locator_params(axis="x", nbins=5)
    # Both are of the scores of the baseline, which scores 0 and so falls short of 1 by 1.
    for ax, place in zip(panels, (0, 1), strict=True):
        ax.axvline(place, color=FAINT, linewidth=0.8, zorder=0)
    return panels


def plot_profiles(profiles: pd.DataFrame, subtitle: str, looks: Looks, ax: Axes | None = None) -> Axes:
    """A curve a strategy: the share of its cells (all tasks and seeds) whose score exceeds each threshold.

    A curve that lies above another everywhere is better at every level; where curves cross, one strategy is safer and
    the other has the better best cells. Bands are pointwise 95 % intervals of the stratified bootstrap.
    """
    ax = axes_of(ax)
    ax.axvline(0, color=FAINT, linewidth=0.8)
    draw_profiles(ax, profiles, looks)
    ax.set_xlabel("score: share of the baseline's error removed")
    ax.set_ylabel("share of cells with a higher score")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    dress(ax, "Performance profiles", subtitle)
    return ax


def _panels(rows: int, subtitle: str) -> list[Axes]:
    figure = Figure(figsize=(7.2, rows_height(rows) + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle("All tasks together", x=0.01, ha="left", fontsize=11.5, fontweight="bold", color=INK)
    figure.supxlabel(subtitle, x=0.01, ha="left", fontsize=9, color=FAINT)
    return list(figure.subplots(1, 2, sharey=True))


def _interval(row: Mapping[str, Any], key: str) -> str:
    return f"{number(row[key], 2)} [{number(row[f'{key}_low'], 2)}, {number(row[f'{key}_high'], 2)}]"
