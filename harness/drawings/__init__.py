"""The figures of a report: what is drawn, how to read it, and the data behind it."""

from harness.drawings.across import across_drawings
from harness.drawings.comparison import drawings_of
from harness.drawings.dials import dial_drawings
from harness.drawings.drawing import Drawing, save_drawing
from harness.drawings.svg import inline_svg

__all__ = ["Drawing", "across_drawings", "dial_drawings", "drawings_of", "inline_svg", "save_drawing"]
