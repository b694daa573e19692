"""The figures of a benchmark as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from harness.commands.bench.throughput import ALL, ONE
from harness.commands.bench.turns import DISTURBED


def throughput_table(found: Mapping[str, Any]) -> Group:
    """Who trains how many examples a second, and how long the parts of a cell take."""
    table = Table(title=f"{found['workload']}: {found['unit']} a second", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("contender")
    for heading in ("median", "least to most", "ready after", "1 worker is", "all workers are"):
        table.add_column(heading, justify="right")
    for label, contender in found["contenders"].items():
        rates = contender["rates"]
        ratios = [found["ratios"].get(f"{ours} / {label}") for ours in (ONE, ALL)]
        table.add_row(
            label if contender["name"] == "harness" else f"{label} ({contender['name']})",
            f"{median(rates):,.0f}",
            f"{min(rates):,.0f} to {max(rates):,.0f}",
            f"{contender['setup_seconds']:.0f} s",
            *("" if value is None else f"{value:.2f} ×" for value in ratios),
        )
    lines = [*found["notes"], describe_others(found["others"])]
    lines += [describe_cell(found["cell"]), describe_ceiling(found["ceiling"])]
    return Group(table, *map(Text, lines), Text())


def grid_table(found: Mapping[str, Any]) -> Group:
    """A grid by one command beside a script a cell."""
    table = Table(title=f"grid of {found['cells']} cells", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("how")
    for heading in ("cells an hour", "seconds"):
        table.add_column(heading, justify="right")
    scripts = [seconds for row in found["script_seconds"] for seconds in row]
    table.add_row("a script a cell", f"{found['cells_per_hour']['scripts']:,.0f}", f"{median(scripts):.1f} each")
    table.add_row(
        "one command", f"{found['cells_per_hour']['command']:,.0f}", f"{median(found['command_seconds']):.1f} in all"
    )
    line = f"{found['ratio']:.1f} times the cells an hour; a process of it had at most {found['peak_gib']:.2f} GiB"
    return Group(table, Text(line), Text())


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
    least, step = ceiling["least_step_seconds"], ceiling["step_seconds"]
    return (
        f"One core moves {ceiling['bytes_per_second'] / 1e9:.0f} GB/s and computes "
        f"{ceiling['operations_per_second'] / 1e9:.0f} GFLOP/s: a step could take {least * 1e3:.1f} ms, and takes one "
        f"worker {step * 1e3:.1f} ms, {step / least:.1f} times as long."
    )
