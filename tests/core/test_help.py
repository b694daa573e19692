"""Help texts keep to the width that is asked for, and lose no word."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest

from harness.commands.help import GROUPS, VERBS, laid_out, overview


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("verb", VERBS)
def test_a_help_text_keeps_to_the_width_and_all_its_words(verb, columns):
    text = inspect.cleandoc(importlib.import_module(f"harness.commands.{verb}").__doc__ or "")
    shown = laid_out(text, columns)

    assert shown.split() == text.split()
    assert columns < 80 or max(map(len, shown.splitlines())) <= columns


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("verb", VERBS)
def test_each_option_and_example_begins_a_line_and_a_usage_hangs(verb, columns):
    text = inspect.cleandoc(importlib.import_module(f"harness.commands.{verb}").__doc__ or "")
    shown = laid_out(text, columns).splitlines()
    entries = [line for line in text.splitlines() if re.match(r"  \S", line)]

    for entry in entries:
        first = re.split(r"\s{2,}|(?<==).*", entry.strip())[0]
        assert any(line.startswith(f"  {first}"[:columns]) for line in shown), first
    blank = shown.index("")
    assert all(line.startswith(("usage: ", " " * 7)) for line in shown[:blank])
    # An option's name and what it says are two blanks apart, or it is no entry for the layout.
    assert all("  " in entry.strip() for entry in entries if re.match(r"  [a-z_.]+=", entry))


def test_a_description_that_has_no_room_beside_its_example_stands_below():
    text = "  python -m harness run task=mnist axis=channel      one cell of many, at some length\n  another      short"

    assert laid_out(text, 60).splitlines() == [
        "  python -m harness run task=mnist axis=channel",
        "      one cell of many, at some length",
        "  another      short",
    ]


def test_lines_that_were_broken_on_purpose_stay_and_descriptions_hang():
    text = "\n".join(
        [
            "Says one thing.",
            "Says another.",
            "",
            "  name=VALUE   what it is, in so many words that they do not stand in one line of a narrow terminal at",
            "               all, and go on",
            "  other        short",
        ]
    )

    assert laid_out(text, 50).splitlines() == [
        "Says one thing.",
        "Says another.",
        "",
        "  name=VALUE   what it is, in so many words that",
        "               they do not stand in one line of a",
        "               narrow terminal at all, and go on",
        "  other        short",
    ]


def test_the_overview_has_every_verb_once_under_a_group(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = overview().splitlines()

    assert [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("   ")] == list(VERBS)
    assert [line[:-1] for line in lines if line.endswith(":") and not line.startswith(" ")] == list(GROUPS)
    assert max(map(len, lines)) <= 80
