"""What was seen of cells while they trained, as tidy frames: by epoch, by step, by site and epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.records.frames import IDENTIFYING, Cells, Record, keys_of, records_under


@dataclass(frozen=True)
class Traces:
    """What was seen of cells while they trained: frames with several rows a cell, made when first asked for.

    Attributes:
        records: one a cell.
        cells: the same as a frame.
        with_settings: whether each row repeats its cell's settings, which takes most of the room.
    """

    records: Sequence[Record]
    cells: Cells
    with_settings: bool = False

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row a cell and epoch.

        Columns: `IDENTIFYING`, the settings where they were asked for, `data_source`, `stale`, `id`, then the
        histories' own, `epoch` first. Cells without a history have no row.
        """
        return self._stretch([record.get("history") or {} for record in self.records], by="epoch")

    @cached_property
    def probes(self) -> pd.DataFrame:
        """One row a cell and probe of the loss around the weights.

        Columns: as in `history`, with `step` (before which it was probed, from 0) in place of `epoch`, then
        `probe_loss` and the measures of kind `probe` (`harness.cell.health`). Cells without probes have no row.
        """
        return self._stretch([record.get("probes") or {} for record in self.records], by="step")

    @cached_property
    def diagnostics(self) -> pd.DataFrame:
        """One row a cell, normalization site and epoch at which the statistics were looked at.

        Columns: as in `history`, then `site`, `samples_per_statistic` (m' of that site), and the measures of kind
        `site` (`harness.cell.health`). With `probe=none` there is the end of training alone; cells without sites have
        no row.
        """
        entries = [record.get("diagnostics") or [] for record in self.records]
        names = list(dict.fromkeys(key for rows in entries for row in rows for key in row if key != "site"))
        frame = self._stretch(
            [{name: [row.get(name) for row in rows] for name in names} for rows in entries], by="epoch"
        )
        samples = [
            {s["name"]: s.get("samples_per_statistic") for s in record.get("sites") or ()} for record in self.records
        ]
        places = [
            (row["site"], of_site.get(row["site"]))
            for rows, of_site in zip(entries, samples, strict=True)
            for row in rows
        ]
        start = frame.columns.tolist().index("epoch")
        frame.insert(start, "site", pd.Series([site for site, _ in places], dtype=object))
        frame.insert(start + 1, "samples_per_statistic", pd.Series([m for _, m in places], dtype="float64"))
        return frame

    def _stretch(self, tables: Sequence[Mapping[str, Sequence[Any]]], *, by: str) -> pd.DataFrame:
        """One row for each entry of a record's table (column -> one value a row), `by` a column of whole numbers."""
        cells = self.cells.rows
        lengths = [max(map(len, table.values()), default=0) for table in tables]
        settings = self.cells.settings if self.with_settings else ()
        keys = [*IDENTIFYING, *settings, "data_source", "stale", "id"]
        rows = cells.loc[np.repeat(np.arange(len(cells)), lengths), keys].reset_index(drop=True)
        content = {}
        for column in keys_of([{by: None}, *tables]):
            values = np.full(len(rows), np.nan)
            start = 0
            for table, length in zip(tables, lengths, strict=True):
                if found := table.get(column):
                    values[start : start + len(found)] = _numbers(found)
                start += length
            content[column] = values.astype(np.int64) if column == by and np.isfinite(values).all() else values
        return pd.concat([rows, pd.DataFrame(content, index=rows.index)], axis=1)


def load_history(path: str | Path) -> pd.DataFrame:
    """The records under `path` as a frame with one row a cell and epoch; see `Traces.history` for its columns.

    Raises:
        UserError: `path` is not a directory.
    """
    return _traces_under(path).history


def load_probes(path: str | Path) -> pd.DataFrame:
    """The records under `path` as a frame with one row a cell and probe; see `Traces.probes` for its columns.

    Raises:
        UserError: `path` is not a directory.
    """
    return _traces_under(path).probes


def load_diagnostics(path: str | Path) -> pd.DataFrame:
    """The records under `path` as a frame with one row a cell, site and epoch; see `Traces.diagnostics`.

    Raises:
        UserError: `path` is not a directory.
    """
    return _traces_under(path).diagnostics


def _traces_under(path: str | Path) -> Traces:
    records = records_under(path)
    return Traces(records, Cells.of(records), with_settings=True)


def _numbers(values: Sequence[Any]) -> Any:
    """Numbers of a record as float64; NumPy reads None as NaN and the spelling of what is not finite."""
    return np.array(values, dtype=object).astype(np.float64)
