"""Tables: sheets of text columns (`*_sheet`) and how they are rendered (`to_*`)."""

from harness.tables.across import across_sheet
from harness.tables.comparison import (
    caption_lines,
    comparison_csv,
    comparison_latex,
    comparison_markdown,
    comparison_sheet,
    comparison_table,
    decimals,
)
from harness.tables.dials import (
    by_value_sheet,
    change_sheet,
    differences_sheet,
    divergence_sheet,
)
from harness.tables.matrix import matrix_sheet
from harness.tables.pairs import p_value, pairs_sheet, seeds_sheet
from harness.tables.rates import gap_sheet, own_best_sheet, rates_sheet
from harness.tables.render import (
    ARROWS,
    MISSING,
    Column,
    Sheet,
    count,
    label_of,
    latex,
    number,
    to_html,
    to_latex,
    to_markdown,
    to_terminal,
)
from harness.tables.stability import stability_sheet
from harness.tables.times import ratios_sheet, times_sheet

__all__ = [
    "ARROWS",
    "MISSING",
    "Column",
    "Sheet",
    "across_sheet",
    "by_value_sheet",
    "caption_lines",
    "change_sheet",
    "comparison_csv",
    "comparison_latex",
    "comparison_markdown",
    "comparison_sheet",
    "comparison_table",
    "count",
    "decimals",
    "differences_sheet",
    "divergence_sheet",
    "gap_sheet",
    "label_of",
    "latex",
    "matrix_sheet",
    "number",
    "own_best_sheet",
    "p_value",
    "pairs_sheet",
    "rates_sheet",
    "ratios_sheet",
    "seeds_sheet",
    "stability_sheet",
    "times_sheet",
    "to_html",
    "to_latex",
    "to_markdown",
    "to_terminal",
]
