"""What may be put side by side: cells of one task, data source, architecture and settings, apart from the strategy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from harness.config.identity import IRRELEVANT
from harness.records.frames import Cells
from harness.records.traces import Traces
from harness.seeds import SOURCES
from harness.statistics.kept import Keeps
from harness.types import Quantity, UserError
from harness.words import file_name

# Settings that do not tell comparisons apart: what no outcome depends on, what another column says (the source), and
# the strategies' own, which are what is compared.
_NOT_COMPARED = (*IRRELEVANT, "task.data.source", "probe", "axis", "seeds")
_LOSS = Quantity(name="loss", direction="min")

# The seeds that a cell's split, weights and order came from.
SOURCE_COLUMNS = tuple(f"{source}_seed" for source in SOURCES)


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison(Keeps):
    """The cells that differ in strategy and seed only.

    Attributes:
        task, data_source, architecture: what all the cells share. Results from different sources are never pooled.
        settings: those settings (column -> value) in which this comparison differs from its siblings.
        cells: one row a cell, as `Cells.rows`. Where a strategy was run with several settings of its own, `axis` tells
            them apart (`group [groups=8]`). Where seeds were taken apart (`seeds.split` and so on), these are
            repetitions that share none of the seeds that vary, and `seed` counts them.
        crossed: where seeds were taken apart, all cells, with `SOURCE_COLUMNS`; else None.
        metrics: those of the task, the main one first.
        margin: a difference that is too small to matter, as the user has it; None: the metric's own.
        same: strategy -> others that were asked for and compute the same at every site, so that it stands for them too.
        source: what is declared of all cells that the comparison was taken from.
        traces: what was seen of them while they trained.
    """

    task: str
    data_source: str
    architecture: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    cells: pd.DataFrame
    crossed: pd.DataFrame | None = field(default=None, repr=False)
    metrics: Sequence[Quantity] = ()
    margin: float | None = None
    same: Mapping[str, Sequence[str]] = field(default_factory=dict)
    source: Cells = field(repr=False)
    traces: Traces | None = field(default=None, repr=False)

    @cached_property
    def title(self) -> str:
        """One line that says what is compared on what."""
        settings = "".join(f", {name.rpartition('.')[2]} {say_value(value)}" for name, value in self.settings.items())
        source = f" ({self.data_source})" if self.data_source else ""
        architecture = f", {self.architecture}" if self.architecture else ""
        return f"{self.task}{source}{architecture}{settings}"

    @cached_property
    def slug(self) -> str:
        """The title as the name of a folder."""
        settings = (f"{name}-{say_value(value)}" for name, value in self.settings.items())
        return file_name("-".join(filter(None, [self.task, self.data_source, self.architecture, *settings])))

    @cached_property
    def strategies(self) -> list[str]:
        """The strategies that were run, in alphabetical order."""
        return sorted(map(str, self.cells["axis"].unique()))

    @property
    def looks(self) -> Mapping[str, Mapping[str, str]]:
        """Strategy -> how it says that it is drawn."""
        return self.source.looks

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row a cell and epoch, as `Traces.history`."""
        return self._own(self.traces.history if self.traces else None)

    @cached_property
    def probes(self) -> pd.DataFrame:
        """One row a cell and probe, as `Traces.probes`."""
        return self._own(self.traces.probes if self.traces else None)

    @cached_property
    def diagnostics(self) -> pd.DataFrame:
        """One row a cell, site and epoch, as `Traces.diagnostics`."""
        return self._own(self.traces.diagnostics if self.traces else None)

    def metric(self, name: str | None = None) -> tuple[str, Quantity]:
        """The column of a metric and its declaration: `None` is the task's main metric on the test examples.

        `name` may be a column (`test_accuracy`, `validation_loss`, `test_accuracy_precise`, `test_accuracy_moved_1`) or
        a declared name (`accuracy`, meaning `test_accuracy`).

        Raises:
            UserError: the task declares no such metric.
        """
        declared = self._declared
        asked = name if name is not None else declared[0].name
        bare = asked.removeprefix("test_").removeprefix("validation_").removesuffix("_precise").removesuffix("_batch")
        for quantity in declared:
            if quantity.name in (asked, bare):
                return asked if asked != quantity.name or asked in self.cells else f"test_{asked}", quantity
        # Under a shift, whose name is the task's own. Of `rmse` and `rmse_log` the longer is the metric.
        for quantity in sorted(declared, key=lambda one: -len(one.name)):
            if asked in self.cells and asked.startswith(f"test_{quantity.name}_"):
                return asked, quantity
        names = [one.name for one in declared]
        raise UserError(f"expected a metric of {self.task}: {names}. Received: metric={name!r}")

    @cached_property
    def _declared(self) -> list[Quantity]:
        """The task's metrics, the main one first and the loss last."""
        if not self.metrics:
            raise UserError(f"expected cells whose records declare metrics. Received: {self.title}, none of whose do")
        return [*self.metrics, *([] if any(one.name == "loss" for one in self.metrics) else [_LOSS])]

    def _own(self, rows: pd.DataFrame | None) -> pd.DataFrame:
        """Those of `rows`, several a cell, that belong to these cells, with the strategies as they are called here."""
        if rows is None:
            return pd.DataFrame(columns=["axis", "seed", "status", "id", "epoch", "step", "site"])
        axis_of = self.cells.set_index("id")["axis"]
        own = rows[rows["id"].isin(axis_of.index)]
        seed_of = self.cells.set_index("id")["seed"]
        return own.assign(axis=own["id"].map(axis_of), seed=own["id"].map(seed_of)).reset_index(drop=True)


