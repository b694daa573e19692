"""results/README.md, docs/published.md and docs/claims.md: from the records, all rules and the checks on layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.commands.arguments import predictions_of
from harness.commands.publish.advice import ADVICE
from harness.commands.publish.article import CLAIMS, Claim
from harness.commands.publish.checks import read_checks
from harness.commands.publish.written import were_before
from harness.config.composer import hydra_session
from harness.report.landing import Advised, write_landing
from harness.report.ledger import CONDITION, FAILS, HOLDS, UNDECIDED, Entry, Example, write_ledger
from harness.report.published import Judged, write_published
from harness.report.rule_text import effect_text, rule_text, seeds_text, verdict_words
from harness.report.study import Study, published_studies
from harness.statistics.comparison import Comparison
from harness.statistics.decided import CONTRADICTED, REPRODUCED, Decided, decide, decide_all
from harness.statistics.largest import apart, largest_difference
from harness.statistics.rules import Prediction

Predictions = Mapping[str, tuple[Prediction, ...]]
Comparisons = Mapping[str, Sequence[Comparison]]


def read_rules(config_dirs: Sequence[Path] = ()) -> Predictions:
    """The predictions of every study.

    Raises:
        UserError: one is misspelt.
    """
    with hydra_session(config_dirs) as composer:
        return {study: predictions_of(composer, study) for study in composer.options("study")}


def write_documents(reference: Path, docs: Path, config_dirs: Sequence[Path] = ()) -> list[Path]:
    """Write both documents of `docs`.

    Raises:
        UserError: a rule is misspelt.
    """
    predictions = read_rules(config_dirs)
    there = published_studies(reference)
    opened = {study: Study.open_published(reference / study) for study in there}
    comparisons = {study: one.comparisons for study, one in opened.items()}
    judged = [
        Judged(
            study,
            prediction,
            decide_all(prediction, comparisons.get(study, ())),
            study not in opened or were_before(opened[study], prediction),
        )
        for study, of_study in predictions.items()
        for prediction in of_study
    ]
    checks = read_checks(reference)
    docs.mkdir(exist_ok=True)
    entries = [_entry(claim, comparisons, checks.get("checks", {})) for claim in CLAIMS]
    examples = [Example(one["title"], one["code"], one["happens"]) for one in checks.get("examples", ())]
    return [
        write_ledger(docs / "claims.md", entries, examples, checks.get("versions", {})),
        write_published(docs / "published.md", judged, there),
    ]


def write_answer(reference: Path, results: Path) -> Path:
    """Write the page that people land on, in `results`."""
    opened = [Study.open_published(reference / study) for study in published_studies(reference)]
    comparisons = {study.stamp.study: study.comparisons for study in opened}
    advice = [
        Advised(
            *(one.data, one.keep, one.beware),
            [(study, decide(rule, comparisons.get(study, ()))) for study, rule in one.rules],
        )
        for one in ADVICE
    ]
    return write_landing(results, opened, advice)


def _entry(claim: Claim, comparisons: Comparisons, checks: Mapping[str, Any]) -> Entry:
    if claim.check:
        seen = checks.get(claim.check, {"verdict": UNDECIDED, "evidence": "The check was not run."})
        return Entry(claim.statement, claim.how, seen["verdict"], [seen["evidence"]])
    if any(claim.larger):
        return _by_size(claim, comparisons)
    decided = [(study, decide(rule, comparisons.get(study, ()))) for study, rule in claim.rules]
    lines = [_evidence(study, one) for study, one in decided]
    by_study = {study: _verdict([one.outcome for name, one in decided if name == study]) for study, _ in decided}
    if set(by_study.values()) == {HOLDS, FAILS}:
        held, failed = (", ".join(name for name, one in by_study.items() if one == way) for way in (HOLDS, FAILS))
        return Entry(claim.statement, claim.how, CONDITION, [f"It holds on {held} and fails on {failed}.", *lines])
    verdict = _verdict([one.outcome for _, one in decided])
    return Entry(claim.statement, claim.how, verdict, lines or ["No records."])


def _verdict(outcomes: Sequence[str]) -> str:
    """Of a claim whose rules must all hold: one that is told the other way makes it fail."""
    if CONTRADICTED in outcomes:
        return FAILS
    return HOLDS if outcomes and set(outcomes) == {REPRODUCED} else UNDECIDED


def _evidence(study: str, one: Decided) -> str:
    seeds = f" over {seeds_text(one)} seeds" if one.pairs else ""
    words = verdict_words(one).replace(REPRODUCED, HOLDS).replace(CONTRADICTED, FAILS)
    return f"{study}: {rule_text(one.rule)}: {words}; {effect_text(one)}{seeds}."


def _by_size(claim: Claim, comparisons: Comparisons) -> Entry:
    found = [[(one, largest_difference(one)) for one in _of(comparisons, studies)] for studies in claim.larger]
    told = apart(*([size for _, size in side] for side in found))
    verdict = {1: HOLDS, -1: FAILS, 0: UNDECIDED}[told]
    lines = [
        f"{one.title}: the largest difference from `channel` is {size.estimate:.1f} margins [{size.low:.1f}, "
        f"{size.high:.1f}], {size.n} seeds."
        if size.n
        else f"{one.title}: no interval of the largest difference is known, as cells are lost or seeds are too few."
        for side in found
        for one, size in side
    ]
    return Entry(claim.statement, claim.how, verdict, lines or ["No records."])


def _of(comparisons: Comparisons, studies: Sequence[str]) -> Iterator[Comparison]:
    for study in studies:
        yield from comparisons.get(study, ())
