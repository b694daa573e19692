"""The figures of a benchmark as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from harness.commands.bench.against import SLOWER, Compared
from harness.commands.bench.throughput import ALL, KERAS, ONE, OURS, TORCH, TORCH_COMPILED, pair_of
from harness.commands.bench.turns import DISTURBED
from harness.words import visible

_COLOURS = {SLOWER: "red", "faster": "green"}


def throughput_table(name: str, found: Mapping[str, Any]) -> Group:
    """Who trains how many examples a second, and how long the parts of a cell take."""
    title = f"{name} on {found['task']}, batches of {found['batch_size']}: {found['unit']} a second"
    several = str(found["workers"]) if found["workers"] > 1 else "all"
    table = _table(title, "contender", "median", "±", "1 worker is", f"{several} workers are")
    for label, contender in found["contenders"].items():
        low, middle, high = _quartiles(contender["rates"])
        ratios = [found["ratios"].get(pair_of(ours, label)) for ours in (ONE, ALL)]
        shown = label.replace("all", several)
        _add_row(table, shown, f"{middle:,.0f}", f"{(high - low) / 2 / middle:.0%}", *map(_times, ratios))
    named = [f"{label} {one['contender']}" for label, one in found["contenders"].items() if label not in OURS]
    lines = [
        "Median over rounds; ±: half of what is between the quartiles, which ratios have in brackets.",
        *(["; ".join(named)] if named else []),
        *found["notes"],
        describe_others(found["others"]),
    ]
    lines.append(describe_cell(found["cell"]))
    if found["ceiling"]:
        lines.append(describe_ceiling(found["ceiling"]))
    return Group(table, *map(_text, lines), Text())


def summary_table(found: Mapping[str, Mapping[str, Any]]) -> Group:
    """A line an architecture: one worker beside Keras, all beside PyTorch, and how far a step is from the machine's."""
    table = _table("all", "architecture", "1 worker / keras.fit", "all workers / PyTorch", "step / least", "near")
    for name, one in found.items():
        fastest = _faster(one, TORCH, TORCH_COMPILED)
        ratios = [one["ratios"].get(pair_of(*pair)) for pair in ((ONE, KERAS), (ALL, fastest))]
        ceiling = one["ceiling"]
        least = ["", ""] if not ceiling else [f"{ceiling['step_seconds'] / _least(ceiling):.1f}", _bound(ceiling)]
        _add_row(table, name, *map(_times, ratios), *least)
    caption = (
        "How many times as fast, median over rounds [quartiles]; PyTorch eager or compiled, whichever is faster. "
        "Least: what one core's memory or products allow a step."
    )
    return Group(table, Text(caption), Text())


def against_table(compared: Compared) -> Group:
    """Each ratio in both benchmarks, and what may be said of it."""
    lines: list[Any] = []
    if compared.lines:
        table = _table("ratios, before and now", "architecture", "ratio", "before", "now", "change", "verdict")
        for line in compared.lines:
            verdict = Text(line.verdict, style=_COLOURS.get(line.verdict, ""))
            _add_row(
                table,
                line.architecture,
                line.pair.replace("harness, ", ""),
                *(_short(median(ratios)) for ratios in (line.then, line.now)),
                f"{line.change - 1:+.0%}".replace("-", "−"),
                verdict,
            )
        lines.append(table)
    return Group(*lines, *map(_text, compared.notes), Text())


def grid_table(found: Mapping[str, Any]) -> Group:
    """A grid by one command beside a script a cell."""
    table = _table(f"grid of {found['cells']} cells", "how", "cells an hour", "seconds")
    scripts = [seconds for row in found["script_seconds"] for seconds in row]
    _add_row(table, "a script a cell", f"{found['cells_per_hour']['scripts']:,.0f}", f"{median(scripts):.1f} each")
    _add_row(
        table,
        "one command",
        f"{found['cells_per_hour']['command']:,.0f}",
        f"{median(found['command_seconds']):.1f} in all",
    )
    line = f"{found['ratio']:.1f} times the cells an hour; a process of it had at most {found['peak_gib']:.2f} GiB"
    return Group(table, Text(line), Text())


