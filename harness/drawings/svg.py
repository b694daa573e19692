"""An SVG file's text as an element of a page."""

from __future__ import annotations

import re

from harness.figures.canvas import FAINT, GRID, INK

# What the page's style sheet knows by name, so that a figure turns with light and dark.
_THEMED = {INK: "currentColor", FAINT: "var(--faint)", GRID: "var(--line)", "#ffffff": "var(--paper)"}


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
