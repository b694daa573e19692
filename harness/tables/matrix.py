"""All pairs of strategies as a square: how often the row is better than the column, and what is told apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.tables.render import MISSING, Column, Sheet, label_of, number

_SIGNS = {"beats": " >", "is beaten by": " <"}
_TURNED = {"beats": "is beaten by", "is beaten by": "beats"}


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
    for axis, other, p, verdict in zip(
        pairs["axis"], pairs["baseline"], pairs["p_better"], pairs["verdict"], strict=True
    ):
        row, column = names.index(axis), names.index(other)
        p_better[row, column], p_better[column, row] = p, 1 - p
        verdicts[row, column], verdicts[column, row] = verdict, _TURNED.get(verdict, verdict)
    order = np.argsort(-np.nan_to_num(p_better).sum(axis=1), kind="stable")
    square = np.ix_(order, order)
    return Matrix([names[one] for one in order], p_better[square], verdicts[square].astype(str))


def matrix_sheet(pairs: pd.DataFrame) -> Sheet:
    """`statistics.compare_all_pairs`'s table as a square sheet."""
    matrix = matrix_of(pairs)
    rows = [
        {"axis": name, "p": dict(zip(matrix.strategies, zip(ps, verdicts, strict=True), strict=True))}
        for name, ps, verdicts in zip(matrix.strategies, matrix.p_better, matrix.verdicts, strict=True)
    ]
    columns = [Column("strategy", lambda row: str(row["axis"]), numeric=False)]
    columns += [Column(name, _cell_of(name)) for name in matrix.strategies]
    caption = [
        f"Share of shared seeds at which the row's {label_of(pairs.attrs['metric'])} is better than the column's, a "
        f"cell without a value losing. > beats, < is beaten by (p corrected by Holm over all {len(pairs)} pairs); "
        "the others are not told apart, which does not show them to be equal.",
    ]
    return Sheet(f"{pairs.attrs['title']}: all pairs", columns, rows, caption)


def _cell_of(name: str) -> Any:
    def text(row: Mapping[str, Any]) -> str:
        if row["axis"] == name:
            return MISSING
        p, verdict = row["p"][name]
        return f"{number(p, 2)}{_SIGNS.get(verdict, '')}"

    return text
