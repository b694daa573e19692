"""The figures of a report: what is drawn, how to read it, and the data behind it."""

from harness.drawings.across import Overall, across_drawings
from harness.drawings.comparison import drawings_of
from harness.drawings.dials import dial_drawings
from harness.drawings.drawing import GROUPS, Drawing, save_drawing
from harness.drawings.evidence import Evidence, Looks, gather_evidence, rows_of
from harness.drawings.svg import inline_svg

__all__ = [
    "GROUPS",
    "Drawing",
    "Evidence",
    "Looks",
    "Overall",
    "across_drawings",
    "dial_drawings",
    "drawings_of",
    "gather_evidence",
    "inline_svg",
    "rows_of",
    "save_drawing",
]
