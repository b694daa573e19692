"""What a grid of learning rates says of each strategy, as tables: its own best rate, usable rates, parts of the gap."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pandas as pd

from harness.statistics.dials import Dial
from harness.tables.comparison import rows_of
from harness.tables.pairs import p_value
from harness.tables.render import ARROWS, MISSING, Column, Sheet, count, label_of, number
from harness.tables.texts import Row, counts_text, digits_of_widths, interval_text, strategy_column

_WIDER = {"beats": "wider", "is beaten by": "narrower"}
_LESS = {"beats": "less sensitive", "is beaten by": "more sensitive"}


def rates_sheet(dial: Dial, table: pd.DataFrame) -> Sheet:
    """`statistics.aggregate_rates`'s table: how strategies stand other learning rates than their best."""
    base = table.attrs["baseline"]
    columns = [
        strategy_column(),
        Column("seeds", lambda row: _seeds(row)),
        Column("usable decades ↑", lambda row: interval_text(row, "decades", "decades_low", "decades_high", 2)),
        Column(f"range against {base}", lambda row: _verdict(row, "decades_verdict", _WIDER), numeric=False, rank=1),
        Column("usable at most seeds", lambda row: _span(row, dial)),
        Column(
            "near the best of all ↑", lambda row: interval_text(row, "all_decades", "all_low", "all_high", 2), rank=2
        ),
    ]
    if "sensitivity" in table:
        columns += [
            Column(
                "sensitivity ↓", lambda row: interval_text(row, "sensitivity", "sensitivity_low", "sensitivity_high", 3)
            ),
            Column(
                f"sensitivity against {base}",
                lambda row: _verdict(row, "sensitivity_verdict", _LESS),
                numeric=False,
                rank=3,
            ),
        ]
    if "precise_sensitivity" in table:
        columns.append(Column("with precise statistics ↓", lambda row: number(row["precise_sensitivity"], 3), rank=4))
    share, metric = f"{100 * table.attrs['tolerance']:g} %", label_of(table.attrs["measure"]["name"])
    caption = [
        f"Over {len(dial.values)} rates, {number(table.attrs['span'], 1)} decades. Usable: validation {metric} within "
        f"{share} of the strategy's own best rate at that seed; near the best of all: within {share} of the best that "
        "any strategy reaches at that seed. Sensitivity: mean over the rates of min(final validation loss, loss at "
        "initialisation) minus the best loss (Wortsman et al. 2023). Means over seeds [95 % t interval].",
    ]
    if table["incomplete"].any():
        caption.append(f"Seeds that lack a rate are left out: {counts_text(table, 'incomplete')}.")
    if "lost" in table and table["lost"].any():
        caption.append(f"No rate trains, so that there is no sensitivity: {counts_text(table, 'lost')} seeds.")
    return Sheet(f"{dial.title}: rates that a strategy stands", columns, rows_of(table), caption)


def own_best_sheet(dial: Dial, table: pd.DataFrame) -> Sheet:
    """`statistics.aggregate_own_best`'s table: each strategy at its own best value."""
    digits = digits_of_widths(2 * (table["high"] - table["low"]))
    common, metric = dial.labels[dial.values.index(table.attrs["common"])], label_of(table.attrs["metric"])
    arrow = ARROWS[table.attrs["measure"]["direction"]]
    columns = [
        strategy_column(),
        Column(
            f"best {dial.label}", lambda row: dial.labels[row["place"]] + (f" ({row['edge']})" if row["edge"] else "")
        ),
        Column("agreeing", lambda row: f"{row['agreeing']}/{row['seeds']}", rank=3),
        Column("seeds", lambda row: f"{row['n']}/{row['cells']}"),
        Column(f"{metric} {arrow}", lambda row: interval_text(row, "mean", "low", "high", digits)),
    ]
    if "difference" in table:
        keys = ("difference", "difference_low", "difference_high")
        columns += [
            Column(
                f"minus {table.attrs['baseline']}", lambda row: interval_text(row, *keys, digits, signed=True), rank=1
            ),
            Column("p (Holm)", lambda row: p_value(row["holm_p"]), rank=2),
            Column("verdict", lambda row: _verdict(row, "verdict", {}), numeric=False),
        ]
    columns.append(
        Column(f"at {common}", lambda row: interval_text(row, "common_mean", "common_low", "common_high", digits))
    )
    caption = [
        f"Each strategy at the {dial.label} at which fewest of its seeds diverge and then its mean validation metric "
        "is best; agreeing: choices with one seed left out that are the same; (lowest), (highest): at the end of the "
        f"grid, so that a better value may lie beyond. At the right all strategies at {common}, chosen for all of them "
        "by the same rule. Means over seeds [95 % t interval]. The choice was made on these seeds, which flatters "
        "every strategy a little.",
    ]
    return Sheet(f"{dial.title}: each at its own best", columns, rows_of(table), caption)


def gap_sheet(table: pd.DataFrame) -> Sheet:
    """`statistics.aggregate_gap`'s table: where the inference gap comes from."""
    digits = digits_of_widths(
        pd.concat([table[f"{part}_high"] - table[f"{part}_low"] for part in ("lag", "dependence")])
    )

    def part(name: str) -> Callable[[Row], str]:
        return lambda row: interval_text(row, name, f"{name}_low", f"{name}_high", digits, signed=True)

    columns = [
        strategy_column(),
        Column("seeds", lambda row: f"{row['n']}"),
        Column("gap", part("total"), rank=1),
        Column("lag", part("lag")),
        Column("p of lag", lambda row: p_value(row["lag_p"]), rank=2),
        Column("batch", part("dependence")),
        Column("p of batch", lambda row: p_value(row["dependence_p"]), rank=2),
        Column("m′", lambda row: count(row["samples_per_statistic"]), rank=3),
        Column("mean lag", lambda row: number(row["mean_lag"], 3), rank=4),
        Column("variance lag", lambda row: number(row["variance_lag"], 3), rank=5),
        Column("least variance", lambda row: _scientific(row["least_variance"]), rank=6),
    ]
    metric = label_of(table.attrs["metric"])
    worse = "negative" if table.attrs["measure"]["direction"] == "max" else "positive"
    caption = [
        f"gap: {metric} with moving averages minus with batch statistics, the sum of the two parts. lag: moving "
        "averages minus precise statistics, re-estimated on the training examples. batch: precise minus batch "
        f"statistics. {worse.capitalize()}: the first are worse. Means over seeds [95 % t interval]; p: Wilcoxon, "
        "corrected over the table (Holm). m′: fewest samples behind one statistic; mean lag: distance of moving and "
        "precise means in standard deviations; variance lag: |log ratio| of the variances; each the median over seeds, "
        "at the worst site.",
    ]
    return Sheet(f"{table.attrs['title']}: where the inference gap comes from", columns, rows_of(table), caption)


def _seeds(row: Row) -> str:
    return f"{row['n']}/{row['n'] + row['incomplete']}"


def _verdict(row: Row, key: str, words: Mapping[str, str]) -> str:
    verdict = row[key]
    return MISSING if not isinstance(verdict, str) else words.get(verdict, verdict)


def _span(row: Row, dial: Dial) -> str:
    labels = dict(zip(dial.values, dial.labels, strict=True))
    if not math.isfinite(row["lowest"]):
        return "none"
    low, high = labels[row["lowest"]], labels[row["highest"]]
    return low if low == high else f"{low} to {high}"


def _scientific(value: float) -> str:
    return MISSING if not math.isfinite(value) else f"{value:.1e}".replace("-", "−")
