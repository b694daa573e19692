"""What a report has of one comparison: its tables, its figures and its verdict."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from harness.drawings import Looks, drawings_of, gather_evidence
from harness.drawings.evidence import Evidence
from harness.reporting.files import write_drawing, write_table
from harness.reporting.page import Chapter
from harness.reporting.sentences import better_sentence, default_baseline, stability_sentence
from harness.statistics.comparison import Comparison
from harness.statistics.divergence import compare_divergence
from harness.statistics.spread import compare_spread
from harness.statistics.stability import aggregate_stability
from harness.statistics.target import aggregate_times
from harness.tables import Sheet, comparison_csv, comparison_sheet, pairs_sheet
from harness.tables.matrix import matrix_sheet
from harness.tables.stability import stability_sheet
from harness.tables.times import times_sheet


def write_chapter(
    comparison: Comparison, looks: Looks, out: Path, baseline: str | None, *, leads: bool, drawn: bool
) -> tuple[Chapter, list[Path]]:
    """One comparison's tables and, where `drawn`, its figures, in a folder of its own under `out`.

    Args:
        comparison: its cells.
        looks: frames over all cells with several rows a cell.
        out: where the report goes.
        baseline: the strategy that the others are compared with, where there is it.
        leads: whether it is the largest comparison of its task, source and architecture.
        drawn: whether its figures are drawn, and every strategy is compared with every other.

    Returns:
        What the page shows of it, and the files written.
    """
    strategies = sorted(set(comparison.frame["axis"]))
    base = baseline if baseline is not None and baseline in strategies else default_baseline(strategies)
    evidence = gather_evidence(comparison, looks, baseline=base, all_pairs=drawn)
    folder, sheets, files = out / comparison.slug, _sheets(evidence), []
    for name, (sheet, csv) in sheets.items():
        files += write_table(folder, name, sheet, csv)
    figures = []
    for drawing in drawings_of(evidence) if drawn else []:
        figure, written = write_drawing(drawing, folder)
        figures.append(figure)
        files += written
    spread, divergence = compare_spread(comparison, baseline=base), compare_divergence(comparison, baseline=base)
    said = (better_sentence(evidence.pairs, base), stability_sentence(spread, divergence, base))
    only_sheets = {name: sheet for name, (sheet, _) in sheets.items()}
    return Chapter(comparison, evidence.summary, only_sheets, said, figures, leads), list(dict.fromkeys(files))


def _sheets(evidence: Evidence) -> dict[str, tuple[Sheet, str]]:
    """File name -> table as people read it, and its numbers as CSV."""
    stability = aggregate_stability(evidence.comparison)
    sheets = {
        "comparison": (comparison_sheet(evidence.summary), comparison_csv(evidence.summary)),
        "pairs": (pairs_sheet(evidence.pairs), _csv(evidence.pairs)),
        "measures": (stability_sheet(stability), _csv(stability)),  # the figure is called stability
    }
    if not evidence.all_pairs.empty:
        sheets["all-pairs"] = (matrix_sheet(evidence.all_pairs), _csv(evidence.all_pairs))
    if evidence.times is not None:
        times = aggregate_times(evidence.times)
        sheets["times"] = (times_sheet(times), _csv(times))
    return sheets


def _csv(table: pd.DataFrame) -> str:
    return str(table.to_csv(index=False, lineterminator="\n"))
