"""Which strategy is better than which other?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from harness.report.answer import Answer, Drawing, Shown
from harness.report.canvas import FAINT, GRID, INK, ON_DARK, ON_LIGHT, axes_of, dress
from harness.report.sheet import MISSING, Column, Sheet, label_of, number
from harness.report.text import TURNED
from harness.statistics.caution import BETTER, EQUIVALENT, UNDECIDED, WORSE
from harness.statistics.comparison import Comparison
from harness.statistics.table import Table
from harness.statistics.verdicts import compare_all_pairs
from harness.words import broken

THOROUGH = True  # with twenty strategies it takes seconds
_FEWEST = 3  # with fewer strategies, the pairs with the baseline are all there are
_SIGNS = {BETTER: " >", WORSE: " <", EQUIVALENT: " ="}


def of_comparison(comparison: Comparison, baseline: str, metric: str | None = None) -> Iterator[Answer]:
    """One answer, whoever the baseline is; none where the pairs with the baseline are all there are."""
    if len(comparison.strategies) < _FEWEST:
        return
    pairs = compare_all_pairs(comparison, metric)
    yield Answer(
        question="Which of all is better than which?",
        table=Shown("all-pairs", "All pairs", matrix_sheet(pairs), pairs.rows),
        # A square in which nothing is coloured shows less than the table.
        figure=Drawing(
            "all-pairs", "Every strategy against every other", lambda: plot_all_pairs(pairs), lambda: pairs.rows
        )
        if (pairs.rows["verdict"] != UNDECIDED).any()
        else None,
        reading="The share of seeds at which the row is better than the column. Coloured cells are told apart, blue "
        "where the row wins and red where it loses; = marks those that are equivalent.",
        caution="The others are undecided, which does not show them to be equal.",
        place=20,
    )


@dataclass(frozen=True)
class Matrix:
    """`statistics.compare_all_pairs`'s table as a square.

    Attributes:
        strategies: the most often better first.
        p_better: `(strategy, strategy)`, P(row better than column); NaN on the diagonal.
        verdicts: `(strategy, strategy)`, what the row is to the column; empty on the diagonal.
    """

    strategies: list[str]
    p_better: NDArray[np.float64]
    verdicts: NDArray[np.str_]


def matrix_of(pairs: pd.DataFrame) -> Matrix:
    """The square of all pairs; each pair stands in it twice, from either side."""
    names = sorted({*pairs["axis"], *pairs["baseline"]})
    p_better = np.full((len(names), len(names)), np.nan)
    verdicts = np.full(p_better.shape, "", dtype=object)
    for strategy, other, p, verdict in zip(
        pairs["axis"], pairs["baseline"], pairs["p_better"], pairs["verdict"], strict=True
    ):
        row, column = names.index(strategy), names.index(other)
        p_better[row, column], p_better[column, row] = p, 1 - p
        verdicts[row, column], verdicts[column, row] = verdict, TURNED[verdict]
    order = np.argsort(-np.nan_to_num(p_better).sum(axis=1), kind="stable")
    square = np.ix_(order, order)
    return Matrix([names[one] for one in order], p_better[square], verdicts[square].astype(str))


def matrix_sheet(pairs: Table) -> Sheet:
    """`statistics.compare_all_pairs`'s table as a square sheet."""
    matrix = matrix_of(pairs.rows)
    rows = [
        {"axis": name, "p": dict(zip(matrix.strategies, zip(ps, verdicts, strict=True), strict=True))}
        for name, ps, verdicts in zip(matrix.strategies, matrix.p_better, matrix.verdicts, strict=True)
    ]
    columns = [Column("strategy", lambda row: str(row["axis"]), numeric=False)]
    columns += [Column(name, _cell_of(name)) for name in matrix.strategies]
    caption = [
        f"Share of shared seeds at which the row's {label_of(pairs.metric)} is better than the column's, a "
        f"cell without a value losing. > better, < worse, = equivalent within the margin (all {len(pairs.rows)} pairs "
        "judged at once); the others are undecided, which does not show them to be equal.",
    ]
    return Sheet(f"{pairs.of.title}: all pairs", columns, rows, caption)


def plot_all_pairs(pairs: Table, ax: Axes | None = None) -> Axes:
    """P(row better than column) over shared seeds; coloured where the two are told apart, blue where the row wins."""
    matrix = matrix_of(pairs.rows)
    names, size = matrix.strategies, len(matrix.strategies)
    ax = axes_of(ax, width=3.4 + 0.72 * size, height=2.7 + 0.44 * size)
    told = np.where(np.isin(matrix.verdicts, (UNDECIDED, EQUIVALENT)), np.nan, matrix.p_better)
    ax.pcolormesh(np.arange(size + 1) - 0.5, np.arange(size + 1) - 0.5, told, cmap="RdBu", vmin=-0.2, vmax=1.2)
    for (row, column), p in np.ndenumerate(matrix.p_better):
        if row == column:
            continue
        text = number(p, 2) + _SIGNS[EQUIVALENT] * (matrix.verdicts[row, column] == EQUIVALENT)
        colour = FAINT if text == MISSING else INK
        if np.isfinite(told[row, column]):
            colour = ON_DARK if abs(p - 0.5) > 0.4 else ON_LIGHT
        weight: Any = "bold" if np.isfinite(told[row, column]) else "normal"
        ax.text(column, row, text, ha="center", va="center", fontsize=9, color=colour, fontweight=weight)
    _dress(ax, names)
    notes = f"{pairs.of.title} · coloured: told apart, all {len(pairs.rows)} pairs judged at once · =: equivalent"
    dress(ax, "How often the row is better than the column", notes, wrap=max(52, 12 * size))
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return ax


def _dress(ax: Axes, names: list[str]) -> None:
    """Names at the rows and columns, and lines between the cells."""
    size = len(names)
    ax.set_xlim(-0.5, size - 0.5)
    ax.set_ylim(size - 0.5, -0.5)
    ax.set_xticks(range(size), [broken(name, 18) for name in names], rotation=35, ha="right")
    ax.set_yticks(range(size), [broken(name, 24) for name in names])
    for edge in np.arange(size + 1) - 0.5:
        ax.axhline(edge, color=GRID, linewidth=0.7)
        ax.axvline(edge, color=GRID, linewidth=0.7)
    ax.tick_params(length=0)


def _cell_of(name: str) -> Any:
    def text(row: Mapping[str, Any]) -> str:
        if row["axis"] == name:
            return MISSING
        p, verdict = row["p"][name]
        return f"{number(p, 2)}{_SIGNS.get(verdict, '')}"

    return text
