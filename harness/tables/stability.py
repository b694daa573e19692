"""Every measure of stability as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from harness.tables.comparison import decimals, rows_of
from harness.tables.render import Column, Sheet, label_of, number

# Column -> heading, of what is measured while a cell trains.
_TRAINING = {
    "loss_spikes": "loss spikes",
    "loss_variation": "loss variation",
    "gradient_predictiveness": "gradient predictiveness",
    "beta_smoothness": "β-smoothness",
    "least_variance": "least variance",
    "below_epsilon": "below ε",
    "largest_inverse_sd": "largest 1/SD",
    "mean_lag": "mean lag",
    "variance_lag": "variance lag",
}


def stability_sheet(table: pd.DataFrame) -> Sheet:
    """`statistics.aggregate_stability`'s table as a sheet; what was not measured has no column."""
    digits = decimals(table.assign(mean=table["worst"]))
    columns = [
        Column("strategy", lambda row: str(row["axis"]), numeric=False),
        Column("diverged", _diverged),
        Column("finished", lambda row: f"{row['n']}/{row['cells']}"),
        Column("SD", lambda row: number(row["sd"], digits + 1)),
        Column("IQR", lambda row: number(row["iqr"], digits + 1)),
        Column("worst seed", lambda row: number(row["worst"], digits)),
        Column("worst tenth", lambda row: number(row["worst_tenth"], digits)),
        *(_measured(name, heading) for name, heading in _TRAINING.items() if table[name].notna().any()),
    ]
    caption = [
        f"SD, IQR, worst seed and the mean of the worst tenth of the seeds: of {label_of(table.attrs['metric'])}, over "
        "the seeds that finished. diverged: of all cells [95 % Wilson interval, in per cent]. The others are medians "
        "over seeds, at the site that is worst off; docs/statistics.md says what they are. Which strategy spreads less "
        "takes 30 seeds to tell: read this as a description."
    ]
    return Sheet(f"{table.attrs['title']}: stability", columns, rows_of(table), caption)


def _diverged(row: Mapping[str, Any]) -> str:
    return f"{row['diverged']}/{row['cells']} [{100 * row['low']:.0f}, {100 * row['high']:.0f}]"


def _measured(name: str, heading: str) -> Column:
    return Column(heading, lambda row: f"{row[name]:.3g}" if row[name] == row[name] else number(row[name], 0), rank=1)