def all_tables(found: Mapping[str, Any]) -> Iterator[Group]:
    """The tables of a benchmark that is over, the summary last."""
    for name, one in found["architectures"].items():
        yield throughput_table(name, one)
    if found.get("grid"):
        yield grid_table(found["grid"])
    if len(found["architectures"]) > 1:
        yield summary_table(found["architectures"])


def describe_others(others: Sequence[float]) -> str:
    """How quiet the machine was, in words."""
    text = f"Other programs used {median(others):.0%} of the machine during a turn (median; {max(others):.0%} at most)"
    return text + (": the figures are not to be relied on." if median(others) > DISTURBED else ".")


def describe_cell(cell: Mapping[str, float]) -> str:
    """Where the time of a cell goes, in words."""
    parts = ", ".join(f"{name} {cell[name]:.2f}" for name in ("steps", "validation", "evaluation", "data", "own"))
    rest = 1 - cell["steps"] / cell["whole"]
    own = (cell["planning"] + 16 * cell["own"]) / (cell["planning"] + 16 * cell["whole"])
    return (
        f"A warm cell takes {cell['whole']:.2f} s ({parts}): {rest:.0%} of it are not training steps. The first of its "
        f"kind takes {cell['first_of_its_kind']:.1f} s, loading the data {cell['loading']:.2f} s a process. "
        f"Of 16 warm cells, planning and bookkeeping are {own:.1%}."
    )


def describe_ceiling(ceiling: Mapping[str, float]) -> str:
    """A step's time beside what the machine could do, in words."""
    least, step = _least(ceiling), ceiling["step_seconds"]
    return (
        f"One core moves {ceiling['bytes_per_second'] / 1e9:.0f} GB/s and computes "
        f"{ceiling['operations_per_second'] / 1e9:.0f} GFLOP/s: a step could take {least * 1e3:.2f} ms "
        f"({ceiling['memory_seconds'] * 1e3:.2f} of it memory), and takes one worker {step * 1e3:.2f} ms, "
        f"{step / least:.1f} times as long."
    )


def _table(title: str, *headings: str) -> Table:
    """A table whose first column is of words and whose others are of numbers."""
    table = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False
    )
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    return table


def _add_row(table: Table, *cells: str | Text) -> None:
    """A row of words as they are: a file's may hold what a terminal or Rich would obey."""
    table.add_row(*(cell if isinstance(cell, Text) else _text(cell) for cell in cells))


def _text(words: str) -> Text:
    return Text(visible(words))


def _least(ceiling: Mapping[str, float]) -> float:
    return ceiling["products_seconds"] + ceiling["memory_seconds"]


def _bound(ceiling: Mapping[str, float]) -> str:
    """Which of the two takes the larger part of the least time."""
    return "memory" if ceiling["memory_seconds"] > ceiling["products_seconds"] else "products"


def _faster(found: Mapping[str, Any], *labels: str) -> str:
    """Which of these contenders is the fastest; the first where none took part."""
    there = [label for label in labels if label in found["contenders"]]
    return max(there, key=lambda label: median(found["contenders"][label]["rates"]), default=labels[0])


def _times(ratios: Sequence[float] | None) -> str:
    """`3.88 [3.70, 4.10]`: median and quartiles of ratios `(round,)`."""
    if not ratios:
        return ""
    low, middle, high = _quartiles(ratios)
    return f"{_short(middle)} [{_short(low)}, {_short(high)}]"


def _short(value: float) -> str:
    """Three digits that count."""
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"


def _quartiles(values: Sequence[float]) -> list[float]:
    return [float(value) for value in np.quantile(values, [0.25, 0.5, 0.75])]
