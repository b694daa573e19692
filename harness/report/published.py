"""docs/published.md: what published work predicts, and what the published records say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.report.files import write_text
from harness.report.rule_text import effect_text, rule_text, seeds_text, verdict_words
from harness.statistics.decided import CONTRADICTED, REPRODUCED, Decided, together
from harness.statistics.literature import LITERATURE, Published
from harness.statistics.rules import Prediction

_HEAD = """\
# What published work predicts

And what pilots of this project and the way its data are generated predict: the column *source* says which. Written by
`python -m harness publish` from the [published records](../results/reference/README.md); not edited by hand.
Each prediction is decided by rules that stand in the study's file, and all its rules must hold for `reproduced`; one
that is told the other way, or equivalent where a difference was predicted, makes it `contradicted`. A difference that
is told counts by its direction, however small; whether it matters stands beside it (*but within*). The verdicts behind
them are those of the study's page ([statistics.md](statistics.md#predictions)): paired by seed, corrected over the
strategies of one comparison, not over the rows of this table. Effects are mean differences over seeds with the 95 %
interval of one difference. What no published record speaks of is not decided here. `publish` notes when it first sees
a rule; one that is younger than the records that it is applied to says so.
"""


@dataclass(frozen=True)
class Judged:
    """A prediction as one study decides it.

    Attributes:
        study: its name.
        prediction: with its rules.
        decided: what records say of each rule.
        before: whether the rules were there before the records.
    """

    study: str
    prediction: Prediction
    decided: Sequence[Decided]
    before: bool = True

    @property
    def outcome(self) -> str:
        """`reproduced`, `contradicted`, `undecided` or, where records lack what a rule asks for, `not decided here`."""
        told = together(self.decided)
        if told not in (REPRODUCED, CONTRADICTED) and any(one.reason for one in self.decided):
            return "not decided here"
        return told


def write_published(path: Path, judged: Sequence[Judged], published: Sequence[str]) -> Path:
    """Write the document; `published` are the studies that have a page to link to."""
    by_number = {number: [one for one in judged if one.prediction.number == number] for number in LITERATURE}
    write_text(path, "\n".join(_document(by_number, published)))
    return path


def _document(by_number: Mapping[int, Sequence[Judged]], published: Sequence[str]) -> Iterator[str]:
    yield from (_HEAD, "| # | prediction | source | verdict | rule | effect | seeds | study |")
    yield "| ---: | :--- | :--- | :--- | :--- | :--- | ---: | :--- |"
    for number, judged in by_number.items():
        yield from _rows(LITERATURE[number], judged, published)
    for number, judged in by_number.items():
        if judged:
            yield from ("", f"## {number}. {LITERATURE[number].statement.partition(' (')[0].rstrip('.')}", "")
            yield from _paragraphs(judged)
    yield ""


def _rows(one: Published, judged: Sequence[Judged], published: Sequence[str]) -> Iterator[str]:
    if not judged:
        yield _row(str(one.number), one.statement, one.source, "not decided here: no records", "", "", "", "")
    for by_study in judged:
        name = by_study.study
        yield _row(
            str(one.number),
            one.statement,
            one.source,
            f"**{by_study.outcome}**{'' if by_study.before else ' (rule after the records)'}",
            "<br>".join(rule_text(rule) for rule in by_study.prediction.rules),
            "<br>".join(effect_text(found) for found in by_study.decided),
            "<br>".join("" if found.reason else seeds_text(found) for found in by_study.decided),
            f"[{name}](../results/reference/{name}/README.md)" if name in published else name,
        )


def _paragraphs(judged: Sequence[Judged]) -> Iterator[str]:
    for number, by_study in enumerate(judged):
        yield from ("",) if number else ()
        yield f"*{by_study.study}*: {by_study.outcome}. How the setting differs: {by_study.prediction.settings}"
        if not by_study.before:
            yield "The rule was written, or changed, after the first of these records was computed."
        yield ""
        for found in by_study.decided:
            title = f" ({found.title})" if found.title else ""
            yield f"- {rule_text(found.rule)}: {verdict_words(found)}; {effect_text(found)}{title}."


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
