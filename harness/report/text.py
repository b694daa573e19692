"""Words and numbers of answers: names in sentences, intervals in cells, how many digits tell something."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.report.sheet import MISSING, Column, number
from harness.statistics.caution import ALPHA, BETTER, EQUIVALENT, UNDECIDED, WORSE, smallest_p

Row = Mapping[str, Any]
TURNED = {BETTER: WORSE, WORSE: BETTER, EQUIVALENT: EQUIVALENT, UNDECIDED: UNDECIDED}


def mark(name: str) -> str:
    """A strategy's name within a sentence, marked as Markdown marks code: `none` is a name, and none is a word."""
    return f"`{name}`"


def name_all(names: Sequence[str]) -> str:
    """Names within a sentence: one, `a` and `b`, or `a`, `b` and `c`, each marked."""
    *others, last = map(mark, names)
    return f"{', '.join(others)} and {last}" if others else last


def verb(names: Sequence[str], one: str, several: str) -> str:
    """The form of a verb that goes with so many names."""
    return one if len(names) == 1 else several


def span_of_seeds(counts: pd.Series) -> str:
    """`10 seeds`, or `8 to 10 seeds` where strategies differ."""
    low, high = int(counts.min()), int(counts.max())
    return f"{low} seed{'s' if low != 1 else ''}" if low == high else f"{low} to {high} seeds"


def too_few(seeds: int) -> str:
    """`1 seed is too few`, `4 seeds are too few`; empty where that many can tell something."""
    if smallest_p(seeds) < ALPHA:
        return ""
    return f"{'1 seed is' if seeds == 1 else f'{seeds} seeds are'} too few"


def verdict_text(row: Row, unit: str = "") -> str:
    """A row's verdict with what is known of its size, and how many seeds would decide what is undecided."""
    margin = f"{row['margin']:.3g}{f' {unit}' if unit else ''}"
    verdict, needed = str(row["verdict"]), float(row["seeds_to_decide"])
    if verdict == EQUIVALENT:
        return f"{verdict} within {margin}"
    if verdict == UNDECIDED:
        return f"{verdict}: takes {needed:,.0f} seeds" if row["seeds"] < needed < math.inf else verdict
    sizes = {"beyond": f", by more than {margin}", "within": f", but within {margin}"}
    return f"{verdict}{sizes.get(row['size'], '')}"


def against_all(pairs: pd.DataFrame, name: str, words: Mapping[str, str]) -> str:
    """How the one called `name` stands to every other, from a table of all pairs: the tail of a sentence."""
    rows = pairs[((pairs["axis"] == name) | (pairs["baseline"] == name)) & (pairs["seeds"] > 0)]
    if rows.empty:
        return ""
    seeds = int(rows["seeds"].max())
    if few := too_few(seeds):
        return f"; {few} for a verdict"
    stands: dict[str, list[str]] = {verdict: [] for verdict in words}
    for row in rows.to_dict("records"):
        if row["axis"] == name:
            stands[row["verdict"]].append(str(row["baseline"]))
        else:
            stands[TURNED[row["verdict"]]].append(str(row["axis"]))
    if len(stands[BETTER]) == len(rows) > 1:
        return f"; it {words[BETTER]} every other"
    return f"; it {', '.join(f'{words[verdict]} {name_all(sorted(of))}' for verdict, of in stands.items() if of)}"


def also(table: pd.DataFrame, column: str, first: str | None = None) -> str:
    """Who else has the same mean as the first: `, as has global`; empty where nobody has."""
    name = table["axis"].iloc[0] if first is None else first
    top = float(table.loc[table["axis"] == name, column].iloc[0])
    others = [str(strategy) for strategy in table.loc[np.isclose(table[column], top), "axis"] if strategy != name]
    return f", as {'has' if len(others) == 1 else 'have'} {name_all(others)}" if others else ""


def p_value(p: float) -> str:
    """A p-value as it is written: three decimals, `<0.001`, a dash where there is none."""
    return MISSING if not math.isfinite(p) else "<0.001" if p < 0.001 else f"{p:.3f}"


def p_in_words(p: float) -> str:
    """`= 0.012`, `< 0.001`."""
    text = p_value(p)
    return text.replace("<", "< ") if text.startswith("<") else f"= {text}"


def time_text(value: float, digits: int) -> str:
    """A time or count that may never come."""
    return "∞" if value == math.inf else number(value, digits)


def interval_text(row: Row, key: str, low: str, high: str, digits: int, *, signed: bool = False) -> str:
    """`0.91 [0.90, 0.92]`, without bounds where there are none."""
    said = number(row[key], digits, signed=signed)
    if not math.isfinite(row[low]):
        return said
    return f"{said} [{number(row[low], digits, signed=signed)}, {number(row[high], digits, signed=signed)}]"


def counts_text(table: pd.DataFrame, key: str) -> str:
    """`none 2, channel 1`: the strategies whose count is not 0; empty where all are."""
    return ", ".join(f"{row['axis']} {row[key]}" for row in rows_of(table) if row[key])


def strategy_column() -> Column:
    """The first column: whose row it is."""
    return Column("strategy", lambda row: str(row["axis"]), numeric=False)


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as plain mappings."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def row_of(table: pd.DataFrame, place: int) -> dict[Any, Any]:
    """One row as a plain mapping."""
    return dict(table.iloc[place].to_dict())


def decimals(summary: pd.DataFrame) -> int:
    """Decimals that show two digits of the typical SD over seeds, or four digits of the mean where there is none."""
    spread = summary["sd"].where(summary["sd"] > 0).median()
    if math.isfinite(spread):
        return max(0, min(6, 1 - math.floor(math.log10(spread))))
    size = summary["mean"].abs().max()
    return max(0, min(6, 3 - math.floor(math.log10(size)))) if size > 0 else 3


def digits_of_widths(widths: pd.Series) -> int:
    """Decimals that show two digits of a quarter of the typical width."""
    width = widths[widths > 0].median() / 4
    return max(0, min(6, 1 - math.floor(math.log10(width)))) if math.isfinite(width) and width > 0 else 4


def digits_of_intervals(table: pd.DataFrame, low: str = "low", high: str = "high") -> int:
    """Decimals that show the typical interval's width with two digits."""
    width = (table[high] - table[low]).where(lambda one: one > 0).median()
    return max(0, min(6, 1 - math.floor(math.log10(width)))) if math.isfinite(width) else 3
