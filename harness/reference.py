"""A study whose records are published: what it holds, how complete it is, and by what its records are known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.config.identity import canonical
from harness.drawings import Looks
from harness.records.frames import diagnostics_of, frame_of, history_of, probes_of
from harness.records.grids import read_grids
from harness.records.store import read_records
from harness.reporting.sentences import completeness_sentence
from harness.statistics.comparison import Comparison, comparisons
from harness.types import UserError
from harness.words import choose_from

REFERENCE = Path("results") / "reference"
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


@dataclass(frozen=True)
class Study:
    """A published study.

    Attributes:
        stamp: by what it is known again.
        planned: how many cells were asked for.
        cells: one row a cell, as `load_results` gives them.
        looks: what was seen of the cells while they trained: epochs, probes of the loss, health of the statistics.
        comparisons: what may be put side by side.
    """

    stamp: Stamp
    planned: int
    cells: pd.DataFrame
    looks: Looks
    comparisons: Sequence[Comparison]

    def where(self, **settings: Any) -> Comparison:
        """The comparison with these settings, by the names of their columns: `where(drift=1, random_offset=False)`.

        Raises:
            UserError: none or several have them.
        """
        found = [one for one in self.comparisons if all(one.settings.get(key) == settings[key] for key in settings)]
        if len(found) != 1:
            asked = ", ".join(f"{key}={value!r}" for key, value in settings.items()) or "nothing"
            titles = "; ".join(one.title for one in self.comparisons)
            raise UserError(f"expected the settings of one of: {titles}. Received: {asked}")
        return found[0]


def open_study(path: str | Path) -> Study:
    """Read a published study.

    What is stale is told from its own records and not from the code that is installed, so that the same records give
    the same text everywhere: a cell is, if others of the study were computed by later code or versions.

    Args:
        path: the study's folder, `results/reference/<study>`.

    Raises:
        UserError: there are no records.
    """
    path = Path(path)
    records = read_records(path) if path.is_dir() else []
    if not records:
        there = published_studies(path.parent)
        hint = choose_from(path.name, there) if there else f"expected a published study. Received: {path}"
        raise UserError(f"no records of a study in {path.parent}: {hint}")
    later = _overtaken(records)
    records = [{**record, "stale": record["id"] in later} for record in records]
    cells = frame_of(records)
    planned = {cell for grid in read_grids(path) for cell in grid.cells}
    stamp = Stamp(
        study=path.resolve().name,
        completeness=_completeness(cells, len(planned - set(cells["id"]))),
        digest=digest_records(records),
        made_by=_made_by(records),
        finished=_span([str((record.get("provenance") or {}).get("finished") or "") for record in records]),
    )
    looks = Looks(history_of(records), probes_of(records), diagnostics_of(records))
    return Study(stamp, len(planned | set(cells["id"])), cells, looks, comparisons(cells))


def published_studies(reference: Path = REFERENCE) -> list[str]:
    """The names of the studies that are published in a folder."""
    return sorted(path.parent.name for path in reference.glob("*/records.parquet"))


def digest_records(records: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 over everything that records say, in order of their ids; not over how and where they are stored."""
    total = hashlib.sha256()
    for record in sorted(records, key=lambda one: str(one["id"])):
        said = {key: value for key, value in record.items() if key not in _ADDED_BY_READING}
        total.update(f"{canonical(said)}\n".encode())
    return total.hexdigest()


def _completeness(cells: pd.DataFrame, missing: int) -> str:
    said = completeness_sentence(cells.assign(stale=False), missing)
    if overtaken := int(cells["stale"].sum()):
        said += f" {overtaken} of them by earlier code or versions than others: not to be compared with those."
    return said


def _overtaken(records: Sequence[Mapping[str, Any]]) -> set[str]:
    """Ids of the records that other code or versions made than the latest record of the same kind."""
    made = [(record, record.get("provenance") or {}) for record in records]
    latest: dict[str, Mapping[str, Any]] = {}
    for record, by in sorted(made, key=lambda one: str(one[1].get("finished") or "")):
        if by:
            latest[_kind(record)] = by
    return {
        str(record["id"])
        for record, by in made
        if by and any(by.get(key) != latest[_kind(record)].get(key) for key in ("source", "versions"))
    }


def _kind(record: Mapping[str, Any]) -> str:
    """What was called to compute it: cells that call the same are computed by the same files."""
    config = record["config"]
    called = (config["task"]["data"], config["architecture"], config["axis"])
    return canonical([str(one.get("_target_")) for one in called])


def _made_by(records: Sequence[Mapping[str, Any]]) -> str:
    """`code 1a2b3c4d, tensorflow 2.21.0, ..., Python 3.11.7, on cpu`; several of a kind are all named."""
    made = [record.get("provenance") or {} for record in records]
    packages = sorted({name for one in made for name in one.get("versions", {})}, reverse=True)
    return ", ".join(
        [
            f"code {_listed(str(one.get('source', ''))[:8] for one in made)}",
            *(f"{name} {_listed(one.get('versions', {}).get(name) for one in made)}" for name in packages),
            f"Python {_listed(one.get('python') for one in made)}",
            f"on {_listed(one.get('device') for one in made)}",
        ]
    )


def _listed(values: Iterable[Any]) -> str:
    return " and ".join(sorted({str(value) for value in values if value})) or "unknown"


def _span(times: Sequence[str]) -> str:
    known = sorted(time[:16].replace("T", " ") for time in times if time)
    if not known:
        return "at an unknown time"
    return f"{known[0]} UTC" if known[0] == known[-1] else f"{known[0]} to {known[-1]} UTC"
