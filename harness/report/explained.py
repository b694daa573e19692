"""An explanation as people read it in the terminal, with the tensor as blocks whose colours say what is shared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group
from rich.style import Style
from rich.text import Text

from harness.axes.code import code_of
from harness.axes.explained import Explanation, count_of, describe_shape
from harness.axes.findings import Finding
from harness.axes.picture import Blocks, number_statistics
from harness.report.palette import CELLS
from harness.report.sheet import MISSING, Column, Sheet

LEVEL_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_CELL = 4  # characters
_INK = "#101215"


def facts_of(explained: Explanation) -> list[tuple[str, str]]:
    """What is kept and averaged, counts and m', as (what, value)."""
    r = explained.resolved
    if r.kind == "none":
        return [("keeps", MISSING), ("scale and shift", MISSING)]
    facts = [("keeps", explained.keeps), ("averages over", explained.averages)]
    if r.groups is not None and r.kind == "group":
        facts.append(("groups", f"{r.groups} of {(r.site.shape[-1] or 0) // r.groups} {r.site.axes[-1]}s"))
    what = "root mean squares" if r.kind == "rms" else "means and variances"
    if explained.over_batch:
        facts.append(("statistics", f"{r.statistics:,} {what} ({describe_shape(explained.statistics_shape)})"))
    else:
        facts.append(("statistics", f"{what} of each example; none is kept for inference"))
    of_each = "scales" if r.kind == "rms" else "scales and shifts"
    each = count_of(explained.parameters_shape)
    facts.append(("scale and shift", f"{each:,} {of_each} ({describe_shape(explained.parameters_shape)})"))
    return [*facts, ("m′", samples_of(explained))]


def samples_of(explained: Explanation) -> str:
    """m' with how it comes about: `32 = 32 × 1`."""
    r = explained.resolved
    if r.samples_per_statistic is None:
        return MISSING if r.kind == "none" else "not known: a size that is averaged over is not fixed"
    if r.kind in ("group", "ghost"):
        return f"{r.samples_per_statistic:,}"
    sizes = [explained.shape[k] for k in explained.averaged]
    product = " × ".join(f"{size:,}" for size in sizes)
    return f"{r.samples_per_statistic:,} = {product}" if len(sizes) > 1 else f"{r.samples_per_statistic:,}"


def to_text(explained: Explanation, *, title: str) -> Group:
    """One explanation for the terminal."""
    facts = facts_of(explained)
    width = max(len(name) for name, _ in facts) + 2
    parts: list[Text] = [Text(title, "bold"), Text(), Text(explained.sentence), Text()]
    parts += [Text.assemble((f"  {name:<{width}}", "dim"), value) for name, value in facts]
    parts += [Text(), *picture(explained), Text()]
    parts += findings_text(explained.findings)
    for framework, code in code_of(explained.resolved).items():
        parts += [Text(), Text(framework, "bold"), *(Text(f"  {line}") for line in code.splitlines())]
    return Group(*parts)


def findings_text(findings: Iterable[Finding]) -> list[Text]:
    """A line each: its level, what is so, and what would do."""
    lines = []
    for one in findings:
        remedy = f" → {one.remedy}" if one.remedy else ""
        lines.append(Text.assemble((f"{one.level}: ", LEVEL_STYLES[one.level]), one.reason, (remedy, "italic")))
    return lines


def picture(explained: Explanation) -> list[Text]:
    """The tensor's first values: those with the same number and colour share their statistics."""
    blocks = Blocks.of(explained.names, explained.shape)
    numbers = number_statistics(explained.resolved, blocks.sizes)
    labels = {round(middle - 0.5): name for middle, name in blocks.sides()}
    margin = max(map(len, labels.values())) + 2
    lines = [Text(line, "dim") for line in _heads(blocks, margin)]
    rows = sorted({y for _, y in blocks.cells.values()})
    last = None
    for y in rows:
        if last is not None and y - last > 1:
            lines.append(Text())
        last = y
        label = next((name for middle, name in blocks.sides() if y <= middle - 0.5 < y + 1), "")
        line = Text(f"  {label:<{margin}}", "dim")
        end = 0.0
        for index, (x, _) in sorted(((i, at) for i, at in blocks.cells.items() if at[1] == y), key=lambda one: one[1]):
            line.append("  " if x - end > 0.1 else "", "default")
            number = numbers[index]
            line.append(f"{number or '·':^{_CELL}}", _style(number))
            end = x + 1
        lines.append(line)
    return [*lines, Text(), Text(f"  The same number: the same mean and variance. {blocks.caption()}", "dim")]


def side_by_side(explained: Sequence[tuple[str, Explanation | str]], title: str, *, in_words: bool = True) -> Sheet:
    """All strategies at one tensor, with a sentence on each where there is room; for one that cannot be had, why."""
    columns = [
        Column("strategy", lambda row: row["name"], numeric=False),
        Column("keeps", lambda row: row["keeps"], numeric=False, wraps=12),
        Column("statistics", lambda row: row["statistics"], rank=1),
        Column("scale+shift", lambda row: row["parameters"], rank=2),
        Column("m′", lambda row: row["samples"]),
        *([Column("in words", lambda row: row["sentence"], numeric=False, wraps=24)] if in_words else []),
    ]
    rows = [_row(name, one) for name, one in explained if isinstance(one, Explanation)]
    more = "warnings and code" if in_words else "words, warnings and code"
    caption = [f"m′: values behind one statistic in a training batch. One at a time, with {more}: axis=NAME."]
    reasons: dict[str, list[str]] = {}
    for name, one in explained:
        if isinstance(one, str):
            reasons.setdefault(one.partition(" Received")[0], []).append(name)
    caption += [f"Not here: {', '.join(names)} ({reason.rstrip('.')})." for reason, names in reasons.items()]
    return Sheet(title, columns, rows, caption, elsewhere="COLUMNS=120 makes room")


def _row(name: str, explained: Explanation) -> dict[str, str]:
    r = explained.resolved
    samples = MISSING if r.samples_per_statistic is None else f"{r.samples_per_statistic:,}"
    return {
        "name": name,
        "keeps": " × ".join(r.stat_axes) or (MISSING if r.kind == "none" else "nothing"),
        "statistics": f"{r.statistics:,}",
        "parameters": f"{r.parameters:,}",
        "samples": samples,
        "sentence": explained.sentence,
    }


def _heads(blocks: Blocks, margin: int) -> list[str]:
    width = blocks.sizes[blocks.columns] * _CELL
    above = zip(*(lines for _, lines in blocks.heads()), strict=True)
    return [" " * (margin + 2) + "  ".join(f"{name[:width]:^{width}}" for name in names) for names in above]


def _style(number: int) -> Style:
    return Style(color=_INK, bgcolor=CELLS[(number - 1) % len(CELLS)]) if number else Style(dim=True)
