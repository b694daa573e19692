"""The project's documents taken apart: fenced blocks, tables, links, headings."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md"), ROOT / "results" / "README.md"])
CHOICES = ("architecture", "axis", "engine", "norm", "probe", "study", "task", "train", "until")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.DOTALL | re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(page), re.DOTALL | re.MULTILINE)


def files(page: Path) -> dict[str, str]:
    """The blocks that begin with a comment naming a file, by that name."""
    named = {}
    for language in ("python", "yaml"):
        for block in blocks(page, language):
            if match := re.match(r"# (\S+\.(?:py|yaml))$", block.splitlines()[0]):
                named[match[1]] = block
    return named


def commands(page: Path) -> list[list[str]]:
    """The arguments after `python -m harness` of every command in the page's shell blocks."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    pieces = [piece.strip() for line in lines for piece in line.split(" && ")]
    return [shlex.split(piece.partition("-m harness ")[2]) for piece in pieces if "-m harness " in piece]


def first_column(page: Path, heading: str) -> set[str]:
    """The names in code type in the first column of the first table whose first column is headed `heading`."""
    lines = text_of(page).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    names = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        names += re.findall(r"`(\w+)`", line.split("|")[1])
    assert len(names) == len(set(names)), f"{page.name} names one twice: {names}"
    return set(names)


def anchors(page: Path) -> set[str]:
    """What a heading is called in a link: lower case, spaces as hyphens, punctuation gone."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def choices(group: str) -> set[str]:
    """The names of a config group's files."""
    return {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}
