"""One self-contained page of a tensor in which axes are clicked and values pointed at, to see who shares statistics."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from harness.axes.code import code_of
from harness.axes.explained import Explanation, explain_axes
from harness.axes.picture import Blocks, number_statistics
from harness.axes.strategy import OVER_BATCH
from harness.report.explained import facts_of
from harness.report.palette import CELLS
from harness.types import Site, UserError


def render_axes_page(tensors: Sequence[tuple[str, Explanation]]) -> str:
    """The page as HTML: no request leaves it, and the same explanations give the same bytes.

    Args:
        tensors: titles and explanations; those of one tensor share its axes to click, and are choices beside them.
    """
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sites: dict[tuple[Site, int], list[tuple[str, Explanation]]] = {}
    for title, one in tensors:
        sites.setdefault((one.resolved.site, one.batch_size), []).append((title, one))
    data = [_tensor(site, batch_size, found) for (site, batch_size), found in sites.items()]
    return templates.get_template("axes.html.j2").render(
        tensors=data,
        data=Markup(json.dumps({"tensors": data, "colours": CELLS}, ensure_ascii=True).replace("<", "\\u003c")),
        style=Markup(templates.get_template("style.css").render()),
        script=Markup(templates.get_template("axes.js").render()),
    )


def _tensor(site: Site, batch_size: int, found: Sequence[tuple[str, Explanation]]) -> dict[str, Any]:
    """What the page knows of a tensor: its cells, and every choice with its words and which cells go together."""
    one = found[0][1]
    blocks = Blocks.of(one.names, one.shape)
    choices = {_key(axis): _choice(axis, site, batch_size, blocks) for axis in _sets(len(one.shape))}
    named = [
        {"title": title, "key": _key_of(explanation), **_said(explanation, blocks)} for title, explanation in found
    ]
    return {
        "name": site.name,
        "axes": list(one.names),
        "shape": ["any" if size is None else str(size) for size in one.shape],
        "size": [blocks.width, blocks.height],
        "cells": [{"index": index, "at": at} for index, at in blocks.cells.items()],
        "heads": blocks.heads(),
        "sides": blocks.sides(),
        "caption": blocks.caption(),
        "choices": choices,
        "named": named,
    }


def _sets(rank: int) -> list[tuple[int, ...]]:
    return [axis for number in range(rank + 1) for axis in itertools.combinations(range(rank), number)]


def _choice(axis: tuple[int, ...], site: Site, batch_size: int, blocks: Blocks) -> dict[str, Any]:
    try:
        return _said(explain_axes(axis, site, batch_size), blocks)
    except UserError as error:  # an axis without a fixed size is kept
        reason = {"level": "error", "reason": str(error), "remedy": ""}
        return {"sentence": "This cannot be had.", "facts": [], "findings": [reason], "code": [], "numbers": []}


def _said(one: Explanation, blocks: Blocks) -> dict[str, Any]:
    numbers = number_statistics(one.resolved, blocks.sizes)
    findings = [{"level": f.level, "reason": f.reason, "remedy": f.remedy} for f in one.findings]
    return {
        "sentence": one.sentence,
        "facts": facts_of(one),
        "findings": findings,
        "code": list(code_of(one.resolved).items()),
        "numbers": [numbers[index] for index in blocks.cells],
        "samples": one.resolved.samples_per_statistic,
    }


def _key(axis: Sequence[int]) -> str:
    return ",".join(map(str, axis))


def _key_of(one: Explanation) -> str | None:
    """Which axes are pressed for a strategy; None where they alone do not make it."""
    r = one.resolved
    plain = r.kind in OVER_BATCH and r.axis == r.param_axis and r.kind == "batch"
    return _key(r.axis) if plain else None
