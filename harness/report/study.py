"""A folder of records, opened once: cells, comparisons, dials, how complete it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.config.identity import canonical
from harness.files import UnreadableError, read_bytes
from harness.records.frames import Cells, Record
from harness.records.grids import Grid, read_grids
from harness.records.schema import MadeFile, decode_made
from harness.records.store import FINISHED, read_records
from harness.records.traces import Traces
from harness.report.stamp import Stamp
from harness.statistics.comparison import Comparison, comparisons
from harness.statistics.dials import Dial, dials_of
from harness.types import UserError
from harness.words import choose_from

REFERENCE = Path("results") / "reference"
# What a published study says of how it was made, beside its records.
MADE = "made.json"
# With more comparisons than this (a grid of learning rates, say), one of each would hide what is over all of them.
_MOST_ONE_BY_ONE = 4


@dataclass(frozen=True, eq=False)
class Study:
    """Records and the grids that they were asked for by.

    Attributes:
        folder: where they lie.
        records: in order of their ids.
        grids: the last begun one first.
        same: as `Grid.same`, besides what the grids say.
        published: whether staleness is told from the records themselves and not from the code that is installed, so
            that the same records give the same text everywhere: a cell is stale if others of the study were computed
            by later code or versions.
        margin: a difference too small to matter, in the main metric's unit; None: what the cells were run with.
        doubles: records left out, as another folder has one of the same cell.
    """

    folder: Path
    records: Sequence[Record]
    grids: Sequence[Grid] = ()
    same: Mapping[str, Sequence[str]] = field(default_factory=dict)
    published: bool = False
    margin: float | None = None
    doubles: int = 0

    @staticmethod
    def open(folder: str | Path | Sequence[str | Path], *, margin: float | None = None) -> Study:
        """Open a results folder, which may hold no record yet, or several as if they were one.

        Args:
            folder: one or several; the first is where the study is at home. Of a cell that several have a record of,
                the one that is finished and not stale is taken, of those the last.
            margin: as the attribute.

        Raises:
            UserError: one is not a directory.
        """
        folders = [Path(folder)] if isinstance(folder, str | Path) else [Path(one) for one in folder]
        for one in folders:
            if not one.is_dir():
                raise UserError(f"results_dir: expected a folder that `run` has written to. Received: {one}")
        records, doubles = _together([read_records(one) for one in folders])
        begun = sorted((grid for one in folders for grid in read_grids(one)), key=lambda grid: grid.begun)
        grids = {frozenset(grid.cells): grid for grid in begun}
        return Study(folders[0], records, [*grids.values()][::-1], margin=margin, doubles=doubles)

    @staticmethod
    def open_published(folder: str | Path) -> Study:
        """Open a published study.

        Args:
            folder: `results/reference/<study>`.

        Raises:
            UserError: there are no records.
        """
        folder = Path(folder)
        records = read_records(folder) if folder.is_dir() else []
        if not records:
            there = published_studies(folder.parent)
            hint = choose_from(folder.name, there) if there else f"expected a published study. Received: {folder}"
            raise UserError(f"no records of a study in {folder.parent}: {hint}")
        later = _overtaken(records)
        records = [{**record, "stale": record["id"] in later} for record in records]
        return Study(folder, records, read_grids(folder), published=True)

    @cached_property
    def cells(self) -> Cells:
        """One row a cell."""
        return Cells.of(self.records)

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """What may be put side by side."""
        same = {cell: names for grid in reversed(self.grids) for cell, names in grid.same.items()} | dict(self.same)
        return comparisons(self.cells, Traces(self.records, self.cells), margin=self.margin, same=same)

    @cached_property
    def dials(self) -> list[Dial]:
        """The settings that take several values while all others stay."""
        return dials_of(self.comparisons)

    @cached_property
    def is_one_by_one(self) -> bool:
        """Whether its comparisons are looked at each by itself: they are few, or no dial stands for them."""
        return len(self.comparisons) <= _MOST_ONE_BY_ONE or not self.dials

    @cached_property
    def missing(self) -> list[str]:
        """Ids of the planned cells that have no record."""
        planned = {cell for grid in self.grids for cell in grid.cells}
        return sorted(planned - {str(record["id"]) for record in self.records})

    @cached_property
    def completeness(self) -> str:
        """How many of the planned cells there are, how each ended, and how many are stale, in a sentence."""
        rows = self.cells.rows
        counts, stale = rows["status"].value_counts(), int(rows["stale"].sum())
        ends = ", ".join(f"{counts[status]} {status}" for status in counts.index)
        planned = len(rows) + len(self.missing)
        parts = [f"{len(rows):,} of {planned:,} planned cells have a record: {ends}"]
        if self.missing:
            parts.append(f"{len(self.missing):,} missing")
        if self.doubles:
            parts.append(f"{self.doubles:,} records left out, as another folder has one of the same cell")
        if stale and not self.published:
            parts.append(f"{stale:,} stale: made by other code or versions than are installed here")
        said = "; ".join(parts) + "."
        if stale and self.published:
            said += f" {stale} of them by earlier code or versions than others: not to be compared with those."
        return said

    @cached_property
    def stamp(self) -> Stamp:
        """By what it is known again."""
        return Stamp.of(self.folder.resolve().name, self.completeness, self.records)

    @cached_property
    def machines(self) -> list[str]:
        """The machines on which a published study's cells were run, each in a line."""
        return list(_made(self.folder).get("machines", ()))

    @cached_property
    def rules(self) -> dict[str, str]:
        """Digest of a prediction's rules -> when a published study's command first saw them (UTC)."""
        return dict(_made(self.folder).get("rules", {}))

    @cached_property
    def command(self) -> str:
        """What publishes a study again."""
        return str(_made(self.folder).get("command", ""))

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

    def dial(self, name: str) -> Dial:
        """The dial of that setting, by the name of its column: `dial("learning_rate")`.

        Raises:
            UserError: there is none, or there are several, at different values of another setting.
        """
        found = [dial for dial in self.dials if dial.name == name]
        if len(found) != 1:
            titles = "; ".join(one.title for one in self.dials) or "nothing, as no setting takes several values"
            raise UserError(f"expected the setting of one of: {titles}. Received: {name}")
        return found[0]


