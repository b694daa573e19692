"""What is committed of a study beside its records: a page with verdicts and tables, and the main figures."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.comparison import Comparison
from harness.publishing.records import command_of, machines_of
from harness.records import write_text_atomically
from harness.reference import Study, open_study
from harness.report import write_report
from harness.sentences import better_sentence, default_baseline, stability_sentence
from harness.statistics import aggregate_comparison, compare_divergence, compare_pairs, compare_spread
from harness.tables import comparison_sheet, pairs_sheet, to_markdown

# Of each comparison; what else a report draws is one command away.
TABLES = ("comparison.csv", "pairs.csv")
FIGURES = ("seeds", "differences", "learning-rates", "inference-gap", "stability")
# With more comparisons than this (a grid of learning rates, say), most figures would say little that others do not.
_MOST_DRAWN = 4


def write_pages(reference: Path, study: str) -> Path:
    """Write a published study's tables, figures and page anew, from its records alone; returns the page."""
    folder = reference / study
    found = open_study(folder)
    with tempfile.TemporaryDirectory() as scratch:
        write_report(folder, scratch)
        for kept in ("tables", "figures"):
            shutil.rmtree(folder / kept, ignore_errors=True)
        for comparison in found.comparisons:
            _keep(Path(scratch) / comparison.slug, folder, comparison, drawn=len(found.comparisons) <= _MOST_DRAWN)
    page = folder / "README.md"
    write_text_atomically(page, "\n".join(_lines(found, folder)))
    return page


def verdicts_of(comparison: Comparison) -> list[str]:
    """Which strategies are better than the baseline, and what can be said of stability, in sentences."""
    base = default_baseline(sorted(set(comparison.frame["axis"])))
    spread, divergence = compare_spread(comparison, baseline=base), compare_divergence(comparison, baseline=base)
    pairs = compare_pairs(comparison, baseline=base)
    return [better_sentence(pairs, base), stability_sentence(spread, divergence, base)]


def _keep(made: Path, folder: Path, comparison: Comparison, *, drawn: bool) -> None:
    """Copy a comparison's tables, and those of its figures that are to be seen without anything installed."""
    for name in TABLES:
        _copy(made / name, folder / "tables" / comparison.slug / name)
    for name in FIGURES:
        if drawn or name == "learning-rates":
            _copy(made / f"{name}.png", folder / "figures" / comparison.slug / f"{name}.png")


def _copy(source: Path, target: Path) -> None:
    if source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _lines(study: Study, folder: Path) -> Iterator[str]:
    yield from (f"# {study.stamp.study}", "", study.stamp.to_markdown(), "")
    yield from (f"Computed on {'; '.join(machines_of(folder)) or 'a machine that is not known'}.", "")
    yield from ("Made again by:", "", "```sh", command_of(folder), "```", "")
    for comparison in study.comparisons:
        base = default_baseline(sorted(set(comparison.frame["axis"])))
        yield from (f"## {comparison.title}", "", *(f"- {said}" for said in verdicts_of(comparison)), "")
        yield to_markdown(comparison_sheet(aggregate_comparison(comparison)))
        pairs = compare_pairs(comparison, baseline=base)
        if len(pairs):
            yield to_markdown(pairs_sheet(pairs))
        tables = (f"[{name}](tables/{comparison.slug}/{name})" for name in TABLES)
        yield from (f"All columns: {', '.join(tables)}", "")
        for name in FIGURES:
            figure = f"figures/{comparison.slug}/{name}.png"
            if (folder / figure).exists():
                yield from (f"![{name.replace('-', ' ')}]({figure})", "")
