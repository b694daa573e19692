"""What was seen of cells while they trained, as tidy frames: probes of the loss, health of the moving statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from harness.frame import records_under, stretch


def load_probes(path: str | Path) -> pd.DataFrame:
    """The records under `path` as a frame with one row a cell and look; see `probes_of` for its columns.

    Raises:
        UserError: `path` is not a directory.
    """
    return probes_of(records_under(path))


def load_diagnostics(path: str | Path) -> pd.DataFrame:
    """The records under `path` as a frame with one row a cell, site and epoch; see `diagnostics_of` for its columns.

    Raises:
        UserError: `path` is not a directory.
    """
    return diagnostics_of(records_under(path))


def probes_of(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Records as a frame, one row a cell and look of the landscape probe.

    Columns: as in `history_of`, with `step` (before which the probe looked, from 0) in place of `epoch`, then
    `probe_loss`, `loss_variation`, `gradient_predictiveness`, `beta_smoothness` (Santurkar et al. 2018, appendix A) and
    `hessian_eigenvalue` where it was asked for. Cells without probes have no row.
    """
    looked = [record for record in records if record.get("probes")]
    return stretch(looked, [record["probes"] for record in looked], by="step")


def diagnostics_of(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Records as a frame, one row a cell, normalization site and epoch that was looked at.

    Columns: as in `history_of`, then `site`, `samples_per_statistic` (m' of that site), `least_variance`,
    `median_variance`, `below_epsilon`, `largest_inverse_sd`, `mean_lag` and `variance_lag` (see
    `measures.site_health`). With `probe=none` there is the end of training alone; cells without sites have no row.
    """
    looked = [record for record in records if record.get("diagnostics")]
    entries = [record["diagnostics"] for record in looked]
    measures = list(dict.fromkeys(key for rows in entries for row in rows for key in row if key != "site"))
    tables = [{name: [row.get(name) for row in rows] for name in measures} for rows in entries]
    frame = stretch(looked, tables, by="epoch")
    samples = [{site["name"]: site.get("samples_per_statistic") for site in record["sites"]} for record in looked]
    places = [
        (row["site"], of_site.get(row["site"])) for rows, of_site in zip(entries, samples, strict=True) for row in rows
    ]
    start = frame.columns.tolist().index("epoch")
    frame.insert(start, "site", pd.Series([site for site, _ in places], dtype=object))
    frame.insert(start + 1, "samples_per_statistic", pd.Series([m for _, m in places], dtype="float64"))
    return frame
