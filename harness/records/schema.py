"""What a record, a grid and a lock may be: declared once, checked once, where they are read.

Whatever reads records may rely on this: a key that is there has a value of its kind. Keys that are not declared are
kept as they are, so that a later version may add some.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, TypedDict

import msgspec

from harness.cell.examples import unpack_examples
from harness.files import MOST_BYTES, UnreadableError
from harness.words import in_one_line

MOST_DEEP = 32
# What does not fit into 64 bits is no count, and some of what computes with numbers refuses it.
_LARGEST = 2**63 - 1

Number = float | Literal["NaN", "Infinity", "-Infinity"] | None
Whole = Annotated[int, msgspec.Meta(ge=-_LARGEST, le=_LARGEST)]
Count = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
# A record lies in a file of its id's name, and so do its lock and its log.
Id = Annotated[str, msgspec.Meta(pattern=r"^[^/\\\x00-\x1f\x7f]+\Z", min_length=1, max_length=240)]
Name = Annotated[str, msgspec.Meta(max_length=1000)]
Status = Literal["ok", "diverged", "error", "timeout", "oom"]


class TaskNode(TypedDict, total=False):
    """`config["task"]`, as far as it is read."""

    name: str
    data: dict[str, Any]


class Config(TypedDict, total=False):
    """The sections of a config that are read by name."""

    task: TaskNode
    architecture: dict[str, Any]
    axis: dict[str, Any]
    train: dict[str, Any]
    margin: float | None


class Data(TypedDict, total=False):
    """Of the data that a cell saw."""

    source: Name | None
    digest: str | None
    axes: list[str]
    shape: list[Whole]
    outputs: Whole
    sizes: dict[str, Whole]
    test_digest: str | None
    present: list[float]
    note: str | None


class _Measure(TypedDict):
    name: Name
    direction: Literal["max", "min"]
    unit: str
    low: float | Literal["NaN", "Infinity", "-Infinity"]
    high: float | Literal["NaN", "Infinity", "-Infinity"]


class Measure(_Measure, total=False):
    """A metric, as its task declares it."""

    margin: float


class Shift(TypedDict):
    """A shift that a trained model was scored under."""

    name: Name
    meaning: str
    unit: str


class _PlacedSite(TypedDict):
    name: Name
    axes: list[str]
    shape: list[Whole | None]


class Own(TypedDict):
    """What a site had in a model that was built before."""

    axis: list[Whole]
    param_axis: list[Whole]
    kind: Literal["batch", "renorm", "ghost", "frozen"]
    ghost: Count | None
    center: bool
    scale: bool


class Site(_PlacedSite, total=False):
    """One place where a strategy was applied."""

    own: Own

    fell_back: bool
    samples_per_statistic: Count | None
    median_samples_per_statistic: Count
    statistics: Count
    parameters: Count
    stat_axes: list[str]
    param_axes: list[str]


class Examples(TypedDict, total=False):
    """How a trained model did on each test example (`harness.cell.examples`)."""

    kind: Literal["correct", "absolute_error"]
    count: Count
    values: str


class Diagnostic(TypedDict):
    """A site at the end of an epoch; what else is in it are numbers."""

    site: Name


class Provenance(TypedDict, total=False):
    """By what a record was made."""

    source: str
    versions: dict[str, str]
    environment: dict[str, str]
    python: str | None
    device: str | None
    deterministic: bool | None
    finished: str | None


class _NamedRecord(TypedDict):
    format: Literal[1]
    id: Id
    identity: str
    task: Name
    architecture: Name
    axis: Name
    seed: Whole
    status: Status
    config: Config


class Record(_NamedRecord, total=False):
    """What a finished cell leaves (docs/records.md); what there is of it depends on how it ended."""

    reason: str
    traceback: str
    data: Data
    measures: list[Measure]
    shifts: list[Shift]
    sites: list[Site]
    metrics: dict[str, Number]
    refusals: dict[str, str]
    examples: Examples
    history: dict[str, list[Number]]
    probes: dict[str, list[Number]]
    diagnostics: list[Diagnostic]
    counts: dict[str, Count]
    costs: dict[str, Number]
    costs_unknown: dict[str, str]
    hashes: dict[str, str]
    seconds: dict[str, Number]
    provenance: Provenance


class _AskedGrid(TypedDict):
    command: str
    begun: str
    cells: list[Id]


class GridFile(_AskedGrid, total=False):
    """A grid that was asked for."""

    same: dict[Id, list[Name]]


class LockFile(TypedDict):
    """A lock that some process holds."""

    id: Id
    pid: Count
    started: float
    epoch: Count


class MadeFile(TypedDict, total=False):
    """What a published study says of how it was made."""

    command: str
    machines: list[str]
    rules: dict[str, str]


# What a reader finds where a record has no such key: one of a cell that ended early lacks most.
EMPTY: dict[str, Any] = {
    **dict.fromkeys(("reason", "traceback"), ""),
    **{key: [] for key in ("measures", "shifts", "sites", "diagnostics")},
    **{key: {} for key in ("data", "metrics", "refusals", "examples", "history", "probes")},
    **{key: {} for key in ("counts", "costs", "costs_unknown", "hashes", "seconds", "provenance")},
}
_decoder = msgspec.json.Decoder()


def decode_record(text: str | bytes) -> dict[str, Any]:
    """The record that a text holds.

    Raises:
        UnreadableError: it is no whole record of a format that we know; the message says why.
    """
    record: dict[str, Any] = _decode(text, Record)
    _check_lengths(record)
    _check_numbers(record)
    _check_examples(record)
    return record


def decode_grid(text: str | bytes) -> GridFile:
    """The grid that a text holds, or `UnreadableError`."""
    grid: GridFile = _decode(text, GridFile)
    return grid


def decode_lock(text: str | bytes) -> LockFile:
    """The lock that a text holds, or `UnreadableError`."""
    lock: LockFile = _decode(text, LockFile)
    return lock


def decode_made(text: str | bytes) -> MadeFile:
    """How a published study was made, or `UnreadableError`."""
    made: MadeFile = _decode(text, MadeFile)
    return made


def _decode(text: str | bytes, kind: Any) -> Any:
    """A text's content as plain values, undeclared keys and all, once it is what `kind` declares."""
    if len(text) > MOST_BYTES:
        raise UnreadableError(f"expected at most {MOST_BYTES:,} bytes. Received: {len(text):,}")
    try:
        content = _decoder.decode(text)
        _check_depth(content)
        msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise UnreadableError(in_one_line(str(error))) from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise UnreadableError(f"no whole JSON ({in_one_line(str(error))})") from error
    except RecursionError as error:
        raise UnreadableError(f"nested more than {MOST_DEEP} deep") from error
    except OverflowError as error:
        raise UnreadableError("a number that is too large") from error
    return content


