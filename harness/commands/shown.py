"""What a verb says of records besides its own lines: which files are none, which were made otherwise than today."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from harness.config.provenance import environment_difference
from harness.records.store import NoRecord

_MOST_SAID = 3


@contextmanager
def telling_of_no_records(console: Console) -> Iterator[None]:
    """Print what reading says of files that are no records, each line once."""
    told: set[str] = set()

    def tell(message: Warning | str, category: type[Warning], *place: object) -> None:
        if not issubclass(category, NoRecord):
            shown_before(message, category, *place)  # type: ignore[arg-type]
            return
        for line in _new(str(message).splitlines(), told):
            console.print(line, style="yellow", soft_wrap=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", NoRecord)
        shown_before, warnings.showwarning = warnings.showwarning, tell  # type: ignore[assignment]
        yield


def say_environments(records: Iterable[Mapping[str, Any]], console: Console) -> None:
    """Say of records that were made with other environment variables than are set now with which, a line each kind."""
    found = Counter(said for record in records if (said := environment_difference(record)))
    for said, count in found.most_common(_MOST_SAID):
        those = "1 record was" if count == 1 else f"{count:,} records were"
        console.print(f"{those} {said}; stale for that", style="yellow", soft_wrap=True)
    if (more := len(found) - _MOST_SAID) > 0:
        console.print(f"and others with {more} more kinds of variables", style="yellow")


def _new(lines: Iterable[str], told: set[str]) -> list[str]:
    fresh = [line for line in lines if line not in told]
    told.update(fresh)
    return fresh
