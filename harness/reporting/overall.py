"""What a report has over all tasks: tables where there are several of them, and figures."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd

from harness.drawings import Overall, across_drawings, rows_of
from harness.reporting.files import write_drawing, write_table
from harness.reporting.page import Across
from harness.statistics.across import aggregate_across, normalise_scores, performance_profiles
from harness.statistics.comparison import Comparison
from harness.statistics.target import aggregate_ratios, time_profiles, time_ratios, times_to_target
from harness.tables import Sheet, across_sheet
from harness.tables.times import ratios_sheet
from harness.types import UserError


def write_across(leaders: Sequence[Comparison], history: pd.DataFrame, out: Path) -> tuple[Across, list[Path]]:
    """Tables and figures over the comparisons `leaders`, one a task, in the folder `across`."""
    folder, files, sheets = out / "across", [], {}
    overall, tables = _gather(leaders, history)
    for name, (sheet, table) in tables.items():
        files += write_table(folder, name, sheet, table.to_csv(index=False, lineterminator="\n"))
        sheets[name] = sheet
    figures = []
    for drawing in across_drawings(leaders, overall):
        figure, written = write_drawing(drawing, folder)
        figures.append(figure)
        files += written
    return Across(sheets, figures), files


def _gather(
    leaders: Sequence[Comparison], history: pd.DataFrame
) -> tuple[Overall, dict[str, tuple[Sheet, pd.DataFrame]]]:
    """The aggregates that several tasks allow, and their tables by file name; nothing of a single task."""
    tables: dict[str, tuple[Sheet, pd.DataFrame]] = {}
    table = profiles = times = None
    timed = 0
    with suppress(UserError):  # no task has a finished baseline
        scores = normalise_scores(leaders)
        if len(scores.tasks) > 1 and scores.scores:
            table, profiles = aggregate_across(scores), performance_profiles(scores)
            tables["across"] = across_sheet(table, scores.tasks, scores.left_out), table
    with suppress(UserError):  # no strategy is in every task
        ratios = time_ratios(_times(leaders, history))
        if len(ratios.tasks) > 1 and len(ratios.ratios) > 1:
            times, summary, timed = time_profiles(ratios), aggregate_ratios(ratios), len(ratios.tasks)
            tables["across-times"] = ratios_sheet(summary, ratios.tasks, ratios.left_out), summary
    return Overall(table, profiles, times, timed), tables


def _times(leaders: Sequence[Comparison], history: pd.DataFrame) -> list[pd.DataFrame]:
    """Times to the target of the comparisons that have one."""
    found = []
    for comparison in leaders:
        try:
            found.append(times_to_target(comparison, rows_of(comparison, history)))
        except UserError:
            continue
    return found
