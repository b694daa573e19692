"""Two benchmarks by their ratios: has the harness become slower beside the same peers?

Absolute times are of a machine and a moment. A ratio is of two turns in one round, and what both share cancels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import msgspec

from harness.commands.bench.throughput import HEADLINES, pair_of
from harness.files import UnreadableError, read_bytes
from harness.types import UserError
from harness.words import first_line

# What runs differ by that differ in nothing: another process, other places in memory.
LEAST_DIFFERENCE = 0.1
# With three rounds each, chance alone puts one run's below the other's in 1 of 20, with five in 1 of 252.
LEAST_ROUNDS = 3

SAME, SLOWER, FASTER = "same", "slower", "faster"
FEW, ELSEWHERE = "too few rounds", "other machine"

Ratio = Annotated[float, msgspec.Meta(gt=0)]
Rounds = Annotated[list[Ratio], msgspec.Meta(min_length=1)]


class Machine(msgspec.Struct):
    """Where a benchmark was run."""

    processor: str
    cores: int | None
    versions: dict[str, str] = {}


class Measured(msgspec.Struct):
    """What is compared of an architecture: `one / other` -> ratios `(round,)`; only alike cells are."""

    task: str
    batch_size: int
    workers: int
    ratios: dict[str, Rounds]


class Stored(msgspec.Struct):
    """What is compared of a benchmark."""

    machine: Machine
    architectures: dict[str, Measured]


@dataclass(frozen=True)
class Line:
    """A ratio in both benchmarks.

    Attributes:
        architecture, pair: what it is the ratio of.
        then, now: `(round,)`.
        verdict: `same`, `slower`, `faster`, or why it cannot be told.
    """

    architecture: str
    pair: str
    then: Sequence[float]
    now: Sequence[float]
    verdict: str

    @property
    def change(self) -> float:
        """How many times as large the median is now."""
        return median(self.now) / median(self.then)


@dataclass(frozen=True)
class Compared:
    """Two benchmarks beside each other: the lines, and what else there is to know, in words."""

    lines: list[Line]
    notes: list[str]

    @property
    def slower(self) -> bool:
        """Whether some ratio has become smaller beyond noise."""
        return any(line.verdict == SLOWER for line in self.lines)


def read_benchmark(option: str, path: Path) -> dict[str, Any]:
    """All that a file of `bench out=FILE` holds.

    Raises:
        UserError: there is no such file, or it is another.
    """
    try:
        content = read_bytes(path, within=path.absolute().parent)
        msgspec.json.decode(content, type=Stored)
        found: dict[str, Any] = msgspec.json.decode(content)
    except (OSError, UnreadableError, msgspec.MsgspecError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else first_line(error)
        raise UserError(
            f"{option}: expected a file that bench out=FILE has written ({why}). Received: {path}"
        ) from error
    return found


def compare(now: Mapping[str, Any], then: Mapping[str, Any]) -> Compared:
    """Compare two benchmarks, each as `read_benchmark` gives it.

    A ratio is slower where every round's is below every round's of before and its median is less by a tenth or more;
    faster the other way round. It cannot be told with fewer than three rounds, nor from another machine.
    """
    one, other = (msgspec.convert(found, type=Stored) for found in (now, then))
    elsewhere = [(found.machine.processor, found.machine.cores) for found in (one, other)]
    same_machine = elsewhere[0] == elsewhere[1]
    lines = [line for name in one.architectures for line in _lines(name, one, other, same_machine=same_machine)]
    return Compared(lines, list(_notes(one, other, lines, same_machine=same_machine)))


def judge(now: Sequence[float], then: Sequence[float]) -> str:
    """What may be said of ratios `(round,)` now and before."""
    if min(len(now), len(then)) < LEAST_ROUNDS:
        return FEW
    change = median(now) / median(then)
    if max(now) < min(then) and change <= 1 - LEAST_DIFFERENCE:
        return SLOWER
    if min(now) > max(then) and 1 / change <= 1 - LEAST_DIFFERENCE:
        return FASTER
    return SAME


def _lines(name: str, one: Stored, other: Stored, *, same_machine: bool) -> Iterator[Line]:
    now, then = one.architectures[name], other.architectures.get(name)
    if then is None or _conditions(now) != _conditions(then):
        return
    for pair in (pair_of(*contenders) for contenders in HEADLINES):
        if pair in now.ratios and pair in then.ratios:
            ratios = now.ratios[pair], then.ratios[pair]
            yield Line(name, pair, ratios[1], ratios[0], judge(*ratios) if same_machine else ELSEWHERE)


def _conditions(measured: Measured) -> tuple[Any, ...]:
    return measured.task, measured.batch_size, measured.workers


def _notes(one: Stored, other: Stored, lines: Sequence[Line], *, same_machine: bool) -> Iterator[str]:
    if not same_machine:
        was = other.machine
        yield f"The file is of another machine ({was.processor}, {was.cores} cores): nothing is judged."
    for package in sorted({*one.machine.versions} & {*other.machine.versions}):
        now, then = one.machine.versions[package], other.machine.versions[package]
        if now != then:
            yield f"{package} was {then} and is {now}: a peer that is faster looks like a harness that is slower."
    for name in one.architectures:
        then_measured = other.architectures.get(name)
        if then_measured is not None and _conditions(one.architectures[name]) != _conditions(then_measured):
            task, batch_size, workers = _conditions(then_measured)
            yield f"{name} was measured on {task} with batches of {batch_size} and {workers} workers: not compared."
    for names, where in ((_missing(one, other), "in the file"), (_missing(other, one), "measured now")):
        if names:
            yield f"Not {where}: {', '.join(names)}."
    if not lines:
        yield "There is nothing in both to compare."


def _missing(one: Stored, other: Stored) -> list[str]:
    return [name for name in one.architectures if name not in other.architectures]
