"""What a run would do: which cells are done, which are to run, which are the same, which cannot be."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from harness.axes.resolved import ResolvedSite, site_from_dict, what_is_done, with_lengths
from harness.axes.strategy import AxisStrategy, check_takes
from harness.cell.cell import Cell
from harness.cell.data import summarize_planned
from harness.config.build import build_strategy, what_went_wrong
from harness.config.identity import canonical, cell_id, identify
from harness.config.looks import check_look
from harness.config.settings import check_batch_size
from harness.engines import EngineError
from harness.records.store import is_done, read_records
from harness.types import Site, TaskSpec, UserError

SiteFinder = Callable[[Mapping[str, Any], TaskSpec], Sequence[Site]]


@dataclass(frozen=True)
class PlannedCell:
    """A cell of the grid and what is known of it before anything is trained.

    Attributes:
        cell: what would be run.
        record: what an earlier run left of it, `stale` set, or None.
        sites: the strategy at each site of the architecture; empty for an invalid cell.
        invalid: why the cell cannot be run, in one line, else empty.
        same_as: name of the first strategy of the plan that computes the same in this place, else empty.
        note: what the architecture has to say of how it was built, where it was.
    """

    cell: Cell
    record: Mapping[str, Any] | None
    sites: tuple[ResolvedSite, ...] = ()
    invalid: str = ""
    same_as: str = ""
    note: str = ""

    @property
    def done(self) -> bool:
        """Whether its record stands: finished, and made by today's code and versions."""
        return is_done(self.record)

    @property
    def state(self) -> str:
        """`invalid`, `done`, `stale`, `failed before` or `to run`."""
        if self.invalid:
            return "invalid"
        if self.done:
            return "done"
        if self.record is None:
            return "to run"
        return "stale" if self.record["stale"] else "failed before"


@dataclass(frozen=True)
class Plan:
    """The cells of a grid, each once, in the order in which they are wanted."""

    cells: tuple[PlannedCell, ...]
    repeated: int = 0

    @property
    def to_run(self) -> list[Cell]:
        """The cells that have no standing record and can be run."""
        return [planned.cell for planned in self.cells if not planned.done and not planned.invalid]

    @property
    def invalid(self) -> list[PlannedCell]:
        """The cells that cannot be run."""
        return [planned for planned in self.cells if planned.invalid]

    def notes(self) -> list[str]:
        """What the tasks have to say of their data, and the architectures of themselves, each once."""
        said = [str(p.cell.data.get("note") or "") for p in self.cells] + [p.note for p in self.cells]
        return list(dict.fromkeys(filter(None, said)))

    def estimated_seconds(self) -> float | None:
        """Seconds that the cells to run took elsewhere in this folder, one after another; None if not known."""
        measured: dict[tuple[str, ...], list[float]] = {}
        for planned in self.cells:
            seconds = _seconds_of(planned.record)
            for key in _cost_keys(planned.cell.config) if math.isfinite(seconds) else ():
                measured.setdefault(key, []).append(seconds)
        total = 0.0
        for cell in self.to_run:
            known = next((measured[key] for key in _cost_keys(cell.config) if key in measured), None)
            if known is None:
                return None
            total += median(known)
        return total


def build_plan(configs: Sequence[dict[str, Any]], results_dir: Path, find_sites: SiteFinder) -> Plan:
    """Plan a grid.

    Args:
        configs: resolved and checked configs, as `harness.config.grid.expand` gives them.
        results_dir: where records of earlier runs may lie.
        find_sites: the sites of an architecture for a task; asked once for each pair of them, and only where a
            cell has no record, as building a model is what takes long.

    Raises:
        UserError: data that are not to be had, a batch larger than the data, or an architecture that
            cannot take the task.
    """
    summaries: dict[str, dict[str, Any]] = {}
    planned: dict[str, PlannedCell] = {}
    known = {record["id"]: record for record in read_records(results_dir)}
    resolver = _Resolver(find_sites)
    repeated = 0
    for config in configs:
        key = canonical(config["task"]["data"])
        if key not in summaries:
            summaries[key] = summarize_planned(config)
        data = summaries[key]
        check_batch_size(config, data["sizes"]["train"])
        identity = identify(config, data_source=data["source"], data_digest=data["digest"])
        if identity in planned:
            repeated += 1
            continue
        cell = Cell(cell_id(config, identity), identity, config, data)
        record = known.get(cell.id)
        sites, invalid, note = resolver.resolve(cell, record)
        planned[identity] = PlannedCell(cell, record, sites, invalid, note=note)
    return Plan(tuple(_name_equals(list(planned.values()))), repeated)