def _check_depth(content: Any) -> None:
    level = [content] if isinstance(content, (dict, list)) else []
    for _ in range(MOST_DEEP):
        level = [
            item
            for value in level
            for item in (value.values() if type(value) is dict else value)
            if type(item) is dict or type(item) is list
        ]
        if not level:
            return
    raise UnreadableError(f"nested more than {MOST_DEEP} deep")


def _check_lengths(record: Mapping[str, Any]) -> None:
    for table, by in _COUNTED_BY.items():
        lengths = {column: len(values) for column, values in record.get(table, {}).items()}
        if len(set(lengths.values())) > 1:
            raise UnreadableError(in_one_line(f"columns of unequal lengths - at `$.{table}` ({json.dumps(lengths)})"))

        if lengths:
            _check_counted(record[table].get(by), f"{table}.{by}")
    for site in record.get("sites", ()):
        if len(site["axes"]) != len(site["shape"]):
            raise UnreadableError(in_one_line(f"expected a size for each axis - at `$.sites` ({site['name']})"))


def _check_counted(column: Any, place: str) -> None:
    """Rows are told apart by their epoch or step."""
    finite = column is not None and all(type(value) in (int, float) and abs(value) <= _LARGEST for value in column)
    if not finite or any(later <= earlier for earlier, later in pairwise(column)):
        raise UnreadableError(f"expected numbers that rise from row to row - at `$.{place}`")


def _check_examples(record: Mapping[str, Any]) -> None:
    packed = record.get("examples")
    if not packed:
        return
    try:
        values = unpack_examples(packed)
    except ValueError as error:
        raise UnreadableError(in_one_line(f"{error} - at `$.examples`")) from error
    tested = (record.get("data") or {}).get("sizes", {}).get("test", len(values))
    if len(values) != tested:
        raise UnreadableError(f"expected {tested} test examples - at `$.examples` ({len(values)})")


def _check_numbers(record: Mapping[str, Any]) -> None:
    """What no type says: the values of rows whose columns are not known beforehand."""
    for row in record.get("diagnostics", ()):
        for name, value in row.items():
            if name != "site" and not (value is None or type(value) in (int, float) or value in _NOT_FINITE):
                raise UnreadableError(in_one_line(f"expected a number - at `$.diagnostics[...].{name}`"))
    rows = [(row["site"], row.get("epoch")) for row in record.get("diagnostics", ())]
    if len(set(rows)) < len(rows) or not all(type(epoch) in (int, float) for _, epoch in rows):
        raise UnreadableError("expected one row a site and epoch - at `$.diagnostics`")


_COUNTED_BY = {"history": "epoch", "probes": "step"}
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
