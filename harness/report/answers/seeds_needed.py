"""How many seeds would tell strategies apart? Asked by the verb `power`, of a pilot and a difference worth telling."""

from __future__ import annotations

from harness.report.sheet import MISSING, Column, Sheet, label_of, number
from harness.report.text import digits_of_widths, rows_of, strategy_column, time_text
from harness.statistics.power import SeedPlan


def seeds_sheet(plan: SeedPlan) -> Sheet:
    """The plan of `statistics.plan_seeds` as a sheet."""
    rows = plan.rows
    digits = digits_of_widths(4 * rows["sd"])
    columns = [
        strategy_column(),
        Column("pairs", lambda row: str(row["pairs"])),
        Column("SD of differences", lambda row: number(row["sd"], digits), rank=2),
        Column("detectable now", lambda row: time_text(row["detectable"], digits)),
        Column("to be told", lambda row: number(row["difference"], digits)),
        Column("chance now", lambda row: f"{100 * row['chance']:.0f} %"),
        Column("seeds", lambda row: time_text(row["seeds"], 0)),
        Column("if SD is high", lambda row: time_text(row["seeds_high"], 0), rank=1),
        Column("to decide", lambda row: time_text(row["decide_seeds"], 0)),
    ]
    baseline = str(rows["baseline"].iloc[0]) if len(rows) else MISSING
    metric = label_of(plan.metric)
    caption = [
        f"Differences of {metric} from {baseline}; verdicts on {len(rows)} comparison{'s' if len(rows) != 1 else ''} "
        f"at once. detectable now: what the present pairs tell with {100 * plan.power:g} % chance; chance now: of "
        "telling the difference to be told; seeds: what that takes; if SD is high: the same at the upper end of the "
        "SD's 95 % interval; to decide: seeds with which each strategy is better, worse or equivalent within the "
        f"margin of {number(float(rows['margin'].iloc[0]), digits)}, whatever the difference is."
    ]
    return Sheet(f"{plan.of.title}: seeds", columns, rows_of(rows), caption)