def comparisons(
    cells: Cells,
    traces: Traces | None = None,
    *,
    margin: float | None = None,
    same: Mapping[str, Sequence[str]] | None = None,
) -> list[Comparison]:
    """The comparisons that some cells hold: one a task, data source, architecture and differing settings.

    The settings of a section `axis` belong to the strategy and may differ between strategies. Settings that do not
    change what a cell computes (the engine, say) split nothing. Where one seed met different data (two scenes of the
    user's own, say), `data`, the name of the file, splits, or `data_digest` where names do not tell them apart. Cells
    whose data could not be loaded (their source is not known) stand with the task's other cells where those have one
    source, else by themselves as `unknown`.

    `margin` is a difference too small to matter, in the main metric's unit; None: what the cells were run with.
    `same` is id of a cell -> other strategies that compute the same and were not trained again.
    """
    found = []
    frame = cells.rows.assign(data_source=_known_sources(cells.rows))
    for (task, architecture), of_both in frame.groupby(["task", "architecture"], sort=True):
        rows = of_both.assign(axis=_strategies(of_both, cells.settings))
        rows, differing = _apart(rows, cells.settings)
        grouped = rows.groupby(["data_source", *differing], sort=False, dropna=False)
        for values, members in sorted(grouped, key=lambda one: [in_order(value) for value in one[0]]):
            source, *settings = values
            independent, crossed = _independent(members.reset_index(drop=True), cells.settings)
            found.append(
                Comparison(
                    task=str(task),
                    data_source=str(source),
                    architecture=str(architecture),
                    settings=dict(zip(differing, settings, strict=True)),
                    cells=independent,
                    crossed=crossed,
                    metrics=cells.metrics.get(str(task), ()),
                    margin=margin if margin is not None else _run_with(members, cells.settings),
                    same=_same_of(independent, same or {}),
                    source=cells,
                    traces=traces,
                )
            )
    return found


