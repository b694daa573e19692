"""The figures of a report: what is drawn of a comparison, how to read it, and the data behind it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from harness.comparison import Comparison, compared_settings
from harness.figures import (
    plot_cost,
    plot_inference_gap,
    plot_learning_curves,
    plot_learning_rates,
    plot_paired_differences,
    plot_profiles,
    plot_seed_cloud,
    save_figure,
)
from harness.figures.canvas import FAINT, GRID, INK
from harness.figures.heat import plot_heat_map
from harness.figures.stability import plot_stability
from harness.frame import IDENTIFYING
from harness.statistics.across import scores_by_task
from harness.types import UserError

# What the page's style sheet knows by name, so that a figure turns with light and dark.
_THEMED = {INK: "currentColor", FAINT: "var(--faint)", GRID: "var(--line)", "#ffffff": "var(--paper)"}


@dataclass(frozen=True)
class Drawing:
    """One figure of a report: `name` is its file's, `reading` says how to read it, `data` is behind it."""

    name: str
    title: str
    reading: str
    draw: Callable[[], Axes]
    data: pd.DataFrame


def drawings_of(
    comparison: Comparison, history: Comparison, summary: pd.DataFrame, pairs: pd.DataFrame
) -> list[Drawing]:
    """The figures of one comparison; those that have nothing to show are not among them."""
    column, _ = comparison.measure()
    cells = comparison.frame
    found = [
        Drawing(
            "seeds",
            "Every seed",
            "Each mark is one seed; marks at the same height belong to the same seed. The diamond is the mean, the bar "
            "its 95 % t interval; cells without a value stand in the grey strip.",
            lambda: plot_seed_cloud(comparison),
            _numbers(cells),
        )
    ]
    if len(pairs):
        found.append(
            Drawing(
                "differences",
                "Paired differences",
                "A bar that reaches over 0 leaves open which of the two is better; the verdict at the right also asks "
                "how often the strategy wins and how many were compared.",
                lambda: plot_paired_differences(pairs),
                pairs,
            )
        )
    if len(history.frame):
        found.append(
            Drawing(
                "learning-curves",
                "Learning curves",
                "Where bands overlap all the way, the strategies learn alike; a curve that ends in × diverged there.",
                lambda: plot_learning_curves(history),
                history.frame,
            )
        )
    found.append(
        Drawing(
            "stability",
            "Stability",
            "Further left is steadier in the first two panels. Bars are 95 % intervals; the panels describe, and do "
            "not decide, which strategy is more stable.",
            lambda: plot_stability(comparison)[0],
            summary,
        )
    )
    if any(f"{column}_{kind}" in cells and cells[f"{column}_{kind}"].notna().any() for kind in ("precise", "batch")):
        found.append(
            Drawing(
                "inference-gap",
                "Inference gap",
                "At 0 it does not matter which statistics inference uses; away from 0 on the worse side, moving "
                "averages lose what the weights have learned.",
                lambda: plot_inference_gap(comparison),
                _numbers(cells),
            )
        )
    found.append(
        Drawing(
            "cost",
            "Cost",
            "Up (or down, where lower is better) and to the left is better; the time includes building and evaluating.",
            lambda: plot_cost(comparison),
            summary,
        )
    )
    return found


def rates_drawing(comparison: Comparison, siblings: Sequence[Comparison]) -> Drawing | None:
    """Learning-rate curves of the siblings that differ from `comparison` in the rate alone; None if none do."""
    rates = [name for name, path in compared_settings(comparison.frame).items() if path.endswith("learning_rate")]
    if not rates:
        return None
    rate = rates[0]
    others = {name: value for name, value in comparison.settings.items() if name != rate}
    alike = [one.frame for one in siblings if {k: v for k, v in one.settings.items() if k != rate} == others]
    cells = pd.concat(alike, ignore_index=True)
    cells.attrs = dict(comparison.frame.attrs)
    if cells[rate].nunique() < 2:
        return None
    return Drawing(
        "learning-rates",
        "Learning rates",
        "A flat line does not depend on the learning rate; a × is a cell that diverged at that rate. The line is the "
        "mean of the cells that survived, so read it together with how many did not.",
        lambda: plot_learning_rates(cells, rate=rate),
        _numbers(cells, rate),
    )


def across_drawings(comparisons: Sequence[Comparison], profiles: pd.DataFrame | None) -> list[Drawing]:
    """Tasks by strategies, and the profiles where there are any; nothing without finished cells of `none`."""
    try:
        by_task, _ = scores_by_task(comparisons)
    except UserError:
        return []
    scores = [(task, axis, float(one.mean())) for task, row in by_task.items() for axis, one in row.items()]
    found = [
        Drawing(
            "tasks",
            "Tasks by strategies",
            "Blue removes error that training without normalization leaves, red adds to it; a dash was not run. These "
            "are means alone: whether a difference is more than luck is for the verdicts to say.",
            lambda: plot_heat_map(comparisons),
            pd.DataFrame(scores, columns=["task", "axis", "score"]),
        )
    ]
    if profiles is not None:
        found.append(
            Drawing(
                "profiles",
                "Performance profiles",
                "A curve above another everywhere is better at every level; where they cross, one is safer and the "
                "other has the better best cells. Lost cells are at the left end.",
                lambda: plot_profiles(profiles, f"{len(by_task)} tasks · band: pointwise 95 % interval"),
                profiles,
            )
        )
    return found


def _numbers(cells: pd.DataFrame, *more: str) -> pd.DataFrame:
    """What a figure of cells shows: who they are and their metrics."""
    metrics = [column for column in cells if str(column).startswith(("test_", "validation_"))]
    return cells[[*IDENTIFYING, "data_source", *more, *metrics, "stale", "id"]]


def save_drawing(drawing: Drawing, folder: Path) -> tuple[list[Path], str]:
    """Write PNG, SVG and CSV, each whole or not at all; returns the files and the SVG's text for a page."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as scratch:
        made = save_figure(drawing.draw(), Path(scratch) / drawing.name)
        svg = made[1].read_text(encoding="utf-8")
        data = Path(scratch) / f"{drawing.name}.csv"
        drawing.data.to_csv(data, index=False, lineterminator="\n")
        return [file.replace(folder / file.name) for file in [*made, data]], svg


def inline_svg(svg: str, prefix: str, label: str) -> str:
    """An SVG file's text as an element of a page: it fills its width, turns with the theme, and shares no ids."""
    svg = svg[svg.index("<svg") :]
    head, _, body = svg.partition(">")
    box = re.search(r'viewBox="[^"]*"', head)
    assert box is not None
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    for colour, name in _THEMED.items():
        body = body.replace(colour.lower(), name)
    # matplotlib's groups have ids that nobody refers to; those that are referred to must differ between figures.
    used = set(re.findall(r"(?:url\(#|href=\"#)([^\")]+)", body))
    body = re.sub(r' id="([^"]+)"', lambda m: f' id="{prefix}-{m[1]}"' if m[1] in used else "", body)
    body = re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}-", body)
    return f'<svg {box[0]} role="img" aria-label="{label}">{body}'
