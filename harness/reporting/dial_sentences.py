"""What a dial says of the strategies, in sentences that are never stronger than the statistics behind them.

`most_accurate`, `widest_range`, `who_diverges`, `where_gap_comes_from` and `interaction` answer one question each, and
claim anything in at most 5 % of studies in which there is nothing to find (docs/statistics.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from harness.reporting.sentences import mark, name_all
from harness.statistics.caution import ALPHA, smallest_wilcoxon_p
from harness.statistics.dials import Dial
from harness.statistics.paired import BEATEN, BEATS, UNTOLD
from harness.tables import count, label_of, number

_TURNED = {BEATS: BEATEN, BEATEN: BEATS, UNTOLD: UNTOLD}
_BETTER = {BEATS: "beats", BEATEN: "is beaten by", UNTOLD: "is not told apart from"}
_WIDER = {
    BEATS: "is wider than that of",
    BEATEN: "is narrower than that of",
    UNTOLD: "is not told apart from that of",
}


def most_accurate(dial: Dial, own_best: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Who is best at its own best value: from `aggregate_own_best` and `compare_all_pairs` of `at_own_best`."""
    finished = own_best[own_best["n"] > 0]
    if finished.empty:
        return f"No strategy finished at any {dial.label}."
    first = _row(finished, 0)
    metric, digits = label_of(own_best.attrs["metric"]), _digits_of(finished)
    reached = f"{mark(first['axis'])} has the best mean {metric}, {_interval(first, 'mean', 'low', 'high', digits)}"
    told = _against_all(pairs, first["axis"], _BETTER)
    said = [f"Each at its own best {dial.label}, {reached} at {dial.labels[first['place']]}{told}."]
    left_out = sorted(set(dial.strategies) - set(own_best["axis"]))
    if left_out:
        said.append(
            f"Left out, for want of a seed with every {dial.label} or of a cell that survived: {name_all(left_out)}."
        )
    edges = [str(axis) for axis in finished.loc[finished["edge"] != "", "axis"]]
    if edges:
        said.append(
            f"The best {dial.label} of {name_all(edges)} is at the end of the grid: a better one may lie beyond."
        )
    return " ".join(said)


