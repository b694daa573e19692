"""Data that memory cannot hold: said before anything is allocated, with the size and what makes it smaller."""

from __future__ import annotations

import math

import pytest

from harness.cell.data import load_task, summarize_planned
from harness.types import UserError
from tasks import adding, degradation, hyperspectral, memory

GIB = 2**30


@pytest.fixture
def little(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 0.1 * GIB)


@pytest.mark.parametrize(
    ("load", "options", "said"),
    [
        (hyperspectral.load, {"size": 2000}, r"2,000 x 2,000 pixels take about 3\d GiB .* task.data.size"),
        (hyperspectral.load, {"size": 400, "bands": 200}, "200 bands .* smaller task.data.bands"),
        (hyperspectral.load, {"endmembers": 1000}, r"take about 0.3\d* GiB"),
        (degradation.load, {"engines": 10_000}, "windows of 10,000 engines .* fewer task.data.engines"),
        (degradation.load, {"steps": 10**5}, "smaller task.data.steps"),
        (adding.load, {"examples": 10**9}, "1,000,000,000 sequences of 100 steps .* smaller task.data.examples"),
        (adding.load, {"steps": 10**9}, "3,000 sequences of 1,000,000,000 steps"),
    ],
)
def test_what_does_not_fit_is_said_before_it_is_made(little, load, options, said):
    with pytest.raises(MemoryError, match=rf"{said}|GiB .* more than the 0.1 GiB that are free here.*{said}"):
        load(**options)


def test_the_defaults_fit_into_a_quarter_of_a_gibibyte(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 0.25 * GIB)
    for load in (hyperspectral.load, degradation.load, adding.load):
        load()


def test_a_plan_says_it_in_one_line(little):
    config = {"task": {"name": "adding", "data": {"_target_": "tasks.adding.load", "examples": 10**8}}}
    with pytest.raises(
        UserError, match=r"task adding: expected data that memory can hold. Received: 100,000,000 seq"
    ) as raised:
        summarize_planned(config)
    assert "\n" not in str(raised.value)


def test_memory_that_ran_out_otherwise_is_one_line_too(monkeypatch):
    def load(**options):
        raise MemoryError

    monkeypatch.setattr(adding, "load", load)
    with pytest.raises(UserError, match="Received: out of memory"):
        summarize_planned({"task": {"name": "mine", "data": {"_target_": "tasks.adding.load", "seed": 77}}})
    with pytest.raises(MemoryError):  # in a cell it is no mistake of the user's but the status oom
        load_task({"_target_": "tasks.adding.load", "seed": 77})


def test_free_memory_is_a_plausible_number():
    assert 2**20 < memory.available_memory() < 2**50


def test_no_limit_is_no_limit(monkeypatch):
    monkeypatch.setattr(memory.resource, "getrlimit", lambda which: (memory.resource.RLIM_INFINITY, 0))
    assert memory._free_of_limit("AS") == math.inf


def test_a_limit_of_the_process_counts(monkeypatch):
    monkeypatch.setattr(memory.resource, "getrlimit", lambda which: (2**20, 2**20))
    assert memory.available_memory() == 0
