"""Which rules were there before a study's records were computed: each is noted when `publish` first sees it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

from harness.config.identity import canonical
from harness.files import UnreadableError, read_bytes, write_text
from harness.report.study import Study, published_studies
from harness.statistics.rules import Prediction

RULES = "rules.json"


def digest_rules(prediction: Prediction) -> str:
    """By what a prediction's rules are known again: what they say, and not how the setting is described."""
    said = {"number": prediction.number, "rules": [asdict(rule) for rule in prediction.rules]}
    return hashlib.sha256(canonical(said).encode()).hexdigest()[:16]


def note_rules(work: Path, reference: Path, predictions: Sequence[Prediction]) -> dict[str, str]:
    """Note in the working folder when each prediction's rules were first seen (UTC), and return it.

    What published studies say counts, so that nothing seems younger in a fresh clone.
    """
    known = _read(work)
    for study in published_studies(reference):
        for digest, time in Study(reference / study, ()).rules.items():
            known[digest] = min(time, known.get(digest, time))
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    seen = {digest: known.get(digest, now) for digest in map(digest_rules, predictions)}
    write_text(work / RULES, json.dumps(known | seen, indent=1, sort_keys=True) + "\n")
    return seen


def were_before(study: Study, prediction: Prediction) -> bool:
    """Whether a prediction's rules were seen before the first of a published study's records was finished."""
    seen = study.rules.get(digest_rules(prediction), "")
    finished = [str((record.get("provenance") or {}).get("finished") or "") for record in study.records]
    return bool(seen) and all(seen <= time for time in finished if time)


def _read(work: Path) -> dict[str, str]:
    try:
        content: Mapping[str, str] = json.loads(read_bytes(work / RULES, within=work))
    except (OSError, UnreadableError, ValueError):
        return {}
    return dict(content)
