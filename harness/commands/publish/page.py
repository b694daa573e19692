"""What is committed of a study beside its records: a page with verdicts and tables, and the main figures."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from harness.commands.publish.records import command_of, machines_of
from harness.drawings import dial_drawings
from harness.figures import plot_inference_gap, plot_paired_differences, plot_seed_cloud, save_figure
from harness.records.store import write_text_atomically
from harness.reference import Study, open_study
from harness.reporting.dial_chapter import parts_of
from harness.reporting.sentences import better_sentence, default_baseline, stability_sentence
from harness.statistics import aggregate_comparison, compare_divergence, compare_pairs, compare_spread
from harness.statistics.comparison import Comparison
from harness.statistics.dials import Dial, dials_of
from harness.tables import comparison_csv, comparison_sheet, pairs_sheet, to_markdown

# With more comparisons than this (a grid of learning rates, say), a figure of each would hide those over all of them.
_MOST_DRAWN = 4
Draw = Callable[[], Axes]


def write_pages(reference: Path, study: str) -> Path:
    """Write a published study's tables, figures and page anew, from its records alone; returns the page."""
    folder = reference / study
    found = open_study(folder)
    for kept in ("tables", "figures"):
        shutil.rmtree(folder / kept, ignore_errors=True)
    page = folder / "README.md"
    write_text_atomically(page, "\n".join(_lines(found, folder)))
    return page


def verdicts_of(study: Study) -> list[str]:
    """What a study says: the answers of its dials, and verdicts on its comparisons where these are few."""
    said = []
    for dial in dials_of(study.comparisons):
        answers = [answer for answer, _ in parts_of(dial, default_baseline(dial.strategies)) if answer is not None]
        said += [f"{question} {answer}" for question, answer in answers]
    if len(study.comparisons) <= _MOST_DRAWN:
        said += [f"{one.title}: {' '.join(comparison_verdicts(one))}" for one in study.comparisons]
    return said


def comparison_verdicts(comparison: Comparison) -> list[str]:
    """Which strategies are better than the baseline, and what can be said of stability, in sentences."""
    base = default_baseline(sorted(set(comparison.frame["axis"])))
    spread, divergence = compare_spread(comparison, baseline=base), compare_divergence(comparison, baseline=base)
    pairs = compare_pairs(comparison, baseline=base)
    return [better_sentence(pairs, base), stability_sentence(spread, divergence, base)]


def _lines(study: Study, folder: Path) -> Iterator[str]:
    yield from (f"# {study.stamp.study}", "", study.stamp.to_markdown(), "")
    yield from (f"Computed on {'; '.join(machines_of(folder)) or 'a machine that is not known'}.", "")
    yield from ("Made again by:", "", "```sh", command_of(folder), "```", "")
    for dial in dials_of(study.comparisons):
        yield from _dial_lines(dial, folder)
    for comparison in study.comparisons:
        yield from _comparison_lines(comparison, folder, drawn=len(study.comparisons) <= _MOST_DRAWN)


def _dial_lines(dial: Dial, folder: Path) -> Iterator[str]:
    base = default_baseline(dial.strategies)
    yield from (f"## {dial.title}", "")
    tables: dict[str, str] = {}
    for answer, behind in parts_of(dial, base):
        if answer is not None:
            yield from (f"### {answer[0]}", "", answer[1], "")
        for name, _, sheet, numbers in behind:
            tables[name] = numbers.to_csv(index=False, lineterminator="\n")
            if answer is not None:
                yield to_markdown(sheet)
    yield from (f"All columns: {', '.join(_write_tables(folder, dial.slug, tables))}", "")
    yield from _figures(folder, dial.slug, {one.name: one.draw for one in dial_drawings(dial, base)})


def _comparison_lines(comparison: Comparison, folder: Path, *, drawn: bool) -> Iterator[str]:
    base = default_baseline(sorted(set(comparison.frame["axis"])))
    summary, pairs = aggregate_comparison(comparison), compare_pairs(comparison, baseline=base)
    yield from (f"## {comparison.title}", "", *(f"- {said}" for said in comparison_verdicts(comparison)), "")
    yield to_markdown(comparison_sheet(summary))
    if len(pairs):
        yield to_markdown(pairs_sheet(pairs))
    tables = {"comparison": comparison_csv(summary), "pairs": pairs.to_csv(index=False, lineterminator="\n")}
    yield from (f"All columns: {', '.join(_write_tables(folder, comparison.slug, tables))}", "")
    if drawn:
        yield from _figures(folder, comparison.slug, _drawings(comparison, pairs))


def _drawings(comparison: Comparison, pairs: pd.DataFrame) -> dict[str, Draw]:
    drawings: dict[str, Draw] = {"seeds": lambda: plot_seed_cloud(comparison)}
    if len(pairs):
        drawings["differences"] = lambda: plot_paired_differences(pairs)
    drawings["inference-gap"] = lambda: plot_inference_gap(comparison)
    return drawings


def _write_tables(folder: Path, slug: str, tables: Mapping[str, str]) -> Iterator[str]:
    """Write tables as CSV; yields a link to each."""
    for name, text in tables.items():
        path = folder / "tables" / slug / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        yield f"[{name}.csv]({path.relative_to(folder)})"


def _figures(folder: Path, slug: str, drawings: Mapping[str, Draw]) -> Iterator[str]:
    """Write figures as PNG and SVG; yields lines that show the one and link the other."""
    for name, draw in drawings.items():
        path = folder / "figures" / slug / name
        path.parent.mkdir(parents=True, exist_ok=True)
        png, svg = (made.relative_to(folder) for made in save_figure(draw(), path))
        yield from (f"[![{name.replace('-', ' ')}]({png})]({svg})", "")
