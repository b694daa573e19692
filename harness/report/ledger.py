"""docs/claims.md: every checkable claim of the article that this project began with, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.report.files import write_text

HOLDS, FAILS, CONDITION, UNDECIDED = "holds", "fails", "holds with a condition", "undecided"
VERDICTS = (HOLDS, CONDITION, FAILS, UNDECIDED)

_HEAD = """\
# The article's claims

This project began with an article about the `axis` argument of Keras's `BatchNormalization`. Here is every claim of
it that can be checked, with the check that decides it. Written by `python -m harness publish`, from checks on
the layers (small arrays against NumPy in float64) and from the [published records](../results/reference/README.md), by
the rules that [statistics.md](statistics.md#predictions) describes; not edited by hand.
"""


@dataclass(frozen=True)
class Entry:
    """A claim with its verdict.

    Attributes:
        statement: what is claimed, in brief.
        how: how it is checked.
        verdict: one of `VERDICTS`.
        evidence: what was seen, with numbers, a line each.
    """

    statement: str
    how: str
    verdict: str
    evidence: Sequence[str]


@dataclass(frozen=True)
class Example:
    """A code example with what happens: name of a layer -> in a line."""

    title: str
    code: str
    happens: Mapping[str, str]


def write_ledger(
    path: Path, entries: Sequence[Entry], examples: Sequence[Example], versions: Mapping[str, str]
) -> Path:
    """Write the document."""
    write_text(path, "\n".join(_document(entries, examples, versions)))
    return path


def _document(entries: Sequence[Entry], examples: Sequence[Example], versions: Mapping[str, str]) -> Iterator[str]:
    ran = ", ".join(f"{name} {version}" for name, version in versions.items())
    counts = Counter(entry.verdict for entry in entries)
    yield from (_HEAD, f"Checks on the layers ran with {ran}.", "")
    yield ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]) + "."
    yield from ("", "| # | the article says | checked by | verdict |", "| ---: | :--- | :--- | :--- |")
    for number, entry in enumerate(entries, 1):
        link = f"[{number}](#{number}-{entry.verdict.replace(' ', '-')})"
        yield f"| {link} | {entry.statement} | {entry.how} | **{entry.verdict}** |"
    yield from ("", "## Evidence")
    for number, entry in enumerate(entries, 1):
        yield from ("", f"### {number}: {entry.verdict}", "", entry.statement, "")
        yield from (f"- {line}" for line in entry.evidence)
    yield from ("", "## The code examples", "", "Reconstructed from the claims, on random data.")
    for example in examples:
        yield from ("", f"### {example.title}", "", "```python")
        yield from (example.code.rstrip(), "```", "")
        yield from (f"- `{name}`: {happens}" for name, happens in example.happens.items())
    yield ""
