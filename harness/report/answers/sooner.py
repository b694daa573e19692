"""How soon does a strategy reach what training without normalization ends at?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from harness.report.answer import LEARNING, Answer, Drawing, Shown
from harness.report.canvas import INK, axes_of, dress
from harness.report.palette import Looks, look_of
from harness.report.profiles import draw_profiles
from harness.report.sheet import Column, Sheet, label_of, number
from harness.report.text import rows_of, time_text
from harness.statistics.comparison import Comparison
from harness.statistics.target import (
    Times,
    aggregate_ratios,
    aggregate_times,
    time_profiles,
    time_ratios,
    times_to_target,
)
from harness.types import UserError
from harness.words import broken


def of_comparison(comparison: Comparison, baseline: str) -> Iterator[Answer]:
    """One answer, whoever the baseline is; none where no finished cell of `none` sets a target."""
    try:
        times = times_to_target(comparison)
    except UserError:
        return
    summary = aggregate_times(times)
    yield Answer(
        question="Which is soonest at the target?",
        table=Shown("times", "Time to target", times_sheet(summary), summary.rows),
        figure=Drawing("time-to-target", "Time to target", lambda: plot_time_to_target(times), lambda: times.rows)
        if len(comparison.strategies) > 1
        else None,
        reading=f"The target is what {times.baseline} ends at on the validation examples. Further left is sooner; a "
        "curve that stays below 1 is of a strategy some of whose cells never get there, diverged and failed "
        "ones among them.",
        group=LEARNING,
    )


def of_tasks(comparisons: Sequence[Comparison]) -> Iterator[Answer]:
    """One answer; none of a single task, nor where no strategy is in every task."""
    try:
        ratios = time_ratios([times for one in comparisons if (times := _times_of(one)) is not None])
    except UserError:
        return
    if len(ratios.tasks) < 2 or len(ratios.ratios) < 2:
        return
    summary, profiles = aggregate_ratios(ratios), time_profiles(ratios)
    note = f"{len(ratios.tasks)} tasks · target: what none ends at · band: pointwise 95 % interval"
    yield Answer(
        question="Which is soonest at the target, over all tasks?",
        table=Shown("across-times", "Time to target", ratios_sheet(summary, ratios.tasks, ratios.left_out), summary),
        figure=Drawing(
            "time-profiles",
            "Performance profiles: time to target",
            lambda: plot_time_profiles(profiles, note, comparisons[0].looks),
            lambda: profiles,
        ),
        reading="At the left, how often a strategy is the soonest (or shares that with others); at the right, how "
        "often it arrives at all. Cells that never reach the target keep their curve below 1.",
        place=30,
        leads=True,
    )


def _times_of(comparison: Comparison) -> Times | None:
    """Times to the target, of a comparison that has one."""
    try:
        return times_to_target(comparison)
    except UserError:
        return None


def times_sheet(table: Times) -> Sheet:
    """`statistics.aggregate_times`'s table as a sheet."""
    columns = [
        Column("strategy", lambda row: str(row["axis"]), numeric=False),
        Column("reached", lambda row: f"{row['reached']}/{row['cells']}"),
        Column("share", _share, rank=1),
        Column("epochs, half", lambda row: time_text(row["median"], 0)),
        Column("epochs, 90 %", lambda row: time_text(row["slow"], 0)),
        Column("s, half", lambda row: time_text(row["seconds"], 1), rank=2),
    ]
    caption = [
        f"Until the {label_of(table.metric)} reaches {said_target(table)}. half, 90 %: when so many of all "
        "cells had reached it; ∞: fewer ever did. Cells that diverged or failed never reach it."
    ]
    return Sheet(f"{table.of.title}: time to target", columns, rows_of(table.rows), caption)


def ratios_sheet(table: pd.DataFrame, tasks: Sequence[str], left_out: Sequence[str]) -> Sheet:
    """`statistics.aggregate_ratios`'s table as a sheet; `tasks` and `left_out` are what it is and is not of."""
    columns = [
        Column("strategy", lambda row: str(row["axis"]), numeric=False),
        Column("soonest ↑", lambda row: number(row["soonest"], 2)),
        Column("reached ↑", lambda row: number(row["reached"], 2)),
        Column("epochs over soonest, half ↓", lambda row: time_text(row["median"], 2)),
        Column("cells", lambda row: str(row["cells"])),
    ]
    caption = [
        f"Time to the target over {len(tasks)} tasks: {'; '.join(tasks)}. The target of a task is the mean with which "
        "none ends on the validation examples. soonest: share of cells that no strategy beats under the same seed, "
        "ties counted for all; half: the multiple of the soonest's epochs within which half of all cells arrive."
    ]
    if left_out:
        caption.append(f"Left out: {'; '.join(left_out)}.")
    return Sheet("across tasks: time to target", columns, rows_of(table), caption)


def said_target(times: Times) -> str:
    """`0.941, the mean with which none ends`."""
    unit = f" {times.quantity.unit}" if times.quantity.unit else ""
    return f"{times.target:.4g}{unit}, the mean with which {times.baseline} ends"


def plot_time_to_target(times: Times, ax: Axes | None = None) -> Axes:
    """A curve a strategy: the share of all its cells that have reached the target by each epoch.

    Cells that never reach it, diverge or fail stay among them, so that a curve need not come up to 1.
    """
    ax = axes_of(ax)
    rows = times.rows
    finite = rows.loc[np.isfinite(rows["epochs"]), "epochs"]
    last = float(finite.max()) + 0.5 if len(finite) else 1.0
    for strategy, cells in rows.groupby("axis", sort=True):
        look, epochs = look_of(str(strategy), times.of.looks), np.sort(cells["epochs"].to_numpy(np.float64))
        reached = np.unique(epochs[np.isfinite(epochs)])
        shares = np.searchsorted(epochs, reached, side="right") / len(epochs)
        ax.step(
            [0, *reached, last],
            [0, *shares, shares[-1] if len(shares) else 0],
            where="post",
            color=look.colour,
            linestyle=look.dashes,
            linewidth=1.8,
            marker=look.marker,
            markevery=slice(1, -1),
            markersize=4,
            label=broken(str(strategy)),
        )
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlim(0, last)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("epoch")
    ax.set_ylabel("share of cells at the target")
    target = f"target: {label_of(times.metric)} {said_target(times)}"
    dress(ax, "Time to target", f"{times.of.title} · {target}")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    return ax


def plot_time_profiles(profiles: pd.DataFrame, subtitle: str, looks: Looks, ax: Axes | None = None) -> Axes:
    """A curve a strategy: the share of its cells that reach the target within a multiple of the soonest's epochs.

    Dolan & Moré's (2002) performance profile; bands are pointwise 95 % intervals of the stratified bootstrap.
    """
    ax = axes_of(ax)
    draw_profiles(ax, profiles, looks)
    ax.set_xscale("log")
    ax.set_xlim(1, None)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.set_minor_locator(MaxNLocator(nbins=1))
    ax.set_xlabel("epochs to the target, over the soonest strategy's of the same task and seed")
    ax.set_ylabel("share of cells within it")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    dress(ax, "Performance profiles: time to target", subtitle)
    return ax


def _share(row: Mapping[str, Any]) -> str:
    return f"{number(row['share'], 2)} [{number(row['low'], 2)}, {number(row['high'], 2)}]"
