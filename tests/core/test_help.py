"""Help texts keep to the width that is asked for, and lose no word."""

from __future__ import annotations

import importlib
import inspect

import pytest

from harness.commands.help import GROUPS, VERBS, laid_out, overview


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("verb", VERBS)
def test_a_help_text_keeps_to_the_width_and_all_its_words(verb, columns):
    text = inspect.cleandoc(importlib.import_module(f"harness.commands.{verb}").__doc__ or "")
    shown = laid_out(text, columns)

    assert shown.split() == text.split()
    assert columns < 80 or max(map(len, shown.splitlines())) <= columns


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