def published_studies(reference: Path = REFERENCE) -> list[str]:
    """The names of the studies that are published in a folder."""
    return sorted(path.parent.name for path in reference.glob("*/records.parquet"))


def _together(folders: Sequence[Sequence[Record]]) -> tuple[list[Record], int]:
    """The records of several folders, each cell once, in order of their ids; and how many were left out."""
    found: dict[str, Record] = {}
    for record in (record for records in folders for record in records):
        cell = str(record["id"])
        found[cell] = max(found.get(cell, record), record, key=_stands)
    return [found[cell] for cell in sorted(found)], sum(map(len, folders)) - len(found)


def _stands(record: Record) -> tuple[bool, bool, str]:
    made = record.get("provenance") or {}
    return record["status"] in FINISHED, not record.get("stale"), str(made.get("finished") or "")


def _overtaken(records: Sequence[Record]) -> set[str]:
    """Ids of the records that other code or versions made than the latest record of the same kind."""
    made = [(record, record.get("provenance") or {}) for record in records]
    latest: dict[str, Mapping[str, Any]] = {}
    for record, by in sorted(made, key=lambda one: str(one[1].get("finished") or "")):
        if by:
            latest[_kind(record)] = by
    return {
        str(record["id"])
        for record, by in made
        if by and any(by.get(key) != latest[_kind(record)].get(key) for key in ("source", "versions", "environment"))
    }


def _kind(record: Record) -> str:
    """What was called to compute it: cells that call the same are computed by the same files."""
    config = record["config"]
    called = (config.get("task", {}).get("data", {}), config.get("architecture", {}), config.get("axis", {}))
    return canonical([str(one.get("_target_")) for one in called])


def _made(folder: Path) -> MadeFile:
    try:
        return decode_made(read_bytes(folder / MADE, within=folder))
    except (OSError, UnreadableError):
        return {}
