"""What a report has of one dial: the questions that it answers, and the tables and figures behind the answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from harness.drawings.dials import dial_drawings
from harness.reporting.dial_sentences import (
    interaction,
    most_accurate,
    where_gap_comes_from,
    who_diverges,
    widest_range,
)
from harness.reporting.files import write_drawing, write_table
from harness.reporting.page import DialChapter, DialTable
from harness.reporting.sentences import default_baseline
from harness.statistics.by_value import (
    aggregate_by_value,
    compare_by_value,
    compare_change,
    compare_diverged,
    divergence_by_value,
)
from harness.statistics.comparison import Comparison
from harness.statistics.dials import Dial
from harness.statistics.gap import aggregate_gap
from harness.statistics.own_best import aggregate_own_best, at_own_best
from harness.statistics.paired import compare_all_pairs
from harness.statistics.rates import aggregate_rates
from harness.statistics.usable import compare_usable, validation_metric
from harness.tables import (
    Sheet,
    by_value_sheet,
    change_sheet,
    differences_sheet,
    divergence_sheet,
    gap_sheet,
    own_best_sheet,
    rates_sheet,
)
from harness.types import UserError

# (name of the files, heading, sheet, the numbers behind it) and (question, answer)
_Table = tuple[str, str, Sheet, pd.DataFrame]
_Answer = tuple[str, str]


def write_dials(dials: Sequence[Dial], out: Path, baseline: str | None) -> tuple[list[DialChapter], list[Path]]:
    """The tables and figures of dials, each in a folder of its own under `out`, the learning rate first.

    Args:
        dials: the dials.
        out: where the report goes.
        baseline: the strategy that the others are compared with, where there is it.

    Returns:
        What the page shows of each, and the files written.
    """
    chapters, files = [], []
    for dial in sorted(dials, key=lambda one: not one.is_learning_rate):
        strategies = dial.strategies
        base = baseline if baseline is not None and baseline in strategies else default_baseline(strategies)
        chapter, written = _write_dial(dial, out, base)
        chapters.append(chapter)
        files += written
    return chapters, files


def all_by_value(dials: Iterable[Dial]) -> pd.DataFrame:
    """`aggregate_by_value` of all dials in one frame, with what it is of in the first columns."""
    parts = []
    for dial in dials:
        table = aggregate_by_value(dial)
        named = {"task": dial.whole.task, "data_source": dial.whole.data_source}
        named |= {"architecture": dial.whole.architecture, "metric": table.attrs["metric"], "dial": dial.name}
        settings = ", ".join(f"{name}={value}" for name, value in dial.whole.settings.items())
        table.attrs = {}
        parts.append(table.assign(**named, settings=settings))
    frame = pd.concat(parts, ignore_index=True)
    first = ["task", "data_source", "architecture", "settings", "metric", "dial"]
    return frame[[*first, *frame.columns.difference(first, sort=False)]]


def parts_of(dial: Dial, baseline: str) -> list[tuple[_Answer | None, list[_Table]]]:
    """The questions that a dial answers, each with its answer and the tables behind it; last what answers none."""
    return list(_of_learning_rate(dial, baseline) if dial.is_learning_rate else _of_setting(dial, baseline))


def _write_dial(dial: Dial, out: Path, baseline: str) -> tuple[DialChapter, list[Path]]:
    folder = out / dial.slug
    parts = parts_of(dial, baseline)
    answers = [answer for answer, _ in parts if answer is not None]
    tables, files = [], []
    for answer, (name, heading, sheet, numbers) in ((answer, table) for answer, of in parts for table in of):
        files += write_table(folder, name, sheet, numbers.to_csv(index=False, lineterminator="\n"))
        tables.append(DialTable(name, heading, sheet, opens=answer is not None))
    figures = []
    for drawing in dial_drawings(dial, baseline):
        figure, written = write_drawing(drawing, folder)
        figures.append(figure)
        files += written
    return DialChapter(dial, answers, tables, figures), files


def _of_learning_rate(dial: Dial, baseline: str) -> Iterator[tuple[_Answer | None, list[_Table]]]:
    """The four questions that a grid of learning rates is run for; fewer where no seed has all rates yet."""
    own = _own_best(dial)
    if own is not None:
        best = aggregate_own_best(dial, baseline=baseline)
        said = most_accurate(dial, best, compare_all_pairs(own, resample=False))
        table: _Table = ("own-best", "Each at its own best rate", own_best_sheet(dial, best), best)
        yield ("Which is most accurate at its own best rate?", said), [table]
        rates = aggregate_rates(dial, baseline=baseline)
        said = widest_range(dial, rates, compare_usable(dial))
        table = ("rates", "Rates that a strategy stands", rates_sheet(dial, rates), rates)
        yield ("Which stands the widest range of rates?", said), [table]
    yield _divergence(dial, baseline)
    gap = aggregate_gap(own) if own is not None else pd.DataFrame()
    if len(gap):
        said = where_gap_comes_from(gap, f"Each at its own best {dial.label}")
        table = ("gap", "Parts of the inference gap, each at its own best rate", gap_sheet(gap), gap)
        yield ("Where does the inference gap come from?", said), [table]
    yield None, list(_by_value(dial, baseline))


def _own_best(dial: Dial) -> Comparison | None:
    """Each strategy at its own best value; None where cells lack a metric on validation data, or seeds a value."""
    if validation_metric(dial, None)[0] not in dial.whole.frame:
        return None
    try:
        return at_own_best(dial)
    except UserError:
        return None


def _of_setting(dial: Dial, baseline: str) -> Iterator[tuple[_Answer | None, list[_Table]]]:
    """Whether the differences between strategies depend on a setting, and whether survival does."""
    measured = dial.whole.measure()[0] in dial.whole.frame
    run = all(baseline in set(one.frame["axis"]) for one in (dial.members[0], dial.members[-1]))
    if measured and run and len(dial.strategies) > 1:
        changes = compare_change(dial, baseline=baseline)
        question = f"Does what is better depend on the {dial.label}?"
        heading = f"Change of the differences from {baseline}"
        sheet = change_sheet(dial, changes)
        yield (question, interaction(dial, changes, baseline)), [("change", heading, sheet, changes)]
    yield _divergence(dial, baseline)
    yield None, list(_by_value(dial, baseline))


def _divergence(dial: Dial, baseline: str) -> tuple[_Answer, list[_Table]]:
    counts = divergence_by_value(dial)
    pairs = compare_diverged(dial, baseline=baseline)
    answer = who_diverges(dial, counts, pairs, baseline)
    return ("Which diverges?", answer), [("diverged", "Diverged cells", divergence_sheet(dial, counts), counts)]


def _by_value(dial: Dial, baseline: str) -> Iterator[_Table]:
    table = aggregate_by_value(dial)
    yield "by-value", f"By {dial.label}", by_value_sheet(dial, table), table
    if len(dial.strategies) > 1:
        differences = compare_by_value(dial, baseline=baseline)
        heading = f"Differences from {baseline} by {dial.label}"
        yield "differences", heading, differences_sheet(dial, differences), differences
