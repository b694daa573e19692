"""results/README.md: the answer, before anything is run, counted from the published records."""

from __future__ import annotations

from collections import Counter
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
from harness.statistics.largest import NO_CHOICE, SAME_CHOICE
from harness.statistics.new_data import new_data_intervals
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
_COLUMNS = ("strategy", "difference", "for new data", "verdict")
# What is said of a dial beside what is shown of it.
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


@dataclass(frozen=True)
class _Verdict:
    """One strategy against the baseline in one comparison."""

    strategy: str
    outcome: str  # of _OUTCOMES
    arrow: str = ""  # where it is told apart by less than what matters
    is_beyond: bool = False  # told apart by more than what matters
    holds_anew: bool = False  # the interval for new data of this kind leaves out 0 too
    precise: str = ""  # the outcome with statistics that are re-estimated after training; empty where it is not known

    @property
    def name(self) -> str:
        return self.strategy.partition(" ")[0]


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
    axes = [one for one in real if one.name not in (*NO_CHOICE, *SAME_CHOICE)]
    if axes:
        yield from _tally(axes)
        yield _differing(axes, "As trained")
    if precise := _re_estimated(axes):
        yield _differing(precise, "With statistics re-estimated after training")
    if nothing := [one for one in real if one.name == "none"]:
        again = _re_estimated(nothing)
        behind = f", and, with those of {mark(BASELINE)} re-estimated, {_stands(again)}" if again else ""
        yield f"No normalization at all {_stands(nothing)}{behind}."
    if alone := [one for one in real if one.name in NO_CHOICE and one.name != "none"]:
        yield f"Of what averages over no batch {'; '.join(_each(alone).values())}."
    for study in studies:
        if all(one.data_source != "generated" for one in study.comparisons):
            yield from (one.sentence for dial in _dials(study) for one in _beside(dial, questions))


def _tally(verdicts: Sequence[_Verdict]) -> Iterator[str]:
    """How often which outcome was found, and what of it holds for new data."""
    better, worse = ([one for one in verdicts if one.outcome == outcome] for outcome in (_IS_BETTER, _IS_WORSE))
    arrows = [one.arrow for one in verdicts]
    undecided = sum(one.outcome == _IS_OPEN for one in verdicts)
    beyond = [sum(one.is_beyond for one in ones) for ones in (better, worse)]
    if not beyond[0]:
        yield (
            "**On real data no other choice of axes is shown to beat the channels, or features (`axis=-1`), by more "
            "than what matters.**"
        )
    yield (
        f"What matters is 0.01 of an accuracy or 5 % of an error: of {len(verdicts)} comparisons of another choice of "
        f"axes with {mark(BASELINE)}, {len(better)} end better ({beyond[0]} by more than that) and {len(worse)} worse "
        f"({beyond[1]} by more); {sum(one.outcome == _NO_MATTER for one in verdicts)} show that the difference is "
        f"smaller, {arrows.count('↑')} of them better and {arrows.count('↓')} worse by so little; {undecided} are "
        "undecided."
    )
    if better or worse:
        anew = [sum(one.holds_anew for one in ones) for ones in (better, worse)]
        yield (
            f"These verdicts are about the data at hand and new seeds: for new data of their kind, whose intervals are "
            f"wider, {anew[0]} of the {len(better)} better and {anew[1]} of the {len(worse)} worse still leave out 0."
        )


def _re_estimated(verdicts: Sequence[_Verdict]) -> list[_Verdict]:
    return [replace(one, outcome=one.precise) for one in verdicts if one.precise]