def _same_of(cells: pd.DataFrame, same: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Strategy -> those that it stands for besides, unless they have cells of their own."""
    own = set(cells["axis"])
    found: dict[str, dict[str, None]] = {}
    for axis, cell in zip(cells["axis"], cells["id"], strict=True):
        found.setdefault(str(axis), {}).update(dict.fromkeys(name for name in same.get(cell, ()) if name not in own))
    return {axis: list(names) for axis, names in found.items() if names}


def compared_settings(settings: Mapping[str, str]) -> list[str]:
    """The columns of the settings (column -> dotted path) that change what a cell computes, the strategy's own not."""
    apart = tuple(f"{one}." for one in _NOT_COMPARED)
    return [column for column, path in settings.items() if not f"{path}.".startswith(apart)]


def say_value(value: object) -> str:
    """A setting's value as titles and tables have it.

    Whole numbers come without `.0` (a column with gaps is float), digests are cut short, and what is not set is
    `null`, as in a config.
    """
    if value is None or value != value:
        return "null"
    return f"{value:g}" if isinstance(value, float) else str(value)[:12] if _is_digest(value) else str(value)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def in_order(value: object) -> tuple[int, float, str]:
    """By what a setting's values are sorted, whatever they are: numbers, text, then the rest, missing ones last."""
    if value is None or value != value:
        return 3, 0.0, ""
    if isinstance(value, (bool, int, float)):
        return 0, float(value), ""
    return (1, 0.0, value) if isinstance(value, str) else (2, 0.0, str(value))


def _apart(rows: pd.DataFrame, settings: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """The columns that set comparisons apart, and the rows with `data`, the name of a file or folder, if it is one."""
    differing = [column for column in compared_settings(settings) if rows[column].nunique(dropna=False) > 1]
    # Data may be drawn anew by each seed, but under one seed and setting there is one pool of examples to compare on.
    alike = ["data_source", "seed", *(name for name, path in settings.items() if path.startswith("seeds.")), *differing]
    if _is_one_pool(rows, alike):
        return rows, differing
    path = next((name for name, path in settings.items() if path == "task.data.path"), None)
    if path is not None and rows[path].notna().all():
        named = rows.assign(data=[Path(str(one)).stem for one in rows[path]])
        if _is_one_pool(named, [*alike, "data"]):
            return named, [*differing, "data"]
    return rows, [*differing, "data_digest"]


def _is_one_pool(rows: pd.DataFrame, alike: list[str]) -> bool:
    """Whether the cells that are alike in these columns had the same data."""
    return not rows.groupby(alike, sort=False, dropna=False)["data_digest"].nunique().gt(1).any()


def _independent(rows: pd.DataFrame, settings: Mapping[str, str]) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The cells of repetitions that share no seed, and all of them where seeds were taken apart.

    Cells of one split, say, are not independent of each other: of crossed seeds a diagonal is. A part whose seed is the
    same everywhere is no draw that is repeated, and is not looked at.
    """
    own = {path: column for column, path in settings.items() if path in {f"seeds.{one}" for one in SOURCES}}
    if not own or rows[list(own.values())].isna().all(axis=None):
        return rows, None
    paths = zip(SOURCE_COLUMNS, SOURCES, strict=True)
    seeds = {name: rows[own[f"seeds.{one}"]].fillna(rows["seed"]) for name, one in paths if f"seeds.{one}" in own}
    crossed = rows.assign(**{name: seeds.get(name, rows["seed"]).astype("int64") for name in SOURCE_COLUMNS})
    crossed = crossed.drop_duplicates(["axis", *SOURCE_COLUMNS]).reset_index(drop=True)
    varying = [name for name in SOURCE_COLUMNS if crossed[name].nunique() > 1] or ["split_seed"]
    repetitions = sorted(
        set(crossed[varying].itertuples(index=False, name=None)), key=lambda one: (len(set(one)) > 1, one)
    )
    chosen: list[tuple[int, ...]] = []
    for one in repetitions:
        if all(mine != theirs for other in chosen for mine, theirs in zip(one, other, strict=True)):
            chosen.append(one)
    number = {one: place for place, one in enumerate(chosen)}
    places = [number.get(one, -1) for one in crossed[varying].itertuples(index=False, name=None)]
    taken = crossed.assign(seed=places).query("seed >= 0").reset_index(drop=True)
    return taken.drop(columns=list(SOURCE_COLUMNS)), crossed


def _strategies(rows: pd.DataFrame, settings: Mapping[str, str]) -> list[str]:
    """Each cell's strategy, with those of its own settings in which cells of that strategy differ."""
    own = [column for column, path in settings.items() if path.startswith("axis.")]
    labels = rows["axis"].astype(str).tolist()
    for strategy, members in rows.reset_index(drop=True).groupby("axis"):
        differing = [column for column in own if members[column].nunique(dropna=False) > 1]
        if not differing:
            continue
        for position, values in zip(members.index, members[differing].itertuples(index=False), strict=True):
            said = (
                f"{name.rpartition('.')[2]}={say_value(value)}" for name, value in zip(differing, values, strict=True)
            )
            labels[int(position)] = f"{strategy} [{', '.join(said)}]"
    return labels


def _run_with(rows: pd.DataFrame, settings: Mapping[str, str]) -> float | None:
    """The margin that cells were run with; the least where they differ, as what lies within it lies within all."""
    column = next((column for column, path in settings.items() if path == "margin"), None)
    margins = rows[column].dropna() if column is not None else pd.Series(dtype=float)
    return float(margins.min()) if len(margins) else None


def _known_sources(rows: pd.DataFrame) -> list[str]:
    """Each cell's data source; a cell that failed before its data came takes its task's only one."""
    only: dict[str, str] = {}
    for task, sources in rows.groupby("task")["data_source"]:
        known = sources.dropna().unique()
        only[str(task)] = str(known[0]) if len(known) == 1 else "unknown"
    pairs = zip(rows["task"], rows["data_source"], strict=True)
    return [only[task] if source is None or source != source else str(source) for task, source in pairs]
