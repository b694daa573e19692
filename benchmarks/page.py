"""Where simulated tables go: the terminal, or between their markers in docs/statistics.md."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

_PAGE = Path(__file__).parents[1] / "docs" / "statistics.md"


def print_or_write(marker: str, tables: Callable[[int], str], studies: int) -> None:
    """Do what the command line says: `[studies] [--write]`.

    Args:
        marker: the name in the page's comments, `<!-- marker -->` and `<!-- /marker -->`.
        tables: makes the text from a number of studies.
        studies: their number unless said.
    """
    words = [word for word in sys.argv[1:] if word != "--write"]
    text = tables(int(words[0]) if words else studies)
    if "--write" not in sys.argv:
        print(text)
        return
    before, _, rest = _PAGE.read_text(encoding="utf-8").partition(f"<!-- {marker} -->\n")
    after = rest.partition(f"<!-- /{marker} -->")[2]
    _PAGE.write_text(f"{before}<!-- {marker} -->\n{text}\n<!-- /{marker} -->{after}", encoding="utf-8")