def _differing(verdicts: Sequence[_Verdict], when: str) -> str:
    """Which choices of axes are told to differ by what is not shown to be small, and how often."""
    names = {one.strategy for one in verdicts if one.outcome in (_IS_BETTER, _IS_WORSE)}
    rest = [one for one in verdicts if one.strategy not in names]
    undecided = sum(one.outcome == _IS_OPEN for one in rest)
    others = f"{undecided} of {len(rest)} comparisons of other choices are undecided" if undecided else ""
    if not names:
        return f"{when} no other choice is told to be better or worse by that much{others and f', and {others}'}."
    ways = "; ".join(_each([one for one in verdicts if one.strategy in names]).values())
    none_else = f"no other is told to be better or worse by that much{others and f', and {others}'}" if rest else ""
    return f"{when} {ways}{none_else and f'; {none_else}'}."


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
    yield f"Against {mark(BASELINE)}, on real data, at one learning rate for all choices of a study:"
    yield ""
    yield f"| data and network | {' | '.join(_OUTCOMES)} |"
    yield f"| :--- |{' :--- |' * len(_OUTCOMES)}"
    for (study, title), verdicts in real.items():
        cells = [", ".join(map(_marked, (one for one in verdicts if one.outcome == kind))) for kind in _OUTCOMES]
        yield f"| [{study}](reference/{study}/README.md): {title} | {' | '.join(cells)} |"
    yield ""
    yield (
        "**Bold**: by more than what matters. ↑ ↓: told to be better or worse, and shown to be so by less than what "
        "matters. °: told for these data, while the interval for new data of their kind reaches over 0."
    )
    yield ""


def _marked(one: _Verdict) -> str:
    name = f"**{mark(one.strategy)}**" if one.is_beyond else mark(one.strategy)
    is_told = bool(one.arrow) or one.outcome in (_IS_BETTER, _IS_WORSE)
    return f"{name}{one.arrow and f' {one.arrow}'}{'' if one.holds_anew or not is_told else '°'}"


def _verdicts(comparison: Comparison) -> list[_Verdict]:
    precise = f"{comparison.metric()[0]}_precise"
    by_precise = _outcomes(comparison, precise) if precise in comparison.cells else {}
    anew = new_data_intervals(comparison, baseline=BASELINE).set_index("axis")
    leaves_out = (anew["new_low"] > 0) | (anew["new_high"] < 0)
    return [
        _Verdict(strategy, *found, bool(leaves_out[strategy]), by_precise.get(strategy, ("",))[0])
        for strategy, found in _outcomes(comparison).items()
    ]


def _outcomes(comparison: Comparison, metric: str | None = None) -> dict[str, tuple[str, str, bool]]:
    """Strategy -> its outcome, the arrow of one that is told apart by less than what matters, whether it is more."""
    rows = rows_of(compare_pairs(comparison, metric, baseline=BASELINE).rows)
    return {str(row["axis"]): _outcome(str(row["verdict"]), str(row["size"])) for row in rows}


def _outcome(verdict: str, size: str) -> tuple[str, str, bool]:
    if verdict in _ARROWS and size == "within":
        return _NO_MATTER, _ARROWS[verdict], False
    told = {BETTER: _IS_BETTER, WORSE: _IS_WORSE, EQUIVALENT: _NO_MATTER}.get(verdict, _IS_OPEN)
    return told, "", size == "beyond"


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
    found = questions.about(dial, BASELINE) if len(dial.strategies) > len((BASELINE, "none")) else ()
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
    counts = Counter(_holds(one).partition(",")[0].partition(":")[0] for one in ones)
    ways = ", ".join(f"{number} {word}" for word, number in counts.items())
    return f"{rule_text(replace(ones[0].rule, where={}))}, in {len(ones)} comparisons: {ways}"


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
        if isinstance(subject, Dial):
            yield from (line for answer in _beside(subject, questions) for line in (answer.sentence, ""))


def _shown(study: str, subject: Comparison | Dial, answer: Answer) -> Iterator[str]:
    assert answer.table is not None
    assert answer.figure is not None
    sheet = answer.table.sheet
    few = [column for column in sheet.columns if column.heading.startswith(_COLUMNS)]
    table = replace(sheet, title="", columns=few if len(few) == len(_COLUMNS) else sheet.columns, caption=())
    path = f"reference/{study}/figures/{subject.slug}/{answer.figure.name}.png"
    yield from (f"**{subject.title}.** {answer.sentence}", "", to_markdown(table).rstrip(), "")
    yield from (f"![{answer.figure.name.replace('-', ' ')}]({path})", "")
