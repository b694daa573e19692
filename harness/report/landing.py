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
from harness.statistics.decided import Decided
from harness.statistics.dials import Dial
from harness.statistics.largest import NO_CHOICE
from harness.statistics.verdicts import compare_pairs

# More comparisons (a grid of learning rates) are answered along their dial.
_MOST_COMPARED = 4
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
    verdict: str
    generated: bool


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
    verdicts = [one for study in studies for one in _verdicts_of(study)]
    real, generated = ([one for one in verdicts if one.generated is kind] for kind in (False, True))
    yield _KEEPS
    yield from (_tally(ones, kind) for ones, kind in ((real, "real"), (generated, "generated")) if ones)
    axes = [one for one in real if one.strategy.partition(" ")[0] not in NO_CHOICE]
    for verdict in (BETTER, WORSE):
        yield _told(axes, verdict)
    yield from _stands([one for one in real if one.strategy == "none"], "No normalization at all is")
    alone = [one for one in real if one.strategy.partition(" ")[0] in NO_CHOICE and one.strategy != "none"]
    yield from _stands(alone, "What averages over no batch is", named=True)
    yield from (answer.sentence for study in studies for answer in _changes(study, questions))


def _tally(verdicts: Sequence[_Verdict], kind: str) -> str:
    """How often which verdict was given."""
    counts = {verdict: sum(one.verdict == verdict for one in verdicts) for verdict in _ORDER}
    ends = ", ".join(f"{number} {verdict}" for verdict, number in counts.items() if number)
    return f"On {kind} data {len(verdicts)} comparisons with {mark(BASELINE)} end {ends}."


_ORDER = (BETTER, WORSE, EQUIVALENT, UNDECIDED)


def _told(verdicts: Sequence[_Verdict], verdict: str) -> str:
    """Which choices of axes are told to be better than the baseline, or worse, on real data."""
    told = [one for one in verdicts if one.verdict == verdict]
    if not told:
        return f"On real data no other choice of axes is told to be {verdict}."
    return f"On real data {_listed(told)} {'is' if len({one.strategy for one in told}) == 1 else 'are'} {verdict}."


def _stands(verdicts: Sequence[_Verdict], begin: str, *, named: bool = False) -> Iterator[str]:
    """How what is no choice of axes stands to the baseline; `named`: with the strategies' names."""
    parts = []
    for verdict in _ORDER:
        if told := [one for one in verdicts if one.verdict == verdict]:
            parts.append(f"{verdict} {f'with {_listed(told)}' if named else f'on {_places(told)}'}")
    if parts:
        yield f"{begin} {'; '.join(parts)}."


def _listed(told: Sequence[_Verdict]) -> str:
    """`spatial` (mnist) and `global` (mnist, scenes)."""
    of = {name: [one for one in told if one.strategy == name] for name in sorted({one.strategy for one in told})}
    *others, last = (f"{mark(name)} ({_places(ones)})" for name, ones in of.items())
    return f"{', '.join(others)} and {last}" if others else last


def _places(told: Iterable[_Verdict]) -> str:
    return ", ".join(dict.fromkeys(one.where for one in told))


def _verdicts_of(study: Study) -> Iterator[_Verdict]:
    for comparison in _compared(study):
        for row in rows_of(compare_pairs(comparison, baseline=BASELINE).rows):
            generated = comparison.data_source == "generated"
            yield _Verdict(_where(study, comparison), str(row["axis"]), str(row["verdict"]), generated)


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
        f"[{study}](reference/{study}/README.md): {rule_text(found.rule)}: {verdict_words(found)}, {effect_text(found)}"
        for study, found in one.decided
    )
    return f"| {one.data} | {one.keep} | {one.beware} | {said} |"


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
