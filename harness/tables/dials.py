"""What a setting does to the strategies, as tables: by value, the change of differences, divergence, rates, gap."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from harness.dials import Dial
from harness.tables.comparison import decimals, rows_of
from harness.tables.pairs import p_value
from harness.tables.render import ARROWS, MISSING, Column, Sheet, count, label_of, number

Row = Mapping[str, Any]


def by_value_sheet(dial: Dial, table: pd.DataFrame) -> Sheet:
    """`statistics.aggregate_by_value`'s table as strategies by values: mean ± half the width of the t interval."""
    digits = decimals(table)

    def text(row: Row) -> str:
        half = (row["high"] - row["low"]) / 2
        spread = f" ± {number(half, digits)}" if math.isfinite(half) else ""
        return f"{number(row['mean'], digits)}{spread}" + (
            f" ({row['n']}/{row['cells']})" if row["n"] < row["cells"] else ""
        )

    measure = table.attrs["measure"]
    confidence = f"{100 * table.attrs['confidence']:g} %"
    caption = [
        f"Mean {label_of(table.attrs['metric'])} {ARROWS[measure['direction']]} ± half the width of its {confidence} t "
        f"interval over seeds, by {dial.label}; (n/m): only n of m cells have a value, and the mean is theirs alone.",
    ]
    return _wide(dial, table, text, f"{dial.title}: {label_of(table.attrs['metric'])}", caption)


def differences_sheet(dial: Dial, table: pd.DataFrame) -> Sheet:
    """`statistics.compare_by_value`'s table as strategies by values: difference ± half its interval, verdict."""
    digits = _digits(table["high"] - table["low"])
    baseline = str(table["baseline"].iloc[0]) if len(table) else MISSING

    def text(row: Row) -> str:
        half = (row["high"] - row["low"]) / 2
        spread = f" ± {number(half, digits)}" if math.isfinite(half) else ""
        return f"{number(row['difference'], digits, signed=True)}{spread}{_SIGNS[row['verdict']]}"

    metric = label_of(table.attrs["metric"])
    caption = [
        f"{metric.capitalize()} minus that of {baseline} ± half the width of its 95 % t interval, paired by seed, by "
        f"{dial.label}. > beats {baseline}, < is beaten by it: verdicts corrected over the table, lost cells losing.",
    ]
    return _wide(dial, table, text, f"{dial.title}: differences from {baseline}", caption)


def divergence_sheet(dial: Dial, table: pd.DataFrame) -> Sheet:
    """`statistics.divergence_by_value`'s table as strategies by values: k/n with its Wilson interval."""

    def text(row: Row) -> str:
        interval = f"[{100 * row['low']:.0f}, {100 * row['high']:.0f}]"
        return f"{row['diverged']}/{row['cells']} {interval}" + ("*" if row["failed"] else "")

    caption = [f"Diverged of all cells [95 % Wilson interval, in per cent], by {dial.label}."]
    if table["failed"].any():
        caption.append("* Others of these cells failed (error, timeout, out of memory); they count as not diverged.")
    return _wide(dial, table, text, f"{dial.title}: diverged", caption)


def change_sheet(dial: Dial, changes: pd.DataFrame) -> Sheet:
    """`statistics.compare_change`'s table: the interaction of strategy and setting."""
    digits = _digits(changes["high"] - changes["low"])
    baseline = str(changes["baseline"].iloc[0]) if len(changes) else MISSING
    columns = [
        _strategy(),
        Column("seeds", lambda row: f"{row['pairs']}"),
        Column("change", lambda row: number(row["change"], digits, signed=True)),
        Column(
            f"minus that of {baseline}", lambda row: _interval(row, "difference", "low", "high", digits, signed=True)
        ),
        Column("p (Holm)", lambda row: p_value(row["holm_p"])),
        Column("verdict", lambda row: _CHANGES[row["verdict"]], numeric=False),
    ]
    metric = label_of(changes.attrs["metric"])
    ends = f"{dial.label} {dial.labels[0]} to {dial.labels[-1]}"
    caption = [
        f"Change of {metric} from {ends}, and how far it differs from that of {baseline} at the same seeds [95 % t "
        "interval]: 0 where the setting does the same to both.",
    ]
    left_out = _counts(changes, "left_out")
    if left_out:
        caption.append(f"Seeds at which one of the four cells has no value are left out: {left_out}.")
    return Sheet(f"{dial.title}: change of the difference from {baseline}", columns, rows_of(changes), caption)


