"""results/README.md: the answer, before anything is run, counted from the published records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.report.answer import Answer
from harness.report.files import write_text
from harness.report.questions import Questions
from harness.report.rule_text import effect_text, rule_text, verdict_words
from harness.report.sheet import to_markdown
from harness.report.study import Study
from harness.report.text import mark, rows_of
from harness.statistics.caution import BASELINE, BETTER, EQUIVALENT, UNDECIDED, WORSE
from harness.statistics.comparison import Comparison
from harness.statistics.decided import CONTRADICTED, REPRODUCED, Decided
from harness.statistics.dials import Dial
from harness.statistics.largest import NO_CHOICE
from harness.statistics.verdicts import compare_pairs

# More comparisons (a grid of learning rates) are answered along their dial.
_MOST_COMPARED = 4
_SIZES = {"beyond": " by more than what matters", "within": " by less than what matters"}
_LARGE = (f"{BETTER}{_SIZES['beyond']}", BETTER, WORSE, f"{WORSE}{_SIZES['beyond']}")
_SMALL = (f"{BETTER}{_SIZES['within']}", f"{WORSE}{_SIZES['within']}")
_LABELS = (*_LARGE[:2], _SMALL[0], EQUIVALENT, UNDECIDED, _SMALL[1], *_LARGE[2:])
_COLUMNS = ("strategy", "difference", "verdict")
_HEAD = """\
# Which axes should my batch normalization keep?

Written by `python -m harness publish` from the [published records](reference/README.md), and not by hand. What a
verdict means, and what it does not, is in [docs/statistics.md](../docs/statistics.md).

## The answer
"""
_KEEPS = (
    "`axis` names the axes that **keep** statistics of their own; over all others, the batch among them, is averaged."
)
_PRACTICE = """\
## What to do

A row advises no more than its last column shows; whether it holds for your data is one command away
([docs/your-model.md](../docs/your-model.md)).

| your data | keep | beware | what the records say |
| :--- | :--- | :--- | :--- |"""
_LINKS = """\
## More

- [Every study](reference/README.md): records, tables and figures, with the command, machine and versions of each.
- [What an article on `axis` claims](../docs/claims.md), and what became of each claim.
- [What published work predicts](../docs/published.md), and whether it was reproduced.
- [The notebooks](../notebooks) read the studies step by step.
"""


@dataclass(frozen=True)
class Advised:
    """What to do with data of one kind.

    Attributes:
        data: which they are.
        keep: the axes to keep.
        beware: of what.
        decided: study and what its records say, a rule each.
    """

    data: str
    keep: str
    beware: str
    decided: Sequence[tuple[str, Decided]]


@dataclass(frozen=True)
class _Verdict:
    """One strategy against the baseline in one comparison, which `where` tells in a few words."""

    where: str
    strategy: str
    label: str  # of _LABELS
    precise: str  # the same with statistics that are re-estimated after training; empty where they are not known


def write_landing(results: Path, studies: Sequence[Study], advice: Sequence[Advised]) -> Path:
    """Write the page; `studies` are those in `results/reference`."""
    page = results / "README.md"
    write_text(page, "\n".join(_page(studies, advice)))
    return page


def _page(studies: Sequence[Study], advice: Sequence[Advised]) -> Iterator[str]:
    questions = Questions.found()
    yield from (_HEAD, " ".join(_answer(studies, questions)), "")
    if advice:
        yield from (_PRACTICE, *map(_advised, advice), "")
    yield from ("## Task by task", "")
    for study in studies:
        yield from _task(study, questions)
    yield _LINKS


def _answer(studies: Sequence[Study], questions: Questions) -> Iterator[str]:
    """At most ten sentences; what they say of strategies is counted from the verdicts."""
    real = [one for study in studies for one in _verdicts_of(study)]
    yield _KEEPS
    if real:
        yield _tally(real)
    axes = [one for one in real if one.strategy.partition(" ")[0] not in NO_CHOICE]
    yield from _told(axes)
    yield from _otherwise_by_precise(axes)
    yield from _stands([one for one in real if one.strategy == "none"], "No normalization at all is")
    alone = [one for one in real if one.strategy.partition(" ")[0] in NO_CHOICE and one.strategy != "none"]
    yield from _stands(alone, "What averages over no batch is", named=True)
    yield from (answer.sentence for study in studies for answer in _changes(study, questions))


def _tally(verdicts: Sequence[_Verdict]) -> str:
    """How often which verdict was given."""
    counts = {label: sum(one.label == label for one in verdicts) for label in _LABELS}
    ends = ", ".join(f"{number} {label}" for label, number in counts.items() if number)
    return f"On real data {len(verdicts)} comparisons with {mark(BASELINE)} end {ends}."


def _told(verdicts: Sequence[_Verdict]) -> Iterator[str]:
    """Which choices of axes are told to be better or worse than the baseline on real data, the large ones first."""
    large, small = ([one for one in verdicts if one.label in labels] for labels in (_LARGE, _SMALL))
    if not large:
        yield (
            f"None of them tells another choice of axes from {mark(BASELINE)} by more than what matters, which is 0.01 "
            "of an accuracy and 5 % of an error."
        )
    for ones, by in ((large, ""), (small, ", but by less than what matters")):
        parts = [(verdict, [one for one in ones if one.label.startswith(verdict)]) for verdict in (BETTER, WORSE)]
        if said := [f"{_listed(told)} {_are(told)} {verdict}" for verdict, told in parts if told]:
            yield f"{', and '.join(said)}{by}."


def _otherwise_by_precise(verdicts: Sequence[_Verdict]) -> Iterator[str]:
    """Which of those that are told apart stand otherwise once their statistics are re-estimated after training."""
    told = [one for one in verdicts if one.label in (*_LARGE, *_SMALL) and one.precise not in ("", one.label)]
    parts = []
    for label in _LABELS:
        if ones := [one for one in told if one.precise == label]:
            parts.append(f"{_listed(ones)} {_are(ones)} {label}")
    if parts:
        yield f"With statistics re-estimated after training {'; '.join(parts)}."


def _stands(verdicts: Sequence[_Verdict], begin: str, *, named: bool = False) -> Iterator[str]:
    """How what is no choice of axes stands to the baseline; `named`: with the strategies' names."""
    parts = []
    for label in _LABELS:
        if told := [one for one in verdicts if one.label == label]:
            parts.append(f"{label}{f': {_listed(told)}' if named else f' on {_places(told)}'}")
    if parts:
        yield f"{begin} {'; '.join(parts)}."