class _Resolver:
    """Strategies at the sites of architectures, each pair worked out once: a grid has few of them and many cells."""

    def __init__(self, find_sites: SiteFinder) -> None:
        self._find_sites = find_sites
        self._sites: dict[str, Sequence[Site]] = {}
        self._resolved: dict[str, tuple[tuple[ResolvedSite, ...], str, str]] = {}

    def resolve(self, cell: Cell, record: Mapping[str, Any] | None) -> tuple[tuple[ResolvedSite, ...], str, str]:
        """The strategy at each site, why it cannot be had there, if so, and what the architecture has to say."""
        config, data = cell.config, cell.data
        # What is built to find the sites, and can fail to be: the model, its optimizer and its loss.
        objects = [config["train"]["optimizer"], config["train"]["optimizer_options"], config["task"]["loss"]]
        task = [data["axes"], data["shape"], data["outputs"], data.get("present")]
        built = canonical([config["architecture"], task, objects])
        key = canonical([built, config["axis"], config["train"]["batch_size"]])
        if key not in self._resolved:
            try:
                sites = self._sites_of(built, cell, record)
            except EngineError:
                raise
            except UserError as error:
                self._resolved[key] = (), str(error), ""
            else:
                said = getattr(sites, "note", "")
                self._resolved[key] = *_resolve(config, sites, data.get("present")), said
        return self._resolved[key]

    def _sites_of(self, built: str, cell: Cell, record: Mapping[str, Any] | None) -> Sequence[Site]:
        if built in self._sites:
            return self._sites[built]
        if record is not None and is_done(record) and record["sites"]:
            # The record tells the sites, and no model need be built.
            return [site_from_dict(entry) for entry in record["sites"]]
        self._sites[built] = self._find_sites(cell.config, cell.spec)
        return self._sites[built]


def _resolve(
    config: Mapping[str, Any], sites: Sequence[Site], present: Sequence[float] | None
) -> tuple[tuple[ResolvedSite, ...], str]:
    where = f"axis={config['axis']['name']} on architecture={config['architecture']['name']}"
    try:
        check_look(config["axis"].get("look", {}))
        strategy = build_strategy(config["axis"])
        if not isinstance(strategy, AxisStrategy):
            raise UserError(f"expected _target_ to give an AxisStrategy. Received: {type(strategy).__name__}")
        check_takes(strategy, sites)
        resolved = (strategy.resolve(site, batch_size=config["train"]["batch_size"]) for site in sites)
        return tuple(with_lengths(site, present) for site in resolved), ""
    except MemoryError:
        raise
    except Exception as error:
        # A user's own strategy may raise anything, when it is made or at a site.
        return (), f"{where}: {' '.join(what_went_wrong(error, config['axis']).split())}"


def _name_equals(cells: list[PlannedCell]) -> list[PlannedCell]:
    """Mark strategies that come to the same thing at every site as an earlier one on the same task and architecture."""
    firsts: dict[Hashable, str] = {}
    named = []
    for planned in cells:
        config = planned.cell.config
        axis = str(config["axis"]["name"])
        if planned.sites:
            what = (config["task"]["name"], canonical(config["architecture"]), what_is_done(planned.sites))
            first = firsts.setdefault(what, axis)
            planned = replace(planned, same_as=first if first != axis else "")
        named.append(planned)
    return named


def _seconds_of(record: Mapping[str, Any] | None) -> float:
    """Seconds that a finished cell took, NaN where that is not known."""
    finished = record is not None and record["status"] in ("ok", "diverged")
    return float(record["seconds"].get("total") or "nan") if record is not None and finished else math.nan


def _cost_keys(config: Mapping[str, Any]) -> list[tuple[str, ...]]:
    place = (str(config["task"]["name"]), str(config["architecture"]["name"]), canonical(config["train"]))
    return [(*place, str(config["axis"]["name"])), place]
