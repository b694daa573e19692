"""What may be put side by side: cells of one task, data source, architecture and settings, apart from the strategy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from harness.config.identity import IRRELEVANT
from harness.records.frames import measure_of
from harness.types import UserError

# Settings that do not tell comparisons apart: what no outcome depends on, what another column says (the source), and
# the strategies' own, which are what is compared.
_NOT_COMPARED = (*IRRELEVANT, "task.data.source", "probe", "axis")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The cells that differ in strategy and seed only.

    Attributes:
        task, data_source, architecture: what all the cells share. Results from different sources are never pooled.
        settings: those settings (column -> value) in which this comparison differs from its siblings.
        frame: the cells, as `load_results` gives them. Where a strategy was run with several settings of its own,
            `axis` tells them apart (`group [groups=8]`).
    """

    task: str
    data_source: str
    architecture: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    frame: pd.DataFrame

    @property
    def title(self) -> str:
        """One line that says what is compared on what."""
        settings = "".join(f", {name.rpartition('.')[2]} {say_value(value)}" for name, value in self.settings.items())
        return f"{self.task} ({self.data_source}), {self.architecture}{settings}"

    @property
    def slug(self) -> str:
        """The title as the name of a folder."""
        parts = [
            self.task,
            self.data_source,
            self.architecture,
            *(f"{k}-{say_value(v)}" for k, v in self.settings.items()),
        ]
        return re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(parts)).strip("-").lower()

    @property
    def cells(self) -> pd.DataFrame:
        """The frame without its `attrs`, which pandas copies at every step of a longer computation."""
        bare = self.frame.copy(deep=False)
        bare.attrs = {}
        return bare

    def measure(self, metric: str | None = None) -> tuple[str, dict[str, Any]]:
        """The column and declaration of `metric`, the task's main one unless said; see `frame.measure_of`."""
        return measure_of(self.frame, self.task, metric)

    def attributes(self, metric: str | None = None) -> dict[str, Any]:
        """What a table drawn from this comparison is of, as its `attrs`."""
        column, measure = self.measure(metric)
        return {
            "title": self.title,
            "task": self.task,
            "data_source": self.data_source,
            "architecture": self.architecture,
            "metric": column,
            "measure": measure,
        }


def comparisons(frame: pd.DataFrame) -> list[Comparison]:
    """The comparisons that a frame of cells holds: one a task, data source, architecture and differing settings.

    The settings of a section `axis` belong to the strategy and may differ between strategies. Settings that do not
    change what a cell computes (the engine, say) split nothing. Where one seed met different data (two scenes of the
    user's own, say), `data_digest` splits. Cells whose data could not be loaded (their source is
    not known) stand with the task's other cells where those have one source, else by themselves as `unknown`.
    """
    found = []
    frame = frame.assign(data_source=_known_sources(frame))
    for (task, architecture), cells in frame.groupby(["task", "architecture"], sort=True):
        cells = cells.assign(axis=_strategies(cells))
        differing = _differing(cells)
        for values, rows in cells.groupby(["data_source", *differing], sort=True, dropna=False):
            source, *settings = values
            found.append(
                Comparison(
                    task=str(task),
                    data_source=str(source),
                    architecture=str(architecture),
                    settings=dict(zip(differing, settings, strict=True)),
                    frame=rows.reset_index(drop=True),
                )
            )
    return found


def the_comparison(frame: pd.DataFrame) -> Comparison:
    """The one comparison that `frame` holds.

    Raises:
        UserError: it holds none or several.
    """
    found = comparisons(frame)
    if len(found) != 1:
        raise UserError(
            "expected cells of one comparison (one task, data source, architecture and settings); "
            f"comparisons(frame) takes a frame apart. Received: {[one.title for one in found]}"
        )
    return found[0]


def compared_settings(frame: pd.DataFrame) -> dict[str, str]:
    """Column -> dotted path of the settings that change what a cell computes, the strategy's own left out."""
    settings: dict[str, str] = frame.attrs.get("settings", {})
    return {
        column: path
        for column, path in settings.items()
        if column in frame and not f"{path}.".startswith(tuple(f"{one}." for one in _NOT_COMPARED))
    }


def _differing(cells: pd.DataFrame) -> list[str]:
    differing = [column for column in compared_settings(cells) if cells[column].nunique(dropna=False) > 1]
    # Data may be drawn anew by each seed, but under one seed and setting there is one pool of examples to compare on.
    alike = cells.groupby(["data_source", "seed", *differing], dropna=False)
    if "data_digest" in cells and alike["data_digest"].nunique().gt(1).any():
        differing.append("data_digest")
    return differing


def say_value(value: object) -> str:
    """A setting's value as titles and tables have it.

    Whole numbers come without `.0` (a column with gaps is float), digests are cut short, and what is not set is
    `null`, as in a config.
    """
    if value is None or value != value:
        return "null"
    return f"{value:g}" if isinstance(value, float) else str(value)[:12] if isinstance(value, str) else str(value)


def _strategies(cells: pd.DataFrame) -> list[str]:
    """Each cell's strategy, with those of its own settings in which cells of that strategy differ."""
    own = [column for column, path in cells.attrs.get("settings", {}).items() if path.startswith("axis.")]
    labels = cells["axis"].astype(str).tolist()
    for axis, rows in cells.reset_index(drop=True).groupby("axis"):
        differing = [column for column in own if column in rows and rows[column].nunique(dropna=False) > 1]
        if not differing:
            continue
        for position, values in zip(rows.index, rows[differing].itertuples(index=False), strict=True):
            said = (
                f"{name.rpartition('.')[2]}={say_value(value)}" for name, value in zip(differing, values, strict=True)
            )
            labels[int(position)] = f"{axis} [{', '.join(said)}]"
    return labels


def _known_sources(frame: pd.DataFrame) -> list[str]:
    """Each cell's data source; a cell that failed before its data came takes its task's only one."""
    only: dict[str, str] = {}
    for task, sources in frame.groupby("task")["data_source"]:
        known = sources.dropna().unique()
        only[str(task)] = str(known[0]) if len(known) == 1 else "unknown"
    pairs = zip(frame["task"], frame["data_source"], strict=True)
    return [only[task] if source is None or source != source else str(source) for task, source in pairs]