def rates_sheet(dial: Dial, table: pd.DataFrame) -> Sheet:
    """`statistics.aggregate_rates`'s table: how strategies stand other learning rates than their best."""
    base = table.attrs["baseline"]
    columns = [
        _strategy(),
        Column("seeds", lambda row: _seeds(row)),
        Column("usable decades ↑", lambda row: _interval(row, "decades", "decades_low", "decades_high", 2)),
        Column(f"range against {base}", lambda row: _verdict(row, "decades_verdict", _WIDER), numeric=False, rank=1),
        Column("usable at most seeds", lambda row: _span(row, dial)),
        Column("near the best of all ↑", lambda row: _interval(row, "all_decades", "all_low", "all_high", 2), rank=2),
    ]
    if "sensitivity" in table:
        columns += [
            Column(
                "sensitivity ↓", lambda row: _interval(row, "sensitivity", "sensitivity_low", "sensitivity_high", 3)
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
        caption.append(f"Seeds that lack a rate are left out: {_counts(table, 'incomplete')}.")
    if "lost" in table and table["lost"].any():
        caption.append(f"No rate trains, so that there is no sensitivity: {_counts(table, 'lost')} seeds.")
    return Sheet(f"{dial.title}: rates that a strategy stands", columns, rows_of(table), caption)


def own_best_sheet(dial: Dial, table: pd.DataFrame) -> Sheet:
    """`statistics.aggregate_own_best`'s table: each strategy at its own best value."""
    digits = _digits(2 * (table["high"] - table["low"]))
    common, metric = dial.labels[dial.values.index(table.attrs["common"])], label_of(table.attrs["metric"])
    arrow = ARROWS[table.attrs["measure"]["direction"]]
    columns = [
        _strategy(),
        Column(
            f"best {dial.label}", lambda row: dial.labels[row["place"]] + (f" ({row['edge']})" if row["edge"] else "")
        ),
        Column("agreeing", lambda row: f"{row['agreeing']}/{row['seeds']}", rank=3),
        Column("seeds", lambda row: f"{row['n']}/{row['cells']}"),
        Column(f"{metric} {arrow}", lambda row: _interval(row, "mean", "low", "high", digits)),
    ]
    if "difference" in table:
        keys = ("difference", "difference_low", "difference_high")
        columns += [
            Column(f"minus {table.attrs['baseline']}", lambda row: _interval(row, *keys, digits, signed=True), rank=1),
            Column("p (Holm)", lambda row: p_value(row["holm_p"]), rank=2),
            Column("verdict", lambda row: _verdict(row, "verdict", {}), numeric=False),
        ]
    columns.append(
        Column(f"at {common}", lambda row: _interval(row, "common_mean", "common_low", "common_high", digits))
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
    digits = _digits(pd.concat([table[f"{part}_high"] - table[f"{part}_low"] for part in ("lag", "dependence")]))

    def part(name: str) -> Callable[[Row], str]:
        return lambda row: _interval(row, name, f"{name}_low", f"{name}_high", digits, signed=True)

    columns = [
        _strategy(),
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


_SIGNS = {"beats": " >", "is beaten by": " <", "not told apart": ""}
_CHANGES = {"beats": "gains on it", "is beaten by": "loses to it", "not told apart": "not told apart"}
_WIDER = {"beats": "wider", "is beaten by": "narrower"}
_LESS = {"beats": "less sensitive", "is beaten by": "more sensitive"}


def _wide(dial: Dial, table: pd.DataFrame, text: Callable[[Row], str], title: str, caption: Sequence[str]) -> Sheet:
    """Strategies by values, each cell a text of its row; a dash where a strategy was not run."""
    rows: dict[str, dict[str, Any]] = {}
    for row in rows_of(table):
        rows.setdefault(str(row["axis"]), {"axis": row["axis"]})[str(row["place"])] = text(row)

    def at(place: int) -> Callable[[Row], str]:
        return lambda row: str(row.get(str(place), MISSING))

    columns = [_strategy(), *(Column(label, at(place)) for place, label in enumerate(dial.labels))]
    return Sheet(title, columns, [rows[axis] for axis in sorted(rows)], caption)


def _strategy() -> Column:
    return Column("strategy", lambda row: str(row["axis"]), numeric=False)


def _interval(row: Row, key: str, low: str, high: str, digits: int, *, signed: bool = False) -> str:
    said = number(row[key], digits, signed=signed)
    if not math.isfinite(row[low]):
        return said
    return f"{said} [{number(row[low], digits, signed=signed)}, {number(row[high], digits, signed=signed)}]"


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


def _counts(table: pd.DataFrame, key: str) -> str:
    return ", ".join(f"{row['axis']} {row[key]}" for row in rows_of(table) if row[key])


def _scientific(value: float) -> str:
    return MISSING if not math.isfinite(value) else f"{value:.1e}".replace("-", "−")


def _digits(widths: pd.Series) -> int:
    """Decimals that show two digits of a quarter of the typical width."""
    width = widths[widths > 0].median() / 4
    return max(0, min(6, 1 - math.floor(math.log10(width)))) if math.isfinite(width) and width > 0 else 4
