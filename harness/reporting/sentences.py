"""What the statistics say, in sentences that are never stronger than they are."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from harness.statistics.caution import ALPHA, SEEDS_FOR_SPREAD, smallest_wilcoxon_p
from harness.statistics.paired import BASELINE, BEATEN, BEATS, UNTOLD
from harness.tables import label_of, p_value


def default_baseline(strategies: Sequence[str]) -> str:
    """`channel`, what Keras does unless told otherwise; else `none`; else the first."""
    return next((name for name in (BASELINE, "none") if name in strategies), min(strategies))


def better_sentence(pairs: pd.DataFrame, baseline: str) -> str:
    """Which strategies beat the baseline, which it beats, and which are not told apart: from `compare_pairs`."""
    if pairs.empty:
        return f"Only {mark(baseline)} was run, so there is nothing to compare it with."
    metric, seeds = label_of(pairs.attrs["metric"]), _span(pairs["seeds"])
    if smallest_wilcoxon_p(int(pairs["seeds"].max())) >= ALPHA:
        return f"On {metric}, {seeds} are too few for a verdict, so no strategy is told apart from {mark(baseline)}."
    groups = {verdict: pairs.loc[pairs["verdict"] == verdict, "axis"].tolist() for verdict in (BEATS, BEATEN, UNTOLD)}
    parts = []
    if groups[BEATS]:
        parts.append(f"{name_all(groups[BEATS])} {_verb(groups[BEATS], 'beats', 'beat')} {mark(baseline)}")
    if groups[BEATEN]:
        parts.append(f"{name_all(groups[BEATEN])} {_verb(groups[BEATEN], 'is', 'are')} beaten by {mark(baseline)}")
    if groups[UNTOLD]:
        parts.append(
            f"{name_all(groups[UNTOLD])} {_verb(groups[UNTOLD], 'is', 'are')} not told apart from {mark(baseline)}"
        )
    return f"On {metric}, over {seeds}, {'; '.join(parts)}."


def stability_sentence(spread: pd.DataFrame, divergence: pd.DataFrame, baseline: str) -> str:
    """How many cells diverged, and which strategies spread less: from `compare_divergence` and `compare_spread`."""
    lost = divergence[divergence["diverged"] > 0]
    total, cells = int(lost["diverged"].sum()), int(divergence["cells"].sum())
    names = ", ".join(f"{mark(row['axis'])} {row['diverged']} of {row['cells']}" for row in lost.to_dict("records"))
    said = [f"{total} of {cells} cells diverged ({names})" if total else f"None of {cells} cells diverged"]
    for row in divergence[divergence["holm_p"] < ALPHA].to_dict("records"):
        of_baseline = float(divergence.loc[divergence["axis"] == baseline, "rate"].iloc[0])
        often = "more" if row["rate"] > of_baseline else "less"
        said.append(f"{mark(row['axis'])} {often} often than {mark(baseline)} (p {_p(row['holm_p'])})")
    if len(spread):
        told = [
            f"{mark(row['axis'])} {row['verdict']} {mark(baseline)}"
            for row in spread[spread["verdict"] != UNTOLD].to_dict("records")
        ]
        if spread["n"].max() < SEEDS_FOR_SPREAD:
            said.append(
                f"which strategy varies less from seed to seed takes {SEEDS_FOR_SPREAD} seeds to tell, "
                f"and there are at most {spread['n'].max()} that two strategies finished"
            )
        elif told:
            said.append(f"over seeds {'; '.join(told)}")
        else:
            said.append(f"no strategy is told to spread less or more than {mark(baseline)} over seeds")
    return "; ".join(said) + "."


def completeness_sentence(frame: pd.DataFrame, missing: int) -> str:
    """How many of the planned cells there are, how each ended, and how many are stale: `118 of 120 cells; ...`."""
    planned = len(frame) + missing
    counts = frame["status"].value_counts()
    ends = ", ".join(f"{counts[status]} {status}" for status in counts.index)
    stale = int(frame["stale"].sum())
    parts = [f"{len(frame):,} of {planned:,} planned cells have a record: {ends}"]
    if missing:
        parts.append(f"{missing:,} missing")
    if stale:
        parts.append(f"{stale:,} stale: made by other code or versions than are installed here")
    return "; ".join(parts) + "."


def _p(value: float) -> str:
    """`= 0.012`, `< 0.001`."""
    text = p_value(value)
    return text.replace("<", "< ") if text.startswith("<") else f"= {text}"


def _span(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return f"{low} seed{'s' if low != 1 else ''}" if low == high else f"{low} to {high} seeds"


def mark(name: str) -> str:
    """A strategy's name within a sentence, marked as Markdown marks code: `none` is a name, and none is a word."""
    return f"`{name}`"


def name_all(names: Sequence[str]) -> str:
    """Names within a sentence: one, `a` and `b`, or `a`, `b` and `c`, each marked."""
    *others, last = map(mark, names)
    return f"{', '.join(others)} and {last}" if others else last


def _verb(names: Sequence[str], one: str, several: str) -> str:
    return one if len(names) == 1 else several