def widest_range(dial: Dial, rates: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Who stands the widest range of rates: from `aggregate_rates` and `compare_usable` of all pairs."""
    known = rates[rates["n"] > 0]
    if known.empty:
        return f"No seed has a cell at every {dial.label}, so nothing is known of ranges."
    first, span = _row(known, 0), rates.attrs["span"]
    share, metric = f"{100 * rates.attrs['tolerance']:g} %", label_of(rates.attrs["measure"]["name"])
    width = _interval(first, "decades", "decades_low", "decades_high", 2)
    told = _against_all(pairs, first["axis"], _WIDER)
    said = [
        f"{mark(first['axis'])} keeps within {share} of its own best validation {metric} over {width} of the "
        f"{number(span, 1)} decades, the widest range on average{_tied(known, 'decades')}{told}."
    ]
    near = known.sort_values("all_decades", ascending=False, kind="stable").iloc[0]
    if near["all_decades"] > first["all_decades"]:
        wide = _interval(near.to_dict(), "all_decades", "all_low", "all_high", 2)
        tied = _tied(known, "all_decades", near["axis"])
        said.append(
            f"Held against the best of all strategies, {mark(near['axis'])} has the widest on average{tied}: {wide}."
        )
    if "sensitivity" in known and known["sensitivity"].notna().any():
        least = known.sort_values("sensitivity", kind="stable").iloc[0]
        interval = _interval(least.to_dict(), "sensitivity", "sensitivity_low", "sensitivity_high", 3)
        said.append(f"The least sensitive on average, by validation loss, is {mark(least['axis'])}: {interval}.")
    return " ".join(said)


def who_diverges(dial: Dial, divergence: pd.DataFrame, pairs: pd.DataFrame, baseline: str) -> str:
    """Which strategies diverged and where: from `divergence_by_value` and `compare_diverged` against the baseline."""
    lost = divergence[divergence["diverged"] > 0]
    cells = int(divergence["cells"].sum())
    if lost.empty:
        return f"None of {count(cells)} cells diverged."
    parts = []
    for axis, rows in lost.groupby("axis"):
        where = ", ".join(
            f"{row['diverged']} of {row['cells']} at {dial.labels[row['place']]}" for row in rows.to_dict("records")
        )
        parts.append(f"{mark(str(axis))} ({where})")
    said = [f"{count(lost['diverged'].sum())} of {count(cells)} cells diverged: {'; '.join(parts)}."]
    told = {verdict: [str(axis) for axis in pairs.loc[pairs["verdict"] == verdict, "axis"]] for verdict in _TURNED}
    for verdict, word in ((BEATEN, "more"), (BEATS, "fewer")):
        if told[verdict]:
            verb = "diverges" if len(told[verdict]) == 1 else "diverge"
            said.append(f"Seed by seed, {name_all(told[verdict])} {verb} at {word} values than {mark(baseline)}.")
    if len(pairs) and not told[BEATS] and not told[BEATEN]:
        said.append(f"No strategy is told to diverge more or less often than {mark(baseline)}.")
    return " ".join(said)


def where_gap_comes_from(gap: pd.DataFrame, where: str) -> str:
    """What the inference gap is made of: from `aggregate_gap`; `where` says of which cells, as a sentence begins."""
    if gap.empty:
        return "No cell was evaluated with other statistics than its moving averages."
    seeds, tests = int(gap["n"].max()), 2 * len(gap)
    metric = label_of(gap.attrs["metric"])
    if smallest_wilcoxon_p(seeds) * tests >= ALPHA:
        return (
            f"{where}, {_seeds(seeds)} too few to tell a part of the gap from 0 among {tests}; on average moving "
            f"averages differ from precise statistics by {_most(gap, 'lag')}, and these from the batch's by "
            f"{_most(gap, 'dependence')}."
        )
    parts = [
        _parts(gap, "lag", BEATEN, "moving averages cost {metric} against precise statistics", metric),
        _parts(gap, "lag", BEATS, "moving averages give better {metric} than precise statistics", metric),
        _parts(gap, "dependence", BEATEN, "statistics of the batch give better {metric} than precise ones", metric),
        _parts(gap, "dependence", BEATS, "statistics of the batch cost {metric} against precise ones", metric),
    ]
    said = [part for part in parts if part]
    untold = [
        str(row["axis"])
        for row in gap.to_dict("records")
        if row["lag_verdict"] == UNTOLD and row["dependence_verdict"] == UNTOLD
    ]
    if not said:
        return f"{where}, neither part of the inference gap is told from 0 for any strategy."
    if untold:
        said.append(f"neither part is told from 0 for {name_all(untold)}")
    return f"{where}, {'; '.join(said)}."


def interaction(dial: Dial, changes: pd.DataFrame, baseline: str) -> str:
    """Whether differences from the baseline depend on the setting: from `compare_change`."""
    if changes.empty:
        return f"Only {mark(baseline)} was run, so there is nothing to compare it with."
    ends = f"From {dial.label} {dial.labels[0]} to {dial.labels[-1]}"
    metric, seeds = label_of(changes.attrs["metric"]), int(changes["pairs"].max())
    if smallest_wilcoxon_p(seeds) * int((changes["pairs"] > 1).sum()) >= ALPHA:
        return (
            f"{ends}, {_seeds(seeds)} too few with all four values to tell whether {metric} changes "
            f"otherwise than that of {mark(baseline)}."
        )
    digits = _digits_of(changes)
    parts = []
    for verdict, verb in ((BEATS, "gains on"), (BEATEN, "loses to")):
        for row in changes[changes["verdict"] == verdict].to_dict("records"):
            parts.append(
                f"{mark(row['axis'])} {verb} {mark(baseline)} ({_interval(row, 'difference', 'low', 'high', digits)})"
            )
    untold = [str(axis) for axis in changes.loc[(changes["verdict"] == UNTOLD) & (changes["pairs"] > 0), "axis"]]
    unknown = [str(axis) for axis in changes.loc[changes["pairs"] == 0, "axis"]]
    if unknown:
        parts.append(f"no seed has all four values for {name_all(unknown)}")
    if not parts:
        return f"{ends}, no strategy's difference from {mark(baseline)} in {metric} is told to change."
    if untold:
        parts.append(f"no change of the difference is told for {name_all(untold)}")
    return f"{ends}, in {metric}: {'; '.join(parts)}."


def _against_all(pairs: pd.DataFrame, name: str, words: Mapping[str, str]) -> str:
    """How the one called `name` stands to every other, from a table of all pairs: the tail of a sentence."""
    rows = pairs[((pairs["axis"] == name) | (pairs["baseline"] == name)) & (pairs["seeds"] > 0)]
    if rows.empty:
        return ""
    seeds = int(rows["seeds"].max())
    if smallest_wilcoxon_p(seeds) * len(pairs) >= ALPHA:
        return f"; {_seeds(seeds)} too few for a verdict among {len(pairs)} pair{'s' if len(pairs) != 1 else ''}"
    stands: dict[str, list[str]] = {verdict: [] for verdict in words}
    for row in rows.to_dict("records"):
        if row["axis"] == name:
            stands[row["verdict"]].append(str(row["baseline"]))
        else:
            stands[_TURNED[row["verdict"]]].append(str(row["axis"]))
    if len(stands[BEATS]) == len(rows) > 1:
        return f"; it {words[BEATS]} every other"
    return f"; it {', '.join(f'{words[verdict]} {name_all(sorted(of))}' for verdict, of in stands.items() if of)}"


def _tied(table: pd.DataFrame, column: str, first: str | None = None) -> str:
    """Who else has the same mean as the first: `, as has global`; empty where nobody has."""
    name = table["axis"].iloc[0] if first is None else first
    top = float(table.loc[table["axis"] == name, column].iloc[0])
    others = [str(axis) for axis in table.loc[np.isclose(table[column], top), "axis"] if axis != name]
    return f", as {'has' if len(others) == 1 else 'have'} {name_all(others)}" if others else ""


def _parts(gap: pd.DataFrame, part: str, verdict: str, text: str, metric: str) -> str:
    """`text`, and for which strategies by how much; empty where for none."""
    rows = gap[gap[f"{part}_verdict"] == verdict].to_dict("records")
    digits = _digits_of(pd.DataFrame({"low": gap[f"{part}_low"], "high": gap[f"{part}_high"]}))
    each = ", ".join(
        f"{mark(row['axis'])} {_interval(row, part, f'{part}_low', f'{part}_high', digits)}" for row in rows
    )
    return f"{text.format(metric=metric)} ({each})" if rows else ""


def _most(gap: pd.DataFrame, part: str) -> str:
    """The largest mean of a part over strategies, with whose it is."""
    row = _row(gap, int(gap[part].abs().to_numpy(np.float64).argmax()))
    digits = _digits_of(pd.DataFrame({"low": gap[f"{part}_low"], "high": gap[f"{part}_high"]}))
    return f"at most {_interval(row, part, f'{part}_low', f'{part}_high', digits)} ({mark(row['axis'])})"


def _interval(row: Mapping[Any, Any], key: str, low: str, high: str, digits: int) -> str:
    estimate = number(row[key], digits)
    if not math.isfinite(row[low]):
        return estimate
    return f"{estimate} [{number(row[low], digits)}, {number(row[high], digits)}]"


def _digits_of(table: pd.DataFrame) -> int:
    """Decimals that show the typical interval's width with two digits."""
    width = (table["high"] - table["low"]).where(lambda one: one > 0).median()
    return max(0, min(6, 1 - math.floor(math.log10(width)))) if math.isfinite(width) else 3


def _row(table: pd.DataFrame, place: int) -> dict[Any, Any]:
    return dict(table.iloc[place].to_dict())


def _seeds(seeds: int) -> str:
    return "1 seed is" if seeds == 1 else f"{seeds} seeds are"