def _listed(told: Sequence[_Verdict]) -> str:
    """`spatial` (mnist) and `global` (mnist, scenes)."""
    of = {name: [one for one in told if one.strategy == name] for name in sorted({one.strategy for one in told})}
    *others, last = (f"{mark(name)} ({_places(ones)})" for name, ones in of.items())
    return f"{', '.join(others)} and {last}" if others else last


def _are(told: Sequence[_Verdict]) -> str:
    return "is" if len({one.strategy for one in told}) == 1 else "are"


def _places(told: Iterable[_Verdict]) -> str:
    return ", ".join(dict.fromkeys(one.where for one in told))


def _verdicts_of(study: Study) -> Iterator[_Verdict]:
    """Those on real data."""
    for comparison in _compared(study):
        if comparison.data_source == "generated":
            continue
        precise = f"{comparison.metric()[0]}_precise"
        by_precise = _labels(comparison, precise) if precise in comparison.cells else {}
        for strategy, label in _labels(comparison).items():
            yield _Verdict(_where(study, comparison), strategy, label, by_precise.get(strategy, ""))


def _labels(comparison: Comparison, metric: str | None = None) -> dict[str, str]:
    rows = rows_of(compare_pairs(comparison, metric, baseline=BASELINE).rows)
    return {str(row["axis"]): f"{row['verdict']}{_SIZES.get(row['size'], '')}" for row in rows}


def _compared(study: Study) -> list[Comparison]:
    few = [one for one in study.comparisons if BASELINE in one.strategies]
    return few if len(few) <= _MOST_COMPARED else []


def _where(study: Study, comparison: Comparison) -> str:
    """The study, and of its comparisons which: `batch_size at 4`."""
    values = [str(value) for value in comparison.settings.values()]
    return f"{study.stamp.study} at {', '.join(values)}" if values else study.stamp.study


def _changes(study: Study, questions: Questions) -> Iterator[Answer]:
    for dial in study.dials:
        yield from (answer for answer in questions.about(dial, BASELINE) if answer.question.startswith("Does what is"))


def _advised(one: Advised) -> str:
    said = "<br>".join(
        f"[{study}](reference/{study}/README.md): {rule_text(found.rule)}: {_holds(found)}, {effect_text(found)}"
        for study, found in one.decided
    )
    return f"| {one.data} | {one.keep} | {one.beware} | {said} |"


def _holds(found: Decided) -> str:
    return verdict_words(found).replace(REPRODUCED, "holds").replace(CONTRADICTED, "fails")


def _task(study: Study, questions: Questions) -> Iterator[str]:
    """One sentence, one table and one figure of each comparison, or of a dial where comparisons are many."""
    name = study.stamp.study
    yield from (f"### [{name}](reference/{name}/README.md)", "")
    for subject in _compared(study) or study.dials:
        answers = [one for one in questions.about(subject, BASELINE) if one.sentence and one.table and one.figure]
        if isinstance(subject, Comparison):
            answers = [one for one in answers if one.figure and one.figure.name == "differences"]
        yield from (line for answer in answers[:1] for line in _shown(name, subject, answer))


def _shown(study: str, subject: Comparison | Dial, answer: Answer) -> Iterator[str]:
    assert answer.table is not None
    assert answer.figure is not None
    sheet = answer.table.sheet
    few = [column for column in sheet.columns if column.heading.startswith(_COLUMNS)]
    table = replace(sheet, title="", columns=few if len(few) == len(_COLUMNS) else sheet.columns, caption=())
    path = f"reference/{study}/figures/{subject.slug}/{answer.figure.name}.png"
    yield from (f"**{subject.title}.** {answer.sentence}", "", to_markdown(table).rstrip(), "")
    yield from (f"![{answer.figure.name.replace('-', ' ')}]({path})", "")
