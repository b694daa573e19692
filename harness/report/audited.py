"""An audit as people read it: a table of layers, and what is found of them, for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.text import Text

from harness.report.explained import LEVEL_STYLES
from harness.report.sheet import MISSING, Column, Sheet, to_markdown, to_terminal
from harness.words import examples_of

_MOST_NAMED = 4


def audit_text(document: Mapping[str, Any], *, width: int) -> Group:
    """An audit, as `Audit.to_dict` gives it, for the terminal."""
    lines = []
    for level, reason, remedy, layers in grouped(document["findings"]):
        where = f" [{layers}]" if layers else ""
        then = f" → {remedy}" if remedy else ""
        said = Text.assemble((f"{level}: ", LEVEL_STYLES[level]), f"{reason}{where}", (then, "italic"))
        lines += _in_lines(said, width)
    gap = [Text(gap_sentence(document["gap"])), Text()] if document.get("gap") else []
    return Group(
        to_terminal(layers_sheet(document), width=width), Text(), *gap, *lines, Text(), Text(verdict(document))
    )


def audit_markdown(document: Mapping[str, Any]) -> str:
    """The same as Markdown."""
    parts = [to_markdown(layers_sheet(document))]
    if document.get("gap"):
        parts.append(gap_sentence(document["gap"]) + "\n")
    lines = []
    for level, reason, remedy, layers in grouped(document["findings"]):
        where = f" [{_plain(layers)}]" if layers else ""
        then = f" → *{_plain(remedy)}*" if remedy else ""
        lines.append(f"- **{level}**: {_plain(reason)}{where}{then}")
    return "\n".join([*parts, *lines, "", verdict(document), ""])


def layers_sheet(document: Mapping[str, Any]) -> Sheet:
    """One row a normalization layer."""
    columns = [
        # Names are typed again, after layers= and in code.
        Column("layer", lambda row: row["layer"], numeric=False, whole=True),
        Column("class", lambda row: row["class"].removesuffix("Normalization"), rank=5, numeric=False),
        Column("input", lambda row: _shape(row), rank=2, numeric=False, wraps=16),
        Column("keeps", lambda row: _keeps(row), numeric=False, wraps=16),
        Column("statistics", lambda row: _number(row.get("statistics")), rank=3),
        Column("scale+shift", lambda row: _number(row.get("parameters")), rank=4),
        Column("m′", lambda row: _number(row.get("samples_per_statistic")), rank=1),
        Column("axes named by", lambda row: row["axes_named_by"] or "their number", rank=6, numeric=False),
    ]
    caption = [f"m′: values behind one statistic at a batch of {document['batch_size']} (batch_size=N)."]
    return Sheet(
        f"{document['model']}: normalization layers",
        columns,
        document["layers"],
        caption,
        elsewhere="format=markdown has every column",
    )


def grouped(findings: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str, str]]:
    """Findings (level, reason, remedy, layers), each once for all layers that it is said of."""
    layers: dict[tuple[str, str, str], list[str]] = {}
    for one in findings:
        layers.setdefault((one["level"], one["reason"], one["remedy"]), []).append(one["layer"] or "")
    return [(*key, _listed(names)) for key, names in layers.items()]


def verdict(document: Mapping[str, Any]) -> str:
    """How many errors, warnings and notes there are."""
    levels = [one["level"] for one in document["findings"]]
    counts = ", ".join(
        f"{levels.count(level)} {level}{'' if levels.count(level) == 1 else 's'}" for level in LEVEL_STYLES
    )
    number = len(document["layers"])
    return f"{number} normalization layer{'' if number == 1 else 's'}: {counts}."


def gap_sentence(gap: Mapping[str, Any]) -> str:
    """The inference gap and its two parts."""
    given = gap.get("given", {})
    looked = examples_of(gap["examples"], given.get("x", 0))
    of = "the same examples"
    if gap["of_training"]:
        of = examples_of(gap.get("training_examples", 0), given.get("x_train", 0), "training examples of their own")
    better = "more" if gap["metric"] == "accuracy" else "less"
    return (
        f"{gap['metric']} over {looked} ({better} is better): {_score(gap['moving'])} with moving "
        f"averages, {_score(gap['precise'])} after recalibration on {of}, {_score(gap['batch'])} with each batch's "
        f"statistics. Lag of the averages {_score(gap['lag'], '+')}, dependence on the batch "
        f"{_score(gap['dependence'], '+')}."
    )


def _in_lines(said: Text, width: int) -> list[Text]:
    """A sentence in lines of at most `width` characters; words stay whole, names too that are longer than a line."""
    lines = [Text(overflow="ignore")]
    for word in said.split(" "):
        if lines[-1] and lines[-1].cell_len + 1 + word.cell_len > width:
            lines.append(Text(overflow="ignore"))
        lines[-1].append(" " if lines[-1] else "").append_text(word)
    return lines


def _keeps(row: Mapping[str, Any]) -> str:
    if "keeps" not in row:
        return MISSING
    kept = " × ".join(row["keeps"]) or "nothing"
    return f"{kept} ({', '.join(map(str, row['axis']))})" if row["axis"] else kept


def _shape(row: Mapping[str, Any]) -> str:
    if row["shape"] is None:
        return "not built"
    sizes = " × ".join("any" if size is None else str(size) for size in row["shape"])
    return f"{sizes} ({', '.join(row['axes'])})"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return shown + (f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else "")


def _number(value: Any) -> str:
    return MISSING if value is None else f"{value:,}"


def _score(value: float | None, sign: str = "") -> str:
    return "not finite" if value is None else f"{value:{sign}.4f}".replace("-", "−")


def _plain(text: str) -> str:
    return text.replace("*", r"\*").replace("_", r"\_").replace("<", "&lt;").replace("[", r"\[")
