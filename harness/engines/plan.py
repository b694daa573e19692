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
from harness.config.identity import canonical, cell_id, identify, outcome_config
from harness.config.looks import check_look
from harness.config.settings import check_batch_size
from harness.engines import EngineError
from harness.engines.lag import Lag, lag_of
from harness.records.store import is_done, read_records
from harness.types import Site, TaskSpec, UserError

BASELINES = ("as_built", "channel", "none")
SiteFinder = Callable[[Mapping[str, Any], TaskSpec], Sequence[Site]]


@dataclass(frozen=True)
class PlannedCell:
    """A cell of the grid and what is known of it before anything is trained.

    Attributes:
        cell: what would be run.
        record: what an earlier run left of it, `stale` set, or None.
        sites: the strategy at each site of the architecture; empty for an invalid cell.
        invalid: why the cell cannot be run, in one line, else empty.
        same_as: name of another strategy of the plan that computes the same in this place, else empty.
        trained_as: id of that strategy's cell, where it differs from this one in the strategy alone and stands for it.
        note: what the architecture has to say of how it was built, where it was.
    """

    cell: Cell
    record: Mapping[str, Any] | None
    sites: tuple[ResolvedSite, ...] = ()
    invalid: str = ""
    same_as: str = ""
    trained_as: str = ""
    note: str = ""

    @property
    def done(self) -> bool:
        """Whether its record stands: finished, and made by today's code and versions."""
        return is_done(self.record)

    @property
    def state(self) -> str:
        """`invalid`, `the same as another`, `done`, `stale`, `failed before` or `to run`."""
        if self.invalid:
            return "invalid"
        if self.trained_as:
            return "the same as another"
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
        """The cells that have no standing record, can be run and are not trained as another."""
        return [planned.cell for planned in self.trained if not planned.done]

    @property
    def trained(self) -> list[PlannedCell]:
        """The cells that have a record once the plan is carried out."""
        return [planned for planned in self.cells if not planned.invalid and not planned.trained_as]

    @property
    def same(self) -> dict[str, list[str]]:
        """Id of a trained cell -> the strategies that it stands for besides its own."""
        found: dict[str, list[str]] = {}
        for planned in self.cells:
            if planned.trained_as:
                found.setdefault(planned.trained_as, []).append(str(planned.cell.config["axis"]["name"]))
        return found

    @property
    def invalid(self) -> list[PlannedCell]:
        """The cells that cannot be run."""
        return [planned for planned in self.cells if planned.invalid]

    def is_refused(self, *, skip: bool) -> bool:
        """Whether the invalid cells are in the way of the others; with `skip` they are left out, if there are any."""
        return bool(self.invalid) and not (skip and len(self.invalid) < len(self.cells))

    def notes(self) -> list[str]:
        """What is to be known before anything is trained: of data, of architectures, of runs too short; each once."""
        of_data = (str(planned.cell.data.get("note") or "") for planned in self.cells)
        of_models = (planned.note for planned in self.cells)
        return [note for note in dict.fromkeys((*of_data, *of_models, *(lag.note for lag in self.lags()))) if note]

    def lags(self) -> list[Lag]:
        """Of the cells whose moving averages have too few steps, each kind once."""
        found = (lag_of(planned.cell.config, planned.cell.data, planned.sites) for planned in self.cells)
        return [lag for lag in dict.fromkeys(found) if lag is not None]

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
    cells = _name_equals(list(planned.values()))
    if any(config.get("duplicates", "once") == "once" for config in configs):
        cells = _train_once(cells)
    return Plan(tuple(cells), repeated)


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
    """Mark strategies that come to the same thing at every site as another one on the same task and architecture."""

    def what(planned: PlannedCell) -> Hashable:
        config = planned.cell.config
        return config["task"]["name"], canonical(config["architecture"]), what_is_done(planned.sites)

    firsts: dict[Hashable, str] = {}
    for planned in sorted(cells, key=_stands_for_others):
        if planned.sites:
            firsts.setdefault(what(planned), _axis(planned))
    named = ((planned, firsts[what(planned)] if planned.sites else _axis(planned)) for planned in cells)
    return [replace(planned, same_as=first if first != _axis(planned) else "") for planned, first in named]


def _train_once(cells: list[PlannedCell]) -> list[PlannedCell]:
    """Mark the cells that differ from another in a strategy that computes the same, and in nothing else."""
    known: dict[Hashable, str] = {}
    for planned in cells:
        if not planned.invalid and not planned.same_as:
            known.setdefault(_apart_from_axis(planned, _axis(planned)), planned.cell.id)
    return [
        replace(planned, trained_as=known.get(_apart_from_axis(planned, planned.same_as), ""))
        if planned.same_as and not planned.invalid
        else planned
        for planned in cells
    ]


def _apart_from_axis(planned: PlannedCell, axis: str) -> Hashable:
    config = {key: value for key, value in outcome_config(planned.cell.config).items() if key != "axis"}
    return canonical(config), planned.cell.data["digest"], axis


def _stands_for_others(planned: PlannedCell) -> int:
    """Of several that are the same the one that others are compared with stands for them; else the first."""
    preferred = ((planned.cell.config.get("until") or {}).get("baseline"), *BASELINES)
    name = _axis(planned)
    return preferred.index(name) if name in preferred else len(preferred)


def _axis(planned: PlannedCell) -> str:
    return str(planned.cell.config["axis"]["name"])


def _seconds_of(record: Mapping[str, Any] | None) -> float:
    """Seconds that a finished cell took, NaN where that is not known."""
    finished = record is not None and record["status"] in ("ok", "diverged")
    return float(record["seconds"].get("total") or "nan") if record is not None and finished else math.nan


def _cost_keys(config: Mapping[str, Any]) -> list[tuple[str, ...]]:
    place = (str(config["task"]["name"]), str(config["architecture"]["name"]), canonical(config["train"]))
    return [(*place, str(config["axis"]["name"])), place]
