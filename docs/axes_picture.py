"""Draws docs/axes.svg: which values share a statistic, as the strategies themselves resolve it.

`python docs/axes_picture.py` writes it again.
"""

from __future__ import annotations

from pathlib import Path

from omegaconf import OmegaConf

from harness.axes.picture import number_statistics
from harness.config.build import build_strategy
from harness.report.palette import CELLS
from harness.types import Site

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "axes.svg"
STRATEGIES = ("channel", "height", "spatial", "elementwise", "global")
EXAMPLES = 2
SITE = Site("site", ("height", "width", "channel"), (3, 3, 2))
CELL, GAP = 18, 10  # pixels: side of a value, space between two maps
PANEL, LEFT, TOP, HEIGHT = 150, 76, 78, 236


def draw() -> str:
    """The picture as SVG."""
    width = LEFT + PANEL * len(STRATEGIES)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="12" text-anchor="middle" role="img">',
        "<title>Values with the same number share a mean and a variance</title>",
        f'<rect width="{width}" height="{HEIGHT}" fill="white"/>',
    ]
    side = 3 * CELL + GAP
    for example in range(EXAMPLES):
        y = TOP + example * side + 1.5 * CELL + 4
        parts.append(_text(LEFT / 2, y, f"example {example + 1}", "#555"))
    for column, name in enumerate(STRATEGIES):
        parts += _panel(LEFT + column * PANEL, name)
    parts.append(
        _text(
            width / 2,
            HEIGHT - 14,
            "Values with the same number share a mean and a variance. m′: how many they are.",
            "#222",
        )
    )
    return "\n".join([*parts, "</svg>", ""])


def _panel(left: int, name: str) -> list[str]:
    strategy = build_strategy(OmegaConf.load(ROOT / "conf" / "axis" / f"{name}.yaml"))
    resolved = strategy.resolve(SITE, batch_size=EXAMPLES)
    side = 3 * CELL + GAP
    start = left + (PANEL - 2 * side + GAP) / 2
    kept = " × ".join(resolved.stat_axes) or "nothing"
    plural = "" if resolved.statistics == 1 else "s"
    counted = f"{resolved.statistics} statistic{plural}, m′ = {resolved.samples_per_statistic}"
    parts = [
        f'<text x="{left + PANEL / 2}" y="20" font-weight="bold" font-size="14">{name}</text>',
        _text(left + PANEL / 2, 38, "keeps " + ("every axis" if len(resolved.stat_axes) == 3 else kept), "#222"),
        _text(left + PANEL / 2, 54, counted, "#555"),
        *(_text(start + c * side + 1.5 * CELL, TOP - 6, f"channel {c + 1}", "#555", size=10) for c in range(2)),
    ]
    numbers = number_statistics(resolved, (EXAMPLES, 3, 3, 2))
    for (example, row, column, channel), number in numbers.items():
        x = start + channel * side + column * CELL
        y = TOP + example * side + row * CELL
        colour = CELLS[(number - 1) % len(CELLS)]
        parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{CELL}" height="{CELL}" fill="{colour}" stroke="white"/>'
            + _text(x + CELL / 2, y + CELL / 2 + 3.5, str(number), "#222", size=10)
        )
    return parts


def _text(x: float, y: float, text: str, colour: str, size: int = 12) -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}">{text}</text>'


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
