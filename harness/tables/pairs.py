"""Who beats whom, and how many seeds it would take, as tables."""

from __future__ import annotations

import math

import pandas as pd

from harness.statistics.caution import caution_sentence
from harness.tables.comparison import rows_of
from harness.tables.render import MISSING, Column, Sheet, label_of, number
from harness.tables.texts import digits_of_widths, interval_text, strategy_column


def pairs_sheet(pairs: pd.DataFrame) -> Sheet:
    """The paired comparisons of `statistics.compare_pairs` as a sheet."""
    digits = digits_of_widths(pairs["high"] - pairs["low"])
    unit = f" ({pairs.attrs['measure']['unit']})" if pairs.attrs["measure"]["unit"] else ""
    baselines = sorted(set(pairs["baseline"]))
    against = [Column("against", lambda row: str(row["baseline"]), numeric=False)] if len(baselines) > 1 else []
    columns = [
        strategy_column(),
        *against,
        Column("pairs", lambda row: f"{row['pairs']}/{row['seeds']}"),
        Column(f"difference{unit}", lambda row: interval_text(row, "difference", "low", "high", digits, signed=True)),
        Column("P(better)", lambda row: interval_text(row, "p_better", "p_better_low", "p_better_high", 2), rank=1),
        Column("p (Wilcoxon)", lambda row: p_value(row["wilcoxon_p"]), rank=3),
        Column("p (Holm)", lambda row: p_value(row["holm_p"]), rank=2),
        Column("verdict", lambda row: str(row["verdict"]), numeric=False),
    ]
    against_what = f"against {baselines[0]}" if len(baselines) == 1 else "pairs"
    return Sheet(f"{pairs.attrs['title']}: {against_what}", columns, rows_of(pairs), _pairs_caption(pairs))


def seeds_sheet(plan: pd.DataFrame) -> Sheet:
    """The plan of `statistics.plan_seeds` as a sheet."""
    digits = digits_of_widths(4 * plan["sd"])
    columns = [
        strategy_column(),
        Column("pairs", lambda row: str(row["pairs"])),
        Column("SD of differences", lambda row: number(row["sd"], digits), rank=2),
        Column("detectable now", lambda row: number(row["detectable"], digits)),
        Column("to be told", lambda row: number(row["difference"], digits)),
        Column("seeds", lambda row: _seeds(row["seeds"])),
        Column("if SD is high", lambda row: _seeds(row["seeds_high"]), rank=1),
        Column("for a verdict", lambda row: _seeds(row["verdict_seeds"])),
        Column("chance now", lambda row: f"{100 * row['verdict_chance']:.0f} %"),
    ]
    baseline = str(plan["baseline"].iloc[0]) if len(plan) else MISSING
    metric = label_of(plan.attrs["metric"])
    caption = [
        f"Differences of {metric} from {baseline}. detectable now: what the present pairs tell with "
        f"{100 * plan.attrs['power']:g} % chance; seeds: what a paired t test takes for the difference to be told, at "
        f"a level corrected for {len(plan)} comparison{'s' if len(plan) != 1 else ''}; if SD is high: the same at the "
        "upper end of the SD's 95 % interval; for a verdict: what the verdict takes (∞: it claims no difference that "
        "wins so seldom); chance now: of a verdict with the present pairs."
    ]
    return Sheet(f"{plan.attrs['title']}: seeds", columns, rows_of(plan), caption)


def p_value(p: float) -> str:
    """A p-value as it is written: three decimals, `<0.001`, a dash where there is none."""
    return MISSING if not math.isfinite(p) else "<0.001" if p < 0.001 else f"{p:.3f}"


def _pairs_caption(pairs: pd.DataFrame) -> list[str]:
    confidence = f"{100 * pairs.attrs['confidence']:g} %"
    metric = label_of(pairs.attrs["metric"])
    lines = [
        f"Difference of {metric}, paired by seed [{confidence} t interval]; P(better): share of seeds at which the "
        f"strategy is better, a cell without a value losing [{confidence} Clopper-Pearson interval]; "
        f"p corrected over {len(pairs)} comparison{'s' if len(pairs) != 1 else ''}.",
        "A verdict takes an interval of P(better) above 0.5 that reaches beyond 0.75 and a corrected p below 0.05; "
        "strategies not told apart are not shown to be equal.",
    ]
    if pairs["mispaired"].any():
        lines.append(f"{pairs['mispaired'].sum()} pairs did not start from the same weights, order and split.")
    if len(pairs):
        lines.append(caution_sentence(int(pairs["seeds"].min())))
    return lines


def _seeds(value: float) -> str:
    return "∞" if value == math.inf else number(value, 0)
