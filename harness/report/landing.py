"""results/README.md: the answer, before anything is run, counted from the published records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
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

_MANY_VALUES = 4
# The kinds of outcome, by verdict and size: a difference within the margin is told apart and does not matter.
_IS_BETTER, _NO_MATTER, _IS_WORSE, _IS_OPEN = BETTER, "no difference that matters", WORSE, UNDECIDED
_OUTCOMES = (_IS_BETTER, _NO_MATTER, _IS_WORSE, _IS_OPEN)
_STANDS = {
    _IS_BETTER: "is better",
    _IS_WORSE: "is worse",
    _NO_MATTER: "makes no difference that matters",
    _IS_OPEN: "is undecided",
}
_ARROWS = {BETTER: "↑", WORSE: "↓"}
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
    """One strategy against the baseline in one comparison."""

    strategy: str
    outcome: str  # of _OUTCOMES
    arrow: str  # where it is told apart by less than what matters
    precise: str  # the outcome with statistics that are re-estimated after training; empty where it is not known

    @property
    def is_of_axes(self) -> bool:
        return self.strategy.partition(" ")[0] not in NO_CHOICE


def write_landing(results: Path, studies: Sequence[Study], advice: Sequence[Advised]) -> Path:
    """Write the page; `studies` are those in `results/reference`."""
    page = results / "README.md"
    write_text(page, "\n".join(_page(studies, advice)))
    return page


def _page(studies: Sequence[Study], advice: Sequence[Advised]) -> Iterator[str]:
    questions = Questions.found()
    real = {
        (study.stamp.study, one.title): _verdicts(one)
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


def _answer(real: Sequence[_Verdict], studies: Sequence[Study], questions: Questions) -> Iterator[str]:
    """At most ten sentences; what they say of strategies is counted from the verdicts on real data."""
    yield _KEEPS
    axes = [one for one in real if one.is_of_axes]
    if axes:
        yield _tally(axes)
        yield _differing(axes, "As trained")
    if precise := [replace(one, outcome=one.precise) for one in axes if one.precise]:
        yield _differing(precise, "With statistics re-estimated after training")
    if nothing := [one for one in real if one.strategy == "none"]:
        yield f"No normalization at all {_stands(nothing)}."
    if alone := [one for one in real if not one.is_of_axes and one.strategy != "none"]:
        yield f"Of what averages over no batch {'; '.join(_each(alone).values())}."
    yield from (answer.sentence for study in studies for answer in _changes(study, questions))


def _tally(verdicts: Sequence[_Verdict]) -> str:
    """How often which outcome was found."""
    better, little, worse, undecided = (sum(one.outcome == outcome for one in verdicts) for outcome in _OUTCOMES)
    told = sum(bool(one.arrow) for one in verdicts)
    advice = "**Keep the channels, or features (`axis=-1`), to begin with**: of" if worse > better else "Of"
    return (
        f"{advice} {len(verdicts)} comparisons of another choice of axes with {mark(BASELINE)} on real data, "
        f"{better} end better and {worse} worse by an amount that can matter, which is 0.01 of an accuracy or 5 % of "
        f"an error; {little} show that the difference is smaller, {told} of them though it is told; {undecided} "
        "are undecided."
    )


def _differing(verdicts: Sequence[_Verdict], when: str) -> str:
    """Which choices of axes differ from the baseline by an amount that can matter, and how often."""
    names = {one.strategy for one in verdicts if one.outcome in (_IS_BETTER, _IS_WORSE)}
    if not names:
        return f"{when} no choice of axes differs by such an amount anywhere."
    ways = _each([one for one in verdicts if one.strategy in names])
    return f"{when} {'; '.join(ways.values())}; no other choice of axes differs by such an amount anywhere."


def _each(verdicts: Sequence[_Verdict]) -> dict[str, str]:
    """Strategy -> its name and how it stands."""
    names = sorted({one.strategy for one in verdicts})
    return {name: f"{mark(name)} {_stands([one for one in verdicts if one.strategy == name])}" for name in names}


def _stands(verdicts: Sequence[_Verdict]) -> str:
    """How one strategy stands to the baseline: `is better in 1 and is undecided in 2 of 3`."""
    counts = {words: sum(one.outcome == outcome for one in verdicts) for outcome, words in _STANDS.items()}
    *others, last = (f"{words} in {number}" for words, number in counts.items() if number)
    begin = f"{', '.join(others)} and " if others else ""
    return f"{begin}{last} of {len(verdicts)}"


def _overview(real: Mapping[tuple[str, str], Sequence[_Verdict]]) -> Iterator[str]:
    """One row a comparison, the strategies in the column of their outcome."""
    yield f"Against {mark(BASELINE)}, on real data:"
    yield ""
    yield f"| data and network | {' | '.join(_OUTCOMES)} |"
    yield f"| :--- |{' :--- |' * len(_OUTCOMES)}"
    for (study, title), verdicts in real.items():
        cells = [
            ", ".join(
                f"{mark(one.strategy)}{one.arrow and f' {one.arrow}'}" for one in verdicts if one.outcome == outcome
            )
            for outcome in _OUTCOMES
        ]
        yield f"| [{study}](reference/{study}/README.md): {title} | {' | '.join(cells)} |"
    yield ""
    yield "↑ ↓: told to be better or worse, but by less than what matters."
    yield ""


def _verdicts(comparison: Comparison) -> list[_Verdict]:
    precise = f"{comparison.metric()[0]}_precise"
    by_precise = _outcomes(comparison, precise) if precise in comparison.cells else {}
    return [
        _Verdict(strategy, outcome, arrow, by_precise.get(strategy, ("", ""))[0])
        for strategy, (outcome, arrow) in _outcomes(comparison).items()
    ]


def _outcomes(comparison: Comparison, metric: str | None = None) -> dict[str, tuple[str, str]]:
    """Strategy -> its outcome, and the arrow of one that is told apart by less than what matters."""
    rows = rows_of(compare_pairs(comparison, metric, baseline=BASELINE).rows)
    return {str(row["axis"]): _outcome(str(row["verdict"]), str(row["size"])) for row in rows}


def _outcome(verdict: str, size: str) -> tuple[str, str]:
    if verdict in _ARROWS and size == "within":
        return _NO_MATTER, _ARROWS[verdict]
    return {BETTER: _IS_BETTER, WORSE: _IS_WORSE, EQUIVALENT: _NO_MATTER}.get(verdict, _IS_OPEN), ""


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


def _changes(study: Study, questions: Questions) -> Iterator[Answer]:
    for dial in _dials(study):
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
    for subject in _shown_of(study):
        answers = [one for one in questions.about(subject, BASELINE) if one.sentence and one.table and one.figure]
        if isinstance(subject, Comparison):
            shown = "differences" if subject.crossed is None else "variance"
            answers = [one for one in answers if one.figure and one.figure.name.startswith(shown)]
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
