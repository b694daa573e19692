"""By what a published study is known again: its records' digest, what computed them, and when."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.config.identity import canonical
from harness.records.frames import Record

_ADDED_BY_READING = ("stale", "path")


@dataclass(frozen=True)
class Stamp:
    """By what a published study is known again.

    Attributes:
        study: its name.
        completeness: how many of the planned cells there are and how each ended, in a sentence.
        digest: SHA-256 over all its records, see `digest_records`.
        made_by: the code, packages, Python and device that computed them.
        finished: when the first and the last cell were (UTC, to the minute).
    """

    study: str
    completeness: str
    digest: str
    made_by: str
    finished: str

    @staticmethod
    def of(study: str, completeness: str, records: Sequence[Record]) -> Stamp:
        """The stamp of a study's records."""
        return Stamp(
            study=study,
            completeness=completeness,
            digest=digest_records(records),
            made_by=_made_by(records),
            finished=_span([str((record.get("provenance") or {}).get("finished") or "") for record in records]),
        )

    def to_markdown(self) -> str:
        """All of it in one paragraph."""
        return (
            f"**{self.study}**: {self.completeness} Records `sha256 {self.digest[:16]}`, finished {self.finished}, "
            f"computed by {self.made_by}."
        )

    def __str__(self) -> str:
        return self.to_markdown()

    _repr_markdown_ = to_markdown
    __repr__ = __str__


def digest_records(records: Sequence[Record]) -> str:
    """SHA-256 over everything that records say, in order of their ids; not over how and where they are stored."""
    total = hashlib.sha256()
    for record in sorted(records, key=lambda one: str(one["id"])):
        said = {key: value for key, value in record.items() if key not in _ADDED_BY_READING}
        total.update(f"{canonical(said)}\n".encode())
    return total.hexdigest()


def _made_by(records: Sequence[Record]) -> str:
    """`code 1a2b3c4d, tensorflow 2.21.0, ..., Python 3.11.7, on cpu`; several of a kind are all named."""
    made = [record.get("provenance") or {} for record in records]
    packages = sorted({name for one in made for name in one.get("versions", {})}, reverse=True)
    return ", ".join(
        [
            f"code {_listed(str(one.get('source', ''))[:8] for one in made)}",
            *(f"{name} {_listed(one.get('versions', {}).get(name) for one in made)}" for name in packages),
            f"Python {_listed(one.get('python') for one in made)}",
            f"on {_listed(one.get('device') for one in made)}",
            *_environments(made),
        ]
    )


def _environments(made: Sequence[Mapping[str, Any]]) -> list[str]:
    """`with TF_ENABLE_ONEDNN_OPTS=0`, of the variables that can change results; nothing where none was set."""
    said = {f"{name}={value}" for one in made for name, value in (one.get("environment") or {}).items()}
    return [f"with {' and '.join(sorted(said))}"] if said else []


def _listed(values: Iterable[Any]) -> str:
    return " and ".join(sorted({str(value) for value in values if value})) or "unknown"


def _span(times: Sequence[str]) -> str:
    known = sorted(time[:16].replace("T", " ") for time in times if time)
    if not known:
        return "at an unknown time"
    return f"{known[0]} UTC" if known[0] == known[-1] else f"{known[0]} to {known[-1]} UTC"
