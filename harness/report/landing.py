"""results/README.md: the answer, before anything is run, counted from the published records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from harness.report.answer import Answer
from harness.report.files import write_text
from harness.report.outcomes import IS_BETTER, IS_WORSE, OUTCOMES, Verdict, say_outcomes, verdicts_of
from harness.report.questions import Questions
from harness.report.rule_text import effect_text, rule_text, verdict_words
from harness.report.sheet import to_markdown
from harness.report.study import Study
from harness.report.text import mark
from harness.statistics.caution import BASELINE
from harness.statistics.comparison import Comparison
from harness.statistics.decided import CONTRADICTED, REPRODUCED, Decided
from harness.statistics.dials import Dial

_MANY_VALUES = 4
_COLUMNS = ("strategy", "difference", "for new data", "verdict")
# What is shown of a dial where nothing is said with a table and a figure, and what is said beside.
_ELSE = "How do the differences"
_BESIDE = ("Does what is better", "Which is most accurate at its own best")
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


def write_landing(results: Path, studies: Sequence[Study], advice: Sequence[Advised]) -> Path:
    """Write the page; `studies` are those in `results/reference`."""
    page = results / "README.md"
    write_text(page, "\n".join(_page(studies, advice)))
    return page


def _page(studies: Sequence[Study], advice: Sequence[Advised]) -> Iterator[str]:
    questions = Questions.found()
    real = {
        (study.stamp.study, one.title): verdicts_of(one)
        for study in studies
        for one in _compared(study)
        if one.data_source != "generated"
    }
    yield from (_HEAD, " ".join(_answer(list(chain.from_iterable(real.values())), studies, questions)), "")
    if real:
        yield from _overview(real)
    if advice:
        yield from (_PRACTICE, *map(_advised, advice), "")
    yield from ("## Task by task", "")
    for study in studies:
        yield from _task(study, questions)
    yield _LINKS


def _answer(real: Sequence[Verdict], studies: Sequence[Study], questions: Questions) -> Iterator[str]:
    """At most ten sentences."""
    yield _KEEPS
    yield from say_outcomes(real)
    for study in studies:
        if all(one.data_source != "generated" for one in study.comparisons):
            yield from (one.sentence for dial in _dials(study) for one in _beside(dial, questions))


def _overview(real: Mapping[tuple[str, str], Sequence[Verdict]]) -> Iterator[str]:
    """One row a comparison, the strategies in the column of their outcome."""
    yield f"Against {mark(BASELINE)}, on real data, at one learning rate for all choices of a study:"
    yield ""
    yield f"| data and network | {' | '.join(OUTCOMES)} |"
    yield f"| :--- |{' :--- |' * len(OUTCOMES)}"
    for (study, title), verdicts in real.items():
        cells = [", ".join(map(_marked, (one for one in verdicts if one.outcome == kind))) for kind in OUTCOMES]
        yield f"| [{study}](reference/{study}/README.md): {title} | {' | '.join(cells)} |"
    yield ""
    yield (
        "**Bold**: by more than what matters. ↑ ↓: told to be better or worse, and shown to be so by less than what "
        "matters. °: told for these data, while the interval for new data of their kind reaches over 0. Verdicts are "
        "corrected over the strategies of one row, not over rows."
    )
    yield ""


def _marked(one: Verdict) -> str:
    name = f"**{mark(one.strategy)}**" if one.is_beyond else mark(one.strategy)
    is_told = bool(one.arrow) or one.outcome in (IS_BETTER, IS_WORSE)
    return f"{name}{one.arrow and f' {one.arrow}'}{'' if one.holds_anew or not is_told else '°'}"


def _compared(study: Study) -> list[Comparison]:
    few = [one for one in study.comparisons if BASELINE in one.strategies and one.crossed is None]
    return few if study.is_one_by_one else []


def _shown_of(study: Study) -> Sequence[Comparison | Dial]:
    """What is shown of a study: its dials where one has many values, else its comparisons."""
    dials = [dial for dial in _dials(study) if len(dial.members) >= _MANY_VALUES]
    return dials or _compared(study) or [one for one in study.comparisons if one.crossed is not None]


def _dials(study: Study) -> list[Dial]:
    """Its longest: of learning rates at two batch sizes, say, and not of batch sizes at each rate."""
    longest = max((len(dial.members) for dial in study.dials), default=0)
    return [dial for dial in study.dials if len(dial.members) == longest]


def _beside(dial: Dial, questions: Questions) -> Iterator[Answer]:
    """What is said of a dial with more choices than the baseline and one other."""
    found = questions.about(dial, BASELINE) if len(dial.strategies) > 2 else ()
    yield from (answer for answer in found if answer.sentence and answer.question.startswith(_BESIDE))


def _advised(one: Advised) -> str:
    """A row; what rules that differ in where they look say of one pair is counted."""
    alike: dict[tuple[object, ...], list[Decided]] = {}
    for study, found in one.decided:
        rule = found.rule
        alike.setdefault((study, rule.kind, rule.strategy, rule.other, rule.measure, rule.over), []).append(found)
    said = "<br>".join(f"[{study}](reference/{study}/README.md): {_found(ones)}" for (study, *_), ones in alike.items())
    return f"| {one.data} | {one.keep} | {one.beware} | {said} |"


def _found(ones: Sequence[Decided]) -> str:
    if len(ones) == 1:
        return f"{rule_text(ones[0].rule)}: {_holds(ones[0])}, {effect_text(ones[0])}"
    counts = Counter(one.outcome if one.pairs else "without records" for one in ones)
    words = {REPRODUCED: "hold", CONTRADICTED: "fail"}
    ways = ", ".join(f"{number} {words.get(outcome, outcome)}" for outcome, number in sorted(counts.items()))
    return f"{rule_text(replace(ones[0].rule, where={}))}, in {len(ones)} comparisons: {ways}"


def _holds(found: Decided) -> str:
    return verdict_words(found).replace(REPRODUCED, "holds").replace(CONTRADICTED, "fails")


def _task(study: Study, questions: Questions) -> Iterator[str]:
    """One sentence, one table and one figure of each comparison, or of a dial where comparisons are many."""
    name = study.stamp.study
    yield from (f"### [{name}](reference/{name}/README.md)", "")
    for subject in _shown_of(study):
        whole = [one for one in questions.about(subject, BASELINE) if one.table and one.figure]
        answers = [one for one in whole if one.sentence] or [one for one in whole if one.question.startswith(_ELSE)]
        if isinstance(subject, Comparison):
            shown = "differences" if subject.crossed is None else "variance"
            answers = [one for one in answers if one.figure and one.figure.name.startswith(shown)]
        yield from (line for answer in answers[:1] for line in _shown(name, subject, answer))
        if isinstance(subject, Dial):
            yield from (line for answer in _beside(subject, questions) for line in (answer.sentence, ""))


def _shown(study: str, subject: Comparison | Dial, answer: Answer) -> Iterator[str]:
    assert answer.table is not None
    assert answer.figure is not None
    sheet = answer.table.sheet
    few = [column for column in sheet.columns if column.heading.startswith(_COLUMNS)]
    # Of new data nothing is known where records do not say how many examples there were.
    columns = few if len(few) >= len(_COLUMNS) - 1 else sheet.columns
    table = replace(sheet, title="", columns=columns, caption=() if answer.sentence else sheet.caption)
    path = f"reference/{study}/figures/{subject.slug}/{answer.figure.name}.png"
    yield from (f"**{subject.title}.** {answer.sentence}".rstrip(), "", to_markdown(table).rstrip(), "")
    yield from (f"![{answer.figure.name.replace('-', ' ')}]({path})", "")
